"""What makes a rendered object ours: labels, owners, and the digest of its rendering.

Must not: name an owner outside the object's namespace; Kubernetes would collect the child at once.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from knect.api.metadata import ObjectMeta
from knect.api.names import ANNOTATION_RENDERED, API_VERSION, LABEL_WATCH
from knect_operator.render.pod import Object

__all__ = ["child", "covers", "owner"]


def owner(kind: str, metadata: ObjectMeta, *, controller: bool) -> Object:
    """Return the owner reference to a Connection or SyncPipeline."""
    reference: Object = {
        "apiVersion": API_VERSION,
        "kind": kind,
        "name": metadata.name,
        "uid": metadata.uid or "",
    }
    if controller:
        reference |= {"controller": True, "blockOwnerDeletion": True}
    return reference


def child(
    api_version: str,
    kind: str,
    name: str,
    *,
    namespace: str,
    labels: Mapping[str, str],
    owners: Iterable[Object],
    body: Mapping[str, Any],
) -> Object:
    """Return an object of ours, with the digest of everything it says."""
    rendered: Object = {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {
            "name": name,
            "namespace": namespace,
            # users' ConfigMaps are watched by this label; ours are watched with them
            "labels": {**labels, **({LABEL_WATCH: "true"} if kind == "ConfigMap" else {})},
            "ownerReferences": list(owners),
        },
        **body,
    }
    text = json.dumps(rendered, sort_keys=True, separators=(",", ":"))
    digest = hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
    rendered["metadata"]["annotations"] = {ANNOTATION_RENDERED: digest}
    return rendered


def covers(live: Any, rendered: Any) -> bool:
    """Return whether a live object holds all that was rendered; what others added may stay.

    Lists whose items have names or keys are compared item by item, as server-side apply merges
    them; other lists as a whole.
    """
    if isinstance(rendered, dict):
        if not isinstance(live, dict):
            return not rendered and live is None  # the API server drops empty objects
        return all(covers(live.get(key), value) for key, value in rendered.items())
    if isinstance(rendered, list):
        return _list_covers(live or [], rendered)
    return bool(live == rendered)


def _list_covers(live: Any, rendered: list[Any]) -> bool:
    if not isinstance(live, list):
        return False
    for key in ("name", "uid", "mountPath", "containerPort", "port"):
        if rendered and all(isinstance(one, dict) and key in one for one in rendered):
            found = {one.get(key): one for one in live if isinstance(one, dict)}
            if len({one[key] for one in rendered}) < len(rendered):
                continue  # two rules for one port: no key here
            return all(covers(found.get(one[key]), one) for one in rendered)
    return len(live) == len(rendered) and all(
        covers(there, wanted) for there, wanted in zip(live, rendered, strict=True)
    )

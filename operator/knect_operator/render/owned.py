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

__all__ = ["child", "difference", "owner"]


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


def difference(live: Any, rendered: Any, path: str = "") -> str | None:
    """Return where a live object does not hold what was rendered, None if it does everywhere.

    What others added may stay. Lists whose items have names or keys are compared item by item, as
    server-side apply merges them; other lists as a whole.
    """
    if live == rendered:
        return None  # most of it is, and a look is spared half its steps
    if isinstance(rendered, dict):
        if not isinstance(live, dict):
            # the API server drops empty objects
            return None if not rendered and live is None else path
        found = (
            difference(live.get(key), value, f"{path}.{key}" if path else str(key))
            for key, value in rendered.items()
        )
        return next((one for one in found if one is not None), None)
    if isinstance(rendered, list):
        return _in_list(live or [], rendered, path)
    return path


def _in_list(live: Any, rendered: list[Any], path: str) -> str | None:
    if not isinstance(live, list):
        return path
    for key in ("name", "uid", "mountPath", "containerPort", "port"):
        if rendered and all(isinstance(one, dict) and key in one for one in rendered):
            found = {one.get(key): one for one in live if isinstance(one, dict)}
            if len({one[key] for one in rendered}) < len(rendered):
                continue  # two rules for one port: no key here
            pairs = [(found.get(one[key]), one, one[key]) for one in rendered]
            break
    else:
        if len(live) != len(rendered):
            return path
        pairs = [(*both, number) for number, both in enumerate(zip(live, rendered, strict=True))]
    places = (difference(there, wanted, f"{path}[{mark}]") for there, wanted, mark in pairs)
    return next((one for one in places if one is not None), None)

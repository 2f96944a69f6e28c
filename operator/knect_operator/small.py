"""What is kept of an object: the part that somebody here reads.

Why: a thousand pipelines have some ten thousand children, and most of what an API server says of
one is nothing to us. Must not: keep a value of a Secret.
"""

from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["secret_keys", "small_of"]

Object = dict[str, Any]

_POD_STATUS = (
    "phase",
    "reason",
    "message",
    "podIP",
    "conditions",
    "containerStatuses",
    "initContainerStatuses",
)
_NO_DATA = frozenset({"Service", "ServiceAccount"})


def secret_keys(document: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of a Secret's keys that hold something."""
    data = document.get("data") or {}
    return tuple(sorted(key for key, value in data.items() if value))


def small_of(document: Mapping[str, Any]) -> Object:
    """Return the part of an object that somebody here reads."""
    kind = document["kind"]
    metadata = {key: one for key, one in document["metadata"].items() if key != "managedFields"}
    kept = {**document, "metadata": metadata}
    if kind == "Secret":
        (metadata.get("annotations") or {}).pop(
            "kubectl.kubernetes.io/last-applied-configuration", None
        )
        kept = {
            "apiVersion": "v1",
            "kind": kind,
            "metadata": metadata,
            "data": dict.fromkeys(secret_keys(document), "set"),
        }
    elif kind == "Pod":
        status = document.get("status") or {}
        kept = {
            "apiVersion": "v1",
            "kind": kind,
            "metadata": metadata,
            "spec": {"nodeName": (document.get("spec") or {}).get("nodeName")},
            "status": {key: status[key] for key in _POD_STATUS if key in status},
        }
    elif kind == "Deployment" and (document.get("spec") or {}).get("paused"):
        metadata["managedFields"] = list(_who_paused(document))
    elif kind in _NO_DATA:
        kept.pop("status", None)
    return kept


def _who_paused(document: Mapping[str, Any]) -> Iterator[Object]:
    for one in document["metadata"].get("managedFields") or ():
        if "f:paused" in ((one.get("fieldsV1") or {}).get("f:spec") or {}):
            yield {key: one[key] for key in ("manager", "time") if key in one}

"""The API server: kinds, a small client protocol, and the one module that speaks to it.

Why: the rest of the operator decides from plain dicts, so it runs against an API server in memory.
Must not: decide anything; conflicts, throttling and outages become four errors, and that is all.
"""

from knect_operator.kube.client import (
    Conflict,
    Contested,
    Forbidden,
    KubeClient,
    KubeError,
    NotFound,
    Object,
    Refused,
    Taken,
    Unavailable,
)
from knect_operator.kube.kinds import CHILD_KINDS, KINDS, Kind, kind_of

__all__ = [
    "CHILD_KINDS",
    "KINDS",
    "Conflict",
    "Contested",
    "Forbidden",
    "Kind",
    "KubeClient",
    "KubeError",
    "NotFound",
    "Object",
    "Refused",
    "Taken",
    "Unavailable",
    "kind_of",
]

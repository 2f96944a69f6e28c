"""The token of a wish for now: read from an annotation, echoed in the status.

Must not: pass on a token that the status cannot hold; who waits for its echo would wait for ever.
"""

from collections.abc import Mapping
from typing import Any

from knect.api.names import ANNOTATION_REQUESTED_AT
from knect_operator.status.conditions import LONGEST_TEXT

__all__ = ["token_of", "token_trouble"]


def token_of(document: Mapping[str, Any]) -> str | None:
    """Return the token of an object, None if there is none that can be echoed."""
    token = _said(document)
    return token if token and len(token) <= LONGEST_TEXT else None


def token_trouble(document: Mapping[str, Any]) -> str:
    """Return why the token of an object is not acted upon; nothing if it is."""
    length = len(_said(document) or "")
    if length <= LONGEST_TEXT:
        return ""
    return (
        f"annotation {ANNOTATION_REQUESTED_AT} has {length} characters, and at most "
        f"{LONGEST_TEXT} can be echoed in the status; nothing was done, give a shorter token"
    )


def _said(document: Mapping[str, Any]) -> str | None:
    annotations = document["metadata"].get("annotations") or {}
    value = annotations.get(ANNOTATION_REQUESTED_AT)
    return str(value) if value else None

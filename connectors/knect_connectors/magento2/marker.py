"""How a shipment or an invoice remembers which record of ours it is.

Why a comment: there is no field for a foreign id, but each of these documents takes a comment in
the very call that makes it, and tells it afterwards. It is not mailed, nor shown to customers.
Must not: read anything else out of a comment.
"""

from collections.abc import Mapping
from typing import Any

__all__ = ["is_marked", "mark"]

_PREFIX = "knect:"


def mark(external_id: str) -> str:
    """Return the comment for one of our records."""
    return f"{_PREFIX}{external_id}"


def is_marked(document: Mapping[str, Any], external_id: str | None = None) -> bool:
    """Tell whether a comment of a document is ours: of this record, or of any."""
    wanted = mark(external_id) if external_id is not None else None
    texts = [
        str(one.get("comment") or "").strip()
        for one in document.get("comments") or ()
        if isinstance(one, Mapping)
    ]
    return any(one == wanted if wanted else one.startswith(_PREFIX) for one in texts)

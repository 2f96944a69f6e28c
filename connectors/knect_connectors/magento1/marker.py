"""How a shipment or an invoice remembers which record of ours it is.

Why a comment: the API has no field for a foreign id, but each of these documents takes a comment
in the very call that makes it, and tells it afterwards. It is not mailed, nor shown to customers.
Must not: read anything else out of a comment.
"""

from collections.abc import Iterable

__all__ = ["is_marked", "mark"]

_PREFIX = "knect:"


def mark(external_id: str) -> str:
    """Return the comment for one of our records."""
    return f"{_PREFIX}{external_id}"


def is_marked(comments: Iterable[str], external_id: str | None = None) -> bool:
    """Tell whether one of the comments is ours: of this record, or of any."""
    wanted = mark(external_id) if external_id is not None else None
    return any(
        one.strip() == wanted if wanted is not None else one.startswith(_PREFIX) for one in comments
    )

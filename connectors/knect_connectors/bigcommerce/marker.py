"""How a parcel remembers which record of ours it is.

Why its comments: a shipment has no field for a foreign id and no metafields, but it takes comments
in the very call that makes it, and tells them afterwards. A packing slip may show them.
Must not: change a line of the comments that is not ours.
"""

from hashlib import blake2b

__all__ = ["is_marked", "marked", "part_id"]

_LIMIT = 64
_PREFIX = "knect:"
_MORE = "more parcels: "


def part_id(external_id: str, part: str) -> str:
    """Return the external id of a part of a record; at most 64 characters."""
    plain = f"{external_id}#{part}"
    if len(plain) <= _LIMIT:
        return plain
    return f"{external_id[:20]}#{blake2b(plain.encode(), digest_size=20).hexdigest()}"


def is_marked(comments: str, external_id: str | None = None) -> bool:
    """Tell whether comments are of this record of ours, or (without one) of any."""
    lines = [line.strip() for line in comments.splitlines()]
    if external_id is None:
        return any(line.startswith(_PREFIX) for line in lines)
    return f"{_PREFIX}{external_id}" in lines


def marked(comments: str, numbers: list[str], external_id: str = "") -> str:
    """Return comments with our mark and the numbers that have no field; other lines stay."""
    lines = [line for line in comments.splitlines() if not line.startswith(_MORE)]
    if external_id and not is_marked(comments, external_id):
        lines.append(f"{_PREFIX}{external_id}")
    if numbers:
        lines.append(_MORE + ", ".join(numbers))
    return "\n".join(lines)

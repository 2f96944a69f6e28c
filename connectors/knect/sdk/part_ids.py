"""What a part of a record is called where it is written: a note, a further parcel, a capture.

Why: each is looked up and bound by a name of its own, which has to be the same for all time, and as
short as the shortest field that takes one.
Must not: know what a part is.
"""

from hashlib import blake2b

__all__ = ["part_id"]

_LONGEST = 64
#: So much of the record's own id is left of a long one, for people.
_KEPT = 20


def part_id(external_id: str, part: str) -> str:
    """Return the external id of a part of a record; at most 64 characters."""
    plain = f"{external_id}#{part}"
    if len(plain) <= _LONGEST:
        return plain
    return f"{external_id[:_KEPT]}#{blake2b(plain.encode(), digest_size=20).hexdigest()}"

"""How an order remembers which parcels of ours it was told of.

Why meta data: core WooCommerce has no shipments, and one request sets meta data and status of an
order together; a key that is there is set anew, not added, so that a parcel told twice is one.
Customers do not see it. Must not: read what other plugins keep there.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from hashlib import blake2b
from typing import Any

from msgspec import Struct

__all__ = ["Told", "key_of", "part_id", "told_in", "value_of"]

_PREFIX = "_knect_shipment_"
_LIMIT = 64


class Told(Struct, frozen=True, kw_only=True):
    """A parcel an order was told of: the id of its entry, pieces by line, tracking numbers."""

    id: str
    key: str
    lines: Mapping[str, Decimal]
    numbers: tuple[str, ...]


def part_id(external_id: str, part: str) -> str:
    """Return the external id of a part of a record; at most 64 characters."""
    plain = f"{external_id}#{part}"
    if len(plain) <= _LIMIT:
        return plain
    return f"{external_id[:20]}#{blake2b(plain.encode(), digest_size=20).hexdigest()}"


def key_of(external_id: str) -> str:
    """Return the key of a parcel's entry."""
    return f"{_PREFIX}{external_id}"


def value_of(lines: Mapping[str, Decimal], numbers: Sequence[str]) -> dict[str, Any]:
    """Return what is kept of a parcel."""
    told = [{"line_id": line, "quantity": f"{units:f}"} for line, units in lines.items()]
    return {"lines": told, "numbers": list(numbers)}


def told_in(order: Mapping[str, Any]) -> list[Told]:
    """Return the parcels an order was told of, each once. What somebody spoilt has no pieces.

    Two requests that met may both have added an entry: the older one counts.
    """
    found: dict[str, Told] = {}
    for entry in order.get("meta_data") or ():
        if not isinstance(entry, Mapping) or not str(entry.get("key")).startswith(_PREFIX):
            continue
        value = entry.get("value")
        kept: Mapping[str, Any] = value if isinstance(value, Mapping) else {}
        told = Told(
            id=str(entry.get("id")),
            key=str(entry["key"]),
            lines=_lines(kept.get("lines")),
            numbers=tuple(map(str, kept.get("numbers") or ())),
        )
        found.setdefault(told.key, told)
    return list(found.values())


def _lines(kept: Any) -> dict[str, Decimal]:
    try:
        return {str(one["line_id"]): Decimal(str(one["quantity"])) for one in kept or ()}
    except (KeyError, TypeError, InvalidOperation):
        return {}

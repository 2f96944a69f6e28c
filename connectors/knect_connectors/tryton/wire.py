"""Tryton's values on the wire, as its `trytond.protocols.jsonrpc` reads and writes them.

Dates, decimals and bytes are objects with a `__class__`; a bare JSON number is a float, which is
right for quantities and nothing else. Instants have no zone and are UTC.
Must not: turn money into a float, or guess at an unknown `__class__`.
"""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

__all__ = ["from_wire", "money", "to_wire"]


def money(amount: Decimal) -> dict[str, str]:
    """Return an amount as Tryton's Numeric; a bare Decimal goes out as a float (a quantity)."""
    return {"__class__": "Decimal", "decimal": str(amount)}


def to_wire(value: Any) -> Any:
    """Return `value` with dates and instants as Tryton writes them."""
    match value:
        case datetime():
            utc = value.astimezone(UTC)
            parts = ("year", "month", "day", "hour", "minute", "second", "microsecond")
            return {"__class__": "datetime"} | {part: getattr(utc, part) for part in parts}
        case date():
            return {"__class__": "date"} | {p: getattr(value, p) for p in ("year", "month", "day")}
        case dict():
            return {key: to_wire(item) for key, item in value.items()}
        case list() | tuple():
            return [to_wire(item) for item in value]
        case _:
            return value


def from_wire(value: Any) -> Any:
    """Return `value` with Tryton's objects as Python's. Raises ValueError for unknown ones."""
    match value:
        case {"__class__": str() as kind}:
            return _from_object(kind, value)
        case dict():
            return {key: from_wire(item) for key, item in value.items()}
        case list():
            return [from_wire(item) for item in value]
        case _:
            return value


def _from_object(kind: str, value: dict[str, Any]) -> Any:
    match kind:
        case "Decimal":
            return Decimal(value["decimal"])
        case "date":
            return date(value["year"], value["month"], value["day"])
        case "datetime":
            clock = (value["hour"], value["minute"], value["second"], value["microsecond"])
            return datetime(value["year"], value["month"], value["day"], *clock, tzinfo=UTC)
        case "time":
            return time(value["hour"], value["minute"], value["second"], value["microsecond"])
        case "timedelta":
            return timedelta(seconds=float(value["seconds"]))
        case "bytes":
            return value["base64"]
        case _:
            raise ValueError(f"Tryton sent a value of the unknown class {kind!r}")

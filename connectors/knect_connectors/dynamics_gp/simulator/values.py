"""Types and values of TDS 7.4: what parameters come in as, and what columns go out as.

Must not: know a statement. Only types a driver or GP uses are here; others are refused.
"""

import struct
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from msgspec import Struct

__all__ = ["Column", "Reader", "column_type", "read_typed", "write_value"]

#: SQL_Latin1_General_CP1_CI_AS.
COLLATION = bytes.fromhex("0904d00034")
CODEPAGE = "cp1252"
_EPOCH = datetime(1900, 1, 1)  # noqa: DTZ001 - a date of SQL Server has no zone
_FIRST_DAY = date(1, 1, 1)


class Column(Struct, frozen=True, kw_only=True):
    """A column or output parameter: `kind` is int, numeric, datetime, char or varchar."""

    name: str
    kind: str
    size: int = 255


class Reader:
    """Reads little-endian fields from a message."""

    def __init__(self, data: bytes, at: int = 0) -> None:
        self.data = data
        self.at = at

    @property
    def left(self) -> int:
        """Return how many bytes are left."""
        return len(self.data) - self.at

    def take(self, count: int) -> bytes:
        """Return the next bytes. Raises ValueError when there are not enough."""
        if self.left < count:
            raise ValueError("the message ends too early")
        self.at += count
        return self.data[self.at - count : self.at]

    def number(self, size: int, *, signed: bool = False) -> int:
        """Return an integer of `size` bytes."""
        return int.from_bytes(self.take(size), "little", signed=signed)

    def text(self, count: int) -> str:
        """Return `count` UTF-16 units as text."""
        return self.take(2 * count).decode("utf-16-le", "replace")

    def long(self) -> bytes | None:
        """Return a value sent in parts (varchar(max) and its like)."""
        total = self.number(8)
        if total == 0xFFFFFFFFFFFFFFFF:
            return None
        parts = []
        while size := self.number(4):
            parts.append(self.take(size))
        return b"".join(parts)


# ---------------------------------------------------------------- what comes in


def read_typed(reader: Reader) -> Any:
    """Read TYPE_INFO and the value after it."""
    kind = reader.number(1)
    known = _READERS.get(kind)
    if known is None:
        raise ValueError(f"type 0x{kind:02x} is not one of this server's")
    return known(reader)


def _fixed(size: int) -> Callable[[Reader], Any]:
    return lambda reader: reader.number(size, signed=size > 1)


def _int(reader: Reader) -> Any:
    reader.take(1)
    size = reader.number(1)
    return reader.number(size, signed=size > 1) if size else None


def _float(reader: Reader) -> Any:
    reader.take(1)
    size = reader.number(1)
    if not size:
        return None
    return Decimal(repr(struct.unpack("<d" if size == 8 else "<f", reader.take(size))[0]))


def _numeric(reader: Reader) -> Any:
    reader.take(2)
    scale = reader.number(1)
    size = reader.number(1)
    if not size:
        return None
    sign = reader.number(1)
    value = Decimal(reader.number(size - 1)).scaleb(-scale)
    return value if sign else -value


def _datetime(reader: Reader) -> Any:
    size = reader.number(1)
    return _read_datetime(reader, reader.number(1)) if size else None


def _read_datetime(reader: Reader, size: int) -> datetime | None:
    if not size:
        return None
    if size == 4:
        days, minutes = reader.number(2), reader.number(2)
        return _EPOCH + timedelta(days=days, minutes=minutes)
    days, ticks = reader.number(4, signed=True), reader.number(4)
    return _EPOCH + timedelta(days=days, milliseconds=round(ticks * 10 / 3))


def _date(reader: Reader) -> Any:
    size = reader.number(1)
    return _FIRST_DAY + timedelta(days=reader.number(3)) if size else None


def _datetime2(reader: Reader) -> Any:
    scale = reader.number(1)
    size = reader.number(1)
    if not size:
        return None
    ticks = reader.number(size - 3)
    day = _FIRST_DAY + timedelta(days=reader.number(3))
    return datetime.combine(day, time()) + timedelta(microseconds=ticks * 10 ** (6 - scale))


def _chars(encoding: str) -> Callable[[Reader], Any]:
    def read(reader: Reader) -> Any:
        limit = reader.number(2)
        reader.take(5)
        if limit == 0xFFFF:
            data = reader.long()
        else:
            size = reader.number(2)
            data = None if size == 0xFFFF else reader.take(size)
        return None if data is None else data.decode(encoding, "replace")

    return read


def _bytes(reader: Reader) -> Any:
    if reader.number(2) == 0xFFFF:
        return reader.long()
    size = reader.number(2)
    return None if size == 0xFFFF else reader.take(size)


_READERS: dict[int, Callable[[Reader], Any]] = {
    0x26: _int,
    0x28: _date,
    0x2A: _datetime2,
    0x30: _fixed(1),
    0x32: _fixed(1),
    0x34: _fixed(2),
    0x38: _fixed(4),
    0x3D: lambda reader: _read_datetime(reader, 8),
    0x3E: lambda reader: Decimal(repr(struct.unpack("<d", reader.take(8))[0])),
    0x68: _int,
    0x6A: _numeric,
    0x6C: _numeric,
    0x6D: _float,
    0x6F: _datetime,
    0x7F: _fixed(8),
    0xA5: _bytes,
    0xA7: _chars(CODEPAGE),
    0xAD: _bytes,
    0xAF: _chars(CODEPAGE),
    0xE7: _chars("utf-16-le"),
    0xEF: _chars("utf-16-le"),
}


# ---------------------------------------------------------------- what goes out


def column_type(column: Column) -> bytes:
    """Return TYPE_INFO of a column."""
    match column.kind:
        case "int":
            return b"\x26\x04"
        case "numeric":
            return b"\x6c\x0d\x13\x05"
        case "datetime":
            return b"\x6f\x08"
        case "char":
            return b"\xaf" + struct.pack("<H", column.size) + COLLATION
        case _:
            return b"\xa7" + struct.pack("<H", column.size) + COLLATION


def write_value(column: Column, value: Any) -> bytes:
    """Return a value as the column's type has it; None is NULL."""
    match column.kind:
        case "int":
            return (
                b"\x00"
                if value is None
                else b"\x04" + int(value).to_bytes(4, "little", signed=True)
            )
        case "numeric":
            if value is None:
                return b"\x00"
            # an integer is in hundred-thousandths already
            scaled = value if isinstance(value, int) else int(Decimal(value) * 100_000)
            return b"\x0d" + bytes([scaled >= 0]) + abs(scaled).to_bytes(12, "little")
        case "datetime":
            return b"\x00" if value is None else b"\x08" + _write_datetime(value)
        case _:
            if value is None:
                return b"\xff\xff"
            data = str(value).encode(CODEPAGE, "replace")[: column.size]
            if column.kind == "char":
                data = data.ljust(column.size)
            return struct.pack("<H", len(data)) + data


def _write_datetime(value: datetime | str) -> bytes:
    at = datetime.fromisoformat(value) if isinstance(value, str) else value
    if at.tzinfo is not None:
        at = at.astimezone(UTC).replace(tzinfo=None)
    since = at - _EPOCH
    ticks = round((since - timedelta(days=since.days)).total_seconds() * 300)
    return struct.pack("<iI", since.days, min(ticks, 25_919_999))

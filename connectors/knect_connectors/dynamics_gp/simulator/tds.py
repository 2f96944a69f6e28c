"""TDS 7.4 as a server speaks it: packets, requests read, tokens written. Pure.

Facts of the wire are Microsoft's published MS-TDS. Must not: know a statement or a session.
"""

import struct
from collections.abc import Mapping, Sequence
from enum import IntEnum
from functools import lru_cache
from typing import Any

from msgspec import Struct

from knect_connectors.dynamics_gp.simulator.values import (
    COLLATION,
    Column,
    Reader,
    column_type,
    read_typed,
    write_value,
)

__all__ = [
    "Encryption",
    "Login",
    "Message",
    "Rpc",
    "Transaction",
    "done",
    "error",
    "login_answer",
    "packets",
    "prelogin_answer",
    "read_batch",
    "read_login",
    "read_prelogin",
    "read_rpc",
    "read_transaction",
    "returned",
    "rows",
    "transaction_change",
]

PACKET_SIZE = 4096
_HEADER = struct.Struct(">BBHHBB")


class Message(IntEnum):
    """Packet types."""

    BATCH = 1
    RPC = 3
    REPLY = 4
    ATTENTION = 6
    TRANSACTION = 14
    LOGIN = 16
    PRELOGIN = 18


class Encryption(IntEnum):
    """What PRELOGIN says of encryption."""

    OFF = 0
    ON = 1
    NOT_SUPPORTED = 2
    REQUIRED = 3


class Login(Struct, frozen=True, kw_only=True):
    """Who logs in."""

    user: str
    password: str
    database: str
    program: str


class Rpc(Struct, frozen=True, kw_only=True):
    """A procedure call: values by name, or by `@1`, `@2` … where they have none."""

    name: str
    values: Mapping[str, Any]
    outputs: Sequence[str]


class Transaction(IntEnum):
    """Requests of the transaction manager."""

    BEGIN = 5
    COMMIT = 7
    ROLLBACK = 8


def packets(kind: int, body: bytes, size: int = PACKET_SIZE) -> bytes:
    """Return a message cut into packets."""
    room = size - _HEADER.size
    parts = [body[i : i + room] for i in range(0, len(body), room)] or [b""]
    return b"".join(
        _HEADER.pack(kind, i == len(parts) - 1, len(part) + _HEADER.size, 51, (i + 1) % 256, 0)
        + part
        for i, part in enumerate(parts)
    )


def header(data: bytes) -> tuple[int, bool, int]:
    """Return (type, is the last packet, bytes after the header)."""
    kind, status, length, _, _, _ = _HEADER.unpack(data)
    return kind, bool(status & 1), length - _HEADER.size


# ---------------------------------------------------------------- requests


def read_prelogin(body: bytes) -> int:
    """Return what the client says of encryption."""
    at = 0
    while body[at] != 0xFF:
        offset, length = struct.unpack_from(">HH", body, at + 1)
        if body[at] == 1 and length:
            return int(body[offset])
        at += 5
    return Encryption.NOT_SUPPORTED


def prelogin_answer(encryption: int) -> bytes:
    """Return the server's version and what it says of encryption."""
    fields = {0: bytes.fromhex("0f0007d00000"), 1: bytes([encryption]), 2: b"\x00", 4: b"\x00"}
    at = 5 * len(fields) + 1
    index = b""
    for token, value in fields.items():
        index += struct.pack(">BHH", token, at, len(value))
        at += len(value)
    return index + b"\xff" + b"".join(fields.values())


def read_login(body: bytes) -> Login:
    """Return who logs in; the password is only obscured on the wire."""
    spots = [struct.unpack_from("<HH", body, 36 + 4 * i) for i in range(9)]

    def text(i: int, *, hidden: bool = False) -> str:
        offset, count = spots[i]
        data = body[offset : offset + 2 * count]
        if hidden:
            data = bytes(((x ^ 0xA5) >> 4 | ((x ^ 0xA5) & 0x0F) << 4) for x in data)
        return data.decode("utf-16-le", "replace")

    return Login(user=text(1), password=text(2, hidden=True), database=text(8), program=text(3))


def _after_headers(body: bytes) -> Reader:
    reader = Reader(body)
    reader.take(reader.number(4) - 4)
    return reader


def read_batch(body: bytes) -> str:
    """Return the text of a batch."""
    reader = _after_headers(body)
    return reader.text(reader.left // 2)


def read_transaction(body: bytes) -> tuple[int, bool]:
    """Return the request, and whether a new transaction begins at once."""
    reader = _after_headers(body)
    kind = reader.number(2)
    if kind == Transaction.BEGIN:
        return kind, False
    reader.take(reader.number(1))
    return kind, bool(reader.number(1) & 1) if reader.left else False


@lru_cache(maxsize=4)  # a request is asked for its name before it is answered
def read_rpc(body: bytes) -> Rpc:
    """Return a procedure call."""
    reader = _after_headers(body)
    size = reader.number(2)
    name = str(reader.number(2)) if size == 0xFFFF else reader.text(size)
    reader.take(2)
    values: dict[str, Any] = {}
    outputs = []
    while reader.left:
        if reader.data[reader.at] in (0x80, 0xFF):
            break
        key = reader.text(reader.number(1)) or f"@{len(values) + 1}"
        flags = reader.number(1)
        values[key] = read_typed(reader)
        if flags & 1:
            outputs.append(key)
    return Rpc(name=name, values=values, outputs=outputs)


# ---------------------------------------------------------------- tokens


def _short(text: str) -> bytes:
    return bytes([len(text)]) + text.encode("utf-16-le")


def _change(kind: int, new: bytes, old: bytes) -> bytes:
    body = bytes([kind]) + new + old
    return b"\xe3" + struct.pack("<H", len(body)) + body


def login_answer(database: str) -> bytes:
    """Return what a log-in is answered with."""
    name = "Microsoft SQL Server"
    ack = b"\x01" + struct.pack(">I", 0x74000004) + _short(name) + bytes.fromhex("0f0007d0")
    return (
        _change(1, _short(database), _short("master"))
        + _change(7, b"\x05" + COLLATION, b"\x00")
        + _change(2, _short("us_english"), b"\x00")
        + b"\xad"
        + struct.pack("<H", len(ack))
        + ack
        + _change(4, _short(str(PACKET_SIZE)), _short(str(PACKET_SIZE)))
        + done()
    )


def transaction_change(number: int, *, begins: bool, committed: bool = False) -> bytes:
    """Return the change of a transaction's state."""
    name = b"\x08" + number.to_bytes(8, "little")
    if begins:
        return _change(8, name, b"\x00")
    return _change(9 if committed else 10, b"\x00", name)


def error(number: int, text: str, *, severity: int = 16, procedure: str = "") -> bytes:
    """Return an ERROR token."""
    body = (
        struct.pack("<iBB", number, 1, severity)
        + struct.pack("<H", len(text))
        + text.encode("utf-16-le")
        + _short("GP-SIMULATOR")
        + _short(procedure)
        + struct.pack("<i", 1)
    )
    return b"\xaa" + struct.pack("<H", len(body)) + body


def done(*, count: int | None = None, failed: bool = False, in_procedure: bool = False) -> bytes:
    """Return the token that ends an answer."""
    status = (0x10 if count is not None else 0) | (0x02 if failed else 0)
    kind = 0xFE if in_procedure else 0xFD
    return struct.pack("<BHHQ", kind, status, 0xC1, count or 0)


def rows(columns: Sequence[Column], values: Sequence[Sequence[Any]]) -> bytes:
    """Return a result set, without the token that ends it."""
    head = b"\x81" + struct.pack("<H", len(columns))
    head += b"".join(
        struct.pack("<IH", 0, 9) + column_type(column) + _short(column.name) for column in columns
    )
    body = [
        b"\xd1"
        + b"".join(write_value(column, value) for column, value in zip(columns, row, strict=True))
        for row in values
    ]
    return head + b"".join(body)


def returned(outputs: Sequence[tuple[int, Column, Any]], status: int = 0) -> bytes:
    """Return a procedure's return status and output parameters."""
    found = b"\x79" + struct.pack("<i", status)
    for ordinal, column, value in outputs:
        found += b"\xac" + struct.pack("<H", ordinal) + _short(column.name)
        found += b"\x01" + struct.pack("<IH", 0, 9) + column_type(column)
        found += write_value(column, value)
    return found

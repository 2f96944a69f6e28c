"""Payloads: compressed, stored once per content.

Must not: decide how long a payload is kept (see `knect.ledger.retention`).
"""

from collections.abc import Sequence
from hashlib import blake2b

import zstandard
from msgspec import Struct
from sqlalchemy import Connection

from knect.ledger import schema as s
from knect.ledger.bulk import InsertMany

__all__ = ["StoredPayload", "content_hash", "pack", "store_payloads", "unpack"]

#: A payload larger than this when inflated is a defect or an attack, never a record.
_INFLATED_LIMIT = 64 * 1024 * 1024

_LEVEL = 3
_decompressor = zstandard.ZstdDecompressor()


class StoredPayload(Struct, frozen=True):
    """A payload to be stored: `body` are its plain bytes."""

    hash: str
    body: bytes


def store_payloads(connection: Connection, payloads: Sequence[StoredPayload], now_us: int) -> None:
    """Store what is not stored yet; what is, counts as stored now: retention goes by that."""
    bodies = {x.hash: x.body for x in payloads}
    packer = zstandard.ZstdCompressor(level=_LEVEL)  # not to be shared between threads
    _STORE.run(
        connection,
        [
            (digest, len(body), now_us, packer.compress(body))
            for digest, body in sorted(bodies.items())
        ],
    )


_STORE = InsertMany(
    s.payloads, ("hash", "size", "stored_us", "body"), unique=("hash",), changing=("stored_us",)
)


def content_hash(body: bytes) -> str:
    """Return the 128-bit blake2b of the bytes, in hexadecimal."""
    return blake2b(body, digest_size=16).hexdigest()


def pack(body: bytes) -> bytes:
    """Compress."""
    return zstandard.ZstdCompressor(level=_LEVEL).compress(body)


def unpack(packed: bytes) -> bytes:
    """Inflate what `pack` made."""
    return _decompressor.decompress(packed, max_output_size=_INFLATED_LIMIT)

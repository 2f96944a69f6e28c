"""Payloads: compressed, stored once per content.

Must not: decide how long a payload is kept (see `knect.ledger.retention`).
"""

from collections.abc import Collection, Sequence
from hashlib import blake2b

import zstandard
from msgspec import Struct
from sqlalchemy import Connection, select

from knect.ledger import schema as s
from knect.ledger.upserts import insert_or_update

__all__ = ["StoredPayload", "content_hash", "pack", "payloads_of", "store_payloads", "unpack"]

#: A payload larger than this when inflated is a defect or an attack, never a record.
_INFLATED_LIMIT = 64 * 1024 * 1024

_compressor = zstandard.ZstdCompressor(level=3)
_decompressor = zstandard.ZstdDecompressor()


class StoredPayload(Struct, frozen=True):
    """A payload ready to be stored: `body` is packed, `size` counts the plain bytes."""

    hash: str
    body: bytes
    size: int


def store_payloads(connection: Connection, payloads: Sequence[StoredPayload], now_us: int) -> None:
    """Store what is not stored yet; what is, counts as stored now: retention goes by that."""
    rows = {
        x.hash: {"hash": x.hash, "body": x.body, "size": x.size, "stored_us": now_us}
        for x in payloads
    }
    if rows:
        statement = insert_or_update(
            connection, s.payloads, unique=("hash",), changing=("stored_us",)
        )
        connection.execute(statement, [rows[digest] for digest in sorted(rows)])


def payloads_of(connection: Connection, hashes: Collection[str]) -> dict[str, bytes]:
    """Return packed payloads by content hash; what retention removed is left out."""
    if not hashes:
        return {}
    p = s.payloads
    rows = connection.execute(select(p.c.hash, p.c.body).where(p.c.hash.in_(hashes)))
    return {row.hash: row.body for row in rows}


def content_hash(body: bytes) -> str:
    """Return the 128-bit blake2b of the bytes, in hexadecimal."""
    return blake2b(body, digest_size=16).hexdigest()


def pack(body: bytes) -> bytes:
    """Compress."""
    return _compressor.compress(body)


def unpack(packed: bytes) -> bytes:
    """Inflate what `pack` made."""
    return _decompressor.decompress(packed, max_output_size=_INFLATED_LIMIT)

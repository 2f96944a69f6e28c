"""Payloads: compressed, stored once per content.

Must not: decide how long a payload is kept (see `knect.ledger.retention`).
"""

import threading
from collections.abc import Collection, Mapping, Sequence
from hashlib import blake2b
from typing import NamedTuple

import zstandard
from sqlalchemy import Connection, select

from knect.ledger import schema as s
from knect.ledger.store.bulk import InsertMany
from knect.ledger.store.prepared import Prepared
from knect.ledger.store.sets import one_of

__all__ = ["Packed", "content_hash", "pack", "payloads_of", "store_payloads", "unpack"]

#: A payload larger than this when inflated is a defect or an attack, never a record.
_INFLATED_LIMIT = 64 * 1024 * 1024

_LEVEL = 1  # a record is about a kilobyte: higher ones take a fifth more and give two per cent
_of_this_thread = threading.local()  # a decompressor is not to be shared between threads


class Packed(NamedTuple):
    """A payload as it is stored: `size` is that of its plain bytes."""

    hash: str
    size: int
    body: bytes


def pack(payloads: Mapping[str, bytes]) -> list[Packed]:
    """Compress payloads by content hash, in the order all workers store them in.

    Before the transaction, which holds everybody up who writes; and all in one call: each one gives
    Python's lock away, and waits until it has it back.
    """
    if not payloads:
        return []
    stored = sorted(payloads.items())
    packer = zstandard.ZstdCompressor(level=_LEVEL)  # not to be shared between threads
    packed = packer.multi_compress_to_buffer([body for _, body in stored])
    return [
        Packed(digest, len(body), packed[i].tobytes()) for i, (digest, body) in enumerate(stored)
    ]


def store_payloads(connection: Connection, payloads: Sequence[Packed], now_us: int) -> None:
    """Store what is not stored yet; what is, counts as stored now: retention goes by that."""
    if payloads:
        _STORE.run(connection, [(*one, now_us) for one in payloads])


_STORE = InsertMany(
    s.payloads, ("hash", "size", "body", "stored_us"), unique=("hash",), changing=("stored_us",)
)


def payloads_of(connection: Connection, hashes: Collection[str]) -> dict[str, bytes]:
    """Return packed payloads by content hash; what retention removed is left out."""
    if not hashes:
        return {}
    return {row.hash: row.body for row in _BODIES.run(connection, hashes=hashes)}


_BODIES = Prepared(
    select(s.payloads.c.hash, s.payloads.c.body).where(one_of(s.payloads.c.hash, "hashes"))
)


def content_hash(body: bytes) -> str:
    """Return the 128-bit blake2b of the bytes, in hexadecimal."""
    return blake2b(body, digest_size=16).hexdigest()


def unpack(packed: bytes) -> bytes:
    """Inflate what `pack` made."""
    own = getattr(_of_this_thread, "decompressor", None)
    if own is None:
        own = _of_this_thread.decompressor = zstandard.ZstdDecompressor()
    inflated: bytes = own.decompress(packed, max_output_size=_INFLATED_LIMIT)
    return inflated

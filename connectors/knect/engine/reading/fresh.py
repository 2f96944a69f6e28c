"""Records just read, for the pipelines that are about to map them.

Why: a page is decoded and made into canonical records when it is recorded, for the names its
records are found by; a pipeline that takes them up a moment later need not ask the ledger for the
payload and do the same again. Content has one name, its hash, so what is here is what is there.
Must not: be needed (what is not here is in the ledger), or grow: what does not fit is not kept.
"""

import asyncio
from collections import OrderedDict
from contextlib import suppress
from typing import Any

from msgspec import Struct

from knect.model import Record
from knect.seams import Clock

__all__ = ["Fresh", "Read"]

#: JSON bytes; decoded it is about six times as much.
_MOST_BYTES = 1_048_576
#: What nobody took within this time goes when a page has been read, or room is short; in seconds.
_STALE_SECONDS = 5.0
#: So long, at most, a page waits for those before it, in seconds.
_PATIENCE_SECONDS = 0.1


class Read(Struct, frozen=True):
    """A payload as it was read, and the record it stands for."""

    raw: Any
    record: Record


class _Kept(Struct):
    read: Read
    size: int
    until: float
    wanted: int  # by so many pipelines


class Fresh:
    """Keeps records by (connection, entity, content hash)."""

    def __init__(self, clock: Clock) -> None:
        self._monotonic = clock.monotonic
        self._kept: OrderedDict[tuple[str, str, str], _Kept] = OrderedDict()
        self._bytes = 0
        self._taken = asyncio.Event()

    def keep(self, name: tuple[str, str, str], read: Read, *, size: int, wanted: int) -> None:
        """Keep a record for so many pipelines, if there is room."""
        now = self._monotonic()
        if self._bytes + size > _MOST_BYTES:
            self._let_go(now)
        if self._bytes + size <= _MOST_BYTES and name not in self._kept:
            self._kept[name] = _Kept(read, size, now + _STALE_SECONDS, wanted)
            self._bytes += size

    def _let_go(self, now: float) -> None:
        """Forget what nobody took in time."""
        while self._kept and next(iter(self._kept.values())).until < now:
            _, old = self._kept.popitem(last=False)
            self._bytes -= old.size

    async def room(self) -> None:
        """Wait a moment while what was read before waits to be taken up, then go on anyway.

        Reading is faster than delivering; but it never waits for a destination.
        """
        now = self._monotonic()
        self._let_go(now)
        until = now + _PATIENCE_SECONDS
        while self._bytes > _MOST_BYTES // 2 and self._monotonic() < until:
            self._taken.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(_PATIENCE_SECONDS):
                    await self._taken.wait()

    def take(self, name: tuple[str, str, str]) -> Read | None:
        """Return a record, None if it is not here; the last pipeline that wants it has it."""
        kept = self._kept.get(name)
        if kept is None:
            return None
        kept.wanted -= 1
        if kept.wanted <= 0:
            del self._kept[name]
            self._bytes -= kept.size
            self._taken.set()
        return kept.read

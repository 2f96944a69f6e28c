"""Whose turn it is to read a feed.

Why: of several workers one reads a feed; each page it records is committed together with the proof
that it still is the reader. Must not: read.
"""

import logging
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from knect.ledger import Connection, Ledger
from knect.ledger.feed_lease import Reader, ensure_reader, let_go, reader_of, take_feed
from knect.ledger.feeds import Feed
from knect.ledger.instants import to_us
from knect.seams import Clock

__all__ = ["FeedSettings", "FeedTurn"]

_log = logging.getLogger("knect.feed")


class FeedSettings(Struct, frozen=True, kw_only=True):
    """What a feed is read with. `pipelines` are those of this worker that subscribed to it.

    `overlap_seconds` and `late_seconds` are the manifest's: how far each window goes back, and one
    in an hour.
    """

    feed: Feed
    filter: Mapping[str, Any]
    pipelines: tuple[str, ...]
    overlap_seconds: float
    holder: str
    lease_seconds: float
    late_seconds: float = 0.0
    page_size: int = 250

    @property
    def name(self) -> str:
        """Return `connection/entity`."""
        return f"{self.feed.key.connection}/{self.feed.key.entity}"


class FeedTurn:
    """This worker's turn at one feed, if it has it."""

    def __init__(self, ledger: Ledger, settings: FeedSettings, clock: Clock) -> None:
        self._ledger = ledger
        self._settings = settings
        self._clock = clock
        self._fence: int | None = None

    async def take(self) -> bool:
        """Become the feed's reader, or stay it; False if another worker is."""
        settings, now = self._settings, to_us(self._clock.now())
        self._fence = await self._ledger.write(
            lambda c: take_feed(
                c,
                feed=settings.feed.seq,
                holder=settings.holder,
                now_us=now,
                lease_us=int(settings.lease_seconds * 1e6),
            )
        )
        return self._fence is not None

    async def let_go(self) -> None:
        """Let another worker read this feed at once."""
        feed, holder = self._settings.feed.seq, self._settings.holder
        await self._ledger.write(lambda c: let_go(c, feed=feed, holder=holder))

    async def other(self) -> Reader:
        """Return what is known of who reads this feed."""
        return await self._ledger.read(lambda c: reader_of(c, self._settings.feed.seq))

    def without(self) -> None:
        """Read history: beside the feed's reader, whoever that is."""
        self._fence = None

    def keep(self, connection: Connection) -> None:
        """Stay the reader until the commit. Raises FeedTaken if somebody else is."""
        if self._fence is not None:
            feed, holder = self._settings.feed.seq, self._settings.holder
            ensure_reader(connection, feed=feed, holder=holder, fence=self._fence)

    def lost(self) -> bool:
        """Say that another worker has taken over; return False."""
        _log.warning("another worker reads this feed now", extra={"feed": self._settings.name})
        return False

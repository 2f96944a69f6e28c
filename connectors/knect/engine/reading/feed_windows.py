"""A feed's windows in the ledger: opened, filled page by page, closed with the cursor.

Why: each commit proves that this worker still is the feed's reader, and takes the calls that were
made with it, so that nothing is told twice and no cursor passes what is not recorded.
Must not: call the source.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence

from msgspec import structs

from knect.engine.bounds.ledger_clock import LedgerClock
from knect.engine.deciding.terms import counted
from knect.engine.reading.feed_turn import FeedSettings, FeedTurn
from knect.engine.reading.sighter import Sighter
from knect.engine.recorder import CallRecorder
from knect.ledger import Connection, Ledger
from knect.ledger.catching_up import give_again, give_the_rest
from knect.ledger.feeds import lock_feed
from knect.ledger.goods import takers
from knect.ledger.instants import to_us
from knect.ledger.payload import Packed, pack, store_payloads
from knect.ledger.restock import looked_at, recount
from knect.ledger.sightings import (
    Latest,
    PageResult,
    Sighting,
    latest_anywhere,
    latest_versions,
    own_writes,
    record_page,
)
from knect.ledger.windows import WindowStart, bound_window, close_window, open_window
from knect.sdk.contract import Change
from knect.seams import IdSource, crash_point

__all__ = ["FeedWindows"]


class FeedWindows:
    """Writes down what one feed's reader does."""

    def __init__(
        self,
        settings: FeedSettings,
        *,
        ledger: Ledger,
        turn: FeedTurn,
        sighter: Sighter,
        clock: LedgerClock,
        new_id: IdSource,
        recorded: Callable[[Sequence[int]], None],
    ) -> None:
        self._settings = settings
        self._ledger = ledger
        self._turn = turn
        self._sighter = sighter
        self._clock = clock
        self._new_id = new_id
        self._recorded = recorded
        self._recording = asyncio.Lock()

    async def record(
        self,
        window: int,
        changes: Sequence[Change],
        recorder: CallRecorder,
        *,
        pipelines: Sequence[str],
        behind: Sequence[str] = (),
        hints: Sequence[int] = (),
        note: str = "",
        is_history: bool = False,
    ) -> None:
        """Record what is new of a page for these pipelines, in one commit with its counts.

        Orders that are not history hold their goods from then on. Those that are `behind` are given
        what is not new as well.
        """
        feed, now = self._settings.feed, self._clock.now_us()
        is_sold = feed.key.entity == "orders"  # only orders hold goods
        ids = [change.id for change in changes]
        progress_us = to_us(max(change.at for change in changes)) if changes else None
        store_calls = recorder.drain()
        known: Mapping[str, Latest] = {}
        sightings: list[Sighting] = []
        payloads: list[Packed] = []
        old: Mapping[str, tuple[str, bytes]] = {}
        takes: Mapping[str, str] = {}

        def unit(connection: Connection) -> PageResult | None:
            self._turn.keep(connection)
            lock_feed(connection, feed.seq)
            if self._ledger.shared and latest_versions(connection, feed.seq, ids) != known:
                return None  # who reads history recorded some of it in between: compare again
            if store_calls is not None:
                store_calls(connection)
            given: Sequence[int] = ()
            if old:
                store_payloads(connection, payloads, now)
                given = give_again(
                    connection, feed=feed, window=window, source_ids=list(old), behind=behind,
                    now_us=now, new_id=self._new_id,
                )  # fmt: skip
            result = record_page(
                connection,
                feed=feed,
                window=window,
                sightings=sightings,
                payloads=payloads,
                listed=len(changes),
                pipelines=pipelines,
                progress_us=progress_us,
                now_us=now,
                new_id=self._new_id,
                hints=hints,
                note=note,
                takers=takes,
                is_history=is_history,
            )
            return structs.replace(result, touched=[*given, *result.touched]) if given else result

        async with self._recording:
            result = None
            while result is None:
                known, own, takes = await self._ledger.read(
                    lambda c: (
                        latest_versions(c, feed.seq, ids),
                        own_writes(c, feed.key.connection, feed.key.entity, ids),
                        takers(c, pipelines) if is_sold else {},
                    )
                )
                asked = [x.id for x in changes if x.id not in known and (x.deleted or takes)]
                sightings = self._sighter.new_ones(
                    changes, known, own, elsewhere=await self._elsewhere(asked), takes=bool(takes)
                )
                old = self._sighter.old_ones(changes, known) if behind else {}
                bodies = {x.hash: x.payload for x in sightings if x.payload is not None}
                payloads = pack(bodies | dict(old.values()))
                result = await self._ledger.write(unit)
        self._recorded(result.touched)

    async def _elsewhere(self, ids: Sequence[str]) -> Mapping[str, Latest]:
        """Return what other feeds of the same know of these."""
        key = self._settings.feed.key
        if not ids:
            return {}
        return await self._ledger.read(
            lambda c: latest_anywhere(c, key.connection, key.entity, ids)
        )

    def recorder(self, trace_id: str, window: int) -> CallRecorder:
        """Return what keeps the calls of a window that is open."""
        return CallRecorder(
            clock=self._clock,
            connection=self._settings.feed.key.connection,
            trace_id=trace_id,
            window=window,
        )

    async def open(self, kind: str, since_us: int, until_us: int) -> tuple[int, CallRecorder]:
        """Open a window; `until_us` is 0 as long as the server's now is not known."""
        start = WindowStart(
            feed=self._settings.feed.seq,
            kind=kind,
            trace_id=self._new_id(),
            since_us=since_us,
            until_us=until_us,
            now_us=self._clock.now_us(),
        )

        def unit(connection: Connection) -> int:
            self._turn.keep(connection)
            return open_window(connection, start)

        window = await self._ledger.write(unit)
        return window, self.recorder(start.trace_id, window)

    async def bound(
        self, window: int, since_us: int, until_us: int, pipelines: Sequence[str]
    ) -> None:
        """Say where a poll begins and ends, and for whom it is, before its first page is read."""

        def unit(connection: Connection) -> None:
            self._turn.keep(connection)
            bound_window(connection, window, since_us, until_us, pipelines)

        await self._ledger.write(unit)

    async def close(
        self,
        window: int,
        cursor_us: int | None,
        recorder: CallRecorder,
        *,
        served: Sequence[str] = (),
        moves_the_feed: bool = True,
    ) -> None:
        """End a window; a poll was for those it `served`, until `cursor_us`, and the feed goes on
        from there unless it was for who is behind the others.
        """
        store_calls, now = recorder.drain(), self._clock.now_us()
        feed = self._settings.feed

        def unit(connection: Connection) -> Sequence[int | str]:
            self._turn.keep(connection)
            if store_calls is not None:
                store_calls(connection)
            since = looked_at(connection, feed.seq)
            given: Sequence[int] = ()
            if served and moves_the_feed:
                lock_feed(connection, feed.seq)
                given = give_the_rest(
                    connection, feed=feed, window=window, pipelines=served, now_us=now,
                    new_id=self._new_id,
                )  # fmt: skip
            close_window(
                connection, feed=feed.seq, window=window, cursor_us=cursor_us, now_us=now,
                served=served, moves_the_feed=moves_the_feed,
            )  # fmt: skip
            if feed.key.entity != "inventory" or cursor_us is None:
                return given
            counted_anew = recount(
                connection, feed, since_us=since, counted=counted, new_id=self._new_id,
                now_us=now,
            )  # fmt: skip
            return [*given, *counted_anew]

        if await self._ledger.write(unit):
            self._recorded(())
        crash_point("cursor.committed")

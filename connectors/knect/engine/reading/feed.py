"""Reading a feed: windows on the server's clock, recorded page by page, never past a gap.

Why: a cursor never passes an unrecorded version, and what was listed is counted by this side
alone, so that the equation has two sides. Must not: filter, map, or decide a fate.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

from knect.engine.bounds.allowance import working_on
from knect.engine.bounds.gate import Gate
from knect.engine.bounds.ledger_clock import LedgerClock
from knect.engine.deciding.defects import failed_while
from knect.engine.reading.audience import Audience
from knect.engine.reading.feed_turn import FeedSettings, FeedTurn
from knect.engine.reading.feed_windows import FeedWindows
from knect.engine.reading.fresh import Fresh
from knect.engine.reading.sighter import Sighter
from knect.engine.reading.spans import LOOKS_BACK_EVERY_US, Span, span_of
from knect.engine.recorder import CallRecorder
from knect.ledger import Connection, Ledger, LedgerError
from knect.ledger.feed_lease import FeedTaken
from knect.ledger.feeds import Cursor, Place, cursor_of, feed_failed, places_of
from knect.ledger.inbox import open_hints
from knect.ledger.instants import from_us, to_us
from knect.ledger.questions.silence import expected_changes
from knect.ledger.windows import OpenWindow, unfinished_window
from knect.sdk import errors
from knect.sdk.contract import Change, Page, Source, Window
from knect.sdk.exchange import recording
from knect.seams import IdSource, crash_point

__all__ = ["FeedReader"]

_log = logging.getLogger("knect.feed")

_HINTS_AT_ONCE = 100
#: So many changes were to be expected that none at all is suspicious.
_SUSPICIOUS = 20.0
#: Codes that say more than the kind of error; a remote's own (401) say less.
_OWN_CODES = frozenset({"SuspiciousSilence", "SecretNotFound", "SecretKeyMissing"})


class FeedReader:
    """Reads one feed for all pipelines that want it."""

    def __init__(
        self,
        settings: FeedSettings,
        *,
        ledger: Ledger,
        source: Source,
        gate: Gate,
        clock: LedgerClock,
        new_id: IdSource,
        fresh: Fresh,
        recorded: Callable[[Sequence[int]], None],
    ) -> None:
        self.settings = settings
        self.turn = FeedTurn(ledger, settings, clock)
        self._ledger = ledger
        self._source = source
        self._gate = gate
        self._clock = clock
        self._fresh = fresh
        self._one_at_a_time = asyncio.Lock()
        self._looks_back_us = 0  # when to next, in this process's life
        self._is_for_others = False  # there are pipelines of other workers
        self._windows = FeedWindows(
            settings,
            ledger=ledger,
            turn=self.turn,
            sighter=Sighter(settings, source=source, clock=clock, fresh=fresh),
            clock=clock,
            new_id=new_id,
            recorded=recorded,
        )

    @property
    def name(self) -> str:
        """Return `connection/entity`."""
        return self.settings.name

    @property
    def closed_for(self) -> float:
        """Seconds until the source may be called again; 0 while it answers."""
        return self._gate.closed_for

    async def poll(self) -> bool:
        """Read from the cursor to the server's now; False if another worker reads this feed.

        Raises ConnectorError after noting it.
        """
        async with self._one_at_a_time:
            if not await self.turn.take():
                return False
            try:
                async with self._failures_noted():
                    while not await self._poll():
                        pass  # that was what a dead process had left open; it ended before now
                await self._let_others_read()
            except FeedTaken:
                return self.turn.lost()
            return True

    async def look_at_hints(self) -> int:
        """Fetch what webhooks named; return how many hints were answered.

        Those of a feed that another worker reads are left to it.
        """
        try:
            return await self._look_at_hints()
        except FeedTaken:
            return int(self.turn.lost())

    async def _look_at_hints(self) -> int:
        answered = 0
        async with self._one_at_a_time:
            key = self.settings.feed.key
            while True:
                hints = await self._ledger.read(
                    lambda c: open_hints(c, key.connection, key.entity, _HINTS_AT_ONCE)
                )
                if not hints and answered:
                    await self._let_others_read()
                if not hints or not await self.turn.take():
                    return answered
                async with self._failures_noted():
                    await self._fetch(hints)
                answered += len(hints)

    async def make_room(self) -> None:
        """Let others read if they have pipelines of this feed by now, and it is not being read."""
        if self._one_at_a_time.locked():
            return
        async with self._one_at_a_time:
            await self._ledger.read(self._places)
            await self._let_others_read()

    async def backfill(
        self, since: datetime, until: datetime, *, asking: Sequence[str] | None = None
    ) -> None:
        """Read older history, by the platform's bulk interface where it has one.

        What is new is for all pipelines. If some are `asking`, it is for them, also what others
        know already, and for those others that had begun before `since`.
        """
        async with self._one_at_a_time:
            self.turn.without()
            window, recorder = await self._windows.open("backfill", to_us(since), to_us(until))
            async with self._failures_noted():
                with recording(recorder), working_on(self.settings.feed.key.entity):
                    span = Window(since=since, until=until, filter=self.settings.filter)
                    pages = self._source.backfill(self.settings.feed.key.entity, span)
                    places = await self._ledger.read(self._places)
                    whom = [
                        one.pipeline
                        for one in places
                        if not asking or one.pipeline in asking or one.start_us <= to_us(since)
                    ]
                    await self._record_all(
                        window, pages, recorder, is_history=True, pipelines=whom,
                        behind=asking or (),
                    )  # fmt: skip
                    await self._windows.close(window, None, recorder)

    # ------------------------------------------------------------ polling

    async def _poll(self) -> bool:
        """Read one window; return whether it was a new one, up to the server's now."""
        feed = self.settings.feed
        left_open, cursor, places = await self._ledger.read(
            lambda c: (
                unfinished_window(c, feed.seq),
                cursor_of(c, feed.seq),
                self._places(c),
            )
        )
        left_us = left_open.since_us if left_open is not None and left_open.until_us else None
        audience = Audience(cursor=cursor, places=places, left_us=left_us)
        if left_open is not None:
            window = left_open.seq
            recorder = self._windows.recorder(left_open.trace_id, window)
        else:
            window, recorder = await self._windows.open("poll", 0, 0)
        with recording(recorder), working_on(feed.key.entity):
            if left_open is not None and left_open.until_us:
                if not audience.is_still(left_open.pipelines, left_open.until_us):
                    return await self._break_off(left_open, audience, recorder)
                span = _rest_of(left_open)
            else:
                span = await self._new_span(window, audience)
            pipelines = audience.of(span.until_us)
            if span.until_us > span.since_us and pipelines:
                pages = self._source.read(
                    feed.key.entity,
                    Window(
                        since=from_us(span.since_us),
                        until=from_us(span.until_us),
                        page_size=self.settings.page_size,
                        filter=self.settings.filter,
                    ),
                )
                listed = await self._record_all(
                    window, pages, recorder, is_history=_is_history(audience.reads_from),
                    pipelines=pipelines,
                    behind=audience.lacking(pipelines),
                    before_us=span.until_us if audience.is_part(span) else None,
                )  # fmt: skip
                if not listed and not audience.behind:
                    await self._refuse_suspicious_silence(span.new_us, span.until_us)
            await self._windows.close(
                window, span.cursor_us, recorder, served=audience.of(span.cursor_us),
                moves_the_feed=audience.moves_the_feed(span.cursor_us),
            )  # fmt: skip
        is_new = left_open is None or left_open.until_us == 0
        return is_new and not audience.is_part(span)

    async def _break_off(
        self, left: OpenWindow, audience: Audience, recorder: CallRecorder
    ) -> bool:
        """End what a dead process left open where it got to: it was not for the same pipelines."""
        reached_us = left.progress_us and min(left.progress_us, left.until_us)
        await self._windows.close(
            left.seq, reached_us, recorder, served=left.pipelines,
            moves_the_feed=reached_us is not None and reached_us > audience.cursor.at_us,
        )  # fmt: skip
        return False

    def _places(self, connection: Connection) -> list[Place]:
        """Return whom this feed is read for: our pipelines, and those of other workers."""
        feed, ours = self.settings.feed.seq, self.settings.pipelines
        places = places_of(connection, feed, ours, self._clock.now_us())
        self._is_for_others = any(one.pipeline not in ours for one in places)
        return places

    async def _let_others_read(self) -> None:
        """Keep the turn only if nobody else has pipelines of this feed: they may want it read
        sooner than we do.
        """
        if self._is_for_others:
            await self.turn.let_go()

    async def _all_of_them(self) -> list[str]:
        return [one.pipeline for one in await self._ledger.read(self._places)]

    async def _new_span(self, window: int, audience: Audience) -> Span:
        """Return from when to when a window reads, which then stands in its row."""
        settings = self.settings
        told = await self._source.server_time()
        now_us = self._clock.now_us()
        looks_back = settings.late_seconds > 0 and now_us >= self._looks_back_us
        span = span_of(
            audience.reads_from,
            until_us=_end_of(told, settings.overlap_seconds),
            now_us=now_us,
            overlap_seconds=settings.overlap_seconds,
            late_seconds=settings.late_seconds if looks_back else 0,
        )
        span = audience.bounded(span)
        if span.set_back:
            _log.warning("the source's clock was set back", extra={"feed": self.name})
        pipelines = audience.of(span.until_us)
        await self._windows.bound(window, span.since_us, span.until_us, pipelines)
        if looks_back:
            self._looks_back_us = now_us + LOOKS_BACK_EVERY_US
        return span

    async def _refuse_suspicious_silence(self, since_us: int, until_us: int) -> None:
        feed = self.settings.feed.seq
        expected = await self._ledger.read(
            lambda c: expected_changes(c, feed, since_us=since_us, until_us=until_us)
        )
        if expected >= _SUSPICIOUS:
            message = (
                f"{self.name} answered with nothing since {from_us(since_us):%Y-%m-%d %H:%M} UTC, "
                f"where about {expected:.0f} changes are usual; the cursor stays until it speaks "
                "again: check permissions and filters there"
            )
            raise errors.UnexpectedAnswer(message, code="SuspiciousSilence")

    async def _fetch(self, hints: Sequence[tuple[int, str]]) -> None:
        now = self._clock.now_us()
        window, recorder = await self._windows.open("webhook", now, now)
        with recording(recorder), working_on(self.settings.feed.key.entity):
            ids = list(dict.fromkeys(source_id for _, source_id in hints))
            changes = await self._fetched(ids)
            self._gate.answered()
            cursor = await self._ledger.read(lambda c: cursor_of(c, self.settings.feed.seq))
            await self._windows.record(
                window, changes, recorder, hints=[seq for seq, _ in hints], note="webhook",
                pipelines=await self._all_of_them(), is_history=_is_history(cursor),
            )  # fmt: skip
            await self._windows.close(window, None, recorder)

    async def _fetched(self, ids: Sequence[str]) -> Sequence[Change]:
        """Return the state of each id; one that the source refuses to show is left out.

        Nobody can be told of it, and it must not keep the others from being looked at. What there
        is of it is listed, too: the poll behind finds it.
        """
        try:
            return await self._source.fetch(self.settings.feed.key.entity, ids)
        except (errors.Refused, errors.BadRecord) as error:
            if len(ids) == 1:
                extra = {"feed": self.name, "reason": error.message}
                _log.warning("a webhook named what cannot be read", extra=extra)
                return []
        middle = len(ids) // 2
        return [*await self._fetched(ids[:middle]), *await self._fetched(ids[middle:])]

    # ------------------------------------------------------------ recording

    async def _record_all(
        self,
        window: int,
        pages: AsyncIterator[Page],
        recorder: CallRecorder,
        *,
        is_history: bool,
        pipelines: Sequence[str],
        behind: Sequence[str] = (),
        before_us: int | None = None,
    ) -> int:
        """Record page by page; return how much was listed. What a source lists beyond its window
        is for others as well, and left to the next one, if that is what `before_us` says.
        """
        listed = 0
        async for page in pages:
            self._gate.answered()
            crash_point("page.fetched")
            listed += len(page.changes)
            changes = page.changes
            if before_us is not None:
                changes = [one for one in changes if to_us(one.at) < before_us]
            await self._windows.record(
                window, changes, recorder, is_history=is_history, pipelines=pipelines,
                behind=behind,
            )  # fmt: skip
            await self._fresh.room()
        return listed

    @asynccontextmanager
    async def _failures_noted(self) -> AsyncIterator[None]:
        """Write down that reading fails, since when and why; the error goes on."""
        try:
            yield
        except errors.ConnectorError as error:
            await self._note(error)
            raise
        except (LedgerError, FeedTaken):
            raise
        except Exception as error:  # noqa: BLE001 - what nobody foresaw must not end the worker
            _log.error("defect while reading", exc_info=error, extra={"feed": self.name})
            told = failed_while(f"reading {self.name}", error)
            await self._note(told)
            raise told from None

    async def _note(self, error: errors.ConnectorError) -> None:
        if isinstance(error, errors.Unreachable):
            self._gate.unanswered()
        reason, now = _reason(error), self._clock.now_us()
        _log.warning("reading failed", extra={"feed": self.name, "reason": reason})
        await self._ledger.write(
            lambda c: feed_failed(
                c, feed=self.settings.feed.seq, reason=reason, sentence=error.message, now_us=now
            )
        )


def _reason(error: errors.ConnectorError) -> str:
    """Return a word a condition can be made of: our own code, else the kind of error."""
    return error.code if error.code in _OWN_CODES else type(error).__name__


def _is_history(cursor: Cursor) -> bool:
    """Tell whether a feed is read for the first time: what it lists was long ago for the most part,
    and the ERP knows of it.
    """
    return cursor.at_us <= cursor.start_us


def _rest_of(window: OpenWindow) -> Span:
    """Return what is left of a window that was begun."""
    since_us = max(window.since_us, window.progress_us or 0)
    return Span(
        since_us=since_us, new_us=since_us, until_us=window.until_us, cursor_us=window.until_us
    )


def _end_of(now: datetime, overlap_seconds: float) -> int:
    """Return the exclusive end of a window read at a server's `now`, in microseconds.

    A clock without parts of a second, like an HTTP Date, tells the beginning of its second. What
    changed since then is read now, not a poll later; what will yet change in it, by the overlap.
    """
    told_by_seconds = now.microsecond == 0 and overlap_seconds >= 1
    return to_us(now) + (1_000_000 if told_by_seconds else 0)

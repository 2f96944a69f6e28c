"""Reading a feed: windows on the server's clock, recorded page by page, never past a gap.

Why: a cursor never passes an unrecorded version, and what was listed is counted by this side
alone, so that the equation has two sides. Must not: filter, map, or decide a fate, except to see
that a change is our own write coming back or older than what is recorded.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

from knect.engine.allowance import working_on
from knect.engine.feed_turn import FeedSettings, FeedTurn
from knect.engine.fresh import Fresh, Read
from knect.engine.gate import Gate
from knect.engine.keys import keys_of, label_of, normalise
from knect.engine.ledger_clock import LedgerClock
from knect.engine.recorder import CallRecorder
from knect.engine.terms import counted_us
from knect.ledger import Connection, Ledger
from knect.ledger.feed_lease import FeedTaken
from knect.ledger.feeds import cursor_of, feed_failed, lock_feed
from knect.ledger.inbox import open_hints
from knect.ledger.instants import from_us, to_us
from knect.ledger.payload import content_hash
from knect.ledger.restock import looked_at, recount
from knect.ledger.sightings import (
    Latest,
    PageResult,
    Sighting,
    latest_versions,
    own_writes,
    record_page,
)
from knect.ledger.silence import expected_changes
from knect.ledger.windows import (
    WindowStart,
    bound_window,
    close_window,
    open_window,
    unfinished_window,
)
from knect.model import decode_json, encode_json
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
#: Fields that often hold what people call a record, for records that cannot be read.
_LABELS = ("number", "order_number", "increment_id", "sku", "name")
#: Fields it may be found by as well; a person's address is no label, for labels go into traces.
_NAMES = (*_LABELS, "email")


#: The length of an instant in a token without parts of a second.
_SECOND = len("2026-01-01T00:00:00")


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
        self._ledger = ledger
        self._source = source
        self._gate = gate
        self._clock = clock
        self._new_id = new_id
        self._fresh = fresh
        self._recorded = recorded
        self._one_at_a_time = asyncio.Lock()
        self._recording = asyncio.Lock()
        self.turn = FeedTurn(ledger, settings, clock)

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
                if not hints or not await self.turn.take():
                    return answered
                async with self._failures_noted():
                    await self._fetch(hints)
                answered += len(hints)

    async def backfill(self, since: datetime, until: datetime) -> None:
        """Read older history, by the platform's bulk interface where it has one."""
        async with self._one_at_a_time:
            self.turn.without()
            window, recorder = await self._open("backfill", to_us(since), to_us(until))
            async with self._failures_noted():
                with recording(recorder), working_on(self.settings.feed.key.entity):
                    span = Window(since=since, until=until, filter=self.settings.filter)
                    pages = self._source.backfill(self.settings.feed.key.entity, span)
                    await self._record_all(window, pages, recorder)
                    await self._close(window, None, recorder)

    # ------------------------------------------------------------ polling

    async def _poll(self) -> bool:
        """Read one window; return whether it was a new one, up to the server's now."""
        feed = self.settings.feed
        left_open = await self._ledger.read(lambda c: unfinished_window(c, feed.seq))
        if left_open is not None:
            window, recorder = left_open.seq, self._recorder(left_open.trace_id, left_open.seq)
            since_us, until_us = left_open.since_us, left_open.until_us
            since_us = max(since_us, left_open.progress_us or 0)
        else:
            cursor = await self._ledger.read(lambda c: cursor_of(c, feed.seq))
            since_us = max(cursor.start_us, cursor.at_us - int(self.settings.overlap_seconds * 1e6))
            window, recorder = await self._open("poll", since_us, 0)
            until_us = 0
        with recording(recorder), working_on(self.settings.feed.key.entity):
            if until_us == 0:
                until_us = _end_of(await self._source.server_time(), self.settings.overlap_seconds)
                await self._bound(window, until_us)
            if until_us > since_us:
                span = Window(
                    since=from_us(since_us),
                    until=from_us(until_us),
                    page_size=self.settings.page_size,
                    filter=self.settings.filter,
                )
                pages = self._source.read(feed.key.entity, span)
                listed = await self._record_all(window, pages, recorder)
                if not listed:
                    await self._refuse_suspicious_silence(since_us, until_us)
            await self._close(window, until_us, recorder)
        return left_open is None or left_open.until_us == 0

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
        window, recorder = await self._open("webhook", now, now)
        with recording(recorder), working_on(self.settings.feed.key.entity):
            ids = list(dict.fromkeys(source_id for _, source_id in hints))
            changes = await self._source.fetch(self.settings.feed.key.entity, ids)
            self._gate.answered()
            await self._record(window, changes, recorder, [seq for seq, _ in hints], "webhook")
            await self._close(window, None, recorder)

    # ------------------------------------------------------------ recording

    async def _record_all(
        self, window: int, pages: AsyncIterator[Page], recorder: CallRecorder
    ) -> int:
        listed = 0
        async for page in pages:
            self._gate.answered()
            crash_point("page.fetched")
            listed += len(page.changes)
            await self._record(window, page.changes, recorder, (), "")
            await self._fresh.room()
        return listed

    async def _record(
        self,
        window: int,
        changes: Sequence[Change],
        recorder: CallRecorder,
        hints: Sequence[int],
        note: str,
    ) -> None:
        """Record what is new of a page, in one commit with its counts."""
        feed, now = self.settings.feed, self._clock.now_us()
        ids = [change.id for change in changes]
        store_calls = recorder.drain()
        known: Mapping[str, Latest] = {}
        sightings: list[Sighting] = []

        def unit(connection: Connection) -> PageResult | None:
            self.turn.keep(connection)
            lock_feed(connection, feed.seq)
            if self._ledger.shared and latest_versions(connection, feed.seq, ids) != known:
                return None  # who reads history recorded some of it in between: compare again
            if store_calls is not None:
                store_calls(connection)
            return record_page(
                connection,
                feed=feed,
                window=window,
                sightings=sightings,
                listed=len(changes),
                pipelines=self.settings.pipelines,
                progress_us=max((to_us(change.at) for change in changes), default=None),
                now_us=now,
                new_id=self._new_id,
                hints=hints,
                note=note,
            )

        async with self._recording:
            result = None
            while result is None:
                known, own = await self._ledger.read(
                    lambda c: (
                        latest_versions(c, feed.seq, ids),
                        own_writes(c, feed.key.connection, feed.key.entity, ids),
                    )
                )
                sightings = self._sightings(changes, known, own)
                result = await self._ledger.write(unit)
        self._recorded(result.touched)

    def _sightings(
        self,
        changes: Sequence[Change],
        known: Mapping[str, Latest],
        own: Mapping[str, str],
    ) -> list[Sighting]:
        latest = dict(known)
        found: list[Sighting] = []
        for change in changes:
            body = b"" if change.deleted else encode_json(change.raw)
            digest = "deleted" if change.deleted else content_hash(body)
            before, token = latest.get(change.id), change.token
            if not token:  # the source orders nothing: what it shows now is the newest
                same = before is not None and before.hash == digest
                token = before.token if same and before else _now_token(self._clock)
            if change.deleted and before is not None:
                token = _of_the_second(change, token, before.token)
            if before is not None and (before.token, before.hash) == (token, digest):
                continue
            stale = before is not None and token < before.token
            if not stale:
                latest[change.id] = Latest(token, digest)
            label, keys = self._names(change, digest, body)
            found.append(
                Sighting(
                    source_id=change.id,
                    label=label,
                    token=token,
                    hash=digest,
                    at_us=to_us(change.at),
                    deleted=change.deleted,
                    payload=None if change.deleted else body,
                    keys=keys,
                    echo=own.get(change.id) == token,
                    stale=stale,
                )
            )
        return found

    def _names(self, change: Change, digest: str, body: bytes) -> tuple[str, list[tuple[str, str]]]:
        """Return what a record is called and found by; keep the record for who maps it.

        It is made of the bytes that are stored, so that it is the same whenever it is mapped.
        """
        if change.deleted:
            return change.id, [("id", normalise(change.id))]
        try:
            key, pipelines = self.settings.feed.key, self.settings.pipelines
            raw = decode_json(body)
            record = self._source.to_record(key.entity, raw)
            name = (key.connection, key.entity, digest)
            self._fresh.keep(name, Read(raw, record), size=len(body), wanted=len(pipelines))
            keys = keys_of(record)
            if record.source_id != change.id:
                keys.append(("id", normalise(change.id)))
            return label_of(record), keys
        except errors.BadRecord:
            return _rescued_names(change)
        except Exception as error:  # noqa: BLE001 - a record nobody foresaw must not end all reading
            _log.error("defect while reading a record", exc_info=error, extra={"feed": self.name})
            return _rescued_names(change)

    # ------------------------------------------------------------ windows

    def _recorder(self, trace_id: str, window: int) -> CallRecorder:
        return CallRecorder(
            clock=self._clock,
            connection=self.settings.feed.key.connection,
            trace_id=trace_id,
            window=window,
        )

    async def _open(self, kind: str, since_us: int, until_us: int) -> tuple[int, CallRecorder]:
        start = WindowStart(
            feed=self.settings.feed.seq,
            kind=kind,
            trace_id=self._new_id(),
            since_us=since_us,
            until_us=until_us,
            now_us=self._clock.now_us(),
        )

        def unit(connection: Connection) -> int:
            self.turn.keep(connection)
            return open_window(connection, start)

        window = await self._ledger.write(unit)
        return window, self._recorder(start.trace_id, window)

    async def _bound(self, window: int, until_us: int) -> None:
        def unit(connection: Connection) -> None:
            self.turn.keep(connection)
            bound_window(connection, window, until_us)

        await self._ledger.write(unit)

    async def _close(self, window: int, cursor_us: int | None, recorder: CallRecorder) -> None:
        store_calls, now = recorder.drain(), self._clock.now_us()
        feed = self.settings.feed

        def unit(connection: Connection) -> list[str]:
            self.turn.keep(connection)
            if store_calls is not None:
                store_calls(connection)
            since = looked_at(connection, feed.seq)
            close_window(connection, feed=feed.seq, window=window, cursor_us=cursor_us, now_us=now)
            if feed.key.entity != "inventory" or cursor_us is None:
                return []
            return recount(
                connection, feed, since_us=since, counted_us=counted_us, new_id=self._new_id,
                now_us=now,
            )  # fmt: skip

        if await self._ledger.write(unit):
            self._recorded(())
        crash_point("cursor.committed")

    @asynccontextmanager
    async def _failures_noted(self) -> AsyncIterator[None]:
        """Write down that reading fails, since when and why; the error goes on."""
        try:
            yield
        except errors.ConnectorError as error:
            if isinstance(error, errors.Unreachable):
                self._gate.unanswered()
            reason, now = _reason(error), self._clock.now_us()
            sentence = error.message
            _log.warning("reading failed", extra={"feed": self.name, "reason": reason})
            await self._ledger.write(
                lambda c: feed_failed(
                    c, feed=self.settings.feed.seq, reason=reason, sentence=sentence, now_us=now
                )
            )
            raise


def _reason(error: errors.ConnectorError) -> str:
    """Return a word a condition can be made of: our own code, else the kind of error."""
    return error.code if error.code in _OWN_CODES else type(error).__name__


def _now_token(clock: LedgerClock) -> str:
    return clock.now().isoformat(timespec="microseconds")


def _end_of(now: datetime, overlap_seconds: float) -> int:
    """Return the exclusive end of a window read at a server's `now`, in microseconds.

    A clock without parts of a second, like an HTTP Date, tells the beginning of its second. What
    changed since then is read now, not a poll later; what will yet change in it, by the overlap.
    """
    told_by_seconds = now.microsecond == 0 and overlap_seconds >= 1
    return to_us(now) + (1_000_000 if told_by_seconds else 0)


def _of_the_second(gone: Change, token: str, before: str) -> str:
    """Return a tombstone's token, moved up to that of a change in the same second.

    That something is gone is often known by an answer's Date only, which has whole seconds, while
    the change before has parts of one.
    """
    by_seconds = gone.at.microsecond == 0 and token[:_SECOND] == before[:_SECOND]
    return max(token, before) if by_seconds else token


def _rescued_names(change: Change) -> tuple[str, list[tuple[str, str]]]:
    """Return what an unreadable record can be found by: a bad order must be found as well."""
    raw = change.raw if isinstance(change.raw, dict) else {}
    named = {name: str(raw[name]) for name in _NAMES if isinstance(raw.get(name), str | int)}
    keys = [("id", normalise(change.id)), *(("number", normalise(x)) for x in named.values())]
    label = next((named[name] for name in _LABELS if name in named), change.id).removeprefix("#")
    return label, [key for key in keys if key[1]]

"""A worker that stays: reads when its triggers say so, works whenever something is due.

Must not: be needed for correctness; a worker that is started once a day does the same, later.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence

from knect.api.pipeline import Trigger
from knect.engine.delivering.pipeline import PipelineWorker
from knect.engine.reading.feed import FeedReader
from knect.engine.reading.triggers import seconds_to_next_read
from knect.engine.working.worker import Worker
from knect.ledger import LedgerError
from knect.ledger.inbox import waiting_hints
from knect.ledger.instants import from_us
from knect.sdk import errors

__all__ = ["Follower"]

_log = logging.getLogger("knect.follow")

_LONGEST_SLEEP = 5.0
_LOOK_AGAIN = 5.0  # whether a feed that another worker reads has become free
_INBOX_EVERY = 1.0  # what another process, the receiver, may have written
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 30.0  # after a failure, doubled each time it fails again


class Follower:
    """Keeps a started worker going until it is told to stop."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._clock = worker.options.clock
        self._hints: Mapping[str, asyncio.Event] = {
            feed.name: asyncio.Event() for feed in worker.feeds
        }
        self._due: dict[str, asyncio.Event] = {
            pipeline.settings.name: asyncio.Event() for pipeline in worker.pipelines
        }
        #: Feeds to be read out of turn, until a read has come to its end.
        self._asked: set[str] = set()
        #: A person's wish is tried once at an end that does not answer; then its gate is heeded.
        self._wishes: Mapping[str, asyncio.Event] = {
            feed.name: asyncio.Event() for feed in worker.feeds
        }
        self._on_read: Callable[[FeedReader, float], None] = lambda _feed, _began: None
        self.tasks: list[asyncio.Task[None]] = []

    def when_read(self, call: Callable[[FeedReader, float], None]) -> None:
        """Call `call` whenever a feed was read to its end, with when that read began."""
        self._on_read = call

    def read_now(self, feed: FeedReader) -> None:
        """Read a feed out of turn."""
        self._asked.add(feed.name)
        self._wishes[feed.name].set()
        self._hints[feed.name].set()

    def hint_arrived(self, connection: str) -> None:
        """Say that a webhook of a Connection was stored."""
        for feed in self._worker.feeds:
            if feed.settings.feed.key.connection == connection:
                self._hints[feed.name].set()

    def something_is_due(self) -> None:
        """Say that a person made transactions due."""
        for event in self._due.values():
            event.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Read and work until `stop` is set. Raises what no retry can help."""
        self._worker.when_recorded(self.something_is_due)
        tasks = [asyncio.create_task(self._read(feed)) for feed in self._worker.feeds]
        tasks += [asyncio.create_task(self._work(pipeline)) for pipeline in self._worker.pipelines]
        if self._worker.ledger.shared and self._worker.feeds:
            tasks.append(asyncio.create_task(self._watch_inbox()))
            tasks.append(asyncio.create_task(self._make_room()))
        self.tasks = tasks
        stopping = asyncio.create_task(stop.wait())
        try:
            done, _ = await asyncio.wait({*tasks, stopping}, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in [*tasks, stopping]:
                task.cancel()
            await asyncio.gather(*tasks, stopping, return_exceptions=True)

    def _trigger(self, feed: FeedReader) -> list[Trigger]:
        return [
            pipeline.spec.trigger
            for pipeline in self._worker.live_pipelines
            if pipeline.name in feed.settings.pipelines
        ]

    async def _read(self, feed: FeedReader) -> None:
        triggers = self._trigger(feed)
        hints, wish = self._hints[feed.name], self._wishes[feed.name]
        next_poll = 0.0
        failures = 0
        while True:
            pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**failures)
            failures = min(failures + 1, 10)
            try:
                if closed := feed.closed_for:  # webhooks come all the while
                    await self._sleep(closed, wish)
                wish.clear()
                hints.clear()
                of_hints = await self._hinted(feed)
                began = self._clock.monotonic()
                if began >= next_poll or feed.name in self._asked:
                    again = next_poll > 0 and feed.name not in self._asked
                    wait = await self._read_meanwhile(feed, triggers) if again else 0.0
                    if wait > 0:
                        pass  # another worker has read it, for us too
                    elif not await feed.poll():
                        wait = _LOOK_AGAIN
                    else:
                        self._asked.discard(feed.name)
                        self._on_read(feed, began)
                        now = self._clock.now()
                        wait = min(seconds_to_next_read(trigger, now) for trigger in triggers)
                    next_poll = self._clock.monotonic() + wait
                if of_hints is not None:
                    raise of_hints
                pause = next_poll - self._clock.monotonic()
                failures = 0
            except errors.RetryLater as error:
                pause = error.retry_after or pause
            except errors.ConnectorError as error:
                _log.warning("reading waits", extra={"feed": feed.name, "reason": error.message})
            except LedgerError as error:
                _log.error("the ledger cannot be used", extra={"reason": str(error)})
            await self._sleep(pause, hints)

    async def _read_meanwhile(self, feed: FeedReader, triggers: Sequence[Trigger]) -> float:
        """Return in how many seconds a feed is due, counted from when anybody looked at it last.

        A look that is to come was before the clock was set back, and says nothing.
        """
        looked = from_us((await feed.turn.other()).looked_us)
        ago = (self._clock.now() - looked).total_seconds()
        if ago < 0:
            return 0.0
        return min(seconds_to_next_read(trigger, looked) for trigger in triggers) - ago

    async def _hinted(self, feed: FeedReader) -> errors.Fatal | None:
        """Look at hints; return what they failed on that is no trouble with the whole source.

        The poll behind them goes on: one hint that cannot be looked at must not stop it.
        """
        try:
            await feed.look_at_hints()
        except errors.Fatal as error:
            return error
        return None

    async def _watch_inbox(self) -> None:
        """See webhooks that another process stored."""
        seen: Mapping[tuple[str, str], tuple[int, int]] = {}
        while True:
            try:
                there = await self._worker.ledger.read(waiting_hints)
                for feed in self._worker.feeds:
                    key = (feed.settings.feed.key.connection, feed.settings.feed.key.entity)
                    if there.get(key, seen.get(key)) != seen.get(key):
                        self._hints[feed.name].set()
                seen = there
            except LedgerError as error:
                _log.warning("the inbox cannot be seen", extra={"reason": str(error)})
            await self._clock.sleep(_INBOX_EVERY)

    async def _make_room(self) -> None:
        """Keep no feed that another worker has pipelines of: it may want it read sooner."""
        while True:
            await self._clock.sleep(_LOOK_AGAIN)
            try:
                for feed in self._worker.feeds:
                    await feed.make_room()
            except LedgerError as error:
                _log.warning("a feed is kept", extra={"reason": str(error)})

    async def _work(self, pipeline: PipelineWorker) -> None:
        due = self._due[pipeline.settings.name]
        while True:
            due.clear()
            pause = _LONGEST_SLEEP
            try:
                await pipeline.work()
                at = await pipeline.next_due()
                if at is not None:
                    wait = at / 1e6 - self._clock.now().timestamp()
                    pause = min(pause, max(0.01, wait, pipeline.closed_for))
            except LedgerError as error:
                _log.error("the ledger cannot be used", extra={"reason": str(error)})
            await self._sleep(pause, due)

    async def _sleep(self, seconds: float, woken: asyncio.Event) -> None:
        """Wait for the time or the event, whichever comes first."""
        timer = asyncio.ensure_future(self._clock.sleep(seconds))
        event = asyncio.ensure_future(woken.wait())
        try:
            await asyncio.wait({timer, event}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            timer.cancel()
            event.cancel()

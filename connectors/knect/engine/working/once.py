"""One run: read every feed up to now, then work until nothing moves by itself.

Why: `knect run` and a Job end when there is nothing left to do, which is more than having read
everything: what one pipeline delivers may let another one's records go on.
Must not: wait for a person, or for a destination that stays away.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from knect.engine.bounds.gate import Gate
from knect.engine.deciding.policy import RetryPolicy
from knect.engine.delivering.pipeline import PipelineWorker
from knect.engine.reading.feed import FeedReader
from knect.ledger import Ledger
from knect.ledger.claims import next_due
from knect.ledger.instants import to_us
from knect.sdk import errors
from knect.seams import Clock

__all__ = ["OneRun"]

_log = logging.getLogger("knect.feed")

_MICROSECONDS = 1_000_000
_SEEN_AGAIN = 0.25
"""Seconds between two looks at what another worker has: a feed, or transactions in hand."""


class OneRun(Struct, frozen=True, kw_only=True):
    """What is read and worked on. `recorded` is set whenever a page was recorded."""

    ledger: Ledger
    feeds: Sequence[FeedReader]
    pipelines: Sequence[PipelineWorker]
    gates: Mapping[str, Gate]
    recorded: asyncio.Event
    patience_seconds: float
    clock: Clock

    async def run(self) -> list[errors.ConnectorError]:
        """Return what went wrong with an end as a whole."""
        reading = asyncio.gather(*(self._read(feed) for feed in self.feeds))
        try:
            failures = await self._work_all(reading)
            failures += await reading
            while await self._woken() and not any(failures):
                if closed := max((one.closed_for for one in self.pipelines), default=0.0):
                    await self.clock.sleep(closed)
                failures += await self._work_all(reading)
        finally:  # interrupted: nobody reads on while the ends are being closed
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
        return [failure for failure in failures if failure is not None]

    async def _work_all(
        self, reading: "asyncio.Future[list[errors.ConnectorError | None]]"
    ) -> list[errors.ConnectorError | None]:
        working = [
            asyncio.create_task(self._work_until(pipeline, reading)) for pipeline in self.pipelines
        ]
        try:
            return list(await asyncio.gather(*working))
        finally:
            for task in working:
                task.cancel()
            await asyncio.gather(*working, return_exceptions=True)

    async def _woken(self) -> bool:
        """Tell whether one pipeline let go on what another one's records waited for."""
        now = to_us(self.clock.now())
        dues = [await pipeline.next_due() for pipeline in self.pipelines]
        return any(due is not None and due <= now for due in dues)

    async def _read(self, feed: FeedReader) -> errors.ConnectorError | None:
        """Read a feed to now; what may pass by itself is tried for a while."""
        retry = self.pipelines[0].settings.retry if self.pipelines else RetryPolicy()
        for attempt in range(1, retry.attempts + 1):
            try:
                await self._read_or_see_it_read(feed)
            except errors.RetryLater as error:
                if attempt == retry.attempts or error.code == "SuspiciousSilence":
                    return error
                pause = error.retry_after or min(retry.max, retry.initial * 2 ** (attempt - 1))
                await self.clock.sleep(pause)
            except errors.ConnectorError as error:
                return error
            else:
                return None
        return None

    async def _read_or_see_it_read(self, feed: FeedReader) -> None:
        """Read a feed and let others have it, or see another worker read it.

        One that died cannot: then its lease runs out here. Whoever renews a lease is alive.
        """
        began_us, first_us = to_us(self.clock.now()), 0
        while True:
            await feed.look_at_hints()
            if await feed.poll():
                return await feed.turn.let_go()
            other = await feed.turn.other()
            if not first_us:
                _log.info("another worker has it; is it alive?", extra={"feed": feed.name})
            first_us = first_us or other.expires_us
            if other.looked_us >= began_us or other.expires_us > first_us > 0:
                return None
            await self.clock.sleep(_SEEN_AGAIN)

    async def _work_until(
        self,
        pipeline: PipelineWorker,
        reading: "asyncio.Future[list[errors.ConnectorError | None]]",
    ) -> errors.ConnectorError | None:
        """Work until reading is done and nothing of this pipeline moves by itself any more.

        Returns why it gave up before that: a destination that stays away is not waited for.
        """
        while True:
            done_reading = reading.done()
            await pipeline.work()
            due = await self.ledger.read(lambda c: next_due(c, pipeline.settings.name, moving=True))
            if due is None and done_reading:
                return None
            silent = self.gates[pipeline.settings.destination].silent_for
            if silent > self.patience_seconds:
                return errors.Unreachable(
                    f"{pipeline.settings.destination} has not answered for {silent:.0f} s; what is "
                    "under way goes on with the next run"
                )
            await self._pause(due, reading if not done_reading else None, pipeline.closed_for)

    async def _pause(
        self, due_us: int | None, reading: "asyncio.Future[Any] | None", closed_for: float
    ) -> None:
        """Sleep until something is due, was recorded, or reading ended; a moment at most.

        What is due only when another worker's lease ends may be done with long before.
        """
        pause = _SEEN_AGAIN
        if due_us is not None:
            wait = due_us / _MICROSECONDS - self.clock.now().timestamp()
            pause = min(pause, max(0.005, wait, closed_for))
        waiting: set[asyncio.Future[Any]] = {
            asyncio.ensure_future(self.clock.sleep(pause)),
        }
        if reading is not None:
            self.recorded.clear()
            waiting.add(asyncio.ensure_future(self.recorded.wait()))
        first = waiting | ({asyncio.shield(reading)} if reading is not None else set())
        await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()

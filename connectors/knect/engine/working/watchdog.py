"""Says that something hangs while it hangs.

Why: a span that never ends is never exported and a log line that is never written is never read,
so a hang would be invisible. Must not: end, retry or touch the work it watches.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from knect.engine.bounds.pulse import Beat
from knect.ledger import Ledger, LedgerError
from knect.ledger.marks import mark_stalled
from knect.seams import Clock

if TYPE_CHECKING:
    from knect.engine.delivering.pipeline import PipelineWorker

__all__ = ["Watchdog"]

_log = logging.getLogger("knect.watchdog")

_LOOK_EVERY = 5.0


class Watchdog:
    """Looks at what is in hand and marks what has been there too long, once each."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        pipelines: "Sequence[PipelineWorker]",
        clock: Clock,
        touched: Callable[[Iterable[int]], None],
    ) -> None:
        self._ledger = ledger
        self._pipelines = pipelines
        self._clock = clock
        self._touched = touched
        self._task: asyncio.Task[None] | None = None
        self.beat = Beat("watchdog", clock, deadline=120.0)

    def start(self) -> None:
        """Begin to watch."""
        self._task = self.beat.of(asyncio.create_task(self._run(), name="watchdog"))

    async def stop(self) -> None:
        """Stop watching."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def look(self) -> int:
        """Mark what stalled since the last look; return how many."""
        found = 0
        for pipeline in self._pipelines:
            late = pipeline.in_hand_longer_than(pipeline.settings.stalled_after)
            if not late:
                continue
            found += len(late)
            for job in late:
                _log.warning("stalled", extra=job.describe())
            marks = [(job.seq, job.attempt, job.stage, job.taken_us, job.now_us()) for job in late]
            await self._ledger.write(lambda c, marks=marks: mark_stalled(c, marks))  # type: ignore[misc]
            self._touched(job.seq for job in late)
        return found

    async def _run(self) -> None:
        shortest = min((p.settings.stalled_after for p in self._pipelines), default=_LOOK_EVERY)
        while True:
            self.beat.strike()
            await self._clock.sleep(min(_LOOK_EVERY, shortest / 2))
            try:
                await self.look()
            except LedgerError as error:
                _log.warning("nothing can be marked as stalled", extra={"reason": str(error)})

"""One pipeline at work: claim what is due, map, resolve, plan, deliver, commit.

Why: transactions are claimed in batches and delivered in small groups at the same time, so that
one slow or poisoned record holds nobody up. Must not: read the source's changes (feeds do), or
keep anything in memory that a restart would miss.
"""

import asyncio
import logging
from collections.abc import Iterator, Sequence

from knect.engine.bounds.allowance import working_on
from knect.engine.bounds.lease import Taken
from knect.engine.deciding.defects import failed_on_it
from knect.engine.deciding.policy import KEY_BUSY_SECONDS, hand_back, not_as_then
from knect.engine.delivering.as_then import AsThen, MappingOfThenError
from knect.engine.delivering.job import Job
from knect.engine.delivering.means import Means
from knect.engine.delivering.settings import PipelineSettings, external_id
from knect.engine.delivering.settlement import Settlement
from knect.engine.delivering.stages import Stages
from knect.engine.recorder import CallRecorder
from knect.ledger import LedgerError
from knect.ledger.claims import claim, next_due
from knect.sdk import errors
from knect.sdk.exchange import recording

__all__ = ["PipelineWorker"]

_log = logging.getLogger("knect.pipeline")


class PipelineWorker:
    """Works on the transactions of one pipeline until there is nothing due."""

    def __init__(self, settings: PipelineSettings, means: Means) -> None:
        self.settings = settings
        self._ledger, self._clock, self._new_id = means.ledger, means.clock, means.new_id
        self._lease, self._gate = means.lease, means.gate
        self._stages = Stages(settings, means)
        self._as_then = AsThen(settings, means)
        self._settlement = Settlement(settings, means)
        self._slots = asyncio.Semaphore(settings.max_in_flight)
        self._running: set[asyncio.Task[None]] = set()
        self._in_hand: dict[int, Job] = {}
        self._stopping = False

    async def work(self) -> int:
        """Take what is due until nothing is; return how many transactions were worked on."""
        done = 0
        while True:
            taken = len(await self._claim())  # only the count: what is done with may go
            done += taken
            if not taken:
                if not self._running:
                    return done
                await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
                continue

    async def next_due(self) -> int | None:
        """Return the instant (microseconds) at which something is due, None if nothing will be."""
        return await self._ledger.read(lambda c: next_due(c, self.settings.name))

    def stop(self) -> None:
        """Take nothing more."""
        self._stopping = True

    @property
    def closed_for(self) -> float:
        """Seconds until the destination may be called again; 0 while it answers."""
        return self._gate.closed_for

    @property
    def in_hand(self) -> dict[int, Taken]:
        """The row ids of what is worked on now, and when each was taken."""
        return {seq: job.taken for seq, job in self._in_hand.items()}

    def in_hand_longer_than(self, seconds: float) -> list[Job]:
        """Return what has been worked on for longer and was not returned here before."""
        now = self._clock.monotonic()
        late = [
            job
            for job in self._in_hand.values()
            if not job.stalled and now - job.taken.asked_at >= seconds
        ]
        for job in late:
            job.stalled = True
        return late

    @property
    def stalled_for(self) -> float:
        """Seconds since the oldest stalled transaction was taken in hand; 0 if none stalled."""
        now = self._clock.monotonic()
        return max(
            (now - job.taken.asked_at for job in self._in_hand.values() if job.stalled), default=0
        )

    async def abandon(self) -> None:
        """Stop in the middle of what is in hand; the ledger knows how far it came."""
        running = list(self._running)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def drain(self) -> None:
        """Wait for what is in hand."""
        while self._running:
            await asyncio.wait(self._running)

    # ------------------------------------------------------------ claiming

    async def _claim(self) -> list[Job]:
        await self._slots.acquire()
        self._slots.release()
        limit = self.settings.batch_size if self._lease.remaining() > 1.0 else 0
        if limit == 0 or self._stopping or self._gate.closed_for:
            return []
        asked_at = self._clock.monotonic()  # before the ledger's time: its lease lasts as long
        calls, now = self._new_id(), self._clock.now_us()
        claimed = await self._ledger.write(
            lambda c: claim(
                c,
                pipeline=self.settings.name,
                holder=self.settings.holder,
                calls=calls,
                now_us=now,
                lease_us=int(self.settings.lease_seconds * 1_000_000),
                limit=limit,
            )
        )
        taken, taken_us = Taken(asked_at, self._clock.monotonic()), self._clock.now_us()
        source, entity = self.settings.source, self.settings.entity
        jobs = [
            Job(
                row,
                clock=self._clock,
                worker=self.settings.holder,
                taken=taken,
                taken_us=taken_us,
                external_id=external_id(source, entity, row.source_id),
                mask=self.settings.mask,
            )
            for row in claimed
        ]
        self._take_in_hand(jobs)
        size = max((spec.max_batch for spec in self.settings.writes.values()), default=1)
        size = min(size, self.settings.batch_size)
        for group in _groups(jobs, size):
            await self._slots.acquire()
            task = asyncio.create_task(self._guarded(group, calls))
            self._running.add(task)
            task.add_done_callback(self._ended)
        return jobs

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._running.discard(task)
        self._slots.release()
        error = None if task.cancelled() else task.exception()
        if isinstance(error, LedgerError):  # the ledger knows how far they came
            _log.warning("a group waits for its lease to end", extra={"reason": str(error)})
        elif error is not None:
            _log.error("a group of transactions was dropped", exc_info=error)

    def _take_in_hand(self, jobs: Sequence[Job]) -> None:
        """Have these in hand.

        A claim that is answered after its lease has ended is claimed once more. It is another job
        of the same row, and the only one that may send: what the first one does yet is refused by
        the ledger, but not by the destination.
        """
        for job in jobs:
            older = self._in_hand.get(job.seq)
            if older is not None and older.verdict is None:
                older.taken.over = True
            self._in_hand[job.seq] = job

    def _let_go(self, jobs: Sequence[Job]) -> None:
        """Have these no longer in hand, but for what was claimed once more."""
        for job in jobs:
            if self._in_hand.get(job.seq) is job:
                del self._in_hand[job.seq]

    async def _guarded(self, jobs: list[Job], calls: str) -> None:
        recorder = CallRecorder(
            clock=self._clock,
            connection=self.settings.destination,
            trace_id=calls,
            transactions=[job.seq for job in jobs],
        )
        with recording(recorder), working_on(self.settings.entity):
            try:
                await (await self._stages_for(jobs)).take(jobs)
            except MappingOfThenError as error:
                for job in jobs:
                    job.judge(not_as_then(str(error)))
            except errors.ConnectorError as error:
                self._stages.all_failed(jobs, error)
            except LedgerError as error:
                _log.warning("a group is given back", extra={"reason": str(error)})
                for job in jobs:
                    if job.verdict is None and not job.lost:
                        job.judge(hand_back(KEY_BUSY_SECONDS))
            except Exception as error:  # noqa: BLE001 - a defect stops these records, not the rest
                _log.error("defect while working on transactions", exc_info=error)
                self._stages.all_failed(jobs, failed_on_it(error))
            try:
                await self._settlement.commit(jobs, recorder)
            finally:
                self._let_go(jobs)

    async def _stages_for(self, jobs: Sequence[Job]) -> Stages:
        """Return what takes a group, of which all are mapped by the same revision."""
        then = jobs[0].claimed.as_then
        return self._stages if then is None else await self._as_then.stages(then)


def _groups(jobs: Sequence[Job], size: int) -> Iterator[list[Job]]:
    """Yield groups of at most this size, of which each is mapped by one revision."""
    by_mapping: dict[int | None, list[Job]] = {}
    for job in jobs:
        by_mapping.setdefault(job.claimed.as_then, []).append(job)
    for alike in by_mapping.values():
        for start in range(0, len(alike), size):
            yield alike[start : start + size]

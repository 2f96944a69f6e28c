"""One pipeline at work: claim what is due, map, resolve, plan, deliver, commit.

Why: transactions are claimed in batches and delivered in small groups at the same time, so that
one slow or poisoned record holds nobody up. Must not: read the source's changes (feeds do), or
keep anything in memory that a restart would miss.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from knect.api.pipeline import Mode
from knect.api.reasons import Reason
from knect.engine.allowance import working_on
from knect.engine.delivery import Courier
from knect.engine.effect_rows import fences_of, ids_of
from knect.engine.fresh import Fresh
from knect.engine.gate import Gate
from knect.engine.job import Job
from knect.engine.keys import normalise
from knect.engine.lease import Lease
from knect.engine.ledger_clock import LedgerClock
from knect.engine.mapper import Extracted, Mapped, ValueTables, extract, map_record
from knect.engine.observing import Observer
from knect.engine.planning import Planner
from knect.engine.policy import KEY_BUSY_SECONDS, OPERATIONS, Verdict, hand_back, verdict_for
from knect.engine.recall import Recollection, recall, recall_parents
from knect.engine.recorder import CallRecorder
from knect.engine.resolve import Resolver
from knect.engine.settings import CourierSettings, PipelineSettings, external_id
from knect.engine.unbound import await_counterparts
from knect.engine.unclear import keep_open
from knect.ledger import Fate, Ledger, LedgerError, Stage
from knect.ledger.again import follow_up
from knect.ledger.claims import claim, next_due, wake
from knect.ledger.fates import HOLDING
from knect.ledger.outcomes import settle
from knect.ledger.payload import StoredPayload, payloads_of, unpack
from knect.ledger.restock import restock
from knect.model import decode_json
from knect.sdk import errors
from knect.sdk.contract import Destination, Source
from knect.sdk.exchange import recording
from knect.seams import IdSource, crash_point

__all__ = ["PipelineWorker"]

_log = logging.getLogger("knect.pipeline")

Touched = Callable[[Iterable[int]], None]


class PipelineWorker:
    """Works on the transactions of one pipeline until there is nothing due."""

    def __init__(
        self,
        settings: PipelineSettings,
        *,
        ledger: Ledger,
        source: Source,
        destination: Destination,
        lease: Lease,
        gate: Gate,
        clock: LedgerClock,
        new_id: IdSource,
        fresh: Fresh,
        touched: Touched,
        committed: Callable[[Sequence[Job]], None] = lambda _: None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.settings = settings
        self._ledger = ledger
        self._source = source
        self._destination = destination
        self._lease = lease
        self._gate = gate
        self._clock = clock
        self._new_id = new_id
        self._fresh = fresh
        self._touched = touched
        self._committed = committed
        self._chance = chance
        self._resolver = Resolver(destination=destination, where=settings.destination, clock=clock)
        self._planner = Planner(
            plan=settings.plan,
            where=settings.destination,
            destination=destination,
            write=settings.write,
            on_source_delete=settings.on_source_delete,
        )
        self._observer = Observer(settings=settings, ledger=ledger, destination=destination)
        self._courier = Courier(
            CourierSettings(
                source=settings.source,
                destination=settings.destination,
                writes=settings.writes,
                retry=settings.retry,
                request_seconds=settings.request_seconds,
                chance=chance,
            ),
            ledger=ledger,
            destination=destination,
            lease=lease,
            gate=gate,
            clock=clock,
        )
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
    def in_hand(self) -> list[int]:
        """The row ids of what is worked on now."""
        return list(self._in_hand)

    def in_hand_longer_than(self, seconds: float) -> list[Job]:
        """Return what has been worked on for longer and was not returned here before."""
        now = self._clock.monotonic()
        late = [
            job
            for job in self._in_hand.values()
            if not job.stalled and now - job.taken_at >= seconds
        ]
        for job in late:
            job.stalled = True
        return late

    @property
    def stalled_for(self) -> float:
        """Seconds since the oldest stalled transaction was taken in hand; 0 if none stalled."""
        now = self._clock.monotonic()
        return max((now - job.taken_at for job in self._in_hand.values() if job.stalled), default=0)

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
        calls, now = self._new_id(), self._clock.now_us()
        taken_at = self._clock.monotonic()
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
        jobs = [
            Job(
                claimed=row,
                clock=self._clock,
                worker=self.settings.holder,
                taken_at=taken_at,
                mask=self.settings.mask,
            )
            for row in claimed
        ]
        self._in_hand.update((job.seq, job) for job in jobs)
        size = max((spec.max_batch for spec in self.settings.writes.values()), default=1)
        size = min(size, self.settings.batch_size)
        for start in range(0, len(jobs), size):
            await self._slots.acquire()
            task = asyncio.create_task(self._guarded(jobs[start : start + size], calls))
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

    async def _guarded(self, jobs: list[Job], calls: str) -> None:
        recorder = CallRecorder(
            clock=self._clock,
            connection=self.settings.destination,
            trace_id=calls,
            transactions=[job.seq for job in jobs],
        )
        with recording(recorder), working_on(self.settings.entity):
            try:
                await self._group(jobs)
            except errors.ConnectorError as error:
                self._all_failed(jobs, error)
            except LedgerError as error:
                _log.warning("a group is given back", extra={"reason": str(error)})
                for job in jobs:
                    if job.verdict is None and not job.lost:
                        job.verdict = hand_back(KEY_BUSY_SECONDS)
            except Exception as error:  # noqa: BLE001 - a defect stops these records, not the rest
                _log.error("defect while working on transactions", exc_info=error)
                self._all_failed(jobs, errors.Fatal(_defect(error)))
            try:
                await self._commit(jobs, recorder)
            finally:
                for job in jobs:
                    self._in_hand.pop(job.seq, None)

    def _all_failed(self, jobs: Sequence[Job], error: errors.ConnectorError) -> None:
        if isinstance(error, errors.Unreachable):
            self._gate.unanswered()
        for job in jobs:
            if job.verdict is None and not job.lost:
                job.verdict = verdict_for(
                    error,
                    where=self.settings.destination,
                    attempt=job.attempt,
                    policy=self.settings.retry,
                    chance=self._chance(),
                )

    # ------------------------------------------------------------ stages

    async def _group(self, jobs: list[Job]) -> None:
        await self._load(jobs)
        self._each(jobs, self._extract)
        known = await recall(self._ledger, self.settings, jobs)
        self._each(jobs, partial(self._map, known))
        await keep_open(self._ledger, jobs, where=self.settings.destination)
        mapped = [job for job in jobs if job.verdict is None]
        tables: ValueTables = {**self.settings.plan.tables, **known.by_hand}
        records = [job for job in mapped if job.mapped is not None]
        parents = await recall_parents(self._ledger, self.settings, records)
        self._resolver.name_parents(records, parents, retry_seconds=self.settings.retry.max)
        records = [job for job in records if job.verdict is None]
        found = await self._resolver.resolve(records, tables, retry_seconds=self.settings.retry.max)
        if found:
            now = self._clock.now_us()
            await self._ledger.write(lambda c: wake(c, found, now_us=now))
        self._each(mapped, self._plan)
        await await_counterparts(self._ledger, self.settings, mapped)
        if self.settings.mode is Mode.OBSERVE:
            await self._observer.observe([job for job in mapped if job.verdict is None])
        await self._courier.deliver(jobs)

    def _each(self, jobs: Sequence[Job], step: Callable[[Job], None]) -> None:
        """Take a step with all that have no verdict yet; what fails with one stops it alone."""
        for job in jobs:
            if job.verdict is not None:
                continue
            try:
                step(job)
            except errors.ConnectorError as error:
                self._all_failed([job], error)
            except Exception as error:  # noqa: BLE001 - as above
                _log.error("defect while working on a transaction", exc_info=error)
                self._all_failed([job], errors.Fatal(_defect(error)))

    async def _load(self, jobs: Sequence[Job]) -> None:
        """Get the payloads: from who just read them, else from the ledger."""
        settings = self.settings
        for job in jobs:
            job.read = self._fresh.take((settings.source, settings.entity, job.claimed.hash))
        missing = [job.claimed.hash for job in jobs if job.read is None]
        if missing:
            found = await self._ledger.read(lambda c: payloads_of(c, missing))
            for job in jobs:
                job.payload = found.get(job.claimed.hash)

    def _extract(self, job: Job) -> None:
        claimed = job.claimed
        if claimed.deleted:
            job.verdict = self._planner.ignored()
            return
        if job.read is None and job.payload is None:
            job.verdict = Verdict(
                fate=Fate.REJECTED,
                reason=Reason.SOURCE_GONE,
                message="its payload was removed by retention; replay it as now",
                acts=OPERATIONS,
            )
            return
        if job.read is not None:
            raw, record = job.read.raw, job.read.record
        else:
            raw, record = decode_json(unpack(job.payload or b"")), None
        outcome = extract(self.settings.plan, self._source, raw, record)
        if isinstance(outcome, Extracted):
            job.extracted = outcome
        else:
            job.verdict = outcome
        job.reach(Stage.EXTRACTED)
        crash_point("extract.done")

    def _map(self, known: Recollection, job: Job) -> None:
        if job.extracted is None:
            return  # a deletion has nothing to map
        around = known.around(job)
        job.previous = around.previous
        outcome = map_record(self.settings.plan, self._destination, job.extracted, around)
        if isinstance(outcome, Mapped):
            job.mapped = outcome
            job.reach(Stage.MAPPED, text=outcome.terms)
        else:
            job.verdict = outcome
        crash_point("map.done")

    def _plan(self, job: Job) -> None:
        settings = self.settings
        job.reach(Stage.RESOLVED)
        nothing = self._planner.nothing_to_do(job)
        if nothing is not None:
            job.verdict = nothing
            return
        job.effects = self._planner.effects(
            job, external_id(settings.source, settings.entity, job.claimed.source_id)
        )
        if not job.effects:
            job.verdict = self._planner.no_effects(job)

    # ------------------------------------------------------------ commit

    async def _commit(self, jobs: Sequence[Job], recorder: CallRecorder) -> None:
        """Write every verdict, with effects, bindings and calls, in one commit."""
        mine = [job for job in jobs if not job.lost and job.verdict is not None]
        store_calls = recorder.drain()
        fences, ids = fences_of(mine), ids_of(mine)
        transitions = [job.transition(self.settings.mapping) for job in mine]
        documents = [
            StoredPayload(job.mapped.hash, job.mapped.body)
            for job in mine
            if job.mapped is not None
        ]
        commitments = [
            row
            for job in mine
            if job.verdict is not None and job.verdict.fate in HOLDING
            for row in job.commitments(self.settings.destination)
        ]
        erp = self.settings.destination
        skus = {normalise(sku) for job in mine for sku in job.skus_newly_taken_or_left()}
        effects = [row for job in mine for row in job.pending_effects]
        bindings = [row for job in mine for row in job.pending_bindings]
        behind = {
            job.seq
            for job in mine
            if job.earlier and job.verdict is not None and job.verdict.fate is Fate.DELIVERED
        }
        now = self._clock.now_us()

        def unit(connection: Any) -> set[int]:
            if store_calls is not None:
                store_calls(connection)
            lost = settle(
                connection,
                fences=fences,
                ids=ids,
                effects=effects,
                bindings=bindings,
                transitions=transitions,
                documents=documents,
                commitments=commitments,
                now_us=now,
            )
            if behind:
                follow_up(connection, sorted(behind - lost), new_id=self._new_id, now_us=now)
            if skus:
                restock(connection, erp, skus, new_id=self._new_id, now_us=now)
            return lost

        lost = await self._ledger.write(unit)
        if any(job.verdict is not None and job.verdict.waits_for for job in mine):
            crash_point("wait.registered")
        for seq in lost:
            _log.warning("lost the lease before the commit", extra={"transaction": ids[seq]})
        kept = [job for job in mine if job.seq not in lost]
        if _log.isEnabledFor(logging.INFO):
            for job in kept:
                _log.info("committed", extra=job.describe())
        self._committed(kept)
        self._touched(job.seq for job in kept)


def _defect(error: Exception) -> str:
    return f"Knect itself failed on it ({type(error).__name__}); the log says where"

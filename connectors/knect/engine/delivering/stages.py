"""The stages of a group of transactions: load, extract, map, resolve, plan, deliver.

Why: what fails with one record stops that one alone, and what fails as a whole is judged for all
that have no verdict yet. Must not: claim or commit; the pipeline does.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from knect.api.pipeline import Mode
from knect.api.reasons import Reason
from knect.engine.deciding.defects import failed_on_it
from knect.engine.deciding.editing import Edits
from knect.engine.deciding.mapper import Extracted, Mapped, extract, map_record
from knect.engine.deciding.mapping_plan import ValueTables
from knect.engine.deciding.policy import (
    KEY_BUSY_SECONDS,
    OPERATIONS,
    Verdict,
    hand_back,
    verdict_for,
)
from knect.engine.deciding.terms import COMPUTED
from knect.engine.delivering.delivery import Courier
from knect.engine.delivering.doubts import doubt_what_is_bound
from knect.engine.delivering.gone import look_for_wanted, wanted_anew
from knect.engine.delivering.job import Job
from knect.engine.delivering.means import Means
from knect.engine.delivering.observing import Observer
from knect.engine.delivering.planning import Planner
from knect.engine.delivering.recall import Recollection, recall, recall_parents
from knect.engine.delivering.resolve import Resolver
from knect.engine.delivering.rivals import hold_rivals
from knect.engine.delivering.settings import PipelineSettings
from knect.engine.delivering.unbound import await_counterparts
from knect.engine.delivering.unclear import keep_open
from knect.ledger import Fate, Stage
from knect.ledger.claims import wake
from knect.ledger.payload import payloads_of, unpack
from knect.model import decode_edits, decode_json
from knect.sdk import errors
from knect.seams import crash_point

__all__ = ["Stages"]

_log = logging.getLogger("knect.pipeline")

#: Fates of what has nothing to be written, as far as the ledger knows.
_NOTHING_THERE = (Fate.SKIPPED, Fate.UNCHANGED)


class Stages:
    """Takes groups of one pipeline's transactions from their payload to their verdict."""

    def __init__(self, settings: PipelineSettings, means: Means) -> None:
        self._settings = settings
        self._ledger, self._clock = means.ledger, means.clock
        self._source, self._destination = means.source, means.destination
        self._gate, self._fresh, self._chance = means.gate, means.fresh, means.chance
        self._resolver = Resolver(
            destination=means.destination, where=settings.destination, clock=means.clock
        )
        self._planner = Planner(
            plan=settings.plan,
            where=settings.destination,
            destination=means.destination,
            write=settings.write,
            on_source_delete=settings.on_source_delete,
        )
        self._observer = Observer(
            settings=settings, ledger=means.ledger, destination=means.destination
        )
        self._courier = Courier(settings, means)

    async def take(self, jobs: list[Job]) -> None:
        """Take a group to its end; each job has its verdict then, or is lost."""
        await self._load(jobs)
        self._each(jobs, self._extract)
        known = await recall(self._ledger, self._settings, jobs)
        self._each(jobs, partial(self._map, known))
        await keep_open(self._ledger, jobs, where=self._settings.destination)
        mapped = [job for job in jobs if job.verdict is None]
        tables: ValueTables = {**self._settings.plan.tables, **known.by_hand}
        records = [job for job in mapped if job.mapped is not None]
        parents = await recall_parents(self._ledger, self._settings, records)
        self._resolver.name_parents(records, parents, retry_seconds=self._settings.retry.max)
        records = [job for job in records if job.verdict is None]
        found = await self._resolver.resolve(
            records, tables, retry_seconds=self._settings.retry.max
        )
        if found:
            now = self._clock.now_us()
            await self._ledger.write(lambda c: wake(c, found, now_us=now))
        await doubt_what_is_bound(self._ledger, mapped, where=self._settings.destination)
        await self._look_for_wanted(mapped)
        self._each(mapped, partial(self._plan, self._clock.now_us()))
        observes = self._settings.mode is Mode.OBSERVE
        ended = [
            job
            for job in jobs
            if job.verdict and (job.effects or job.verdict.fate in _NOTHING_THERE)
        ]
        # before anything else judges what is planned
        await self._courier.looks.for_ended(ended, only_asks=observes)
        await await_counterparts(self._ledger, self._settings, mapped)
        await hold_rivals(self._ledger, mapped, where=self._settings.destination)
        if observes:
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
                self.all_failed([job], error)
            except Exception as error:  # noqa: BLE001 - as above
                _log.error("defect while working on a transaction", exc_info=error)
                self.all_failed([job], failed_on_it(error))

    async def _load(self, jobs: Sequence[Job]) -> None:
        """Get the payloads: from who just read them, else from the ledger."""
        settings = self._settings
        for job in jobs:
            job.read = self._fresh.take((settings.source, settings.entity, job.claimed.hash))
        missing = [job.claimed.hash for job in jobs if job.read is None]
        missing += [job.claimed.edits for job in jobs if job.claimed.edits is not None]
        if missing:
            found = await self._ledger.read(lambda c: payloads_of(c, missing))
            for job in jobs:
                job.payload = found.get(job.claimed.hash)
                self._set_by_hand(job, found)

    def _set_by_hand(self, job: Job, found: Mapping[str, bytes]) -> None:
        """Note what a person set; without it the record is not what is meant, so it is none."""
        claimed = job.claimed
        if claimed.edits is None:
            return
        packed = found.get(claimed.edits)
        if packed is None:
            job.read = job.payload = None
            return
        edits = decode_edits(unpack(packed))
        job.edits = Edits(of=claimed.source_id, called=claimed.key, edits=edits)

    def _extract(self, job: Job) -> None:
        claimed = job.claimed
        if claimed.deleted:
            return  # there is nothing to be read
        if job.read is None and job.payload is None:
            job.judge(
                Verdict(
                    fate=Fate.REJECTED,
                    reason=Reason.SOURCE_GONE,
                    message="its payload was removed by retention; replay it as now",
                    acts=OPERATIONS,
                )
            )
            return
        if job.read is not None:
            raw, record = job.read.raw, job.read.record
        else:
            raw, record = decode_json(unpack(job.payload or b"")), None
        outcome = extract(self._settings.plan, self._source, raw, record, job.edits)
        if isinstance(outcome, Extracted):
            job.extracted = outcome
        else:
            job.judge(outcome)
        job.reach(Stage.EXTRACTED)
        crash_point("extract.done")

    def _map(self, known: Recollection, job: Job) -> None:
        if job.extracted is None:
            return  # a deletion has nothing to map
        around = known.around(job)
        job.previous, job.tried = around.previous, known.tried(job)
        outcome = map_record(self._settings.plan, self._destination, job.extracted, around)
        if isinstance(outcome, Mapped):
            job.mapped = outcome
            job.held = outcome.instead if around.sent else None
            job.reach(Stage.MAPPED, text=outcome.terms)
        else:
            if outcome.terms:
                job.note(COMPUTED, text=outcome.terms)
            job.judge(outcome)
        crash_point("map.done")

    def _plan(self, now_us: int, job: Job) -> None:
        job.reach(Stage.RESOLVED, now_us, text=job.looked)
        nothing = self._planner.nothing_to_do(job)
        if nothing is not None:
            job.judge(nothing)
            return
        if self._planner.is_made_anew(job):
            job.bound = None
        job.plan(self._planner.effects(job))
        unwritten = self._planner.unwritten(job)
        if unwritten is not None:
            made = self._planner.had_it_lived(job)
            job.plan([made] if made is not None else [])  # looked for before that is believed
            job.judge(unwritten)

    async def _look_for_wanted(self, jobs: Sequence[Job]) -> None:
        """Find out whether what a person wants anew is still there; on no answer it waits."""
        wanted = wanted_anew(jobs)
        if not wanted:
            return
        if seconds := self._gate.closed_for:
            for job in wanted:
                job.judge(hand_back(max(seconds, KEY_BUSY_SECONDS)))
            return
        try:
            await look_for_wanted(self._destination, wanted, where=self._settings.destination)
        except errors.ConnectorError as error:
            self.all_failed(wanted, error)

    def all_failed(self, jobs: Sequence[Job], error: errors.ConnectorError) -> None:
        """Judge what has no verdict yet by an error that stopped the whole group."""
        if isinstance(error, errors.Unreachable):
            self._gate.unanswered()
        for job in jobs:
            if job.verdict is None and not job.lost:
                job.judge(
                    verdict_for(
                        error,
                        where=self._settings.destination,
                        attempt=job.attempt,
                        policy=self._settings.retry,
                        chance=self._chance(),
                    )
                )

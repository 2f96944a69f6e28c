"""Delivery: effects written one after the other, each at most once, whatever dies.

The life of one effect:

    key leased, row `ahead` committed ──> looked up, if it may exist already
                                      ──> sent, while the lease lasts
    answered: done, or failed for a reason ──> committed with the binding
    not answered: `unknown` ──> looked up again later; sent again only once a negative look-up
                                proves something (the manifest's `once` says when)

Why: principle 1 of the design lives or dies here. Must not: know a platform, hold a database
transaction open during a call, or send what was not written ahead.
"""

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial

from knect.api.manifest import WriteManifest
from knect.engine.bounds.lease import covers_all
from knect.engine.deciding.policy import (
    KEY_BUSY,
    KEY_BUSY_SECONDS,
    hand_back,
    still_arriving,
)
from knect.engine.delivering.adoption import adopt, is_matched_first, nobody_elses
from knect.engine.delivering.effect_rows import (
    MAKES,
    arrives_in,
    call_of,
    clear_after,
    earlier_document,
    effect_row,
    fences_of,
    ids_of,
    is_from_before,
    is_of_what_is_gone,
    is_uncertain,
    is_unclear,
    may_exist,
    settles_in,
    was_there_before,
)
from knect.engine.delivering.endings import Endings
from knect.engine.delivering.job import Job
from knect.engine.delivering.looks import Looks, defect_in_delivery
from knect.engine.delivering.lost_answers import LostAnswer
from knect.engine.delivering.means import Means
from knect.engine.delivering.settings import PipelineSettings
from knect.ledger import LedgerError, Stage
from knect.ledger.bindings import BindingWrite, bindings_of, is_removed
from knect.ledger.outcomes import settle, write_ahead
from knect.sdk import errors
from knect.sdk.contract import Effect, Found, Outcome
from knect.sdk.permit import sending_while
from knect.seams import crash_point

__all__ = ["Courier"]

#: Nothing is sent when less of the lease is left than this, in seconds.
_LEAST_LEASE = 1.0

#: Looked up here once: an enumeration is slow to find its members.
_DELIVERING = Stage.DELIVERING


class Courier:
    """Writes the effects of jobs that are planned."""

    def __init__(self, settings: PipelineSettings, means: Means) -> None:
        self._settings = settings
        self._ledger, self._destination = means.ledger, means.destination
        self._lease, self._gate = means.lease, means.gate
        self._endings = Endings(settings, means)
        self.looks = Looks(settings, means, self._endings)

    async def deliver(self, jobs: Sequence[Job]) -> None:
        """Write everything; on return each job has its verdict or is lost."""
        while active := [j for j in jobs if j.verdict is None and not j.lost and j.effect]:
            by_write: dict[str, list[Job]] = {}
            for job in active:
                assert job.effect is not None
                by_write.setdefault(job.effect.write, []).append(job)
            for name, group in by_write.items():
                spec = self._settings.writes[name]
                for start in range(0, len(group), spec.max_batch):
                    await self._part(group[start : start + spec.max_batch], spec)
        ending = [job for job in jobs if job.verdict is None and not job.lost]
        now = ending[0].now_us() if ending else 0
        for job in ending:
            self._endings.finish(job, now)

    # ------------------------------------------------------------ one part

    async def _part(self, jobs: list[Job], spec: WriteManifest) -> None:
        """Write one effect of each job."""
        jobs = self._let_in(await self._not_yet_done(jobs), spec)
        if not jobs:
            return
        if self._gate.closed_for:
            for job in jobs:
                job.judge(hand_back(max(self._gate.closed_for, KEY_BUSY_SECONDS)))
            return
        jobs = self._still_ours(jobs)
        if not jobs:
            return
        there, jobs = await self.looks.back(jobs)
        ready = [*there, *await self._ahead(jobs, spec)]
        try:
            sending = await self._look_up(ready, spec)
            if sending:
                await self._send(sending, spec)
        except errors.ConnectorError as error:
            self._endings.failed(ready, error)
        except LedgerError:
            raise  # nothing was sent that is not written ahead: it is looked up later
        except Exception as error:  # noqa: BLE001 - a defect must not lose the others' outcomes
            defect = defect_in_delivery(error)
            for job in ready:
                if job.verdict is None and not job.pending_effects:
                    self._endings.not_told(job, defect)
        await self._commit_part(ready)

    async def _not_yet_done(self, jobs: Sequence[Job]) -> list[Job]:
        """Leave out effects that are done already: in an earlier attempt, or for another record."""
        left: list[Job] = []
        wanted: list[tuple[Job, tuple[str, str]]] = []
        for job in jobs:
            effect = job.effect
            assert effect is not None
            if done := _done_before(job, effect):
                job.earlier = earlier_document(job) or job.earlier
                self._endings.advance(job, done)
            else:
                left.append(job)
                # of the record itself it is known, and asked again when its key is had; so is
                # what was written ahead before: its row must come to its end
                makes = not effect.primary and effect.operation in MAKES
                if makes and not is_uncertain(job):
                    wanted.append((job, (effect.entity, effect.external_id)))
        if not wanted:
            return left
        names = [name for _, name in wanted]
        bindings = await self._ledger.read(
            lambda c: bindings_of(c, self._settings.destination, names)
        )
        for job, name in wanted:
            binding = bindings.get(name)
            if binding is not None and not is_of_what_is_gone(job, binding):
                left.remove(job)
                found = Found(destination_id=binding.destination_id, number=binding.number)
                self._endings.advance(job, found)
        return left

    def _let_in(self, jobs: Sequence[Job], spec: WriteManifest) -> list[Job]:
        """Leave out what rules let in no more, where there is nothing to be looked for.

        What was found as an earlier try, or a ledger that is gone, had made it is there.
        """
        for job in jobs:
            if job.held is None or (is_unclear(job) and may_exist(job, spec)):
                continue
            row = job.written.get(job.effect_name)
            if row is not None and was_there_before(job, row):
                job.held = None
            else:
                self._endings.hold(job)
        return [job for job in jobs if job.verdict is None]

    async def _ahead(self, jobs: Sequence[Job], spec: WriteManifest) -> list[Job]:
        """Write the effects ahead; return the jobs that may send."""
        within = self._settings.request_seconds
        for job in jobs:
            if seconds := arrives_in(job, spec, request_seconds=within):
                job.judge(still_arriving(seconds))
        jobs = [job for job in jobs if job.verdict is None]
        if not jobs:
            return []
        now = jobs[0].now_us()
        where = self._settings.destination
        rows = [effect_row(job, "ahead", destination=where, now_us=now) for job in jobs]
        fences, ids = fences_of(jobs), ids_of(jobs)
        names = [(row.entity, row.external_id) for row in rows]
        arrives_us = now - int(clear_after(spec, request_seconds=within) * 1e6)
        (ready, lost, older), made = await self._ledger.write(
            lambda c: (
                write_ahead(
                    c, fences=fences, ids=ids, effects=rows, now_us=now, arrives_us=arrives_us
                ),
                bindings_of(c, where, names),
            )
        )
        crash_point("ahead.committed")
        mine = []
        for job in jobs:
            if job.seq in ready:
                mine.append(job)
                job.stage = _DELIVERING
                job.older = None if job.not_there else older.get(job.seq)
                if made:
                    self._adopt(job, made)
            elif job.seq in lost:
                job.lost = True
            elif job.seq in older and older[job.seq].left_us > arrives_us:
                job.judge(still_arriving((older[job.seq].left_us - arrives_us) / 1e6))
            else:
                job.judge(KEY_BUSY)
        return mine

    def _adopt(self, job: Job, made: Mapping[tuple[str, str], BindingWrite]) -> None:
        """Take what another transaction made before this one had the key."""
        effect = job.effect
        assert effect is not None
        binding = made.get((effect.entity, effect.external_id))
        if binding is None or is_removed(binding) or is_of_what_is_gone(job, binding):
            return
        if effect.operation in MAKES:
            found = Found(destination_id=binding.destination_id, number=binding.number)
            self._endings.done(job, found, adopted=True, now_us=job.now_us())

    def _still_ours(self, jobs: Sequence[Job]) -> list[Job]:
        """Give back what the lease does not last for; return the rest."""
        taken = {job.taken for job in jobs}  # mostly at one moment, all of them
        over = {moment for moment in taken if self._lease.remaining(moment) < _LEAST_LEASE}
        if not over:
            return list(jobs)
        for job in jobs:
            if job.taken in over:
                job.judge(hand_back(KEY_BUSY_SECONDS))
        return [job for job in jobs if job.taken not in over]

    async def _look_up(self, jobs: list[Job], spec: WriteManifest) -> list[Job]:
        """Find what may exist already; return the jobs that still have to send."""
        jobs = [job for job in jobs if not job.pending_effects]
        asking = [job for job in jobs if may_exist(job, spec)]
        if not asking:
            return jobs
        within = self._settings.request_seconds
        settling = {job.seq: settles_in(job, spec, request_seconds=within) for job in asking}
        answers = await self.looks.ask(asking, self._destination.lookup)
        if not answers:  # where nobody was asked, time tells all there is to tell
            answers = [(job, None) for job in asking if job.verdict is None and settling[job.seq]]
        for job, found in answers:
            if found is not None and is_matched_first(job) and not is_unclear(job):
                adopt(job, [found], where=self._settings.destination)
            elif found is not None and is_from_before(job):
                self._endings.was_there_before(job, found, now_us=job.now_us())
            elif found is not None:
                self._endings.done(job, found, adopted=True, now_us=job.now_us())
            elif left_for := settling[job.seq]:  # by when it was asked
                verdict = LostAnswer.of(job, self._settings.destination).unsettled(left_for)
                self._endings.ends(job, verdict, "unknown", verdict.message or "")
            else:
                job.older = None  # its time to arrive is over, too
                if is_unclear(job):
                    self._endings.known_not_written(job)
        open_ones = [job for job in asking if job.verdict is None and not job.pending_effects]
        await self._ahead([job for job in open_ones if job.not_there], spec)
        left = [
            job for job in jobs if not job.pending_effects and job.verdict is None and not job.lost
        ]
        if matching := [job for job in left if is_matched_first(job)]:
            where = self._settings.destination
            matches = await self.looks.ask(matching, self._destination.candidates)
            for job, candidates in await nobody_elses(self._ledger, where, matches):
                error = adopt(job, candidates, where=where)
                if error is not None:
                    self._endings.failed([job], error)
        return [job for job in left if job.verdict is None]

    async def _send(self, jobs: list[Job], spec: WriteManifest) -> None:
        """Send; a batch refused as a whole is halved until the culprit stands alone."""
        jobs = self._still_ours(jobs)  # looking up and waiting in line may have taken long
        if not jobs:
            return
        within = self.looks.deadline()
        lasts = partial(covers_all, self._lease, {job.taken for job in jobs})  # keeps no job
        try:
            with sending_while(lasts, within=within):
                async with asyncio.timeout(within):
                    outcomes = await self._destination.write([call_of(job) for job in jobs])
        except TimeoutError:
            self._endings.failed(
                jobs, errors.Unreachable(f"no answer within {round(within, 1):g} s")
            )
            return
        except errors.Refused:
            if len(jobs) == 1:
                raise
            middle = len(jobs) // 2
            for half in (jobs[:middle], jobs[middle:]):
                try:
                    await self._send(half, spec)
                except errors.ConnectorError as error:
                    self._endings.failed(half, error)
            return
        crash_point("deliver.answered")
        self._note(outcomes)
        now = jobs[0].now_us()
        for job, outcome in zip(jobs, outcomes, strict=True):
            self._endings.take(job, outcome, now)

    async def _commit_part(self, jobs: Sequence[Job]) -> None:
        """Commit outcomes of a part and move on to the next effects.

        The outcome of a last effect waits for the final commit, with the fate.
        """
        for job in jobs:
            if job.verdict is None and job.pending_effects:
                assert job.found is not None
                self._endings.advance(job, job.found)
        going_on = [job for job in jobs if job.verdict is None and job.effect is not None]
        if not going_on:
            return
        effects = [row for job in going_on for row in job.pending_effects]
        bindings = [row for job in going_on for row in job.pending_bindings]
        fences, ids, now = fences_of(going_on), ids_of(going_on), going_on[0].now_us()
        lost = await self._ledger.write(
            lambda c: settle(
                c, fences=fences, ids=ids, effects=effects, bindings=bindings, now_us=now
            )
        )
        for job in going_on:
            job.lost = job.seq in lost
            job.pending_effects.clear()
            job.pending_bindings.clear()

    def _note(self, outcomes: Sequence[Outcome]) -> None:
        """Say whether any of them is an answer; silence on all is one silence."""
        if any(map(_is_answered, outcomes)):
            self._gate.answered()
        elif any(isinstance(one.error, errors.Unreachable) for one in outcomes):
            self._gate.unanswered()


def _done_before(job: Job, effect: Effect) -> Found | None:
    """Return what an effect came to in an earlier attempt, if it is done.

    What was found as a ledger that is gone had made it is still to be updated.
    """
    row = job.written.get(effect.name)
    if row is None or row.state != "done" or row.destination_id is None:
        return None
    if was_there_before(job, row) and effect.operation not in MAKES:
        return None
    return Found(destination_id=row.destination_id, number=row.number)


def _is_answered(outcome: Outcome) -> bool:
    """Tell whether the destination said something: not where it is silent, or was not asked yet."""
    error = outcome.error
    is_left_out = isinstance(error, errors.Throttled) and not error.could_have_been_seen
    return not is_left_out and not isinstance(error, errors.Unreachable)

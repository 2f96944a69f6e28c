"""What is asked of a destination before anything is written: is it there already?

Why: a ledger that is gone may have made it, or somebody else; a question that fails must judge only
what it was about. Must not: write anything, there or in the ledger.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from knect.api.pipeline import Write
from knect.engine.deciding.defects import failed_on_it
from knect.engine.deciding.policy import KEY_BUSY_SECONDS, hand_back, still_arriving
from knect.engine.delivering.adoption import is_matched_first, made_by_others, nobody_elses
from knect.engine.delivering.effect_rows import (
    call_of,
    clear_after,
    is_from_before,
    is_uncertain,
)
from knect.engine.delivering.endings import Endings
from knect.engine.delivering.hindsight import Hindsight
from knect.engine.delivering.job import Job
from knect.engine.delivering.means import Means
from knect.engine.delivering.settings import PipelineSettings
from knect.engine.delivering.unclear import perhaps_there
from knect.ledger.effects import unsure_since
from knect.ledger.schema import FIGURES
from knect.sdk import errors
from knect.sdk.contract import Call

__all__ = ["Looks", "defect_in_delivery"]

_log = logging.getLogger("knect.delivery")

_T = TypeVar("_T")


class Looks:
    """Asks one destination; what is found is an end of the job, or nothing is said of it."""

    def __init__(self, settings: PipelineSettings, means: Means, endings: Endings) -> None:
        self._settings, self._endings = settings, endings
        self._ledger, self._destination = means.ledger, means.destination
        self._lease, self._gate = means.lease, means.gate
        changes = settings.write is not Write.CREATE
        self._hindsight = Hindsight(means.clock, changes=changes)

    async def for_ended(self, jobs: Sequence[Job], *, only_asks: bool) -> None:
        """Look for what was cancelled, and may have been made by a ledger that is gone, or by an
        earlier transaction that somebody ended, which is taken back by whoever finds it; or by
        somebody else. The verdict of the others stands.

        `only_asks`: nothing is bound, as nothing is written.
        """
        believed = {job.seq: job.verdict for job in jobs}
        self._hindsight.doubt(jobs)
        await self._doubt_what_was_sent(jobs)
        ended = [job for job in jobs if job.effect and job.verdict is believed[job.seq]]
        asking = [job for job in ended if job.unvouched or is_matched_first(job)]
        for job in asking:
            job.verdict = None
            if self._gate.closed_for:
                job.judge(hand_back(max(self._gate.closed_for, KEY_BUSY_SECONDS)))
        left = [job for job in asking if job.verdict is None]
        if not only_asks:
            left = await self._not_there(left, left)
        await self._find_others([job for job in left if is_matched_first(job)])
        for job in left:
            job.verdict = job.verdict or believed[job.seq]

    async def _doubt_what_was_sent(self, jobs: Sequence[Job]) -> None:
        """Doubt that nothing is there where an earlier transaction of the record sent something,
        and was ended while nobody could tell of it: once that must have arrived. A figure is
        what was told last, and no more.
        """
        doubtful = {job.seq: job for job in jobs if job.bound is None}
        if not doubtful or self._settings.entity in FIGURES:
            return
        after = dict.fromkeys(doubtful, 0)
        sent = await self._ledger.read(lambda c: unsure_since(c, after))
        for seq, left_us in sent.items():
            job = doubtful[seq]
            if job.effect is None:
                assert job.verdict is not None
                job.judge(perhaps_there(job.verdict, self._settings.destination))
                continue
            spec, within = self._settings.writes[job.effect.write], self._settings.request_seconds
            age = (job.now_us() - left_us) / 1e6
            arrives_in = clear_after(spec, request_seconds=within) - age
            if arrives_in > 0:
                job.judge(still_arriving(arrives_in))
            job.unvouched = True

    async def _find_others(self, jobs: Sequence[Job]) -> None:
        """Leave to a person what is cancelled, and somebody else has made."""
        if not jobs:
            return
        where = self._settings.destination
        matches = await self.ask(jobs, self._destination.candidates)
        for job, candidates in await nobody_elses(self._ledger, where, matches):
            assert job.effect is not None
            error = made_by_others(job.effect, candidates, where=where)
            if error is not None:
                self._endings.told(job, error)

    async def back(self, jobs: list[Job]) -> tuple[list[Job], list[Job]]:
        """Find what a ledger that is gone may have made, before anything is written ahead: whoever
        finds a row later knows that somebody looked. Return who has found it, and who has not.
        """
        self._hindsight.doubt(jobs)
        left = await self._not_there(jobs, [job for job in jobs if not is_matched_first(job)])
        return [job for job in jobs if job.verdict is None and job.pending_effects], left

    async def _not_there(self, jobs: Sequence[Job], asking: Sequence[Job]) -> list[Job]:
        """Look for the doubted ones of those who are `asking`; return the jobs that go on without
        having found anything.
        """
        doubted = [job for job in asking if job.unvouched and not is_uncertain(job)]
        for job, found in await self.ask(doubted, self._destination.lookup):
            if found is None:
                job.unvouched = False
            elif is_from_before(job):
                self._endings.was_there_before(job, found, now_us=job.now_us())
            else:
                self._endings.done(job, found, adopted=True, now_us=job.now_us())
        return [job for job in jobs if job.verdict is None and not job.pending_effects]

    def deadline(self) -> float:
        """Return for how many seconds an answer may be waited for, while the lease lasts."""
        return max(0.0, min(self._settings.request_seconds, self._lease.remaining() - 0.5))

    async def ask(
        self, jobs: Sequence[Job], question: Callable[[Sequence[Call]], Awaitable[Sequence[_T]]]
    ) -> list[tuple[Job, _T]]:
        """Ask a question about the jobs' next effects; on no answer judge them and return none.

        What nobody but a person can tell of one is not asked of the others: they are halved.
        """
        if not jobs:
            return []
        try:
            async with asyncio.timeout(self.deadline()):
                answers = await question([call_of(job) for job in jobs])
        except TimeoutError:
            self._endings.not_found_out(
                jobs, errors.Unreachable("no answer to the look-up in time")
            )
            return []
        except errors.ConnectorError as error:
            if len(jobs) > 1 and _is_of_one(error):
                middle = len(jobs) // 2
                first = await self.ask(jobs[:middle], question)
                return [*first, *await self.ask(jobs[middle:], question)]
            self._endings.not_found_out(jobs, error)
            return []
        except Exception as error:  # noqa: BLE001 - a defect must not lose what else is known
            self._endings.not_found_out(jobs, defect_in_delivery(error))
            return []
        if not answers:  # nobody was asked, so nobody has answered
            return []
        self._gate.answered()
        return list(zip(jobs, answers, strict=True))


def _is_of_one(error: errors.ConnectorError) -> bool:
    """Tell whether an error may be of one record only, so that the others are asked without it."""
    is_login = isinstance(error, errors.CredentialsRejected | errors.ScopeMissing)
    return isinstance(error, errors.Refused | errors.WaitForPerson) and not is_login


def defect_in_delivery(error: Exception) -> errors.ConnectorError:
    """Return a defect of ours as an error; in the log is where it was."""
    _log.error("defect in delivery", exc_info=error)
    return failed_on_it(error)

"""What becomes of an effect: done, failed for a reason, or unknown, with its row and its binding.

Why: every answer, error and silence ends here, so that one place says what may be believed of a
write. Nothing is stored: rows wait on the job for the commit that has its fate.
Must not: call a destination or the ledger.
"""

from collections.abc import Sequence
from operator import attrgetter

from msgspec import structs

from knect.engine.deciding.policy import (
    DELIVERED,
    FOUND_AS_IT_WAS,
    Verdict,
    not_final,
    verdict_for,
)
from knect.engine.delivering.adoption import is_adoption
from knect.engine.delivering.effect_rows import (
    MAKES,
    at_work_for,
    binding_row,
    document_of,
    earlier_document,
    effect_row,
    is_from_before,
    is_the_record,
    is_uncertain,
    is_unclear,
    known_not_written,
)
from knect.engine.delivering.job import Job
from knect.engine.delivering.lost_answers import LostAnswer, not_there
from knect.engine.delivering.means import Means
from knect.engine.delivering.settings import PipelineSettings
from knect.engine.delivering.unclear import left_open
from knect.ledger import Fate, Stage
from knect.ledger.schema import FIGURES
from knect.sdk import errors
from knect.sdk.contract import Effect, Found, Outcome

__all__ = ["Endings"]

#: Looked up here once: an enumeration is slow to find its members.
_DELIVERED = Stage.DELIVERED
_is_primary = attrgetter("primary")


class Endings:
    """Judges what came of the next effect of a job."""

    def __init__(self, settings: PipelineSettings, means: Means) -> None:
        self._settings = settings
        self._gate, self._chance = means.gate, means.chance

    def take(self, job: Job, outcome: Outcome, now_us: int) -> None:
        """Take what the destination answered for one job, at this instant."""
        if outcome.found is not None:
            assert job.effect is not None
            if outcome.found.was_there and is_from_before(job):
                self.was_there_before(job, outcome.found, now_us=now_us)
                return
            self.done(job, outcome.found, adopted=is_adoption(job.effect), now_us=now_us)
        else:
            assert outcome.error is not None
            self._judged([job], outcome.error)

    def failed(self, jobs: Sequence[Job], error: errors.ConnectorError) -> None:
        """Judge a failure of a call for all of them."""
        if isinstance(error, errors.Unreachable):
            self._gate.unanswered()
        self._judged(jobs, error)

    def _judged(self, jobs: Sequence[Job], error: errors.ConnectorError) -> None:
        """Judge a failure: known not to have happened, or unknown."""
        for job in jobs:
            if job.verdict is not None or job.pending_effects:
                continue
            if error.could_have_been_seen and not error.answered:
                self.not_told(job, error)
                continue
            self._did_not_happen(job, error)

    def told(self, job: Job, error: errors.ConnectorError) -> None:
        """Judge what is known without any write."""
        where, policy = self._settings.destination, self._settings.retry
        job.judge(
            verdict_for(
                error, where=where, attempt=job.attempt, policy=policy, chance=self._chance()
            )
        )

    def _did_not_happen(self, job: Job, error: errors.ConnectorError) -> None:
        at_work = at_work_for(job, request_seconds=self._settings.request_seconds)
        verdict = not_final(error, at_work=at_work) or verdict_for(
            error,
            where=self._settings.destination,
            attempt=job.attempt,
            policy=self._settings.retry,
            chance=self._chance(),
        )
        self.ends(job, verdict, "failed", job.shown(error))

    def ends(self, job: Job, verdict: Verdict, state: str, sentence: str) -> None:
        """Give up the next effect in this attempt: `failed`, or its outcome `unknown`."""
        where, now = self._settings.destination, job.now_us()
        job.pending_effects.append(
            effect_row(job, state, destination=where, now_us=now, error=sentence)
        )
        job.judge(verdict, now)
        job.note(f"effect:{job.effect_name}", now, ok=False, text=sentence)

    def not_found_out(self, jobs: Sequence[Job], error: errors.ConnectorError) -> None:
        """A look-up failed: what was uncertain stays so, the rest is judged by the error."""
        if isinstance(error, errors.Unreachable):
            self._gate.unanswered()
        for job in jobs:
            if is_uncertain(job):
                self.not_told(job, error)
            else:
                self._did_not_happen(job, error)

    def not_told(self, job: Job, error: errors.ConnectorError) -> None:
        """No answer that tells after a write: nobody knows yet whether it happened."""
        verdict = LostAnswer.of(job, self._settings.destination).verdict(
            error, job.shown(error), policy=self._settings.retry, chance=self._chance()
        )
        if verdict.next_in is not None and verdict.next_in < self._gate.closed_for:
            verdict = structs.replace(verdict, next_in=self._gate.closed_for)
        self.ends(job, verdict, "unknown", verdict.message or "")

    def hold(self, job: Job) -> None:
        """Send nothing more of it; of what was sent, remember when it may have left."""
        assert job.held is not None
        if not is_uncertain(job):
            job.judge(job.held)
        elif job.not_there or job.held.fate is Fate.WAITING:
            known_not_written(job)
            self.ends(job, job.held, "failed", job.held.message or "")
        else:
            job.judge(left_open(job.held, job.effect_name, self._settings.destination))

    def known_not_written(self, job: Job) -> None:
        """A look-up proved that an earlier try did not happen: try anew, but not for ever."""
        job.not_there = True
        if job.held is not None:
            self.hold(job)
            return
        known_not_written(job)
        if job.attempt > self._settings.retry.attempts:
            verdict = not_there(job, self._settings.destination)
            self.ends(job, verdict, "failed", verdict.message or "")

    def done(self, job: Job, found: Found, *, adopted: bool, now_us: int) -> None:
        """It is there: written now, or (`adopted`) found."""
        effect, where = job.effect, self._settings.destination
        assert effect is not None
        if job.older or is_unclear(job):
            job.earlier = earlier_document(job) or job.earlier
        job.pending_effects.append(
            effect_row(job, "done", destination=where, now_us=now_us, found=found, adopted=adopted)
        )
        job.found = found
        ends = effect.primary and job.position == len(job.effects) - 1  # `finish` binds it
        if not ends and (effect.primary or effect.operation in MAKES or is_adoption(effect)):
            self._bind(job, effect, found, final=False, now_us=now_us)
        said = found.number or found.destination_id
        text = "; ".join(filter(None, (said, found.remark, _left_behind(job, effect, found))))
        job.note(f"effect:{effect.name}", now_us, text=text)

    def was_there_before(self, job: Job, found: Found, *, now_us: int) -> None:
        """A ledger that is gone made it, of what content nobody knows: bind it, and plan anew what
        is to be changed there.
        """
        effect, where = job.effect, self._settings.destination
        assert effect is not None
        row = effect_row(job, "done", destination=where, now_us=now_us, found=found, adopted=True)
        job.pending_effects.append(structs.replace(row, document=None))
        self._bind(job, effect, found, final=False, now_us=now_us)
        said = found.number or found.destination_id
        job.note(f"effect:{effect.name}", now_us, text=f"{said}, which was there already")
        job.judge(FOUND_AS_IT_WAS, now_us)

    def advance(self, job: Job, found: Found) -> None:
        """Go on to the job's next effect, which may need the id of this one."""
        effect = job.effect
        assert effect is not None
        job.given[effect.name] = found.destination_id
        job.not_there, job.older = False, None  # both were of the effect before
        job.unvouched = False
        if effect.primary:
            job.primary = found
        if is_the_record(job, effect):
            job.held = None  # what is half written is written
        job.go_on()

    def finish(self, job: Job, now_us: int) -> None:
        """All effects are written."""
        job.reach(_DELIVERED, now_us, text=document_of(job))
        if job.primary is not None:
            primary = next(filter(_is_primary, job.effects))
            self._bind(job, primary, job.primary, final=True, now_us=now_us)
        job.judge(DELIVERED, now_us)

    def _bind(self, job: Job, effect: Effect, found: Found, *, final: bool, now_us: int) -> None:
        job.pending_bindings.append(
            binding_row(
                job,
                effect,
                found,
                source=self._settings.source,
                destination=self._settings.destination,
                final=final,
                now_us=now_us,
            )
        )


def _left_behind(job: Job, effect: Effect, found: Found) -> str | None:
    """Return what is to be known of a figure that goes elsewhere now: its SKU is another's there,
    say. Nobody tells the old place anything any more.
    """
    bound = job.bound
    if effect.entity not in FIGURES or bound is None:
        return None
    if bound.destination_id == found.destination_id:
        return None
    return f"{bound.number or 'what was told'} ({bound.destination_id}) keeps what it had"

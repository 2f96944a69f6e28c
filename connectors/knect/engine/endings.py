"""What becomes of an effect: done, failed for a reason, or unknown, with its row and its binding.

Why: every answer, error and silence ends here, so that one place says what may be believed of a
write. Nothing is stored: rows wait on the job for the commit that has its fate.
Must not: call a destination or the ledger.
"""

from collections.abc import Sequence

from msgspec import structs

from knect.engine.adoption import is_adoption
from knect.engine.effect_rows import (
    binding_row,
    document_of,
    earlier_document,
    effect_row,
    is_uncertain,
    known_not_written,
)
from knect.engine.gate import Gate
from knect.engine.job import Job
from knect.engine.lost_answers import LostAnswer, not_there
from knect.engine.policy import Verdict, verdict_for
from knect.engine.settings import CourierSettings
from knect.ledger import Fate, Stage
from knect.sdk import errors
from knect.sdk.contract import Effect, Found, Operation, Outcome

__all__ = ["Endings"]


class Endings:
    """Judges what came of the next effect of a job."""

    def __init__(self, settings: CourierSettings, *, gate: Gate) -> None:
        self._settings = settings
        self._gate = gate

    def take(self, job: Job, outcome: Outcome) -> None:
        """Take what the destination answered for one job."""
        if outcome.found is not None:
            job.wrote = True
            assert job.effect is not None
            self.done(job, outcome.found, adopted=is_adoption(job.effect))
        else:
            assert outcome.error is not None
            self.failed([job], outcome.error)

    def failed(self, jobs: Sequence[Job], error: errors.ConnectorError) -> None:
        """Judge a failure: known not to have happened, or unknown."""
        if isinstance(error, errors.Unreachable):
            self._gate.unanswered()
        for job in jobs:
            if job.verdict is not None or job.pending_effects:
                continue
            if error.could_have_been_seen and not error.answered:
                self.not_told(job, error)
                continue
            self._did_not_happen(job, error)

    def _did_not_happen(self, job: Job, error: errors.ConnectorError) -> None:
        verdict = verdict_for(
            error,
            where=self._settings.destination,
            attempt=job.attempt,
            policy=self._settings.retry,
            chance=self._settings.chance(),
        )
        self.ends(job, verdict, "failed", job.shown(error))

    def ends(self, job: Job, verdict: Verdict, state: str, sentence: str) -> None:
        """Give up the next effect in this attempt: `failed`, or its outcome `unknown`."""
        self._pend(job, state, error=sentence)
        job.verdict = verdict
        job.note(f"effect:{job.effect_name}", ok=False, text=sentence)

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
            error, job.shown(error), policy=self._settings.retry, chance=self._settings.chance()
        )
        if verdict.next_in is not None and verdict.next_in < self._gate.closed_for:
            verdict = structs.replace(verdict, next_in=self._gate.closed_for)
        self.ends(job, verdict, "unknown", verdict.message or "")

    def known_not_written(self, job: Job) -> None:
        """A look-up proved that an earlier try did not happen: try anew, but not for ever."""
        job.not_there = True
        known_not_written(job)
        if job.attempt > self._settings.retry.attempts:
            verdict = not_there(job, self._settings.destination)
            self.ends(job, verdict, "failed", verdict.message or "")

    def done(self, job: Job, found: Found, *, adopted: bool) -> None:
        """It is there: written now, or (`adopted`) found."""
        effect = job.effect
        assert effect is not None
        if is_uncertain(job) or job.older:
            job.earlier = earlier_document(job) or job.earlier
        self._pend(job, "done", found=found, adopted=adopted)
        job.found = found
        makes = effect.operation in (Operation.ENSURE, Operation.CREATE) or is_adoption(effect)
        ends = effect.primary and job.position == len(job.effects) - 1  # `finish` binds it
        if (makes or effect.primary) and not ends:
            self._bind(job, effect, found, final=False)
        said = [found.number or found.destination_id, *([found.remark] if found.remark else [])]
        job.note(f"effect:{effect.name}", text="; ".join(said))

    def advance(self, job: Job, found: Found) -> None:
        """Go on to the job's next effect, which may need the id of this one."""
        effect = job.effect
        assert effect is not None
        job.given[effect.name] = found.destination_id
        job.not_there, job.older = False, None  # both were of the effect before
        if effect.primary:
            job.primary = found
        job.go_on()

    def finish(self, job: Job) -> None:
        """All effects are written."""
        job.reach(Stage.DELIVERED, text=document_of(job))
        primary = next((effect for effect in job.effects if effect.primary), None)
        if job.primary is not None and primary is not None:
            self._bind(job, primary, job.primary, final=True)
        job.verdict = Verdict(fate=Fate.DELIVERED)

    def _pend(
        self,
        job: Job,
        state: str,
        *,
        found: Found | None = None,
        adopted: bool = False,
        error: str | None = None,
    ) -> None:
        row = effect_row(
            job,
            state,
            destination=self._settings.destination,
            found=found,
            adopted=adopted,
            error=error,
        )
        job.pending_effects.append(row)

    def _bind(self, job: Job, effect: Effect, found: Found, *, final: bool) -> None:
        job.pending_bindings.append(
            binding_row(
                job,
                effect,
                found,
                source=self._settings.source,
                destination=self._settings.destination,
                final=final,
            )
        )

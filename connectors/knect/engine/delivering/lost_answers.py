"""What becomes of a transaction whose write may have happened: decided here, from values alone.

Why: an outage is waited for however long it lasts, but a destination that answers and never tells
must end at a person, with what was sent and what was tried, and not be asked without end.
Must not: touch the ledger, a clock or the network; judge what is known not to have happened.
"""

from msgspec import Struct

from knect.api.reasons import Reason
from knect.engine.deciding.policy import (
    ENGINEER,
    ITSELF,
    OPERATIONS,
    RetryPolicy,
    Verdict,
    backoff,
)
from knect.engine.delivering.effect_rows import is_uncertain, tries_of
from knect.engine.delivering.job import Job
from knect.ledger.fates import Fate
from knect.sdk import errors

__all__ = ["LostAnswer", "not_there"]

#: So long, at most, a look-up is put off while nothing answers, in seconds.
_LONGEST_PAUSE = 60.0
#: How often a write is looked up that may still be under way, in seconds.
_LOOKED_UP_EVERY = 5.0


class LostAnswer(Struct, frozen=True, kw_only=True):
    """A write of unknown outcome, after one more attempt to find out.

    `effect` and `where` are the write's and the destination's names, `tries` how often the write
    or its look-up was begun, `attempt` how many counted attempts there were with this one.
    `left_for_sure`: it was sent; else a worker died around the sending. `looked_up`: the question
    of this attempt was whether an earlier one had written it. `answers`: the destination answered
    in this attempt before it went silent, so that this is no outage.
    """

    effect: str
    where: str
    attempt: int
    tries: int
    left_for_sure: bool = True
    looked_up: bool = False
    answers: bool = False

    @classmethod
    def of(cls, job: Job, where: str) -> "LostAnswer":
        """Return what is known of a job's next effect at a destination."""
        row = job.written.get(job.effect_name)
        return cls(
            effect=job.effect_name,
            where=where,
            attempt=job.attempt,
            tries=tries_of(job),
            left_for_sure=row is None or row.state != "ahead",
            looked_up=is_uncertain(job),
            answers=job.not_there,
        )

    def unsettled(self, left_for: float) -> Verdict:
        """Return the verdict while, for so many seconds, a look-up that found nothing proves
        nothing.
        """
        pause = min(left_for, _LOOKED_UP_EVERY)
        return self._again("a look-up did not find it yet", pause, counts=False)

    def verdict(
        self, error: errors.ConnectorError, message: str, *, policy: RetryPolicy, chance: float
    ) -> Verdict:
        """Return the verdict after an error; `message` is its sentence as it may be shown."""
        pause = min(_LONGEST_PAUSE, backoff(policy, max(1, self.tries), chance))
        match error:
            case errors.Throttled():
                pause = error.retry_after if error.retry_after is not None else pause
                return self._again(message, pause, counts=False)
            case errors.Unreachable() if not self.answers:
                return self._again(message, pause, counts=False)
            case errors.CredentialsRejected() | errors.ScopeMissing():
                reason = (
                    Reason.SCOPE_MISSING
                    if isinstance(error, errors.ScopeMissing)
                    else Reason.CREDENTIALS_REJECTED
                )
                return Verdict(
                    fate=Fate.UNKNOWN,
                    reason=Reason.OUTCOME_UNKNOWN,
                    message=f"{message}; until then nobody can ask {self.where} whether it was "
                    "written",
                    acts=ENGINEER,
                    next_in=policy.max,
                    waits_for=f"reason:{reason}",
                    counts=False,
                )
            case errors.WaitForPerson() if self.looked_up:
                return self._for_a_person(message)
            case _ if self.looked_up and self.attempt >= policy.attempts:
                return self._for_a_person(message)
            case _:
                return self._again(message, backoff(policy, self.attempt, chance), counts=True)

    def _again(self, message: str, next_in: float, *, counts: bool) -> Verdict:
        return Verdict(
            fate=Fate.UNKNOWN,
            reason=Reason.OUTCOME_UNKNOWN,
            message=f"{message}; {self.where} is asked whether it was written",
            acts=ITSELF,
            next_in=max(next_in, 0.0),
            counts=counts,
        )

    def _for_a_person(self, message: str) -> Verdict:
        sent = "was" if self.left_for_sure else "may have been"
        tried = f"{self.attempt} attempts have" if self.attempt > 1 else "one attempt has"
        return Verdict(
            fate=Fate.UNKNOWN,
            reason=Reason.OUTCOME_UNKNOWN,
            message=f"{self.effect!r} {sent} sent to {self.where}, and {tried} not told whether it "
            f"was written there; the last look-up failed: {message.rstrip('.')}. Look for it in "
            f"{self.where}, then retry to have it looked up again, or skip it if it is right there",
            acts=OPERATIONS,
        )


def not_there(job: Job, where: str) -> Verdict:
    """Return the verdict for a write that was sent often enough and is known not to be there."""
    attempts = job.claimed.attempt
    times = f"{attempts} times" if attempts > 1 else "once"
    return Verdict(
        fate=Fate.WAITING,
        reason=Reason.RETRIES_EXHAUSTED,
        message=f"{job.effect_name!r} was sent to {where} {times} without an answer that tells what"
        f" came of it, and {where} has not got it; see why there, then retry",
        acts=OPERATIONS,
        waits_for=f"reason:{Reason.RETRIES_EXHAUSTED}",
        counts=False,
    )

"""What becomes of a transaction when something goes wrong: decided here, from values alone.

Why: retry, wait, reject and stop are one table, readable in one place and tested row by row.
Must not: touch the ledger, a clock or the network; chance is handed in.
"""

from msgspec import Struct

from knect.api.reasons import Reason
from knect.ledger.fates import Fate
from knect.sdk import errors

__all__ = [
    "DELIVERED",
    "FOUND_AS_IT_WAS",
    "KEY_BUSY",
    "RetryPolicy",
    "Verdict",
    "backoff",
    "hand_back",
    "not_as_then",
    "not_final",
    "still_arriving",
    "verdict_for",
]

#: A person's turn; shown as "who acts".
OPERATIONS, ENGINEER, MERCHANT, ITSELF = "operations", "engineer", "merchant", "itself"

#: How soon something that only waits for another worker's key is looked at again, in seconds.
KEY_BUSY_SECONDS = 0.2
#: How soon, at most, what was refused while an earlier try may be at work is tried again.
REFUSED_AGAIN_SECONDS = 5.0


class RetryPolicy(Struct, frozen=True, kw_only=True):
    """`spec.delivery.retry`, in seconds."""

    attempts: int = 8
    initial: float = 2.0
    max: float = 900.0


class Verdict(Struct, frozen=True, kw_only=True, gc=False):
    """What becomes of a transaction. `next_in` is seconds until it is tried by itself, None if
    only an event or a person makes it move. `counts` tells whether the attempt was one. `terms`:
    of a figure that is held, what it was made of.
    """

    fate: Fate
    reason: str | None = None
    message: str | None = None
    field: str | None = None
    value: str | None = None
    acts: str | None = None
    next_in: float | None = None
    waits_for: str | None = None
    counts: bool = True
    terms: str = ""


#: What becomes of a transaction whose effects are all written.
DELIVERED = Verdict(fate=Fate.DELIVERED)
#: What becomes of a transaction while another one has its business key.
KEY_BUSY = Verdict(
    fate=Fate.IN_FLIGHT,
    reason=Reason.KEY_BUSY,
    message="another transaction is writing the same record at the destination",
    acts=ITSELF,
    next_in=KEY_BUSY_SECONDS,
    counts=False,
)


#: Of what was at the destination before this ledger was; it goes on with the next attempt.
FOUND_AS_IT_WAS = Verdict(
    fate=Fate.IN_FLIGHT,
    reason=Reason.INTERRUPTED,
    message="it was there already, of what content nobody knows; what it is now is written next",
    acts=ITSELF,
    next_in=0.0,
    counts=False,
)


def hand_back(next_in: float) -> Verdict:
    """Return the verdict for what is given back before anything was sent."""
    return Verdict(
        fate=Fate.IN_FLIGHT,
        reason=Reason.INTERRUPTED,
        message="handed back before anything was sent",
        acts=ITSELF,
        next_in=next_in,
        counts=False,
    )


def not_as_then(sentence: str) -> Verdict:
    """Return the verdict for what cannot be mapped as it was; `sentence` says why."""
    return Verdict(fate=Fate.REJECTED, reason=Reason.MAPPING_ERROR, message=sentence, acts=ENGINEER)


def still_arriving(seconds: float) -> Verdict:
    """Return the verdict while an older write of the same record may still arrive."""
    return Verdict(
        fate=Fate.IN_FLIGHT,
        reason=Reason.KEY_BUSY,
        message=(
            "an older write of this record was not answered and may still arrive for "
            f"{max(1, round(seconds))} s; nothing newer is sent before, or it would be overwritten"
        ),
        acts=ITSELF,
        next_in=max(KEY_BUSY_SECONDS, seconds),
        counts=False,
    )


def not_final(error: errors.ConnectorError, *, at_work: float) -> Verdict | None:
    """Return the verdict for a refusal that may be of what an earlier try is just doing; None: it
    is final. That one may be at work for `at_work` more seconds.

    A document that is being written is half done: what stands in the way may be our own work.
    """
    is_final = not isinstance(error, errors.Refused | errors.WaitForPerson) or isinstance(
        error, errors.CredentialsRejected | errors.ScopeMissing
    )
    if is_final or not at_work:
        return None
    return Verdict(
        fate=Fate.IN_FLIGHT,
        reason=Reason.UNEXPECTED_ANSWER,
        message=(
            f"{error.message.rstrip('.')}; but an earlier try was not answered and may still be at"
            f" work for {max(1, round(at_work))} s, so this is not believed before it is tried once"
            " more"
        ),
        field=error.path,
        value=error.value,
        acts=ITSELF,
        next_in=min(at_work, REFUSED_AGAIN_SECONDS),
        counts=False,
    )


def backoff(policy: RetryPolicy, attempt: int, chance: float) -> float:
    """Return seconds until the next try: exponential, half fixed and half by `chance` (0..1)."""
    full = min(policy.max, policy.initial * 2.0 ** min(attempt - 1, 30))
    return full / 2 + full / 2 * chance


def verdict_for(
    error: errors.ConnectorError,
    *,
    where: str,
    attempt: int,
    policy: RetryPolicy,
    chance: float,
) -> Verdict:
    """Return the verdict for an error whose effect is known *not* to have happened.

    `where` is the Connection's name, for what is waited for.
    """
    match error:
        case errors.Throttled():
            wait = error.retry_after if error.retry_after is not None else policy.initial
            return _again(Reason.THROTTLED, error, max(wait, 0.05), counts=False)
        case errors.Unreachable():
            wait = max(error.retry_after or 0.0, backoff(policy, attempt, chance))
            return _again(Reason.UNREACHABLE, error, wait, counts=False)
        case errors.RetryLater():
            if attempt >= policy.attempts:
                return _waiting(Reason.RETRIES_EXHAUSTED, error, OPERATIONS)
            wait = max(error.retry_after or 0.0, backoff(policy, attempt, chance))
            return _again(Reason.UNEXPECTED_ANSWER, error, wait)
        case errors.MissingReference():
            return missing(error, where=where, next_in=policy.max)
        case errors.CredentialsRejected():
            return _waiting(Reason.CREDENTIALS_REJECTED, error, ENGINEER, next_in=policy.max)
        case errors.ScopeMissing():
            return _waiting(Reason.SCOPE_MISSING, error, ENGINEER, next_in=policy.max)
        case errors.WaitForPerson():
            return _waiting(_said(error, Reason.CHANGED_AT_DESTINATION), error, OPERATIONS)
        case errors.Refused():
            return _rejected(_said(error, Reason.DESTINATION_REFUSED), error, OPERATIONS)
        case errors.NotForThere():
            return Verdict(
                fate=Fate.SKIPPED,
                reason=_said(error, Reason.NOT_AT_DESTINATION),
                message=error.message,
                field=error.path,
                value=error.value,
            )
        case errors.BadRecord():
            return _rejected(_said(error, Reason.BAD_RECORD), error, MERCHANT)
        case _:
            return _waiting(Reason.FATAL, error, ENGINEER, next_in=policy.max)


def missing(error: errors.MissingReference, *, where: str, next_in: float) -> Verdict:
    """Return the verdict for something the destination does not know yet."""
    reason = Reason.UNKNOWN_SKU if error.kind == "sku" else Reason.MISSING_REFERENCE
    return Verdict(
        fate=Fate.WAITING,
        reason=reason,
        message=error.message,
        field=error.path,
        value=error.value,
        acts=OPERATIONS,
        next_in=next_in,
        waits_for=f"{error.kind}:{error.value}@{where}",
        counts=False,
    )


_REASONS = frozenset(reason.value for reason in Reason)


def _said(error: errors.ConnectorError, otherwise: Reason) -> str:
    """Return the reason a connector named by its code, if it is one of ours."""
    return error.code if error.code in _REASONS else otherwise


def _again(
    reason: str, error: errors.ConnectorError, next_in: float, *, counts: bool = True
) -> Verdict:
    return Verdict(
        fate=Fate.IN_FLIGHT,
        reason=reason,
        message=error.message,
        field=error.path,
        value=error.value,
        acts=ITSELF,
        next_in=next_in,
        counts=counts,
    )


def _waiting(
    reason: str, error: errors.ConnectorError, acts: str, next_in: float | None = None
) -> Verdict:
    return Verdict(
        fate=Fate.WAITING,
        reason=reason,
        message=error.message,
        field=error.path,
        value=error.value,
        acts=acts,
        next_in=next_in,
        waits_for=f"reason:{reason}",
        counts=next_in is None,
    )


def _rejected(reason: str, error: errors.ConnectorError, acts: str) -> Verdict:
    return Verdict(
        fate=Fate.REJECTED,
        reason=reason,
        message=error.message,
        field=error.path,
        value=error.value,
        acts=acts,
    )

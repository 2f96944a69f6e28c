"""Whether work flows through a pipeline, and whether it is fresh: judged from facts alone.

Why: a status is believed only if it names the *most upstream* cause: a shop that is silent because
its token was revoked is "credentials rejected", not "stale". Both judgements are tables that are
read from the source to the destination. Must not: ask anybody anything, or know the time by itself.
"""

from datetime import datetime, timedelta

from msgspec import Struct

from knect.api.reasons import ConditionReason as R
from knect.api.report import ConnectionReport, Verdict, VerdictState

__all__ = ["Facts", "Failure", "carried", "judge_flowing", "judge_fresh"]

#: Trouble that may pass by itself is not spoken of before it has lasted this long.
_PATIENCE = timedelta(seconds=60)
_MESSAGE_LIMIT = 1024

_GOOD = VerdictState.TRUE
_BAD = VerdictState.FALSE
#: Kinds of errors that no patience helps, and what they are called in a condition.
_PERSON = {
    "CredentialsRejected": R.CREDENTIALS_REJECTED,
    "SecretMissing": R.SECRET_KEY_MISSING,
    "SecretKeyMissing": R.SECRET_KEY_MISSING,
    "SecretNotFound": R.SECRET_NOT_FOUND,
    "ScopeMissing": R.SCOPE_MISSING,
    "WaitForPerson": R.READING_STOPPED,
    "Fatal": R.READING_STOPPED,
    "BadRecord": R.READING_STOPPED,
}
_PASSING = {
    "Unreachable": R.UNREACHABLE,
    "UnexpectedAnswer": R.UNREACHABLE,
    "SuspiciousSilence": R.SILENT,
}


class Failure(Struct, frozen=True, kw_only=True):
    """Something that does not work: `kind` is an error's class or our own code."""

    kind: str
    sentence: str
    since: datetime


class Facts(Struct, frozen=True, kw_only=True):
    """All that is judged. `source` and `destination` are names; durations are declared ones.

    `ledger` is the worker's own view of it, `blocked` why it cannot begin at all. `reading` is why
    reading fails, `held` why everything waits at the destination, `unanswered` since when the
    destination answers nothing, `stalled` since when something in hand hangs. `read_due` is when
    the next whole read has to have ended; `last_read` when the last one did. `oldest_open` is when
    the oldest unfinished transaction was discovered. `silence` is a sentence when less came than
    is declared.
    """

    now: datetime
    source: str
    destination: str
    entity: str
    suspended: bool = False
    ledger: Verdict
    blocked: Verdict | None = None
    source_report: ConnectionReport | None = None
    destination_report: ConnectionReport | None = None
    reading: Failure | None = None
    held: Failure | None = None
    unanswered: datetime | None = None
    stalled: datetime | None = None
    stuck: int = 0
    most_stuck: int | None = None
    silence: str | None = None
    began: datetime
    last_read: datetime | None = None
    read_due: datetime
    oldest_open: datetime | None = None
    last_success: datetime | None = None
    stalled_after: timedelta


def judge_flowing(facts: Facts) -> Verdict:
    """Return whether anything stops the work, by its most upstream cause."""
    if facts.suspended:
        return _no(
            R.SUSPENDED,
            "suspended: nothing is read or written, webhooks are kept; set spec.suspend to false "
            "to go on",
        )
    if facts.ledger.state is not _GOOD:
        return facts.ledger
    if facts.blocked is not None:
        return facts.blocked
    for found in (_source(facts), _destination(facts), _own(facts)):
        if found is not None:
            return found
    return Verdict(
        state=_GOOD,
        reason=R.SUCCEEDED,
        message=f"{facts.entity} flow from {facts.source} to {facts.destination}",
    )


def judge_fresh(facts: Facts, flowing: Verdict) -> Verdict:
    """Return whether the source was read, and what it gave was finished, in the time declared."""
    if facts.suspended or facts.ledger.state is not _GOOD or facts.blocked is not None:
        return Verdict(state=VerdictState.UNKNOWN, reason=flowing.reason, message=flowing.message)
    because = f"; {flowing.message}" if flowing.state is _BAD else ""
    if facts.now > facts.read_due:
        read = (
            f"last read to its end at {_at(facts.last_read)}"
            if facts.last_read is not None
            else "not yet read to its end"
        )
        return _no(
            R.STALE,
            f"{facts.source} was {read}, and the next read was due by {_at(facts.read_due)}"
            f"{because}",
            facts.read_due,
        )
    if facts.last_read is None:
        return Verdict(
            state=VerdictState.UNKNOWN,
            reason=R.PROGRESSING,
            message=f"the first read of {facts.source} is under way",
            since=facts.began,
        )
    late = facts.now - facts.stalled_after
    moves = facts.last_success is not None and facts.last_success >= late
    if facts.oldest_open is not None and facts.oldest_open < late and not moves:
        return _no(
            R.STALE,
            f"what was discovered at {_at(facts.oldest_open)} is not finished yet, and nothing was "
            f"delivered since {_at(facts.last_success) if facts.last_success else 'the start'}"
            f"{because or '; `knect stuck` shows what it waits for'}",
            facts.oldest_open + facts.stalled_after,
        )
    return Verdict(
        state=_GOOD,
        reason=R.SUCCEEDED,
        message=f"{facts.source} is read, and what it gave is finished, in the time declared",
    )


def carried(new: Verdict, old: Verdict | None, now: datetime) -> Verdict:
    """Return the new verdict with when its state began; a state that lasts keeps its beginning.

    Of a state that lasts with the same reason, the message may change but not the time.
    """
    message = new.message[:_MESSAGE_LIMIT]
    if old is not None and (old.state, old.reason) == (new.state, new.reason):
        return new.model_copy(update={"since": old.since or new.since, "message": message})
    return new.model_copy(update={"since": new.since or now, "message": message})


# -------------------------------------------------------------------- from source to destination


def _source(facts: Facts) -> Verdict | None:
    report = facts.source_report
    found = _login(report) or _scope(facts, report, reads=True)
    if found is not None:
        return found
    failing = facts.reading
    if failing is not None:
        if failing.kind in _PERSON:
            return _no(_PERSON[failing.kind], failing.sentence, failing.since)
        if facts.now - failing.since >= _PATIENCE or failing.kind == "SuspiciousSilence":
            reason = _PASSING.get(failing.kind, R.READING_STOPPED)
            return _no(reason, failing.sentence, failing.since)
    return None


def _destination(facts: Facts) -> Verdict | None:
    report = facts.destination_report
    found = _login(report) or _scope(facts, report, reads=False)
    if found is not None:
        return found
    held = facts.held
    if held is not None and not _cleared(report, held.since):
        return _no(_PERSON.get(held.kind, R.CREDENTIALS_REJECTED), held.sentence, held.since)
    since = facts.unanswered
    if since is not None and facts.now - since >= _PATIENCE:
        is_away = report is not None and report.reachable.state is _BAD
        why = f" ({report.reachable.message})" if report is not None and is_away else ""
        return _no(
            R.UNREACHABLE,
            f"{facts.destination} has not answered since {_at(since)}{why}; it is asked again "
            "every 30 s and work goes on by itself, see whether it is up and reachable from this"
            " network",
            since,
        )
    return None


def _own(facts: Facts) -> Verdict | None:
    if facts.stalled is not None:
        return _no(
            R.STALLED,
            f"work in hand has hung since {_at(facts.stalled)}; `knect stuck` names it, and a "
            "restart of the worker gives it back",
            facts.stalled,
        )
    if facts.most_stuck is not None and facts.stuck > facts.most_stuck:
        return _no(
            R.STUCK_BEYOND_LIMIT,
            f"more than {facts.most_stuck} transactions are stuck (spec.expect.maxStuck); "
            "`knect stuck` groups them by cause",
        )
    if facts.silence is not None:
        return _no(
            R.SILENT, f"{facts.silence}; see whether {facts.source} still shows Knect all of them"
        )
    return None


def _login(report: ConnectionReport | None) -> Verdict | None:
    if report is None:
        return None
    if report.credentials.state is _BAD:
        return report.credentials
    return None


def _scope(facts: Facts, report: ConnectionReport | None, *, reads: bool) -> Verdict | None:
    for entity in report.entities if report is not None else ():
        allowed = entity.read if reads else entity.write
        if entity.name == facts.entity and entity.problem and not allowed:
            assert report is not None
            return _no(
                R.SCOPE_MISSING, f"{report.name}: {entity.problem}", report.credentials.since
            )
    return None


def _cleared(report: ConnectionReport | None, since: datetime) -> bool:
    """Tell whether a check has let us in after that: what still waits is on its way."""
    return (
        report is not None
        and report.credentials.state is _GOOD
        and report.checked is not None
        and report.checked >= since
    )


def _no(reason: R, message: str, since: datetime | None = None) -> Verdict:
    return Verdict(state=_BAD, reason=reason, message=message[:_MESSAGE_LIMIT], since=since)


def _at(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M:%S} UTC"

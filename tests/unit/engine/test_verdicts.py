"""Flowing and fresh, row by row: the most upstream cause is the one that is named."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from knect.api.reasons import ConditionReason as R
from knect.api.report import ConnectionReport, EntityReport, Verdict, VerdictState
from knect.engine.deciding.verdicts import Facts, Failure, carried, judge_flowing, judge_fresh

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
LONG_AGO = NOW - timedelta(hours=2)
JUST_NOW = NOW - timedelta(seconds=5)

YES = Verdict(state=VerdictState.TRUE, reason=R.SUCCEEDED, since=LONG_AGO)
REJECTED = Verdict(
    state=VerdictState.FALSE, reason=R.CREDENTIALS_REJECTED, message="no", since=LONG_AGO
)
MISSING = Verdict(state=VerdictState.FALSE, reason=R.SECRET_NOT_FOUND, message="none")
GONE = Verdict(state=VerdictState.FALSE, reason=R.LEDGER_UNAVAILABLE, message="away")


def _report(name: str, credentials: Verdict = YES, *entities: EntityReport) -> ConnectionReport:
    return ConnectionReport(
        name=name, checked=JUST_NOW, credentials=credentials, reachable=YES, entities=entities
    )


def _facts(**more: Any) -> Facts:
    good: dict[str, Any] = {
        "now": NOW,
        "source": "shop",
        "destination": "erp",
        "entity": "orders",
        "ledger": YES,
        "source_report": _report("shop"),
        "destination_report": _report("erp"),
        "began": LONG_AGO,
        "last_read": JUST_NOW,
        "read_due": NOW + timedelta(minutes=5),
        "stalled_after": timedelta(minutes=5),
    }
    return Facts(**{**good, **more})


def _fails(kind: str, since: datetime = LONG_AGO) -> Failure:
    return Failure(kind=kind, sentence=f"it fails with {kind}", since=since)


NO_SCOPE = EntityReport(name="orders", read=False, problem="the app lacks the scope read_orders")
NO_WRITE = EntityReport(name="orders", read=True, write=False, problem="may not write sale.sale")
OTHER = EntityReport(name="customers", read=False, problem="the app lacks read_customers")

FLOWING: list[tuple[str, dict[str, Any], R]] = [
    ("all is well", {}, R.SUCCEEDED),
    ("nothing was checked yet", {"source_report": None, "destination_report": None}, R.SUCCEEDED),
    ("suspended", {"suspended": True, "ledger": GONE}, R.SUSPENDED),
    ("ledger", {"ledger": GONE, "source_report": _report("shop", REJECTED)}, R.LEDGER_UNAVAILABLE),
    ("cannot begin", {"blocked": MISSING}, R.SECRET_NOT_FOUND),
    ("source refused", {"source_report": _report("shop", REJECTED)}, R.CREDENTIALS_REJECTED),
    (
        "source before destination",
        {
            "source_report": _report("shop", MISSING),
            "destination_report": _report("erp", REJECTED),
        },
        R.SECRET_NOT_FOUND,
    ),
    ("scope", {"source_report": _report("shop", YES, NO_SCOPE)}, R.SCOPE_MISSING),
    ("another entity's scope", {"source_report": _report("shop", YES, OTHER)}, R.SUCCEEDED),
    ("write", {"destination_report": _report("erp", YES, NO_WRITE)}, R.SCOPE_MISSING),
    ("write at the source", {"source_report": _report("shop", YES, NO_WRITE)}, R.SUCCEEDED),
    ("401 before the check", {"reading": _fails("CredentialsRejected")}, R.CREDENTIALS_REJECTED),
    ("key gone", {"reading": _fails("SecretKeyMissing", JUST_NOW)}, R.SECRET_KEY_MISSING),
    ("unreachable", {"reading": _fails("Unreachable")}, R.UNREACHABLE),
    ("a hiccup", {"reading": _fails("Unreachable", JUST_NOW)}, R.SUCCEEDED),
    ("502 for long", {"reading": _fails("UnexpectedAnswer")}, R.UNREACHABLE),
    ("silence", {"reading": _fails("SuspiciousSilence", JUST_NOW)}, R.SILENT),
    ("wrong address", {"reading": _fails("Fatal", JUST_NOW)}, R.READING_STOPPED),
    ("held", {"held": _fails("CredentialsRejected", NOW)}, R.CREDENTIALS_REJECTED),
    ("held, but let in since", {"held": _fails("CredentialsRejected", LONG_AGO)}, R.SUCCEEDED),
    ("destination silent", {"unanswered": LONG_AGO}, R.UNREACHABLE),
    ("destination hiccup", {"unanswered": JUST_NOW}, R.SUCCEEDED),
    ("hangs", {"stalled": LONG_AGO}, R.STALLED),
    ("stuck alone", {"stuck": 1000}, R.SUCCEEDED),
    ("as many as allowed", {"stuck": 50, "most_stuck": 50}, R.SUCCEEDED),
    ("beyond", {"stuck": 51, "most_stuck": 50}, R.STUCK_BEYOND_LIMIT),
    ("too few", {"silence": "orders saw 1 records"}, R.SILENT),
    (
        "source before own",
        {"reading": _fails("Unreachable"), "stalled": LONG_AGO, "silence": "few"},
        R.UNREACHABLE,
    ),
]


@pytest.mark.parametrize(("what", "more", "reason"), FLOWING, ids=[row[0] for row in FLOWING])
def test_flowing_names_the_most_upstream_cause(what: str, more: dict[str, Any], reason: R) -> None:
    found = judge_flowing(_facts(**more))
    assert found.reason is reason, (what, found)
    assert (found.state is VerdictState.TRUE) == (reason is R.SUCCEEDED)
    assert found.message


LATE = NOW - timedelta(minutes=1)
FRESH: list[tuple[str, dict[str, Any], VerdictState, R]] = [
    ("well", {}, VerdictState.TRUE, R.SUCCEEDED),
    ("due passed", {"read_due": LATE, "last_read": LONG_AGO}, VerdictState.FALSE, R.STALE),
    ("never read", {"last_read": None}, VerdictState.UNKNOWN, R.PROGRESSING),
    ("never, too long", {"last_read": None, "read_due": LATE}, VerdictState.FALSE, R.STALE),
    ("unfinished", {"oldest_open": LONG_AGO}, VerdictState.FALSE, R.STALE),
    (
        "unfinished, but moving",
        {"oldest_open": LONG_AGO, "last_success": JUST_NOW},
        VerdictState.TRUE,
        R.SUCCEEDED,
    ),
    ("new work", {"oldest_open": JUST_NOW}, VerdictState.TRUE, R.SUCCEEDED),
    ("suspended", {"suspended": True, "read_due": LATE}, VerdictState.UNKNOWN, R.SUSPENDED),
    ("no ledger", {"ledger": GONE}, VerdictState.UNKNOWN, R.LEDGER_UNAVAILABLE),
]


@pytest.mark.parametrize(("what", "more", "state", "reason"), FRESH, ids=[r[0] for r in FRESH])
def test_fresh_is_what_was_declared(
    what: str, more: dict[str, Any], state: VerdictState, reason: R
) -> None:
    facts = _facts(**more)
    found = judge_fresh(facts, judge_flowing(facts))
    assert (found.state, found.reason) == (state, reason), (what, found)


def test_stale_says_why() -> None:
    facts = _facts(read_due=LATE, last_read=LONG_AGO, source_report=_report("shop", REJECTED))
    found = judge_fresh(facts, judge_flowing(facts))
    assert found.reason is R.STALE
    assert found.message.endswith("; no")
    assert found.since == LATE


def test_a_state_that_lasts_keeps_its_beginning() -> None:
    first = carried(judge_flowing(_facts(stalled=LONG_AGO)), None, NOW)
    assert first.since == LONG_AGO
    later = NOW + timedelta(minutes=1)
    again = carried(judge_flowing(_facts(stalled=JUST_NOW)), first, later)
    assert again.since == LONG_AGO
    well = carried(judge_flowing(_facts()), again, later)
    assert (well.state, well.since) == (VerdictState.TRUE, later)


def test_no_message_is_longer_than_a_condition_takes() -> None:
    long = Failure(kind="Fatal", sentence="x" * 5000, since=NOW)
    assert len(carried(judge_flowing(_facts(reading=long)), None, NOW).message) == 1024

"""A destination that is away is told with why, as the last check of its Connection found it."""

from datetime import UTC, datetime, timedelta

import pytest

from knect.api.reasons import ConditionReason as R
from knect.api.report import ConnectionReport, Verdict, VerdictState
from knect.engine.deciding.verdicts import Facts, judge_flowing

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
YES = Verdict(state=VerdictState.TRUE, reason=R.SUCCEEDED)
EXPIRED = Verdict(
    state=VerdictState.FALSE, reason=R.UNREACHABLE, message="TLS refused: certificate has expired"
)


@pytest.mark.parametrize(
    ("reachable", "says"),
    [
        (EXPIRED, "11:50:00 UTC (TLS refused: certificate has expired); it is asked again"),
        (YES, "11:50:00 UTC; it is asked again"),
        (None, "11:50:00 UTC; it is asked again"),
    ],
)
def test_it_is_told_with_what_the_check_says(reachable: Verdict | None, says: str) -> None:
    report = reachable and ConnectionReport(name="erp", credentials=YES, reachable=reachable)
    facts = Facts(
        now=NOW, source="shop", destination="erp", entity="orders", ledger=YES, began=NOW,
        read_due=NOW, stalled_after=timedelta(minutes=5),
        unanswered=NOW - timedelta(minutes=10), destination_report=report,
    )  # fmt: skip
    verdict = judge_flowing(facts)
    assert (verdict.state, verdict.reason) == (VerdictState.FALSE, R.UNREACHABLE)
    assert f"erp has not answered since 2026-11-25 {says}" in verdict.message

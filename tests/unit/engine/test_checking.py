"""A check says what it found, keeps what it could not ask, and never stops anything."""

import asyncio
from typing import Any

import pytest
from tests.support.toy.clock import FastClock

from knect.api.catalog import Catalog
from knect.api.reasons import ConditionReason as R
from knect.api.report import ConnectionReport, VerdictState
from knect.api.worker import WorkerConnection
from knect.cli.check import REPORT_BYTES, in_short
from knect.engine.working.checking import ConnectionChecks, check_once
from knect.sdk import errors
from knect.sdk.contract import CheckReport, EntityCheck
from knect.sdk.exchange import current_recorder

SHOP = WorkerConnection.model_validate(
    {"name": "shop", "generation": 4, "spec": {"connector": "shopify", "checkInterval": "5m"}}
)
GOOD = CheckReport(
    product="Toy",
    version="1",
    entities=[EntityCheck(entity="orders", read=True, write=False, problem=None)],
)
T, F, U = VerdictState.TRUE, VerdictState.FALSE, VerdictState.UNKNOWN


class Answering:
    """A connector whose check answers, or raises, what it is told."""

    source = destination = webhooks = None

    def __init__(self, answer: Any = GOOD) -> None:
        self.answer = answer
        self.asked = 0
        self.traced: set[str] = set()

    async def check(self) -> CheckReport:
        self.asked += 1
        if recorder := current_recorder.get():
            call = recorder.begin(method="GET", template="/", host="x")
            recorder.end(call)
            self.traced.add(call.traceparent[3:35])
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer  # type: ignore[no-any-return]

    async def close(self) -> None:
        return None


TABLE: list[tuple[Any, VerdictState, R, VerdictState, R]] = [
    (GOOD, T, R.SUCCEEDED, T, R.SUCCEEDED),
    (errors.CredentialsRejected("no", code="401"), F, R.CREDENTIALS_REJECTED, T, R.SUCCEEDED),
    (errors.SecretMissing("none", code="SecretNotFound"), F, R.SECRET_NOT_FOUND, U, R.NOT_CHECKED),
    (errors.SecretMissing("k", code="SecretKeyMissing"), F, R.SECRET_KEY_MISSING, U, R.NOT_CHECKED),
    (errors.ScopeMissing("scope"), F, R.SCOPE_MISSING, T, R.SUCCEEDED),
    (errors.Unreachable("refused"), U, R.NOT_CHECKED, F, R.UNREACHABLE),
    (errors.UnexpectedAnswer("502"), U, R.NOT_CHECKED, F, R.UNREACHABLE),
    (TimeoutError(), U, R.NOT_CHECKED, F, R.UNREACHABLE),
    (errors.Throttled("slow down"), U, R.NOT_CHECKED, T, R.SUCCEEDED),
    (errors.Fatal("wrong address", code="404"), U, R.NOT_CHECKED, F, R.CONFIG_INVALID),
    (errors.Fatal("gone", code="ApiVersionGone"), U, R.NOT_CHECKED, F, R.API_VERSION_GONE),
    (RuntimeError("a defect"), U, R.NOT_CHECKED, F, R.CONFIG_INVALID),
]


@pytest.mark.parametrize(("answer", "credentials", "why", "reachable", "because"), TABLE)
async def test_what_a_check_comes_to(
    answer: Any, credentials: VerdictState, why: R, reachable: VerdictState, because: R
) -> None:
    clock = FastClock()
    catalog = Catalog.installed()
    found = await check_once(SHOP, Answering(answer), manifest=catalog["shopify"], clock=clock)
    assert (found.credentials.state, found.credentials.reason) == (credentials, why)
    assert (found.reachable.state, found.reachable.reason) == (reachable, because)
    assert (found.checked, found.generation) == (clock.now(), 4)
    if credentials is not U:
        assert found.credentials.since == clock.now()
    assert "a defect" not in found.model_dump_json(), "the text of a defect may hold anything"


async def test_an_outage_does_not_take_back_what_is_known() -> None:
    clock = FastClock()
    first = await check_once(SHOP, Answering(), manifest=None, clock=clock)
    clock.advance(60)
    out = Answering(errors.Unreachable("refused"))
    second = await check_once(SHOP, out, manifest=None, clock=clock, before=first)
    assert second.credentials == first.credentials
    assert second.product == "Toy"
    assert second.reachable.since == clock.now()
    clock.advance(60)
    third = await check_once(SHOP, out, manifest=None, clock=clock, before=second)
    assert third.reachable.since == second.reachable.since


async def test_being_let_in_again_is_told_and_a_wanted_check_comes_soon() -> None:
    clock, remote = FastClock(), Answering(errors.CredentialsRejected("no"))
    told: list[str] = []
    checks = ConnectionChecks(
        {"shop": SHOP},
        {"shop": remote},
        catalog=Catalog.installed(),
        secrets={},
        clock=clock,
        calls="c" * 32,
        let_in=told.append,
    )
    await checks.check("shop")
    assert checks.reports["shop"].credentials.state is F
    assert told == []
    running = asyncio.create_task(checks.run())
    async with asyncio.timeout(10):
        while remote.asked < 2:
            await asyncio.sleep(0)
        remote.answer = GOOD
        checks.want("shop")
        while not told:
            await asyncio.sleep(0.001)
    running.cancel()
    assert told == ["shop"]
    assert remote.traced == {"c" * 32}, "each call of a check carries the trace of the life"
    assert checks.reports["shop"].credentials.state is T


def test_any_report_fits_a_termination_message() -> None:
    long = {"state": "False", "reason": "Unreachable", "message": "ü" * 1024}
    reports = [
        ConnectionReport.model_validate(
            {
                "name": f"acme-{number}",
                "credentials": long,
                "reachable": long,
                "entities": [{"name": f"e{i}", "problem": "x" * 500} for i in range(10)],
            }
        )
        for number in range(5)
    ]
    for many in (1, 2, 5):
        text = in_short(reports[:many])
        assert len(text.encode()) <= REPORT_BYTES
        assert '"name":"acme-0"' in text

"""Six hundred orders of two shops through the storm, on SQLite and on PostgreSQL.

`make soak` blows it for hours and with more of everything. `KNECT_FAULT_SEED` sets another seed.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.faults.postgres import Postgres
from tests.faults.storm import StormPlan, a_storm
from tests.faults.test_kills import SEED
from tests.faults.verdict import Verdict, judge
from tests.support.real.postgres import PostgresServer
from tests.support.real.require import require

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]


@pytest.fixture
def postgres() -> Iterator[Postgres]:
    require("postgres")
    with PostgresServer(fsync="on") as server:
        yield Postgres(server)


def test_six_hundred_orders_in_a_storm(tmp_path: Path) -> None:
    plan = StormPlan(orders=600, kills=8, seconds=35)
    with a_storm(tmp_path, plan, SEED) as storm:
        _is_good(judge(storm))


def test_a_storm_over_a_server_that_restarts(tmp_path: Path, postgres: Postgres) -> None:
    plan = StormPlan(orders=240, kills=4, seconds=30, restarts=1, terms=1, sure=False)
    with a_storm(tmp_path, plan, SEED, postgres) as storm:
        _is_good(judge(storm))


def _is_good(verdict: Verdict) -> None:
    print(f"\nseed {verdict.seed}, {verdict.ledger}: {verdict.orders} orders")
    print(f"  died: {verdict.kills} killed {dict(verdict.deaths)}, {verdict.restarts} restarts")
    print(f"  injected: {dict(verdict.injected)}")
    print(f"  webhooks: {dict(verdict.webhooks)}")
    print(f"  equation: {verdict.equation}")
    print(f"  {verdict.rate:.1f} orders/s, first request after {verdict.first_request}")
    assert not verdict.violations, f"seed {verdict.seed}\n" + "\n".join(verdict.violations)

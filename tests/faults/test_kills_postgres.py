"""Two hundred orders on PostgreSQL: workers are killed, two work at once, the server crashes.

The same judge as in test_kills.py, over a copy of the server's rows. `KNECT_FAULT_SEED` as there.
"""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.faults.evidence import history_of
from tests.faults.lives import ERP_FAULTS, SHOP_FAULTS, WEBHOOKS, Run
from tests.faults.postgres import Postgres
from tests.faults.scene import Scene, Worker, a_scene, until
from tests.faults.test_kills import SEED
from tests.support.real.postgres import PostgresServer
from tests.support.real.require import require

from knect.history import check, render

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]

ORDERS = 200
SKUS = ("KN-100", "KN-200", "KN-300", "KN-400", "KN-500")
#: Around what a server makes different: the first migration, commits, leases.
POINTS = (
    "migration.half", "rows.written", "ahead.committed", "deliver.answered", "commit.done",
    "inbox.committed",
)  # fmt: skip


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    require("postgres")
    with PostgresServer(fsync="on") as server, a_scene(tmp_path, Postgres(server)) as scene:
        scene.start_shop(seed=SEED, faults=SHOP_FAULTS, **WEBHOOKS)
        scene.start_erp(seed=SEED, faults=ERP_FAULTS, skus=SKUS)
        scene.declare()
        yield scene


def test_every_order_arrives_once_whatever_dies_on_postgres(scene: Scene) -> None:
    assert scene.postgres is not None
    server = scene.postgres.server
    run = Run(scene, random.Random(SEED))
    for point in POINTS:
        print(f"life: {point}", flush=True)
        run.die_at(point, 12, "")

    before = _lives_begun(scene)
    second = scene.worker(name="second", listen=False)
    first = scene.worker()
    # who finds no ledger at its start ends: a person sits before it
    until(lambda: _lives_begun(scene) == before + 2 and first.is_up(), "both workers are up")
    for crash in range(2):
        run.sell(20)
        _goes_on(scene, "before the crash")
        server.kill()
        run.scene.control(scene.shop, "state")  # the shop sells on meanwhile
        server.start()
        _goes_on(scene, f"after crash {crash}")
        _lives(first, second)
    second.kill()
    run.deaths["random"] += 1
    run.sell(ORDERS - len(run.ids))
    first.kill()
    run.deaths["random"] += 1
    run.finish()

    total = scene.status()
    assert total["balanced"], f"seed {SEED}: {total}"
    held = scene.control(scene.erp, "state")
    assert len(held["documents"]) == len({d["order"] for d in held["documents"]}) == ORDERS
    found = check(history_of(scene))
    assert not found, f"seed {SEED}\n{render(found)}"
    assert run.deaths.total() == len(POINTS) + 2
    assert "Traceback" not in first.log.read_text(), first.log.read_text()[-3000:]


def _delivered(scene: Scene) -> int:
    assert scene.postgres is not None
    count = "select count(*) from knect.transactions where fate = 'delivered'"
    return int(scene.postgres.sql(count))


def _lives_begun(scene: Scene) -> int:
    assert scene.postgres is not None
    return int(scene.postgres.sql("select count(*) from knect.lives"))


def _goes_on(scene: Scene, when: str) -> None:
    done = _delivered(scene)
    until(lambda: _delivered(scene) > done, f"work goes on {when}")


def _lives(*workers: Worker) -> None:
    for worker in workers:
        assert not worker.has_ended(), worker.log.read_text()[-3000:]

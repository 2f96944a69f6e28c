"""The fault matrix, row by row, on processes of their own; after each the history checker judges.

`KNECT_FAULT_SEED` as in test_kills.py. A row that did less than planned fails.
"""

from contextlib import nullcontext
from pathlib import Path

import pytest
from tests.faults.declared import declared
from tests.faults.evidence import history_of
from tests.faults.lives import tail
from tests.faults.matrix import ELSEWHERE, ROWS, Play, Row
from tests.faults.postgres import Postgres
from tests.faults.scene import Scene, a_collector, a_scene
from tests.faults.test_kills import SEED
from tests.support.fault_wire import Wires
from tests.support.real.postgres import PostgresServer
from tests.support.real.require import require

from knect.history import check, render

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]

SKUS = ("KN-100", "KN-200", "KN-300", "KN-400", "KN-500")
_BY_CLIENT = ("accessToken: shpat_simulated, webhookSecret: simulated-secret",
              "clientId: simulated-client, clientSecret: simulated-secret")  # fmt: skip


def _name(row: Row) -> str:
    return f"{row.number} {row.name}"


@pytest.mark.parametrize("row", ROWS, ids=_name)
def test_row(row: Row, tmp_path: Path) -> None:
    if row.on_server:
        require("postgres")
    server = PostgresServer(fsync="on") if row.on_server else nullcontext()
    with server as running, Wires(SEED) as wires, a_collector() as collector:
        postgres = Postgres(running) if running is not None else None
        for name in ("acme-shop", "acme-erp"):
            wires.lay(name)
        port = wires.lay("collector", port=int(collector.rpartition(":")[2]))
        if postgres is not None:
            wires.lay("ledger", port=postgres.server.port)
        with a_scene(tmp_path, postgres, wires) as scene, row.confined(scene):
            scene.start_shop(seed=SEED, faults=row.faults)
            scene.start_erp(seed=SEED, faults={}, skus=SKUS)
            scene.declare(declared().replace(*_BY_CLIENT) if row.number == 21 else declared())
            play = Play(scene, wires, f"http://127.0.0.1:{port}")
            done = row.how(play)
            _all_is_well(row, play, scene)
    print(f"\nrow {row.number}, {row.name}: seed {SEED}, {play.sold} orders, done {done} times")
    assert done >= row.planned, f"{done} of {row.planned} planned"


def _all_is_well(row: Row, play: Play, scene: Scene) -> None:
    scene.calm()
    play.end()
    last = scene.worker(follow=False)
    assert last.wait(180) == 0, tail(last)
    total = scene.status()
    print(f"  equation: {total}")
    assert total["balanced"], total
    assert total["delivered"] == play.sold == play.delivered(), total
    found = check(history_of(scene))
    assert not found, f"seed {SEED}\n{render(found)}"
    for log in scene.folder.glob("*.log"):
        assert "Traceback" not in log.read_text(), log.read_text()[-3000:]


def test_every_row_is_tried_somewhere() -> None:
    assert {row.number for row in ROWS} | set(ELSEWHERE) == set(range(1, 31))
    tests = Path(__file__).parents[1]
    for place in ELSEWHERE.values():
        for word in place.replace(",", " ").replace(";", " ").replace(":", " ").split():
            if word.endswith(".py"):
                assert list(tests.rglob(f"**/{word}")), f"there is no {word}"

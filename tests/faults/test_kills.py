"""A thousand orders through faults at both ends and a worker that is killed forty times.

One seed decides orders, faults and moments of death; it is printed with what was really injected.
`KNECT_FAULT_SEED` sets another one.
"""

import os
import random
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.faults.evidence import history_of
from tests.faults.lives import ERP_FAULTS, SHOP_FAULTS, WEBHOOKS, Run
from tests.faults.scene import Scene, a_collector, a_scene

from knect.history import check, render
from knect.seams import CRASH_POINTS

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]

SEED = int(os.environ.get("KNECT_FAULT_SEED", "20261124"))
ORDERS, RANDOM_KILLS = 1_000, 20
KNOWN = ("KN-100", "KN-200", "KN-300", "KN-400")
LATER = "KN-500"  # the ERP learns of it late: its orders wait


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with a_scene(tmp_path) as scene:
        scene.start_shop(seed=SEED, faults=SHOP_FAULTS, **WEBHOOKS)
        scene.start_erp(seed=SEED, faults=ERP_FAULTS, skus=KNOWN)
        scene.declare()
        yield scene


def test_every_order_arrives_once_whatever_dies(scene: Scene) -> None:
    began = time.monotonic()
    run = Run(scene, random.Random(SEED))
    lives = [*CRASH_POINTS, *["random"] * (RANDOM_KILLS - 6), *["early"] * 6]
    run.dice.shuffle(lives)
    for first in ("wait.registered", "migration.half"):
        lives.remove(first)
        lives.insert(0, first)  # a new ledger is laid once; orders wait while a SKU is unknown
    share = ORDERS // len(lives)
    with a_collector() as collector:
        for number, life in enumerate(lives, 1):
            count = ORDERS - len(run.ids) if number == len(lives) else share
            print(f"{time.monotonic() - began:6.1f} s  life {number}: {life}", flush=True)
            if number == len(lives) * 2 // 3:
                scene.control(scene.erp, "do/add_product", {"sku": LATER})
            if life in CRASH_POINTS:
                run.die_at(life, count, collector)
            else:
                run.die_at_random(count, early=life == "early")
    run.finish()

    _all_is_as_it_should_be(scene)
    again = _read_everything_again(scene)
    found = check(history_of(scene, second_read=again))
    _report(run, time.monotonic() - began)
    assert not found, f"seed {SEED}\n{render(found)}"
    assert run.deaths == Counter({**dict.fromkeys(CRASH_POINTS, 1), "random": RANDOM_KILLS})
    _faults_were_really_injected(scene)


def _all_is_as_it_should_be(scene: Scene) -> None:
    total = scene.status()
    assert total["balanced"], f"seed {SEED}: {total}"
    assert total["seen"] == total["delivered"] + total["unchanged"] + total["superseded"], total
    held = scene.control(scene.erp, "state")
    sold = scene.control(scene.shop, "state")["orders"]
    assert len(held["documents"]) == len(sold) == ORDERS, f"seed {SEED}"
    assert len({one["order"] for one in held["documents"]}) == ORDERS
    emails = [one["email"] for one in held["parties"]]
    assert len(emails) == len(set(emails)) == len({order["email"] for order in sold})
    cents = sum(round(float(o["totalPriceSet"]["shopMoney"]["amount"]) * 100) for o in sold)
    assert sum(round(float(one["total"]) * 100) for one in held["documents"]) == cents


def _read_everything_again(scene: Scene) -> datetime:
    """Put the cursor back to the beginning, by hand, and read on; returns when."""
    with sqlite3.connect(scene.ledger) as connection:
        connection.execute("update feeds set cursor_us = 0")
    connection.close()
    before, again = len(scene.calls("acme-shop")), datetime.now(UTC)
    assert scene.worker(follow=False).wait(120) == 0
    listed = sum(call.key == "OrdersDetail" for call in scene.calls("acme-shop")[before:])
    assert listed >= ORDERS // 250, "the second read did not read everything"
    return again


def _faults_were_really_injected(scene: Scene) -> None:
    for base, planned in ((scene.erp, ERP_FAULTS), (scene.shop, SHOP_FAULTS)):
        injected = scene.control(base, "faults")
        missing = [name for name in planned if not injected.get(name)]
        assert not missing, f"seed {SEED}: never injected: {missing}"
    landed = {
        c.fault for c in scene.calls("acme-erp") if c.method != "GET" and not c.status and c.key
    }
    assert {"commit-then-drop", "late-commit"} <= landed, (
        f"seed {SEED}: no write landed whose answer was lost: {landed}"
    )
    sent = scene.control(scene.shop, "state")["webhooks"]
    missing = [name for name in (*WEBHOOKS, "answered 200", "failed 401") if not sent.get(name)]
    assert not missing, f"seed {SEED}: webhooks were never {missing}"


def _report(run: Run, seconds: float) -> None:
    scene = run.scene
    lost = Counter(c.fault for c in scene.calls("acme-erp") if c.committed and c.status is None)
    print(f"\nseed {SEED}: {len(run.ids)} orders, {run.deaths.total()} kills, {seconds:.0f} s")
    print(f"  kills: {run.deaths['random']} at random, {len(run.deaths) - 1} at crash points")
    print(f"  ERP faults: {dict(scene.control(scene.erp, 'faults'))}")
    print(f"  ERP writes committed with the answer lost: {dict(lost)}")
    print(f"  shop faults: {dict(scene.control(scene.shop, 'faults'))}")
    print(f"  webhooks: {scene.control(scene.shop, 'state')['webhooks']}")
    print(f"  equation: {scene.status()}")

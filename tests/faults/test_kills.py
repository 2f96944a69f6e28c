"""A thousand orders through faults at both ends and a worker that is killed fifty times.

One seed decides orders, faults and moments of death; it is printed with what was really injected.
`KNECT_FAULT_SEED` sets another one.
"""

import os
import random
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.faults.scene import Scene, Worker, a_collector, a_scene, is_killed, until

from knect.history import check, render
from knect.seams import CRASH_POINTS

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]

SEED = int(os.environ.get("KNECT_FAULT_SEED", "20261124"))
ORDERS, RANDOM_KILLS = 1_000, 30
KNOWN = ("KN-100", "KN-200", "KN-300", "KN-400")
LATER = "KN-500"  # the ERP learns of it late: its orders wait
ERP_FAULTS = {"5xx": 0.08, "commit-then-drop": 0.03, "late-commit": 0.01, "hang": 0.01, "429": 0.03}
SHOP_FAULTS = {"5xx": 0.05, "429": 0.03, "commit-then-drop": 0.01, "hang": 0.01, "truncated": 0.01}
WEBHOOKS = {"duplicate": 0.2, "reordered": 0.15, "late": 0.1, "forged": 0.05, "lost": 0.03}
#: Points that a life passes seldom; the others die at a passage by chance.
SELDOM = {
    "page.fetched", "cursor.committed", "trace.sent", "lease.renew", "drain.half",
    "retention.half", "migration.half",
}  # fmt: skip


class Run:
    """The lives of one worker, and what was counted."""

    def __init__(self, scene: Scene, dice: random.Random) -> None:
        self.scene = scene
        self.dice = dice
        self.ids: list[str] = []
        self.deaths: Counter[str] = Counter()

    def sell(self, count: int) -> None:
        """Let the shop have new orders, some of few customers, and edit two old ones."""
        options = {"count": count, "seed": self.dice.randrange(10**6)}
        if self.dice.random() < 0.3:
            options["guests"] = 4
        self.ids += self.scene.control(self.scene.shop, "do/create_orders", options)
        for identifier in self.dice.sample(self.ids, 2):
            touched = {"id": identifier, "note": f"call first {self.dice.randrange(1000)}"}
            self.scene.control(self.scene.shop, "do/touch", touched)

    def die_at(self, point: str, count: int, collector: str) -> None:
        """Live until a crash point; fail if the process did not die there."""
        nth = 1 if point in SELDOM else self.dice.randint(1, 4)
        tracing = collector if point == "trace.sent" else ""
        by_hook = point.startswith("inbox.")  # a shop sends again only so often: be up first
        if not by_hook:
            self.sell(count)
        worker = self.scene.worker(crash=f"{point}:{nth}", collector=tracing)
        if by_hook:
            until(lambda: worker.is_up() or worker.has_ended(), "the worker is up")
            self.sell(count)
        if point == "drain.half":
            until(lambda: worker.is_up() or worker.has_ended(), "the worker is up")
            worker.process.send_signal(signal.SIGTERM)
        until(worker.has_ended, f"death at {point}:{nth}\n{_tail(worker)}")
        code = worker.wait()
        assert is_killed(code), f"{point}:{nth}: exit code {code}\n{_tail(worker)}"
        self.deaths[point] += 1

    def die_at_random(self, count: int, *, early: bool) -> None:
        """Live for a while and be killed; `early`: while it starts."""
        if early:
            self.sell(count)
        worker = self.scene.worker()
        if not early:
            until(lambda: worker.is_up() or worker.has_ended(), "the worker is up")
            self.sell(count)
        time.sleep(self.dice.uniform(0.0, 1.2))
        assert not worker.has_ended(), f"it ended by itself\n{_tail(worker)}"
        worker.kill()
        self.deaths["random"] += 1

    def finish(self) -> None:
        """Let work come to rest, without further faults."""
        self.scene.calm()
        self.scene.control(self.scene.shop, "do/drain", {})
        for _ in range(3):
            worker = self.scene.worker(follow=False)
            code = worker.wait(120)
            assert code == 0, f"exit code {code}\n{_tail(worker)}"
            total = self.scene.status()
            if not total["in_flight"] + total["unknown"] + total["waiting"]:
                return
        raise AssertionError(f"it does not come to rest: {total}")


def _tail(worker: Worker) -> str:
    return worker.log.read_text()[-3000:]


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
    found = check(scene.history(second_read=again))
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
    before, again = len(scene.calls("shop")), datetime.now(UTC)
    assert scene.worker(follow=False).wait(120) == 0
    listed = sum(call.key == "OrdersDetail" for call in scene.calls("shop")[before:])
    assert listed >= ORDERS // 250, "the second read did not read everything"
    return again


def _faults_were_really_injected(scene: Scene) -> None:
    for base, planned in ((scene.erp, ERP_FAULTS), (scene.shop, SHOP_FAULTS)):
        injected = scene.control(base, "faults")
        missing = [name for name in planned if not injected.get(name)]
        assert not missing, f"seed {SEED}: never injected: {missing}"
    landed = {c.fault for c in scene.calls("erp") if c.method != "GET" and not c.status and c.key}
    assert {"commit-then-drop", "late-commit"} <= landed, (
        f"seed {SEED}: no write landed whose answer was lost: {landed}"
    )
    sent = scene.control(scene.shop, "state")["webhooks"]
    missing = [name for name in (*WEBHOOKS, "answered 200", "failed 401") if not sent.get(name)]
    assert not missing, f"seed {SEED}: webhooks were never {missing}"


def _report(run: Run, seconds: float) -> None:
    scene = run.scene
    lost = Counter(c.fault for c in scene.calls("erp") if c.committed and c.status is None)
    print(f"\nseed {SEED}: {len(run.ids)} orders, {run.deaths.total()} kills, {seconds:.0f} s")
    print(f"  kills: {run.deaths['random']} at random, {len(run.deaths) - 1} at crash points")
    print(f"  ERP faults: {dict(scene.control(scene.erp, 'faults'))}")
    print(f"  ERP writes committed with the answer lost: {dict(lost)}")
    print(f"  shop faults: {dict(scene.control(scene.shop, 'faults'))}")
    print(f"  webhooks: {scene.control(scene.shop, 'state')['webhooks']}")
    print(f"  equation: {scene.status()}")

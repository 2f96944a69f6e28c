"""The storm: orders from two shops into one ERP while everything between them fails and dies.

Why: the faults of the matrix one by one prove less than all of them at once. One seed decides
orders, faults and moments; a day of trouble is squeezed into minutes. Must not: judge (see
`verdict.py`), or count a fault that did not happen.
"""

import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from msgspec import Struct, field
from tests.faults.declared import declared
from tests.faults.lives import ERP_FAULTS, SHOP_FAULTS, WEBHOOKS, tail
from tests.faults.meter import Meter
from tests.faults.postgres import Postgres
from tests.faults.scene import Scene, Worker, a_collector, a_scene, is_killed
from tests.support.fault_wire import Wires

__all__ = [
    "SHOPS",
    "STORM_ERP_FAULTS",
    "STORM_SHOP_FAULTS",
    "WIRE_FAULTS",
    "Storm",
    "StormPlan",
    "a_storm",
]

SHOPS = ("acme-shop", "outlet")
KNOWN = ("KN-100", "KN-200", "KN-300", "KN-400")
LATER = "KN-500"  # the ERP learns of it at half-time: its orders wait
LEASE = 2.0
STORM_SHOP_FAULTS = {**SHOP_FAULTS, "html-200": 0.01, "malformed": 0.01, "slow-body": 0.002}
STORM_ERP_FAULTS = {
    **ERP_FAULTS, "html-200": 0.01, "malformed": 0.01, "truncated": 0.01, "slow-body": 0.002,
}  # fmt: skip
WIRE_FAULTS = {
    "refuse": 0.02, "reset-before": 0.01, "reset-after": 0.01, "half-close": 0.01, "silence": 0.002,
    "drip": 0.003, "delay": 0.01,
}  # fmt: skip
#: A database answers hundreds of turns for one of an end.
_LEDGER_WIRE = {
    "reset-before": 0.0005,
    "reset-after": 0.0005,
    "half-close": 0.0003,
    "delay": 0.001,
}
_POINTS = (
    "inbox.read", "inbox.committed", "inbox.acked", "page.fetched", "rows.written",
    "cursor.committed", "extract.done", "map.done", "ahead.committed", "send.first_byte",
    "send.complete", "answer.read", "deliver.answered", "commit.begin", "commit.done", "trace.sent",
    "lease.renew", "retention.half",
)  # fmt: skip


class StormPlan(Struct, frozen=True, kw_only=True):
    """How much of everything. `seconds`: how long the shops sell; it stands for 20 minutes.

    `sure`: every kind of fault happens at every end at least once, however the dice fall.
    """

    orders: int
    kills: int
    seconds: float
    cuts: int = 4
    terms: int = 2
    freezes: int = 1
    restarts: int = 2  # of the ledger's server, where there is one
    slice_size: int = 20
    guests: int = 60
    sure: bool = True


class Storm(Struct, kw_only=True):
    """What was done and when. Times are the clock's, to be compared with request logs."""

    scene: Scene
    plan: StormPlan
    seed: int
    meter: Meter
    deaths: Counter[str] = field(default_factory=Counter)
    restarts: int = 0
    turned_away: int = 0  # `knect run` started while the server was away
    poisoned: int = 0
    killed_at: list[datetime] = field(default_factory=list)
    sold_at: list[tuple[datetime, int]] = field(default_factory=list)
    blown_at: tuple[datetime, datetime] | None = None
    ids: dict[str, list[str]] = field(default_factory=dict)


@contextmanager
def a_storm(
    folder: Path, plan: StormPlan, seed: int, postgres: Postgres | None = None
) -> Iterator[Storm]:
    """Blow; yields when all is calm, delivered and at rest."""
    with Wires(seed) as wires, a_collector() as collector:
        for name in (*SHOPS, "acme-erp"):
            wires.lay(name, WIRE_FAULTS)
        wires.lay("collector", WIRE_FAULTS, int(collector.rpartition(":")[2]))
        size: Callable[[], float] | None = None
        if postgres is not None:
            wires.lay("ledger", _LEDGER_WIRE, postgres.server.port)
            size = postgres.size_mib
        with a_scene(folder, postgres, wires) as scene:
            for number, shop in enumerate(SHOPS):
                scene.start_shop(
                    seed=seed + number, faults=STORM_SHOP_FAULTS, name=shop, **WEBHOOKS
                )
            scene.start_erp(seed=seed, faults=STORM_ERP_FAULTS, skus=KNOWN)
            scene.declare(declared(SHOPS))
            with Meter(scene.ledger, size) as meter:
                storm = Storm(scene=scene, plan=plan, seed=seed, meter=meter)
                _Weather(storm, wires).blow()
                yield storm


class _Due(Struct, frozen=True, kw_only=True):
    """What happens `at` seconds; `awake`: or later, when a worker is at work."""

    at: float
    act: Callable[[], None]
    awake: bool = False


class _Weather:
    """Makes the storm."""

    def __init__(self, storm: Storm, wires: Wires) -> None:
        self._storm = storm
        self._scene = storm.scene
        self._plan = storm.plan
        self._wires = wires
        self._dice = random.Random(storm.seed)
        self._collector = f"http://127.0.0.1:{wires.port('collector')}"
        self._due = self._timeline()
        self._began = 0.0
        self._second: Worker | None = None
        self._is_up = False

    def blow(self) -> None:
        storm, plan = self._storm, self._plan
        storm.ids = {shop: [] for shop in SHOPS}
        self._began = time.monotonic()
        start = datetime.now(UTC)
        lives = self._lives()
        length = plan.seconds / len(lives)
        while lives or self._due:
            kind = lives.pop(0) if lives else "random"
            self._live(kind, length * self._dice.uniform(0.5, 1.5))
        if self._second is not None:
            self._kill(self._second, "second")
        storm.blown_at = start, datetime.now(UTC)
        self._calm_down()

    # ------------------------------------------------------------ what happens when

    def _timeline(self) -> list[_Due]:
        """Return what happens by itself, in order."""
        plan, dice = self._plan, self._dice
        acts: list[_Due] = []

        def plans(act: Callable[[], None], *, awake: bool = False) -> None:
            acts.append(_Due(at=dice.uniform(0, plan.seconds), act=act, awake=awake))

        left = plan.orders
        while left:
            count = min(plan.slice_size, left)
            left -= count
            plans(partial(self._sell, count), awake=dice.random() < 0.5)
        names = [name for name in self._wires.names if name != "ledger"]
        for number in range(plan.cuts):
            act = self._wires.stall if number % 3 == 1 else self._wires.cut
            plans(partial(act, names[number % len(names)], dice.uniform(0.5, 3.0)))
        for name in names if plan.sure else ():
            for trouble in WIRE_FAULTS:
                plans(partial(self._wires.force, name, trouble), awake=True)
        for address, faults in self._ends() if plan.sure else ():
            for fault in faults:
                plans(partial(self._force, address, fault), awake=True)
        if self._scene.postgres is not None:
            for number in range(plan.restarts):
                at = plan.seconds * (number + 1) / (plan.restarts + 1)
                acts.append(_Due(at=at, act=self._restart_server))
        acts.append(_Due(at=plan.seconds / 2, act=self._learn))
        return sorted(acts, key=lambda one: one.at)

    def _ends(self) -> list[tuple[str, Mapping[str, float]]]:
        ends = [(self._scene.shops[shop], STORM_SHOP_FAULTS) for shop in SHOPS]
        return [*ends, (self._scene.erp, STORM_ERP_FAULTS)]

    def _force(self, address: str, fault: str) -> None:
        """Let a fault happen once, however the dice fall."""
        self._scene.control(address, "faults", {"force": [fault]})

    def _tick(self) -> None:
        """Do what is due."""
        now = time.monotonic() - self._began
        due = [one for one in self._due if one.at <= now and (self._is_up or not one.awake)]
        for one in due:
            self._due.remove(one)
            one.act()

    def _sell(self, count: int) -> None:
        shop = self._dice.choice(SHOPS)
        address, ids = self._scene.shops[shop], self._storm.ids[shop]
        options: dict[str, object] = {"count": count, "seed": self._dice.randrange(10**6)}
        if self._dice.random() < 0.3:
            options["guests"] = self._plan.guests
        made = self._scene.control(address, "do/create_orders", options)
        self._storm.sold_at.append((datetime.now(UTC), count))
        ids += made
        for identifier in self._dice.sample(ids, 2):
            touched = {"id": identifier, "note": f"call first {self._dice.randrange(1000)}"}
            self._scene.control(address, "do/touch", touched)
        if self._dice.random() < 0.2:
            self._poison(address, made[0])

    def _poison(self, address: str, identifier: str) -> None:
        """Let an order's total be one that its parts do not add up to."""
        wrong = {"amount": "0.01", "currencyCode": "EUR"}
        touched = {
            "id": identifier,
            "totalPriceSet": {"shopMoney": wrong, "presentmentMoney": wrong},
        }
        self._scene.control(address, "do/touch", touched)
        self._storm.poisoned += 1

    def _learn(self) -> None:
        self._scene.control(self._scene.erp, "do/add_product", {"sku": LATER})

    def _restart_server(self) -> None:
        assert self._scene.postgres is not None
        self._scene.postgres.server.kill()
        self._scene.postgres.server.start()
        self._storm.restarts += 1

    # ------------------------------------------------------------ lives

    def _lives(self) -> list[str]:
        plan, dice = self._plan, self._dice
        points = dice.sample(_POINTS, min(len(_POINTS), plan.kills * 3 // 8))
        early = plan.kills // 8
        lives = [*points, *["early"] * early, *["random"] * (plan.kills - len(points) - early)]
        lives += ["term"] * plan.terms + ["freeze"] * plan.freezes
        dice.shuffle(lives)
        return lives

    def _live(self, kind: str, seconds: float) -> None:
        armed = f"{kind}:{self._dice.randint(1, 6)}" if kind in _POINTS else ""
        worker = self._scene.worker(crash=armed, collector=self._collector, lease=LEASE)
        self._storm.meter.pid = worker.process.pid
        self._with_a_second()
        if kind == "early":
            self._pass(seconds, worker.has_ended)
        else:
            self._pass(60, lambda: worker.is_up() or worker.has_ended())
            self._is_up = worker.is_up()
            self._pass(seconds, worker.has_ended)
            self._is_up = False
        if kind == "freeze":
            self._freeze(worker)
        if kind == "term" and not worker.has_ended():
            self._end_in_good_order(worker)
        elif worker.has_ended():
            code = worker.wait()
            if code == 1 and _found_no_ledger(worker):  # `knect run` says so; a pod would wait
                self._storm.turned_away += 1
                self._live(kind, seconds)
                return
            assert is_killed(code), f"{kind}: it ended by itself with {code}\n{tail(worker)}"
            self._storm.deaths[kind] += 1
            self._storm.killed_at.append(datetime.now(UTC))
        else:
            self._kill(worker, "random" if kind in _POINTS else kind)

    def _pass(self, seconds: float, is_over: Callable[[], bool]) -> None:
        """Let the storm blow for so long, or until something is over."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and not is_over():
            self._tick()
            time.sleep(0.02)

    def _kill(self, worker: Worker, kind: str) -> None:
        if worker.has_ended() and worker.wait() == 1 and _found_no_ledger(worker):
            self._storm.turned_away += 1
            return
        assert not worker.has_ended(), f"it ended by itself\n{tail(worker)}"
        worker.kill()
        self._storm.deaths[kind] += 1
        self._storm.killed_at.append(datetime.now(UTC))

    def _freeze(self, worker: Worker) -> None:
        if worker.has_ended():
            return
        worker.process.send_signal(signal.SIGSTOP)
        self._pass(2 * LEASE, lambda: False)
        worker.process.send_signal(signal.SIGCONT)
        self._pass(LEASE, worker.has_ended)

    def _end_in_good_order(self, worker: Worker) -> None:
        worker.process.send_signal(signal.SIGTERM)
        code = worker.wait(60)
        assert code == 0, f"told to end, it ended with {code}\n{tail(worker)}"
        self._storm.deaths["SIGTERM"] += 1

    def _with_a_second(self) -> None:
        """On a server two work at once; the second dies now and then, too."""
        if self._scene.postgres is None:
            return
        if self._second is not None and (self._second.has_ended() or self._dice.random() < 0.15):
            self._kill(self._second, "second")
            self._second = None
        if self._second is None:
            self._second = self._scene.worker(
                name="second", listen=False, collector=self._collector, lease=LEASE
            )

    # ------------------------------------------------------------ calm

    def _calm_down(self) -> None:
        scene = self._scene
        scene.calm()
        for address in scene.shops.values():
            scene.control(address, "do/drain", {})
        for _ in range(5):
            worker = scene.worker(follow=False, lease=LEASE)
            self._storm.meter.pid = worker.process.pid
            code = worker.wait(300)
            assert code == 0, f"exit code {code}\n{tail(worker)}"
            total = scene.status()
            if not total["in_flight"] + total["unknown"] + total["waiting"]:
                return
        raise AssertionError(f"seed {self._storm.seed}: it does not come to rest: {total}")


def _found_no_ledger(worker: Worker) -> bool:
    last = worker.log.read_text().splitlines()[-1:]
    return bool(last) and last[0].startswith("the ledger database ")

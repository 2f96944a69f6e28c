"""Every kind of write, both ways, between a simulated shop and a real Tryton, under kills.

Orders, payments, refunds and customers go to the ERP; parcels, stock, prices and corrected
customers come back. Why: the storm's ERP takes orders only; what is new is written by these.
Must not: look into Tryton or the shop through Knect; a clerk and a merchant do, by hand.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

from msgspec import Struct
from tests.faults.clerk import Clerk, Held
from tests.faults.lives import tail
from tests.faults.scene import Scene, Worker, a_scene, is_killed, until
from tests.support.fault_wire import Wires

from knect_connectors.tryton.demo import (
    DemoCompany,
    DemoPriceList,
    DemoProduct,
    TrytonServer,
    make_database,
)

__all__ = ["BothWays", "BothWaysPlan", "both_ways"]

PRICES = {
    "KN-100": "39.90", "KN-200": "24.50", "KN-300": "12.00", "KN-400": "7.95", "KN-500": "4.20",
}  # fmt: skip
_WIRE = {"reset-before": 0.01, "reset-after": 0.02, "half-close": 0.01, "delay": 0.01}
#: Around a write and its answer, at whichever entity the dice choose.
_POINTS = (
    "ahead.committed", "send.first_byte", "send.complete", "answer.read", "deliver.answered",
    "commit.begin", "commit.done", "rows.written", "cursor.committed",
)  # fmt: skip

_CONNECTIONS = """\
apiVersion: knect.dev/v1alpha1
kind: Connection
metadata: {name: acme-shop}
spec:
  connector: shopify
  role: Spoke
  config: {shop: acme.myshopify.com, apiVersion: "2026-04", baseUrl: "%(acme-shop)s"}
  credentials: {secretRef: {name: acme-shop}}
---
apiVersion: v1
kind: Secret
metadata: {name: acme-shop}
stringData: {accessToken: shpat_simulated, webhookSecret: simulated-secret}
---
apiVersion: knect.dev/v1alpha1
kind: Connection
metadata: {name: acme-erp}
spec:
  connector: tryton
  role: Hub
  config:
    url: "%(acme-erp)s"
    database: erp
    webShop: acme
    priceLists: [web]
    stock: {warehouses: [WH]}
  credentials: {secretRef: {name: acme-erp}}
---
apiVersion: v1
kind: Secret
metadata: {name: acme-erp}
stringData: {username: knect, password: knect-demo-password}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: locations}
data: {WH: Warehouse}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: price-lists}
data: {web: "@base"}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: carriers}
data: {DHL: DHL Express, UPS: UPS}
"""
_PIPELINE = """\
---
apiVersion: knect.dev/v1alpha1
kind: SyncPipeline
metadata: {name: NAME}
spec:
  entity: ENTITY
  source: {connectionRef: {name: FROM}, start: Beginning}
  destination: {connectionRef: {name: TO}MORE}
  trigger: {poll: {every: 2s}}
  delivery: {batchSize: 5, maxInFlight: 2, retry: {attempts: 12, initial: 300ms, max: 2s}}
  mapping:
"""
#: (name, entity, whether it goes to the ERP, more of the destination, mapping)
_PIPELINES = (
    ("orders", "orders", True, ", write: Upsert", "owns: []"),
    ("payments", "payments", True, ", write: Create",
     "admit: [{when: 'payment.status != \"success\"', then: Skip, reason: no money moved}]"),
    ("refunds", "refunds", True, ", write: Create",
     "admit: [{when: refund.pending, then: Wait, reason: the money is not back yet}]"),
    ("customers", "customers", True, ", match: [email]", ""),
    ("shipments", "shipments", False, "",
     "set: {carrier: 'size(shipment.trackings) > 0 && shipment.trackings[0].carrier != null ? "
     "lookup(\"carriers\", shipment.trackings[0].carrier) : null'}\n"
     "    valueMaps: [{name: carriers, configMapRef: {name: carriers}}]"),
    ("stock", "inventory", False, "",
     "set: {available: 'max(0, int(level.available))'}\n"
     "    valueMaps: [{name: location, configMapRef: {name: locations}}]"),
    ("prices", "prices", False, "",
     "admit: [{when: '!price.sku.startsWith(\"KN-\")', then: Skip, reason: not sold there}]\n"
     "    valueMaps: [{name: price_list, configMapRef: {name: price-lists}}]"),
    ("customers-back", "customers", False, ", write: Update", ""),
)  # fmt: skip


def documents() -> str:
    """Return the documents of all eight pipelines."""
    text = _CONNECTIONS
    for name, entity, to_erp, more, mapping in _PIPELINES:
        ends = ("acme-shop", "acme-erp") if to_erp else ("acme-erp", "acme-shop")
        part = _PIPELINE.replace("NAME", name).replace("ENTITY", entity).replace("MORE", more)
        part = part.replace("FROM", ends[0]).replace("TO", ends[1])
        has_mapping = mapping and mapping != "owns: []"
        text += part + f"    {mapping}\n" if has_mapping else part.replace("  mapping:\n", "")
    return text


class BothWaysPlan(Struct, frozen=True, kw_only=True):
    """How much of everything; a life lasts about `life` seconds, and so long it may take to rest."""

    lives: int
    sold: int = 3  # orders in each life
    life: float = 5.0
    rest: float = 240.0


class BothWays(Struct, kw_only=True):
    """What came of it."""

    seed: int
    orders: int
    deaths: Mapping[str, int]
    done: Mapping[str, int]  # by people
    wires: Mapping[str, Mapping[str, int]]
    equation: Mapping[str, Any]
    violations: Sequence[str]

    @property
    def kills(self) -> int:
        """How many workers were killed."""
        return sum(self.deaths.values())

    @property
    def injected(self) -> Counter[str]:
        """Every fault that really happened on the wires, by kind."""
        total: Counter[str] = Counter()
        for part in self.wires.values():
            total.update(part)
        return total


def both_ways(folder: Path, seed: int, plan: BothWaysPlan) -> BothWays:
    """Play, come to rest, judge."""
    with Wires(seed) as wires, _an_erp(folder) as server:
        wires.lay("acme-shop", _WIRE)
        wires.lay("acme-erp", _WIRE)
        with a_scene(folder, wires=wires) as scene:
            skus = ",".join(f"{sku}={sku}={price}" for sku, price in PRICES.items())
            scene.start_shop(seed=seed, faults={}, skus=skus)
            scene.erp = server.url
            scene.declare(documents())
            play = _Play(scene, Clerk(server), random.Random(seed))
            for _ in range(plan.lives):
                play.live(plan)
            play.rest(plan.rest)
            return BothWays(
                seed=seed,
                orders=len(play.ids),
                deaths=dict(play.deaths),
                done=dict(play.done),
                wires={name: dict(wires.counts(name)) for name in wires.names},
                equation=scene.status(),
                violations=[*play.judge(), *_not_tried(play, plan)],
            )


@contextmanager
def _an_erp(folder: Path) -> Iterator[TrytonServer]:
    products = tuple(DemoProduct(sku=s, name=s, price=Decimal(p)) for s, p in PRICES.items())
    stock = tuple((sku, Decimal(500)) for sku in PRICES)
    company = DemoCompany(products=products, stock=stock, price_lists=(DemoPriceList(name="web"),))
    make_database(company, folder / "erp.sqlite")
    with TrytonServer(folder / "erp.sqlite") as server:
        yield server


class _Play:
    """Merchant and clerk at work while workers live and die."""

    def __init__(self, scene: Scene, clerk: Clerk, dice: random.Random) -> None:
        self._scene = scene
        self._clerk = clerk
        self._dice = dice
        self.ids: list[str] = []
        self._refundable: list[str] = []
        self._shipped: dict[str, str] = {}  # order's number -> tracking
        self.deaths: Counter[str] = Counter()
        self.done: Counter[str] = Counter()

    def live(self, plan: BothWaysPlan) -> None:
        """One life, with somebody at work at both ends."""
        point = self._dice.choice((*_POINTS, "random", "random"))
        armed = "" if point == "random" else f"{point}:{self._dice.randint(1, 12)}"
        worker = self._scene.worker(crash=armed, lease=3, request=8)
        self._sell(plan.sold)
        until(lambda: worker.is_up() or worker.has_ended(), "the worker is up")
        for _ in range(2):
            end = time.monotonic() + plan.life / 2 * self._dice.uniform(0.6, 1.4)
            while time.monotonic() < end and not worker.has_ended():
                time.sleep(0.05)
            self._people()
        self._dies(worker, point)

    def _dies(self, worker: Worker, point: str) -> None:
        if not worker.has_ended():
            worker.kill()
            point = "random"
        code = worker.wait()
        assert is_killed(code), f"{point}: it ended by itself with {code}\n{tail(worker)}"
        self.deaths[point] += 1

    def _shop(self, act: str, **arguments: object) -> Any:
        return self._scene.control(self._scene.shop, f"do/{act}", arguments)

    def _sell(self, count: int) -> None:
        made = self._shop("create_orders", count=count, seed=self._dice.randrange(10**6))
        self.ids += made
        self._refundable += made

    def _people(self) -> None:
        """What merchant and clerk do twice in a life, whether a worker lives or not."""
        if self._refundable and self._dice.random() < 0.5:
            chosen = self._refundable.pop(self._dice.randrange(len(self._refundable)))
            self._shop("refund", id=chosen, line=0, units=1, restock="NO_RESTOCK")
            self.done["refund"] += 1
        sku = self._dice.choice(list(PRICES))
        match min(("parcel", "count", "price"), key=lambda act: self.done[act]):
            case "parcel" if sent := asyncio.run(self._clerk.ship_one(f"T-{len(self._shipped)}")):
                self._shipped.update(sent)
                self.done["parcel"] += 1
            case "price":
                price = Decimal(PRICES[sku]) + Decimal(self._dice.randrange(-200, 200)) / 100
                asyncio.run(self._clerk.price(sku, price))
                self.done["price"] += 1
            case _:
                asyncio.run(self._clerk.count(sku, 400 + self._dice.randrange(100)))
                self.done["count"] += 1

    # ------------------------------------------------------------ rest

    def rest(self, seconds: float) -> None:
        """Ship nothing more, process all that was sold, and run until both ends agree."""
        self._scene.calm()
        deadline = time.monotonic() + seconds
        while True:
            worker = self._scene.worker(follow=False, lease=3, request=20)
            code = worker.wait(seconds)
            assert code == 0, f"exit code {code}\n{tail(worker)}"
            total = self._scene.status()
            is_open = total["in_flight"] + total["unknown"] + total["waiting"]
            if not is_open and not list(self.judge()):
                return
            if time.monotonic() > deadline:
                return  # the judge says what is wrong

    def judge(self) -> Iterator[str]:
        """Yield what is wrong, by what both ends hold."""
        total = self._scene.status()
        if not total["balanced"]:
            yield f"the equation does not hold: {total}"
        if total["in_flight"] + total["unknown"] + total["waiting"]:
            yield f"it does not come to rest: {total}"
        state = self._scene.control(self._scene.shop, "state")
        held = asyncio.run(self._clerk.held())
        yield from _orders(state["orders"], held)
        yield from _money(state["orders"], held)
        yield from self._parcels(state)
        yield from _shelf(state["catalog"], held)
        text = (self._scene.folder / "worker.log").read_text()
        if "Traceback" in text:
            at = text.index("Traceback")
            yield f"a worker left a traceback: {text[at : at + 2000]}"

    def _parcels(self, state: Mapping[str, Any]) -> Iterator[str]:
        for order in state["orders"]:
            number = order["name"].lstrip("#")
            there = [one for one in order["fulfillments"] if one["status"] != "CANCELLED"]
            numbers = [info["number"] for one in there for info in one["trackingInfo"]]
            wanted = [self._shipped[number]] if number in self._shipped else []
            if numbers != wanted:
                yield f"{number}: parcels {numbers} in the shop, {wanted} left the ERP"
        mails = Counter(
            (mail["about"], mail["order"], *mail["tracking"]) for mail in state["mails"]
        )
        twice = [mail for mail, count in mails.items() if count > 1]
        if twice:
            yield f"told twice by e-mail: {twice}"


def _orders(orders: Sequence[Mapping[str, Any]], held: Held) -> Iterator[str]:
    sold = {one["id"]: Decimal(one["totalPriceSet"]["shopMoney"]["amount"]) for one in orders}
    found = Counter(sale.order for sale in held.sales)
    if dict(found) != dict.fromkeys(sold, 1):
        off = {one: found[one] for one in {*sold, *found} if found[one] != 1 or one not in sold}
        yield f"sales per order that are not one: {off}"
    wrong = {
        s.order: (s.total, sold.get(s.order)) for s in held.sales if s.total != sold.get(s.order)
    }
    if wrong:
        yield f"totals (ERP, shop): {wrong}"


def _money(orders: Sequence[Mapping[str, Any]], held: Held) -> Iterator[str]:
    paid: Counter[tuple[str, Decimal]] = Counter()
    back: Counter[Decimal] = Counter()
    for order in orders:
        for one in order["transactions"]:
            kind = {"SALE": "receivable", "CAPTURE": "receivable", "REFUND": "payable"}.get(
                one["kind"]
            )
            if kind and one["status"] == "SUCCESS":
                paid[kind, Decimal(one["amountSet"]["shopMoney"]["amount"])] += 1
        for refund in order["refunds"]:
            back[-Decimal(refund["totalRefundedSet"]["shopMoney"]["amount"])] += 1
    if Counter(held.payments) != paid:
        there = Counter(held.payments)
        yield f"payments: too many {there - paid}, too few {paid - there}"
    if Counter(held.credits) != back:
        there_ = Counter(held.credits)
        yield f"credits: too many {there_ - back}, too few {back - there_}"


def _shelf(catalog: Mapping[str, Any], held: Held) -> Iterator[str]:
    for variant in catalog["variants"]:
        sku = variant["sku"]
        if Decimal(variant["price"]) != held.prices[sku]:
            yield f"{sku}: {variant['price']} in the shop, {held.prices[sku]} in the ERP"
        pieces = list(variant["available"].values())
        if pieces != [held.available[sku]]:
            yield f"{sku}: {pieces} pieces in the shop, {held.available[sku]} in the ERP"


def _not_tried(play: _Play, plan: BothWaysPlan) -> Iterator[str]:
    missing = [one for one in ("refund", "parcel", "count", "price") if not play.done[one]]
    if missing:
        yield f"nobody did: {', '.join(missing)}"
    if play.deaths.total() < plan.lives:
        yield f"{play.deaths.total()} kills of {plan.lives} planned"

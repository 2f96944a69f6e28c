"""Orders go to the ERP and stock comes back, while workers die and answers get lost: after two looks
in peace no piece is offered that is sold, and in the end none is held.
"""

import asyncio
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from tests.support.lifetimes import works_until
from tests.support.toy import ToyErp, ToyShop, World, a_pipeline, an_order
from tests.support.toy.connector import PLATFORMS

from knect.ledger import schema as s
from knect.ledger.questions.queries import equations
from knect.sdk.contract import Call, Outcome
from knect.sdk.errors import Unreachable

SKUS = ("KN-1", "KN-2")
_STOCK = a_pipeline(
    "stock", entity="inventory",
    source={"connectionRef": {"name": "erp"}}, destination={"connectionRef": {"name": "shop"}},
    mapping={"set": {"stock": "int(max(0, level.on_hand - open_orders(level.sku)))"}},
)  # fmt: skip


class _End(ToyErp, ToyShop):
    """Reads and is written to; what is written may be lost, late, or the last a worker sees."""

    def __init__(self, world: World, dice: random.Random) -> None:
        ToyErp.__init__(self)
        ToyShop.__init__(self, world.clock)
        self.world = world
        self.dice = dice
        self.killed = asyncio.Event()
        self.injected = 0
        self.calm = False
        self.under_way: set[asyncio.Task[None]] = set()

    async def write(self, calls: Sequence[Call]) -> Sequence[Outcome]:
        self._changes()
        what = "done" if self.calm else self.dice.choice(("done", "done", "lost", "late", "not"))
        self.injected += what != "done"
        outcomes: Sequence[Outcome] = ()
        if what == "late":
            task = asyncio.create_task(self._later(calls, self.dice.uniform(0.5, 25)))
            self.under_way.add(task)
        elif what != "not":
            outcomes = await ToyErp.write(self, calls)
            self._changes()
        if what != "done" or (not self.calm and self.dice.random() < 0.1):
            if self.dice.random() < 0.4:
                self.killed.set()
                await asyncio.Event().wait()
            raise Unreachable("no answer", could_have_been_seen=True)
        return outcomes

    async def _later(self, calls: Sequence[Call], seconds: float) -> None:
        await self.world.clock.sleep(seconds)
        await ToyErp.write(self, calls)
        self._changes()

    def _changes(self) -> None:
        """What is written has changed something."""


class _Hub(_End):
    """The ERP: its figures are what is there less what it knows to be sold."""

    def __init__(self, world: World, dice: random.Random) -> None:
        super().__init__(world, dice)
        self.pieces = dict.fromkeys(SKUS, 100)

    def _changes(self) -> None:
        for sku in SKUS:
            left = self.pieces[sku] - _sold(self.documents.values(), sku)
            if self.records.get(sku, {}).get("stock") != left:
                self.put(sku, entity="inventory", stock=left)


class _Web(_End):
    """The shop: it takes off by itself what it sells."""

    def level(self, sku: str) -> int | None:
        (one, *more) = [x for x in self.documents.values() if x["sku"] == sku] or [{}]
        assert not more
        return one.get("stock")

    def orders(self, number: str, sku: str, pieces: int) -> None:
        before = self.records.get(number)
        if before:
            self._moves(sku, int(before["lines"][0]["quantity"]))
        self._moves(sku, -pieces)
        lines = [{"sku": sku, "quantity": str(pieces), "price": "1.00"}]
        self.put(number, **an_order(number, total=f"{pieces}.00", lines=lines, entity="orders"))

    def _moves(self, sku: str, by: int) -> None:
        for one in self.documents.values():
            if one["sku"] == sku:
                one["stock"] += by


def _sold(documents: Any, sku: str) -> int:
    return sum(int(x["quantity"]) for one in documents for x in one["lines"] if x["sku"] == sku)


async def _seen(world: World, shop: _Web, sku: str) -> int:
    """Return the pieces of orders the ledger knows in their newest version."""
    v = s.versions.c
    query = select(v.source_id, v.token).where(v.entity == "orders")
    known = set(map(tuple, await world.ledger.read(lambda c: list(c.execute(query)))))
    orders = [x for x in shop.records.values() if (x["id"], x["updated_at"]) in known]
    return _sold(orders, sku)


async def _lives(world: World, *ends: _End) -> None:
    """Let a worker live until nothing moves, or until it is killed."""
    for end in ends:
        end.killed.clear()
    worker = world.worker()
    await worker.start()
    try:
        await works_until(worker, *(end.killed for end in ends))
    finally:
        is_killed = any(end.killed.is_set() for end in ends)
        await worker.close(drain_seconds=0 if is_killed else 45)


@pytest.mark.parametrize("seed", range(3))
async def test_no_piece_stays_on_offer_that_is_sold_and_none_is_held_for_ever(
    tmp_path: Path, seed: int
) -> None:
    dice = random.Random(seed)
    async with World(tmp_path, a_pipeline("orders"), _STOCK, lease=20) as world:
        shop, erp = _Web(world, dice), _Hub(world, dice)
        PLATFORMS[world.platform("shop")], PLATFORMS[world.platform("erp")] = shop, erp
        erp._changes()
        for step in range(10):
            number, sku = str(dice.randint(1001, 1001 + step)), dice.choice(SKUS)
            if number in shop.records:
                sku = shop.records[number]["lines"][0]["sku"]
            shop.orders(number, sku, dice.randint(1, 5))
            if dice.random() < 0.3:
                erp.pieces[sku] += dice.randint(1, 4)
                erp._changes()
            await world.clock.sleep(dice.choice((0, 1, 20, 70)))  # what is late arrives in between
            await _lives(world, shop, erp)
            if step % 3 == 2:  # two looks with nothing going wrong: the order comes, then its level
                shop.calm = erp.calm = True
                for _ in range(2):
                    await world.clock.sleep(60)
                    await _lives(world, shop, erp)
                shop.calm = erp.calm = False
                for one in SKUS:
                    level, known = shop.level(one), await _seen(world, shop, one)
                    assert level is None or level <= erp.pieces[one] - known, (step, one, known)
        shop.calm = erp.calm = True
        for _ in range(6):
            await world.clock.sleep(90)
            await _lives(world, shop, erp)
        await asyncio.gather(*shop.under_way, *erp.under_way)
        assert erp.injected + shop.injected > 3
        assert all(sums.balanced for sums in await world.ledger.read(equations))
        for one in SKUS:
            sold = _sold(shop.records.values(), one)
            assert _sold(erp.documents.values(), one) == sold
            assert shop.level(one) == erp.pieces[one] - sold, await world.fates()

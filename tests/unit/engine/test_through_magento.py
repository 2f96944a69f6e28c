"""Magento as the source, through the engine: clocks and marks that lie, edits, stock without marks."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.support.heard import watched
from tests.support.toy import World, a_pipeline
from tests.support.toy.connector import PLATFORMS

from knect.ledger.questions.queries import equations
from knect.sdk.contract import ConnectorContext
from knect.sdk.http import ClientFactory, Egress
from knect.sdk.secret import Secret
from knect.sdk.testing import DEFAULT_SKUS, running
from knect.seams import SystemClock
from knect_connectors.magento1 import open_connector
from knect_connectors.magento1.simulator import (
    Books,
    MagentoSimulator,
    fill_catalog,
    fill_orders,
    small_orders,
)

#: The night in which Berlin puts its clocks back: 02:00 to 03:00 local time is there twice.
NIGHT = datetime(2026, 10, 24, 22, tzinfo=UTC)


class _ShopsClock(SystemClock):
    """Stands still until it is put on."""

    def __init__(self) -> None:
        self.at = NIGHT

    def now(self) -> datetime:
        return self.at


class Scene:
    """A simulated Magento that is read through the engine, and an ERP that takes what comes."""

    def __init__(self, world: World, shop: MagentoSimulator, clock: _ShopsClock, log: Any) -> None:
        self.world = world
        self.shop = shop
        self.books = shop.books
        self.clock = clock
        self.log = log

    async def reads(self, after: timedelta = timedelta(minutes=5)) -> int:
        """Let time pass in the shop, and read once; return how many requests it took."""
        self.clock.at += after
        self.world.clock.advance(60)
        before = len(self.log.entries)
        worker = self.world.worker()
        await worker.start()
        try:
            await worker.feeds[0].poll()
            await worker.pipelines[0].work()
        finally:
            await worker.close()
        (sums,) = await self.world.ledger.read(equations)
        assert sums.balanced
        return len(self.log.entries) - before

    async def fates(self) -> list[str]:
        return await self.world.fates()

    @property
    def documents(self) -> Sequence[dict[str, Any]]:
        return list(self.world.erp.documents.values())

    def numbers(self) -> list[str]:
        return sorted(str(one["number"]) for one in self.documents)


@asynccontextmanager
async def a_scene(folder: Path, entity: str = "orders", **config: Any) -> AsyncIterator[Scene]:
    clock = _ShopsClock()
    books = Books(clock=clock)
    fill_catalog(books, DEFAULT_SKUS, stock=5)
    shop = MagentoSimulator(books, clock=clock, session_calls=7)
    pipeline = a_pipeline(entity, entity=entity)
    async with running(shop) as server, World(folder, pipeline) as world:
        world.erp.products |= {one.sku for one in DEFAULT_SKUS} | {"KN-99"}
        connector = open_connector(
            ConnectorContext(
                name="shop",
                config={"url": server.url, "timezone": "Europe/Berlin", **config},
                secrets={"apiUser": Secret("knect"), "apiKey": Secret("simulated-api-key")},
                http=ClientFactory(clock=SystemClock(), egress=Egress(["127.0.0.1"])),
                clock=SystemClock(),
            )
        )
        PLATFORMS[world.platform("shop")] = watched(world, connector.source)
        yield Scene(world, shop, clock, server.log)
        await connector.close()


async def test_a_quiet_pass_writes_nothing_and_asks_little(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        fill_orders(scene.books, start=NIGHT - timedelta(hours=1), count=80, let_in=40)
        await scene.reads()
        delivered = await scene.fates()
        assert delivered == ["delivered"] * 80
        writes = len(scene.world.erp.log)
        # the overlap is read again: the same, so it is nothing new
        for _ in range(3):
            assert await scene.reads(timedelta(seconds=20)) <= 5
        assert await scene.fates() == delivered
        assert len(scene.world.erp.log) == writes


async def test_a_clock_behind_and_marks_that_lag_lose_and_double_nothing(tmp_path: Path) -> None:
    """The shop is 90 s behind us, and the node that writes 90 s behind that one."""
    async with a_scene(tmp_path) as scene:
        scene.books.skew = timedelta(seconds=-90)
        scene.books.mark_lag = timedelta(seconds=90)
        made: list[str] = []
        for step in range(12):
            moment = scene.books.now() - scene.books.mark_lag
            made += small_orders(scene.books, 3, at=moment, seed=step)
            await scene.reads(timedelta(seconds=45))
        await scene.reads()
        assert scene.numbers() == sorted(made)
        assert await scene.fates() == ["delivered"] * len(made)


async def test_the_hour_that_is_there_twice(tmp_path: Path) -> None:
    """From before Berlin puts its clocks back until after: an order every ten minutes."""
    async with a_scene(tmp_path) as scene:
        made: list[str] = []
        for step in range(36):
            made += small_orders(scene.books, 1, at=scene.books.now(), seed=step)
            await scene.reads(timedelta(minutes=10))
        assert scene.books.now() - NIGHT == timedelta(hours=6)
        await scene.reads()
        assert scene.numbers() == sorted(made)
        assert await scene.fates() == ["delivered"] * len(made)


async def test_an_order_without_a_mark_is_delivered_once(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        made = small_orders(scene.books, 3, at=NIGHT)
        scene.books.orders[made[0]]["updated_at"] = None
        scene.books.orders[made[1]]["updated_at"] = "0000-00-00 00:00:00"
        for _ in range(3):
            await scene.reads(timedelta(minutes=1))
        assert scene.numbers() == made
        assert await scene.fates() == ["delivered"] * 3


async def test_an_edit_is_one_sale_that_changed(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        number = await scene.shop.do("place", {"sku": "KN-100", "price": "39.90"})
        await scene.reads()
        last = await scene.shop.do("edit", {"number": number, "sku": "KN-500", "price": "4.20"})
        assert last == f"{number}-1"
        await scene.reads()
        await scene.reads()
        (sale,) = scene.documents
        assert sale["number"] == number
        assert [line["sku"] for line in sale["lines"]] == ["KN-500"]
        assert await scene.fates() == ["delivered", "delivered"]
        assert len(scene.world.erp.creates()) == 1


async def test_stock_without_a_mark_is_a_version_only_where_it_changed(tmp_path: Path) -> None:
    async with a_scene(tmp_path, "inventory") as scene:
        await scene.reads()
        assert len(await scene.world.transactions()) == 5
        requests = [await scene.reads() for _ in range(3)]
        assert len(await scene.world.transactions()) == 5
        assert max(requests) <= 8  # its clock, catalog, end and levels; and a session that ended
        await scene.shop.do("stock", {"sku": "KN-300", "quantity": "2"})
        await scene.reads()
        await scene.shop.do("stock", {"sku": "KN-300", "quantity": "5"})
        await scene.reads()
        assert len(await scene.world.transactions()) == 7


async def test_a_change_past_the_mark_arrives_where_rows_are_compared(tmp_path: Path) -> None:
    async with a_scene(tmp_path, recheckDays=7) as scene:
        (number, *_) = small_orders(scene.books, 3, at=NIGHT)
        await scene.reads()
        await scene.shop.do("slip", {"number": number, "customer_note": "by SQL"})
        worker_lives_on = timedelta(hours=2)
        await scene.reads(worker_lives_on)
        await scene.reads(worker_lives_on)
        assert {str(one["number"]): one["note"] for one in scene.documents}[number] == "by SQL"
        assert await scene.fates() == ["delivered"] * 4

"""What an order takes is off the stock from the moment it is recorded, however long the line is."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from tests.support.toy import ToyErp, ToyShop, World, a_pipeline, an_order
from tests.support.toy.connector import PLATFORMS

from knect.ledger import schema as s
from knect.ledger.questions.queries import equations
from knect.sdk.contract import Call, Change, Outcome

ORDERS = a_pipeline("orders")
STOCK = a_pipeline(
    "stock", entity="inventory",
    source={"connectionRef": {"name": "erp"}}, destination={"connectionRef": {"name": "shop"}},
    mapping={"set": {"stock": "int(max(0, level.on_hand - open_orders(level.sku)))"}},
)  # fmt: skip
PLAIN = {**STOCK, "spec": {**STOCK["spec"], "mapping": {"set": {"stock": "int(level.on_hand)"}}}}


class End(ToyErp, ToyShop):
    """Is read and written to."""

    def __init__(self, world: World) -> None:
        ToyErp.__init__(self)
        ToyShop.__init__(self, world.clock)


class Scene(World):
    """A shop that sells and an ERP that has the goods, read for the first time already."""

    async def opens(self, stock: int = 12) -> "Scene":
        self.web, self.hub = End(self), End(self)
        PLATFORMS[self.platform("shop")], PLATFORMS[self.platform("erp")] = self.web, self.hub
        self.hub.put("KN-1", entity="inventory", stock=stock)
        self.web.put("0", **an_order("0", lines=[], total="0.00"), entity="orders")
        await self.passes()
        assert self.shown == stock
        return self

    def sells(self, number: str, pieces: int, **more: Any) -> None:
        lines = [{"sku": "KN-1", "quantity": str(pieces), "price": "1.00"}] if pieces else []
        order = an_order(number, total=f"{pieces}.00", lines=lines, entity="orders", **more)
        self.web.put(number, **order)

    def counts(self, stock: int) -> None:
        self.hub.put("KN-1", entity="inventory", stock=stock)

    async def reads(self, feed: str = "shop/orders", hint: bool = False) -> None:
        """Record what is new; deliver nothing."""
        self.clock.advance(60)
        worker = self.worker()
        await worker.start()
        (reader,) = [one for one in worker.feeds if one.name == feed]
        if hint:
            await reader._fetch([(0, number) for number in self.web.records if number != "0"])
        else:
            await reader.poll()
        await worker.close()

    async def tells(self) -> int | None:
        """Look at the levels and send them; no order is taken in hand."""
        self.clock.advance(60)
        everything, self.pipelines = self.pipelines, self.pipelines[1:]
        await self.run()
        self.pipelines = everything
        return self.shown

    async def passes(self) -> int | None:
        self.clock.advance(60)
        await self.run()
        assert all(sums.balanced for sums in await self.ledger.read(equations))
        return self.shown

    @property
    def shown(self) -> int | None:
        shown = [x["stock"] for x in self.web.documents.values() if x.get("sku") == "KN-1"]
        return shown[-1] if shown else None

    async def held(self) -> list[tuple[str, bool]]:
        c = s.commitments.c
        rows = await self.ledger.read(
            lambda x: x.execute(select(c.quantity, c.released_us).order_by(c.seq)).all()
        )
        return [(row.quantity, row.released_us is None) for row in rows]

    async def told(self) -> int:
        """Return how often a level was told or to be told."""
        return sum(row.pipeline == "stock" for row in await self.transactions())


async def test_a_level_that_is_told_meanwhile_does_not_offer_what_is_sold(tmp_path: Path) -> None:
    async with Scene(tmp_path, ORDERS, STOCK) as scene:
        await scene.opens()
        scene.sells("1", 2)
        await scene.reads()
        scene.counts(20)
        assert await scene.tells() == 18
        scene.counts(18)  # a moment before Knect knows that the ERP has the order
        await scene.passes()  # 16, if the level is quicker than the order
        assert await scene.passes() == 18
        assert await scene.held() == [("2", False)]
        told = await scene.told()
        assert await scene.passes() == 18
        assert await scene.told() == told, "nothing is left to be sent anew"


@pytest.mark.parametrize("later", [0, 1])
async def test_a_level_that_is_told_while_the_erp_takes_the_order_is_put_right(
    tmp_path: Path, later: int
) -> None:
    """The level is counted and sent before the ERP answers; that it has the order is known in the
    very instant the figure is of, or later.
    """
    async with Scene(tmp_path, ORDERS, STOCK) as scene:
        await scene.opens()
        scene.sells("1", 2)
        await scene.reads()
        writes, told = scene.hub.write, asyncio.Event()
        shows = scene.web.write

        async def slow(calls: Sequence[Call]) -> Sequence[Outcome]:
            await told.wait()
            scene.clock.advance(later)
            return await writes(calls)

        async def watched(calls: Sequence[Call]) -> Sequence[Outcome]:
            outcomes = await shows(calls)
            told.set()
            return outcomes

        scene.hub.write, scene.web.write = slow, watched  # type: ignore[method-assign]
        scene.counts(18)
        assert await scene.passes() == 16, "the ERP has taken its pieces off, Knect does as well"
        assert await scene.held() == [("2", False)]
        assert await scene.passes() == 18
        often = await scene.told()
        assert await scene.passes() == 18
        assert await scene.told() == often, "it is put right once"


async def test_other_shops_hear_of_it_although_the_erps_figure_stays(tmp_path: Path) -> None:
    """A line of orders that does not move: the next look at the levels finds them on their way."""
    async with Scene(tmp_path, ORDERS, STOCK) as scene:
        await scene.opens()
        scene.sells("1", 2)
        await scene.reads()
        assert await scene.tells() == 10
        told = await scene.told()
        assert await scene.tells() == 10
        assert await scene.told() == told, "it is said once"


async def test_pieces_come_back_where_the_erps_figure_stays_after_it_has_the_order(
    tmp_path: Path,
) -> None:
    async with Scene(tmp_path, ORDERS, STOCK) as scene:
        await scene.opens()
        scene.sells("1", 2)
        await scene.reads()
        assert await scene.tells() == 10
        await scene.passes()
        assert await scene.passes() == 12


async def test_an_order_that_goes_through_costs_no_level(tmp_path: Path) -> None:
    """It was recorded and delivered between two looks: only the ERP's own news are told."""
    async with Scene(tmp_path, ORDERS, STOCK) as scene:
        await scene.opens()
        told = await scene.told()
        scene.sells("1", 2)
        await scene.passes()
        for _ in range(3):
            await scene.passes()
        assert await scene.told() == told
        assert await scene.held() == [("2", False)]


@pytest.mark.parametrize(
    ("pieces", "shown", "again"), [(2, 10, 0), (3, 9, 1), (1, 11, 1), (0, 12, 2)]
)
async def test_an_edit_takes_over_what_the_version_before_held(
    tmp_path: Path, pieces: int, shown: int, again: int
) -> None:
    """In one commit: nothing is free in between. Only what differs is told anew; what is let go
    altogether may be in the figure or not, until that is looked at.
    """
    async with Scene(tmp_path, ORDERS, STOCK) as scene:
        await scene.opens()
        scene.sells("1", 2)
        await scene.reads()
        assert await scene.tells() == 10
        told = await scene.told()
        scene.sells("1", pieces, note="left with the neighbours")
        await scene.reads()
        assert [one for one, is_held in await scene.held() if is_held] == (
            [str(pieces)] if pieces else []
        )
        assert await scene.tells() == shown
        assert await scene.told() == told + again


async def test_an_edit_of_what_the_erp_has_takes_nothing(tmp_path: Path) -> None:
    async with Scene(tmp_path, ORDERS, STOCK) as scene:
        await scene.opens()
        scene.sells("1", 2)
        await scene.passes()
        scene.sells("1", 2, note="left with the neighbours")
        await scene.reads()
        assert await scene.held() == [("2", False)]


async def test_history_holds_nothing_and_a_webhook_does(tmp_path: Path) -> None:
    """What is read for the first time, or once more from long ago, the ERP has for the most part."""
    async with Scene(tmp_path, ORDERS, STOCK) as scene:
        await scene.opens()
        scene.sells("1", 2)
        begun = scene.clock.now()
        scene.clock.advance(60)
        worker = scene.worker()
        await worker.start()
        (reader,) = [one for one in worker.feeds if one.name == "shop/orders"]
        await reader.backfill(begun, scene.clock.now())
        await worker.close()
        assert await scene.held() == []
        scene.sells("2", 3)
        await scene.reads(hint=True)
        assert await scene.held() == [("3", True)]


async def test_the_first_reading_is_history(tmp_path: Path) -> None:
    async with Scene(tmp_path, ORDERS, STOCK) as scene:
        web, hub = End(scene), End(scene)
        PLATFORMS[scene.platform("shop")], PLATFORMS[scene.platform("erp")] = web, hub
        scene.web, scene.hub = web, hub
        scene.counts(12)
        scene.sells("1", 2)
        await scene.reads()
        assert await scene.held() == []


@pytest.mark.parametrize("more", [(), (PLAIN,)])
async def test_nothing_is_held_where_nobody_counts(
    tmp_path: Path, more: tuple[dict[str, Any], ...]
) -> None:
    async with Scene(tmp_path, ORDERS, *more) as scene:
        scene.web, scene.hub = End(scene), End(scene)
        PLATFORMS[scene.platform("shop")], PLATFORMS[scene.platform("erp")] = scene.web, scene.hub
        await scene.passes()
        scene.sells("1", 2)
        await scene.reads()
        assert await scene.held() == []


async def test_two_versions_in_one_page_hold_once(tmp_path: Path) -> None:
    async with Scene(tmp_path, ORDERS, STOCK) as scene:
        await scene.opens()
        scene.sells("1", 2)
        listed = scene.web._in

        def twice(*of: Any) -> list[Change]:
            found = listed(*of)
            scene.sells("1", 5)
            return [*found, *listed(*of)][:2]

        scene.web._in = twice  # type: ignore[method-assign]
        await scene.reads()
        scene.web._in = listed  # type: ignore[method-assign]
        assert await scene.held() == [("5", True)]

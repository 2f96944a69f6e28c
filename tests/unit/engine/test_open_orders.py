"""Stock less what orders take: sent anew when that changes, and never sold twice."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from tests.support.toy import World, a_pipeline, an_order

from knect.engine.delivering import stages
from knect.engine.working.requests import Request, perform
from knect.ledger import schema as s
from knect.ledger.claims import claim
from knect.ledger.commitments import Commitment, commit_stock, open_orders, release_stock
from knect.ledger.instants import to_us
from knect.ledger.questions.queries import equations
from knect.ledger.restock import restock
from knect.sdk import errors
from knect.sdk.contract import Call, Outcome
from knect.seams import new_id

COUNTED = a_pipeline(
    "stock", entity="inventory",
    mapping={"set": {"stock": "int(max(0, level.on_hand - open_orders(level.sku)))"}},
)  # fmt: skip
PLAIN = a_pipeline("stock", entity="inventory")


async def take(world: World, quantity: str, sku: str = "KN-1") -> None:
    """Let a waiting order take some of what `shop` has."""
    now = to_us(world.clock.now())
    one = Commitment(connection="shop", sku=sku, location=None, quantity=quantity, transaction=1)
    await world.ledger.write(lambda c: commit_stock(c, [one], now))
    await again(world)


async def again(world: World) -> list[str]:
    now = to_us(world.clock.now())
    return await world.ledger.write(
        lambda c: restock(c, "shop", ["kn-1"], new_id=new_id, now_us=now)
    )


async def test_a_level_is_sent_anew_when_an_order_begins_or_ceases_to_wait(tmp_path: Path) -> None:
    async with World(tmp_path, COUNTED) as world:
        world.shop.put("KN-1", entity="inventory", stock=12)
        world.shop.put("KN-2", entity="inventory", stock=5)
        world.clock.advance(60)
        await world.run()
        await take(world, "3")
        await world.run()
        stocks = {d["sku"]: d["stock"] for d in world.erp.documents.values()}
        assert stocks == {"KN-1": 9, "KN-2": 5}
        world.clock.advance(60)
        now = to_us(world.clock.now())
        await world.ledger.write(lambda c: release_stock(c, [1], now))
        await again(world)
        await world.run()
        level = next(d for d in world.erp.documents.values() if d["sku"] == "KN-1")
        assert level["stock"] == 9, "the figure of then does not include the order yet"
        world.shop.put("KN-1", entity="inventory", stock=9)
        world.clock.advance(60)
        await world.run()
        assert level["stock"] == 9, "taken off twice"
        (sums,) = await world.ledger.read(equations)
        assert sums.balanced
        assert sums.seen == 5


async def release(world: World) -> None:
    now = to_us(world.clock.now())
    await world.ledger.write(lambda c: release_stock(c, [1], now))


async def stock(world: World) -> list[int]:
    await world.run()
    return [d["stock"] for d in world.erp.documents.values()]


async def test_pieces_come_back_although_the_erps_figure_stays(tmp_path: Path) -> None:
    """The order was an edit, say, of which the ERP had all goods in its figure already."""
    async with World(tmp_path, COUNTED) as world:
        world.shop.put("KN-1", entity="inventory", stock=12)
        world.clock.advance(60)
        await world.run()
        await take(world, "3")
        assert await stock(world) == [9]
        world.clock.advance(60)
        await release(world)
        assert await stock(world) == [9], "nobody has looked at the figure since"
        world.clock.advance(60)
        assert await stock(world) == [12], "the figure has what was released, and it is 12"
        seen = (await world.ledger.read(equations))[0].seen
        world.clock.advance(60)
        assert await stock(world) == [12]
        (sums,) = await world.ledger.read(equations)
        assert sums.balanced
        assert sums.seen == seen, "nothing is left to be sent anew"


async def test_a_figure_read_while_the_answer_was_awaited_is_not_reduced_for_ever(
    tmp_path: Path,
) -> None:
    """The ERP has the order, and its figure was read so, before its answer was."""
    async with World(tmp_path, COUNTED) as world:
        world.shop.put("KN-1", entity="inventory", stock=12)
        world.clock.advance(60)
        await world.run()
        await take(world, "3")
        world.clock.advance(60)
        world.shop.put("KN-1", entity="inventory", stock=9)
        world.clock.advance(60)
        assert await stock(world) == [6], "careful: it may be in the figure or not"
        world.clock.advance(60)
        await release(world)
        world.clock.advance(60)
        assert await stock(world) == [9]


async def test_a_figure_that_moved_with_the_order_is_not_sent_twice(tmp_path: Path) -> None:
    async with World(tmp_path, COUNTED) as world:
        world.shop.put("KN-1", entity="inventory", stock=12)
        world.clock.advance(60)
        await world.run()
        await take(world, "3")
        assert await stock(world) == [9]
        world.clock.advance(60)
        await release(world)
        world.clock.advance(60)
        world.shop.put("KN-1", entity="inventory", stock=9)
        world.clock.advance(60)
        assert await stock(world) == [9]
        seen = (await world.ledger.read(equations))[0].seen
        world.clock.advance(60)
        await world.run()
        assert (await world.ledger.read(equations))[0].seen == seen


async def test_what_is_sent_anew_is_the_newest_not_what_was_recorded_last(tmp_path: Path) -> None:
    async with World(tmp_path, COUNTED) as world:
        world.clock.advance(60)
        world.shop.put("KN-1", entity="inventory", stock=12)
        world.clock.advance(1)
        assert await stock(world) == [12]
        from_an_old_copy = world.clock.now() - timedelta(seconds=30)
        world.shop.put("KN-1", entity="inventory", stock=40, at=from_an_old_copy)
        world.clock.advance(60)
        assert await stock(world) == [12]
        assert await world.fates() == ["delivered", "superseded"]
        await take(world, "3")
        assert await stock(world) == [9]


@pytest.mark.parametrize("pipeline", [PLAIN, a_pipeline()])
async def test_who_does_not_count_orders_is_left_alone(tmp_path: Path, pipeline: dict) -> None:  # type: ignore[type-arg]
    async with World(tmp_path, pipeline) as world:
        world.shop.put("KN-1", entity="inventory", stock=12)
        world.clock.advance(60)
        await world.run()
        assert await again(world) == []


async def test_what_is_still_under_way_is_not_doubled(tmp_path: Path) -> None:
    async with World(tmp_path, COUNTED) as world:
        world.shop.put("KN-1", entity="inventory", stock=12)
        world.clock.advance(60)
        await world.run()
        assert len(await again(world)) == 1
        assert await again(world) == []


async def test_what_is_in_hand_may_be_mapped_already_and_is_followed_by_another(
    tmp_path: Path,
) -> None:
    async with World(tmp_path, COUNTED) as world:
        world.shop.put("KN-1", entity="inventory", stock=12)
        world.clock.advance(60)
        await world.run()
        assert len(await again(world)) == 1
        now = to_us(world.clock.now())
        (taken,) = await world.ledger.write(
            lambda c: claim(
                c, pipeline="stock", holder="other#1", calls=new_id(), now_us=now,
                lease_us=1_000_000, limit=10,
            )
        )  # fmt: skip
        (following,) = await again(world)
        assert following != taken.id
        assert await again(world) == []


@pytest.mark.parametrize(
    "spelled", ["kn-1", "KN-1 ", " Kn-1", "\N{FULLWIDTH LATIN CAPITAL LETTER K}n-1"]
)
async def test_an_order_that_spells_the_sku_otherwise_takes_its_goods(
    tmp_path: Path, spelled: str
) -> None:
    """The stock of KN-1 goes down whoever spells it how; and so does that of a level typed so."""
    async with World(tmp_path, COUNTED) as world:
        world.shop.put("KN-1", entity="inventory", stock=12)
        world.shop.put("KN-2", entity="inventory", stock=5)
        world.clock.advance(60)
        await world.run()
        await take(world, "3", spelled)
        await world.run()
        stocks = {d["sku"]: d["stock"] for d in world.erp.documents.values()}
        assert stocks == {"KN-1": 9, "KN-2": 5}


async def test_an_order_that_is_not_admitted_yet_takes_its_goods(tmp_path: Path) -> None:
    rule = {"when": 'order.payment_status == "pending"', "then": "Wait", "reason": "not paid"}
    async with World(tmp_path, a_pipeline(mapping={"admit": [rule]})) as world:
        lines = [{"sku": "KN-1 ", "quantity": "2", "price": "10.00"}]  # with a blank, as typed
        world.shop.put("g1", **an_order("1", payment_status="pending", lines=lines))
        world.clock.advance(60)
        await world.run()
        assert await world.fates() == ["waiting"]
        taken = await world.ledger.read(lambda c: open_orders(c, "erp", ["KN-1"], since_us=0))
        assert [(one.sku, one.quantity) for one in taken] == [("kn-1", "2")]
        world.erp.products.add("KN-1 ")
        world.shop.put("g1", payment_status="paid")
        world.clock.advance(60)
        await world.run()
        now = to_us(world.clock.now())
        assert (
            await world.ledger.read(lambda c: open_orders(c, "erp", ["KN-1"], since_us=now)) == []
        )


ORDERS = a_pipeline()


async def holding(world: World) -> list[tuple[str, bool]]:
    """Return (SKU, is it let go) of what orders took."""
    rows = await world.ledger.read(
        lambda c: c.execute(select(s.commitments.c.sku, s.commitments.c.released_us)).all()
    )
    return [(row.sku, row.released_us is not None) for row in rows]


async def test_a_rejected_order_holds_its_goods_until_a_newer_one_speaks_for_it(
    tmp_path: Path,
) -> None:
    async with World(tmp_path, ORDERS) as world:
        world.shop.put("g1", **an_order("1", total="999.00"))  # its parts sum to 20
        world.clock.advance(60)
        await world.run()
        assert await world.fates() == ["rejected"]
        assert await holding(world) == [("kn-1", False)]
        world.shop.put("g1", **an_order("1"))
        world.clock.advance(60)
        await world.run()
        assert (await world.fates())[-1] == "delivered"
        assert await holding(world) == [("kn-1", True)]


async def test_what_is_rejected_after_a_newer_one_was_recorded_holds_nothing(
    tmp_path: Path,
) -> None:
    async with World(tmp_path, ORDERS) as world:
        world.shop.put("g1", **an_order("1"))
        world.clock.advance(60)
        worker, write = world.worker(), world.erp.write
        await worker.start()

        async def refused_while_it_is_edited(calls: Sequence[Call]) -> Sequence[Outcome]:
            if calls[0].effect.name == "party":
                return await write(calls)
            world.erp.write = write  # type: ignore[method-assign]
            world.shop.put("g1", note="left with the neighbours")
            world.clock.advance(10)
            await worker.feeds[0].poll()
            raise errors.Refused("it is closed on Sundays")

        world.erp.write = refused_while_it_is_edited  # type: ignore[method-assign]
        await worker.run_once()
        await worker.close()
        assert await world.fates() == ["rejected", "delivered"]
        assert not [sku for sku, is_let_go in await holding(world) if not is_let_go]


async def test_a_person_who_skips_an_order_lets_its_goods_go(tmp_path: Path) -> None:
    async with World(tmp_path, ORDERS) as world:
        world.shop.put("g1", **an_order("1", total="999.00"))
        world.clock.advance(60)
        await world.run()
        wish = Request(verb="skip", actor="ana", reason="never to be sent", keys=("1",))
        now = to_us(world.clock.now())
        await world.ledger.write(lambda c: perform(c, wish, now_us=now, new_id=new_id))
        assert await holding(world) == [("kn-1", True)]


async def test_an_order_that_is_replayed_holds_its_goods_until_it_is_delivered(
    tmp_path: Path,
) -> None:
    """The one before was refused, and will never hold anything again."""
    async with World(tmp_path, ORDERS) as world:
        world.erp.poison.add("1")
        world.shop.put("g1", **an_order("1"))
        world.clock.advance(60)
        await world.run()
        assert await world.fates() == ["rejected"]
        assert await holding(world) == [("kn-1", False)]
        world.erp.poison.clear()
        wish = Request(verb="replay", actor="ana", keys=("1",))
        now = to_us(world.clock.now())
        await world.ledger.write(lambda c: perform(c, wish, now_us=now, new_id=new_id))
        assert await holding(world) == [("kn-1", False)], "as long as it is on its way, once"
        await world.run()
        assert await world.fates() == ["rejected", "delivered"]
        assert await holding(world) == [("kn-1", True)]


async def test_an_order_cancelled_while_it_waits_lets_its_goods_go(tmp_path: Path) -> None:
    unknown = [{"sku": "NEW", "quantity": "2", "price": "10.00"}]
    async with World(tmp_path, ORDERS) as world:
        world.shop.put("g1", **an_order("1", lines=unknown))
        world.clock.advance(60)
        await world.run()
        assert await holding(world) == [("new", False)]
        world.shop.put("g1", **an_order("1"))
        world.clock.advance(60)
        await world.run()
        assert await world.fates() == ["superseded", "delivered"]
        assert await holding(world) == [("new", True)]


async def test_an_order_that_could_not_be_read_for_a_while_lets_its_goods_go_at_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is back where it was discovered, and holds goods since it waited further on."""

    def breaks(*_: object) -> None:
        raise errors.Fatal("a release of the connector cannot read it")

    async def again(world: World) -> None:
        wish = Request(verb="retry", actor="ana", keys=("1",))
        now = to_us(world.clock.now())
        await world.ledger.write(lambda c: perform(c, wish, now_us=now, new_id=new_id))
        await world.run()

    unknown = [{"sku": "NEW", "quantity": "2", "price": "10.00"}]
    async with World(tmp_path, ORDERS) as world:
        world.shop.put("g1", **an_order("1", lines=unknown))
        world.clock.advance(60)
        await world.run()
        with monkeypatch.context() as patched:
            patched.setattr(stages, "extract", breaks)
            await again(world)
        (row,) = await world.transactions()
        assert (row.fate, row.stage) == ("waiting", "discovered")
        assert await holding(world) == [("new", False)]
        world.erp.products.add("NEW")
        await again(world)
        assert await world.fates() == ["delivered"]
        assert await holding(world) == [("new", True)]

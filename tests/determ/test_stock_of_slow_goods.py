"""What has not moved for months: its level and its last price are needed the day something does."""

from pathlib import Path

import pytest
from sqlalchemy import update
from tests.determ.goods import a_magento, a_price, a_shopify
from tests.support.toy import World, a_pipeline, an_order

from knect.engine.working.housekeeping import Housekeeper
from knect.ledger import Connection
from knect.ledger import schema as s
from knect.ledger.commitments import Commitment, commit_stock, open_orders
from knect.ledger.instants import to_us
from knect.ledger.questions.queries import equations
from knect.ledger.restock import restock
from knect.ledger.retention import RetentionPolicy
from knect.seams import new_id

_COUNTED = a_pipeline(
    "stock", entity="inventory",
    mapping={"set": {"stock": "int(max(0, level.on_hand - open_orders(level.sku)))"}},
)  # fmt: skip
_GUARDED = {"mapping": {"guards": [{"field": "price", "maxChangePercent": 50}]}}
_DAY = 86_400


async def _days_pass(world: World, days: int) -> None:
    world.clock.advance(days * _DAY)
    await Housekeeper(world.ledger, RetentionPolicy(), world.clock, holder="w#1").clean()


async def _stock(world: World) -> list[int]:
    await world.run()
    assert all(sums.balanced for sums in await world.ledger.read(equations))
    return [one["stock"] for one in world.erp.documents.values()]


async def _takes_what_is_held(world: World) -> None:
    """Let what orders hold be of the end whose levels are read here."""
    now = to_us(world.clock.now())

    def unit(c: Connection) -> None:
        c.execute(update(s.commitments).values(connection="shop"))
        restock(c, "shop", ["kn-1"], new_id=new_id, now_us=now)

    await world.ledger.write(unit)


async def _takes(world: World, pieces: str) -> None:
    """Let an order that waits take some."""
    now = to_us(world.clock.now())
    one = Commitment(connection="shop", sku="KN-1", location=None, quantity=pieces, transaction=1)

    def unit(c: Connection) -> None:
        commit_stock(c, [one], now)
        restock(c, "shop", ["kn-1"], new_id=new_id, now_us=now)

    await world.ledger.write(unit)


@pytest.mark.parametrize("days", [(40,), (100,), (40, 100), (100, 100)])
async def test_a_waiting_order_comes_off_a_level_that_did_not_move_for_months(
    tmp_path: Path, days: tuple[int, ...]
) -> None:
    async with World(tmp_path, _COUNTED) as world:
        world.shop.put("KN-1", entity="inventory", stock=12)
        world.clock.advance(60)
        assert await _stock(world) == [12]
        for some in days:
            await _days_pass(world, some)
        await _takes(world, "3")
        assert await _stock(world) == [9], await world.fates()


async def test_what_an_old_order_holds_is_off_the_level_as_long_as_it_is_known(
    tmp_path: Path,
) -> None:
    """A rejected order holds its goods until somebody skips it, also when that takes months."""
    refused = {"when": "true", "then": "Reject", "reason": "no"}
    orders = a_pipeline(mapping={"admit": [refused]})
    async with World(tmp_path, orders, _COUNTED) as world:
        world.shop.put("KN-1", entity="inventory", stock=12)
        world.shop.put("g1", entity="orders", **an_order("1"))
        world.clock.advance(60)
        await world.run()
        await _takes_what_is_held(world)
        assert await _stock(world) == [10]
        await _days_pass(world, 100)
        now = to_us(world.clock.now())
        held = await world.ledger.read(lambda c: open_orders(c, "shop", ["KN-1"], since_us=now))
        assert [(one.key, one.quantity) for one in held] == [("1", "2")]
        assert await _stock(world) == [10]


async def test_an_old_level_goes_once_there_is_a_newer_one(tmp_path: Path) -> None:
    async with World(tmp_path, _COUNTED) as world:
        for stock in (12, 11, 10):
            world.shop.put("KN-1", entity="inventory", stock=stock)
            world.clock.advance(60)
            assert await _stock(world) == [stock]
            await _days_pass(world, 100)
        versions = await world.ledger.read(lambda c: list(c.execute(s.versions.select())))
        payloads = await world.ledger.read(lambda c: list(c.execute(s.payloads.select())))
        assert (len(versions), len(await world.transactions()), len(payloads)) == (1, 1, 2)


@pytest.mark.parametrize("days", [40, 100])
async def test_a_guard_knows_the_price_of_months_ago(tmp_path: Path, days: int) -> None:
    async with a_shopify(tmp_path, prices=_GUARDED) as scene:
        scene.tell("prices", a_price("KN-1", "9.00"))
        await scene.settles(1)
        await _days_pass(scene.world, days)
        scene.tell("prices", a_price("KN-1", "0.90"))
        await scene.settles(1)
        _, why = (await scene.told.reasons())[-1]
        assert (why or "").startswith("price goes from 9.00 to 0.90 (90 %), more than 50 %")
        assert scene.price("KN-1") == ("9.00", None)


async def test_a_guard_knows_what_was_delivered_before_what_it_parked(tmp_path: Path) -> None:
    async with a_shopify(tmp_path, prices=_GUARDED) as scene:
        for amount in ("9.00", "0.90"):
            scene.tell("prices", a_price("KN-1", amount))
            await scene.settles(1)
        await _days_pass(scene.world, 40)
        scene.tell("prices", a_price("KN-1", "0.95"))
        await scene.settles(1)
        assert await scene.fates() == ["delivered", "superseded", "waiting"]
        await _days_pass(scene.world, 100)
        scene.tell("prices", a_price("KN-1", "0.99"))
        await scene.settles(1)
        assert scene.price("KN-1") == ("9.00", None)


@pytest.mark.parametrize("days", [40, 100])
async def test_a_special_price_of_months_ago_is_known_for_ours(tmp_path: Path, days: int) -> None:
    async with a_magento(tmp_path, prices={}) as scene:
        special = {"price_list": "default", "compare_at": "39.00"}
        scene.tell("prices", a_price("KN-100", "30.00", **special))
        await scene.settles(1)
        assert scene.scoped("KN-100")["special_price"] == "30.0000"
        await _days_pass(scene.world, days)
        scene.tell("prices", a_price("KN-100", "39.00", price_list="default"))
        await scene.settles(1)
        assert scene.scoped("KN-100")["special_price"] == ""

"""A shop takes pieces off by itself: what it was told last is not what it has."""

from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import insert, select
from tests.determ.goods import LOST, a_level, a_magento, a_price, a_shopify
from tests.support.toy import World

from knect.engine.working.repair import Repairer
from knect.ledger import Connection
from knect.ledger import schema as s
from knect.ledger.anew import replay
from knect.ledger.instants import to_us
from knect.ledger.store.upserts import draw_ids
from knect.sdk.testing import Fault

_NUMBERS = count(10**30)


def _new_id() -> str:
    return f"{next(_NUMBERS):032}"


async def _an_order_comes(
    world: World, sku: str, connection: str = "erp", fate: str = "delivered"
) -> None:
    """Have an order in the ledger, as a pipeline that reads the shop (here: `erp`) does."""
    now = to_us(world.clock.now())

    def unit(c: Connection) -> None:
        (seq,) = draw_ids(c, s.versions, 1)
        c.execute(
            insert(s.versions).values(
                seq=seq, feed=1, connection=connection, entity="orders", source_id=f"o{seq}",
                token=f"{seq}", hash=f"{seq}", at_us=now, seen_us=now, window=1, deleted=False,
            )
        )  # fmt: skip
        c.execute(
            insert(s.transactions).values(
                id=f"{seq:032}", pipeline=f"orders-{seq}", entity="orders", source_id=f"o{seq}",
                key=f"{seq}", version=seq, fate=fate, stage="delivered", created_us=now,
                since_us=now, timeline="[]",
            )
        )  # fmt: skip
        c.execute(insert(s.sightings).values(window=seq, pipeline=f"orders-{seq}", seen=1))
        c.execute(insert(s.keys).values(value=sku.casefold(), kind="sku", version=seq))

    await world.ledger.write(unit)


async def test_a_level_that_is_as_before_reaches_a_shop_that_sold_meanwhile(
    tmp_path: Path,
) -> None:
    """Three were sold and three came in, or the order was cancelled: the ERP has ten again."""
    async with a_shopify(tmp_path, inventory={}) as scene:
        scene.tell("inventory", a_level("KN-1", 10), a_level("KN-2", 5))
        await scene.settles(1)
        scene.sell("KN-1", 3)
        await _an_order_comes(scene.world, "KN-1")
        scene.tell("inventory", a_level("KN-1", 10), a_level("KN-2", 5))
        assert (await scene.settles(1))[3:] == ["delivered", "unchanged"]
        assert [scene.available(sku) for sku in ("KN-1", "KN-2")] == [10, 5]
        scene.tell("inventory", a_level("KN-1", 10))
        assert (await scene.settles(1))[5:] == ["unchanged"], "it was told since"


@pytest.mark.parametrize(
    "order", [None, {"connection": "another"}, {"fate": "in_flight"}],
    ids=["not read", "of another shop", "not in the ERP"],
)  # fmt: skip
async def test_what_the_erp_has_no_order_for_is_not_given_back(
    tmp_path: Path, order: dict[str, str] | None
) -> None:
    """A level that is only told again changes nothing in the shop."""
    async with a_shopify(tmp_path, inventory={}) as scene:
        scene.tell("inventory", a_level("KN-1", 10))
        await scene.settles(1)
        scene.sell("KN-1", 3)
        if order is not None:
            await _an_order_comes(scene.world, "KN-1", **order)
        scene.tell("inventory", a_level("KN-1", 10))
        assert (await scene.settles(1))[-1] == "unchanged"
        assert scene.available("KN-1") == 7


async def test_nothing_is_set_where_the_shop_has_it(tmp_path: Path) -> None:
    async with a_shopify(tmp_path, inventory={}) as scene:
        scene.tell("inventory", a_level("KN-1", 10))
        await scene.settles(1)
        await _an_order_comes(scene.world, "KN-1")
        scene.before("changeFromQuantity", pytest.fail)
        scene.tell("inventory", a_level("KN-1", 10))
        assert await scene.settles(1) == ["delivered", "delivered", "delivered"]


@pytest.mark.parametrize("fault", LOST)
async def test_magento_too_and_only_what_differs_is_set(tmp_path: Path, fault: Fault) -> None:
    async with a_magento(tmp_path, inventory={}) as scene:
        scene.tell("inventory", a_level("KN-100", 10), a_level("KN-200", 8))
        await scene.settles(1)
        scene.books.stock[str(scene.product("KN-100")["product_id"])]["qty"] = "7.0000"
        asked: list[int] = []
        scene.before("cataloginventory_stock_item.update", lambda: asked.append(1), each=True)
        for sku in ("KN-100", "KN-200"):
            await _an_order_comes(scene.world, sku)
        scene.tell("inventory", a_level("KN-200", 8))
        await scene.settles(1)
        assert asked == []
        scene.tell("inventory", a_level("KN-100", 10))
        scene.told.goes_wrong(3, fault)
        await scene.settles(2)
        assert [scene.stock(sku) for sku in ("KN-100", "KN-200")] == [10, 8]


async def _replay(world: World) -> None:
    def unit(c: Connection) -> None:
        seqs = list(c.execute(select(s.transactions.c.seq)).scalars())
        replay(
            c, seqs, new_id=_new_id, selector="all", actor="ana",
            reason=None, now_us=to_us(world.clock.now()),
        )  # fmt: skip

    await world.ledger.write(unit)


async def test_a_level_that_a_person_replays_reaches_a_shop_that_has_another(
    tmp_path: Path,
) -> None:
    """Whoever sees a wrong figure in the shop has a way to mend it."""
    async with a_shopify(tmp_path, inventory={}, prices={}) as scene:
        scene.tell("inventory", a_level("KN-1", 10), a_level("KN-2", 5))
        scene.tell("prices", a_price("KN-1", "12.00"))
        await scene.settles(1)
        scene.sell("KN-1", 3)
        scene.variant("KN-1")["price"] = "99.00"
        await _replay(scene.world)
        await scene.settles(1)
        assert [scene.available(sku) for sku in ("KN-1", "KN-2")] == [10, 5]
        assert scene.price("KN-1") == ("12.00", None)


async def test_an_audit_that_repairs_tells_figures_once_more(tmp_path: Path) -> None:
    """The orders of this shop reach the ERP by another way: three sold, and three came in."""
    audit = {"audit": {"schedule": "0 3 * * *", "repair": "Missing"}}
    async with a_shopify(tmp_path, inventory=audit, prices=audit) as scene:
        world = scene.world
        scene.tell("inventory", a_level("KN-1", 10), a_level("KN-2", 5))
        scene.tell("inventory", a_level("KN-1", 9))
        scene.tell("prices", a_price("KN-1", "12.00"))
        await scene.settles(1)
        scene.sell("KN-1", 3)
        scene.variant("KN-1")["price"] = "99.00"
        repairer = Repairer(world.ledger, (), clock=world.clock, new_id=_new_id)
        counts = [await repairer.tell_figures(one) for one in world.document().pipelines]
        assert counts == [2, 1], "the last word on each, once"
        counts = [await repairer.tell_figures(one) for one in world.document().pipelines]
        assert counts == [0, 0], "those are on their way"
        await scene.settles(1)
        assert [scene.available(sku) for sku in ("KN-1", "KN-2")] == [9, 5]
        assert scene.price("KN-1") == ("12.00", None)

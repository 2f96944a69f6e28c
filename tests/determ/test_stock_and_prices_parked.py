"""A figure whose write nobody could tell of does not hold the newer ones, and does not stay."""

from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from tests.determ.goods import (
    LOST,
    MagentoGoods,
    ShopifyGoods,
    a_level,
    a_magento,
    a_price,
    a_shopify,
)

from knect.model import Price
from knect.sdk.testing import Fault
from knect.sdk.testing.wire import Answer

_SET = "changeFromQuantity"  # a word of the request that sets levels


def _closed_for_repair(scene: ShopifyGoods, word: str) -> list[bool]:
    """Answer a request with an error and do nothing, as long as the list says so."""
    simulator: Any = scene.told.server.simulator
    closed = [True]
    handle = simulator.handle

    async def handled(request: Any) -> Any:
        if word.encode() not in request.body or not closed[0]:
            return await handle(request)
        return Answer(status=500, body=b'{"errors": "Internal Server Error"}')

    simulator.handle = handled
    return closed


@pytest.mark.parametrize("early", [False, True], ids=["told-after", "told-before"])
@pytest.mark.parametrize("newer", [3, 5])
async def test_levels_go_on_when_the_shop_has_been_repaired(
    tmp_path: Path, newer: int, early: bool
) -> None:
    """What became of 7 nobody knows, so it is a person's; the next level says what is right."""
    async with a_shopify(tmp_path, inventory={}) as scene:
        scene.tell("inventory", a_level("KN-1", 5))
        await scene.settles(1)
        closed = _closed_for_repair(scene, _SET)
        scene.tell("inventory", a_level("KN-1", 7))
        if early:
            scene.before(_SET, lambda: scene.tell("inventory", a_level("KN-1", newer)))
        await scene.told.lives()
        fate, why = (await scene.told.reasons())[1]
        assert fate == "unknown", why
        assert "'level' was sent to erp, and 4 attempts have not told" in (why or "")
        closed[0] = False
        if not early:
            scene.tell("inventory", a_level("KN-1", newer))
        await scene.settles()
        assert await scene.fates() == ["delivered", "superseded", "delivered"]
        assert scene.available("KN-1") == newer


@pytest.mark.parametrize("newer", ["9.00", "10.00"])
@pytest.mark.parametrize("fault", LOST)
async def test_a_price_that_ends_between_two_tries_does_not_stay(
    tmp_path: Path, fault: Fault, newer: str
) -> None:
    """10 was delivered; 7 is lost on its way and no longer valid when it is tried once more."""
    for at in count():
        folder = tmp_path / str(at)
        folder.mkdir()
        async with a_shopify(folder, prices={}) as scene:
            scene.tell("prices", a_price("KN-1", "10.00"))
            await scene.settles(1)
            until = scene.world.clock.now() + timedelta(seconds=60)
            scene.tell("prices", a_price("KN-1", "7.00", valid_until=until))
            scene.told.goes_wrong(at, fault)
            scene.told.dies()
            await scene.told.lives()
            scene.faults.clear()
            await scene.told.passes(120)
            await scene.told.lives()
            scene.tell("prices", a_price("KN-1", newer))
            await scene.settles(2)
            assert "unknown" not in await scene.fates(), await scene.told.reasons()
            assert scene.price("KN-1") == (newer, None), (at, await scene.told.reasons())
            if not scene.faults.injected[fault]:
                break
    assert at > 1


async def test_a_price_that_begins_between_two_tries_comes(tmp_path: Path) -> None:
    async with a_shopify(tmp_path, prices={}) as scene:
        since = scene.world.clock.now() + timedelta(seconds=90)
        scene.tell("prices", a_price("KN-1", "7.00", valid_from=since))
        scene.told.goes_wrong(2, Fault.COMMIT_THEN_DROP)
        await scene.told.lives()
        assert (await scene.fates(), scene.price("KN-1")[0]) == (["waiting"], "10.00")
        assert await scene.settles(2) == ["delivered"]
        assert scene.price("KN-1") == ("7.00", None)


async def test_a_level_goes_on_when_a_sku_is_no_longer_there_twice(tmp_path: Path) -> None:
    """7 is on its way, unanswered, when a clerk makes a second KN-1: which one nobody can tell."""
    async with a_shopify(tmp_path, inventory={}) as scene:
        scene.tell("inventory", a_level("KN-1", 5))
        await scene.settles(1)
        scene.tell("inventory", a_level("KN-1", 7))
        scene.told.goes_wrong(3, Fault.COMMIT_THEN_DROP)
        scene.told.dies()
        await scene.told.lives()
        assert scene.available("KN-1") == 7
        scene.faults.clear()
        twin = scene.put("KN-1")
        await scene.told.passes(60)
        await scene.told.lives()
        assert (await scene.fates())[1] == "waiting"
        scene.catalog.remove_variant(twin)
        scene.tell("inventory", a_level("KN-1", 5))
        await scene.settles()
        assert await scene.fates() == ["delivered", "superseded", "delivered"]
        assert scene.available("KN-1") == 5


def _breaks_after(scene: MagentoGoods, word: str) -> list[bool]:
    """Carry a request out, and answer it and all that follow with an error until told otherwise."""
    simulator: Any = scene.told.server.simulator
    broken, once = [False], [word.encode()]
    handle = simulator.handle

    async def handled(request: Any) -> Any:
        if not broken[0]:
            answer = await handle(request)
            broken[0] = bool(once) and once[0] in request.body and bool(once.pop())
        return Answer(status=500, body=b"Internal Server Error") if broken[0] else answer

    simulator.handle = handled
    return broken


async def _unknown_in_between(scene: MagentoGoods, *prices: Price, writes: str) -> None:
    """Tell a price, one of which nobody learns that it arrived, and one more."""
    first, lost, last = prices
    scene.tell("prices", first)
    await scene.settles(1)
    broken = _breaks_after(scene, writes)
    scene.tell("prices", lost)
    await scene.told.lives()
    fate, why = (await scene.told.reasons())[1]
    assert fate == "unknown", why
    broken[0] = False
    scene.tell("prices", last)
    await scene.settles()
    assert await scene.fates() == ["delivered", "superseded", "delivered"]


_LISTED = {"price_list": "default"}


async def test_a_special_price_nobody_was_told_of_does_not_stay(tmp_path: Path) -> None:
    async with a_magento(tmp_path, prices={}) as scene:
        await _unknown_in_between(
            scene,
            a_price("KN-100", "39.00", **_LISTED),
            a_price("KN-100", "30.00", **_LISTED, compare_at="39.00"),
            a_price("KN-100", "38.00", **_LISTED),
            writes="catalog_product.update",
        )
        there = scene.scoped("KN-100")
        assert (there["price"], there.get("special_price") or "") == ("38.0000", "")


async def test_a_tier_nobody_was_told_of_does_not_stay_beside_the_new_one(tmp_path: Path) -> None:
    async with a_magento(tmp_path, prices={}) as scene:
        theirs = {"customer_group_id": "2", "website": "all", "qty": "10.0000", "price": "33.0000"}
        scene.product("KN-100")["tier_price"] = [theirs]
        await _unknown_in_between(
            scene,
            a_price("KN-100", "30.00", minimum_quantity=5, **_LISTED),
            a_price("KN-100", "29.00", minimum_quantity=10, **_LISTED),
            a_price("KN-100", "28.00", minimum_quantity=20, **_LISTED),
            writes="tier_price.update",
        )
        tiers = [(one["qty"], one["price"]) for one in scene.product("KN-100")["tier_price"]]
        assert tiers == [("10.0000", "33.0000"), ("20.0000", "28.0000")]

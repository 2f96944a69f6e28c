"""Levels into Shopify, through the engine: what the shop has in the end is what was told last."""

from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest
from tests.determ.goods import LOST, ShopifyGoods, a_level, a_shopify

from knect.sdk.testing import Fault

_SET = "changeFromQuantity"  # a word of the request that sets levels
_ALWAYS = {"destination": {"settings": {"activate": "Always"}}}


def _both(scene: ShopifyGoods) -> list[int]:
    return [scene.available(sku) for sku in ("KN-1", "KN-2")]


@pytest.mark.parametrize("dies", [False, True], ids=["lives", "dies"])
@pytest.mark.parametrize("fault", LOST)
async def test_levels_are_set_whichever_answer_is_lost(
    tmp_path: Path, fault: Fault, dies: bool
) -> None:
    for at in count():  # each request, one after the other
        folder = tmp_path / str(at)
        folder.mkdir()
        async with a_shopify(folder, inventory=_ALWAYS) as scene:
            scene.put("KN-3", None)
            levels = (a_level("KN-1", 7), a_level("KN-2", 0), a_level("KN-3", 4))
            scene.tell("inventory", *levels)
            scene.told.goes_wrong(at, fault)
            if dies:
                scene.told.dies()
            assert await scene.settles() == ["delivered"] * 3, (at, await scene.told.reasons())
            assert [*_both(scene), scene.available("KN-3")] == [7, 0, 4], at
            if not scene.faults.injected[fault]:  # it takes no more requests than that
                break
    assert at > 4


@pytest.mark.parametrize("newer", [5, 3])
async def test_an_older_level_that_lands_late_does_not_stay(tmp_path: Path, newer: int) -> None:
    """5 was delivered; 7 is on its way when the worker dies; then it is 5 again, or 3."""
    for at in count():
        folder = tmp_path / str(at)
        folder.mkdir()
        async with a_shopify(folder, inventory={}) as scene:
            scene.tell("inventory", a_level("KN-1", 5))
            await scene.settles(1)
            scene.tell("inventory", a_level("KN-1", 7))
            scene.told.goes_wrong(at, Fault.LATE_COMMIT)
            scene.told.dies()
            await scene.told.lives()
            scene.faults.clear()
            scene.tell("inventory", a_level("KN-1", newer))
            fates = await scene.settles()
            assert set(fates) <= {"delivered", "superseded", "unchanged"}, at
            assert scene.available("KN-1") == newer, (at, await scene.told.reasons())
            if not scene.faults.injected[Fault.LATE_COMMIT]:
                break
    assert at > 1


async def test_one_that_sells_all_the_time_holds_nobody(tmp_path: Path) -> None:
    """Its row never matches, and Shopify sets all rows of a request or none."""
    async with a_shopify(tmp_path, inventory={}) as scene:
        scene.put("HOT", 1000)
        scene.tell("inventory", a_level("HOT", 400), a_level("KN-1", 7), a_level("KN-2", 8))
        scene.before(_SET, lambda: scene.sell("HOT"), each=True)
        await scene.told.lives()
        assert await scene.fates() == ["waiting", "delivered", "delivered"]
        assert _both(scene) == [7, 8]


async def test_a_batch_with_one_bad_row_is_set_but_for_that_one(tmp_path: Path) -> None:
    async with a_shopify(tmp_path, inventory={}) as scene:
        skus = [f"B-{number}" for number in range(250)]
        for sku in skus:
            scene.put(sku)
        levels = [a_level(sku, 2_000_000_000 if sku == "B-9" else 6) for sku in skus]
        scene.tell("inventory", *levels)
        fates = await scene.settles(1)
        assert (fates.count("delivered"), fates.count("rejected")) == (249, 1)
        assert {scene.available(sku) for sku in skus if sku != "B-9"} == {6}
        said = [why for fate, why in await scene.told.reasons() if fate == "rejected"]
        assert said == ["Shopify refuses: The quantity is too high."]


def _sold(scene: ShopifyGoods) -> None:
    scene.sell("KN-1", 2)


def _renamed(scene: ShopifyGoods) -> None:
    scene.rename("KN-1", "KN-9")


def _removed(scene: ShopifyGoods) -> None:
    scene.catalog.remove_variant(scene.variant("KN-1"))


def _not_stocked(scene: ShopifyGoods) -> None:
    item = scene.variant("KN-1")["inventoryItem"]({})["id"]
    del scene.catalog.levels[item, scene.place["id"]]


def _bundled(scene: ShopifyGoods) -> None:
    scene.variant("KN-1")["requiresComponents"] = True


@pytest.mark.parametrize(
    ("happens", "fate", "says"),
    [
        (_sold, "delivered", None),
        (_renamed, "delivered", None),  # the piece on the shelf is the same
        (_removed, "waiting", "the shop has no variant with SKU 'KN-1' any more"),
        (_not_stocked, "waiting", "the shop does not stock KN-1 at 'Hamburg'; stock it there"),
        (_bundled, "skipped", "KN-1 is a bundle in the shop, which computes its stock"),
    ],
)
async def test_what_a_clerk_does_right_before_is_told_and_holds_nobody(
    tmp_path: Path, happens: Callable[[ShopifyGoods], None], fate: str, says: str | None
) -> None:
    async with a_shopify(tmp_path, inventory={}) as scene:
        scene.tell("inventory", a_level("KN-1", 7), a_level("KN-2", 8))
        scene.before(_SET, lambda: happens(scene))
        await scene.told.lives()
        (told, why), other = await scene.told.reasons()
        assert (told, (why or "")[: len(says or "")]) == (fate, says or "")
        assert (other[0], scene.available("KN-2")) == ("delivered", 8)


@pytest.mark.parametrize("word", [_SET, "inventoryActivate"])
async def test_a_location_that_is_switched_off_is_waited_for(tmp_path: Path, word: str) -> None:
    """Switched off after it was looked up; what is rejected nobody would send again."""
    async with a_shopify(tmp_path, inventory=_ALWAYS) as scene:
        if word != _SET:
            scene.put("KN-3", None)
        sku = "KN-1" if word == _SET else "KN-3"
        scene.tell("inventory", a_level(sku, 7))
        scene.before(word, lambda: scene.place.update(isActive=False))
        assert await scene.settles(1) == ["waiting"]
        ((_, why),) = await scene.told.reasons()
        assert (why or "").startswith("'Hamburg' was deactivated or deleted in the shop just now")
        scene.place["isActive"] = True
        assert await scene.settles(2) == ["delivered"]
        assert scene.available(sku) == 7


async def test_what_somebody_stocks_at_the_same_moment_is_no_refusal(tmp_path: Path) -> None:
    async with a_shopify(tmp_path, inventory=_ALWAYS) as scene:
        scene.put("KN-3", None)
        scene.tell("inventory", a_level("KN-3", 7))
        scene.before("inventoryActivate", lambda: scene.catalog.stock("KN-3", scene.place, 2))
        assert await scene.settles(1) == ["delivered"], await scene.told.reasons()
        assert scene.available("KN-3") == 7


async def test_of_a_sku_that_is_there_twice_a_person_decides_then_the_level_comes(
    tmp_path: Path,
) -> None:
    async with a_shopify(tmp_path, inventory={}) as scene:
        twin = scene.put("KN-1")
        scene.tell("inventory", a_level("KN-1", 7))
        assert await scene.settles(1) == ["waiting"]
        scene.catalog.remove_variant(twin)
        scene.tell("inventory", a_level("KN-1", 6))
        await scene.settles(1)
        assert await scene.fates() == ["superseded", "delivered"]
        assert scene.available("KN-1") == 6

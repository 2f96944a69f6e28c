"""Levels into Magento, through the engine: what the shop has in the end is what was told last."""

from collections.abc import Callable
from decimal import Decimal
from itertools import count
from pathlib import Path

import pytest
from tests.determ.goods import LOST, MagentoGoods, a_level, a_magento

from knect.sdk.testing import Fault

_SET = "cataloginventory_stock_item.update"


def _both(scene: MagentoGoods) -> list[Decimal]:
    return [scene.stock(sku) for sku in ("KN-100", "KN-200")]


@pytest.mark.parametrize("dies", [False, True], ids=["lives", "dies"])
@pytest.mark.parametrize("fault", LOST)
async def test_levels_are_set_whichever_answer_is_lost(
    tmp_path: Path, fault: Fault, dies: bool
) -> None:
    for at in count():  # each request, one after the other
        folder = tmp_path / str(at)
        folder.mkdir()
        async with a_magento(folder, inventory={}) as scene:
            scene.books.add_product("4711", "Number", Decimal(9))
            scene.tell("inventory", a_level("KN-100", 7), a_level("KN-200", 0), a_level("4711", 3))
            scene.told.goes_wrong(at, fault)
            if dies:
                scene.told.dies()
            assert await scene.settles() == ["delivered"] * 3, (at, await scene.told.reasons())
            assert [*_both(scene), scene.stock("4711")] == [7, 0, 3], at
            if not scene.faults.injected[fault]:  # it takes no more requests than that
                break
    assert at > 3


@pytest.mark.parametrize("newer", [5, 3])
async def test_an_older_level_that_lands_late_does_not_stay(tmp_path: Path, newer: int) -> None:
    for at in count(1):
        folder = tmp_path / str(at)
        folder.mkdir()
        async with a_magento(folder, inventory={}) as scene:
            scene.tell("inventory", a_level("KN-100", 5))
            await scene.settles(1)
            scene.tell("inventory", a_level("KN-100", 7))
            scene.told.goes_wrong(at, Fault.LATE_COMMIT)
            scene.told.dies()
            await scene.told.lives()
            scene.faults.clear()
            scene.tell("inventory", a_level("KN-100", newer))
            await scene.settles(2)
            assert scene.stock("KN-100") == newer, (at, await scene.told.reasons())
            if not scene.faults.injected[Fault.LATE_COMMIT]:
                break
    assert at > 1


def _deleted(scene: MagentoGoods) -> None:
    number = str(scene.product("KN-100")["product_id"])
    del scene.books.products[number], scene.books.stock[number]


def _renamed(scene: MagentoGoods) -> None:
    scene.product("KN-100")["sku"] = "KN-999"


@pytest.mark.parametrize("happens", [_deleted, _renamed])
async def test_a_product_that_goes_right_before_is_waited_for_and_holds_nobody(
    tmp_path: Path, happens: Callable[[MagentoGoods], None]
) -> None:
    async with a_magento(tmp_path, inventory={}) as scene:
        scene.tell("inventory", a_level("KN-100", 7), a_level("KN-200", 8))
        scene.before(_SET, lambda: happens(scene))
        await scene.told.lives()
        assert await scene.told.reasons() == [
            ("waiting", "the shop has no product with SKU 'KN-100' any more"),
            ("delivered", None),
        ]
        assert scene.stock("KN-200") == 8

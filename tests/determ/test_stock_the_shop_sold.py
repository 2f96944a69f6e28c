"""A shop takes pieces off by itself: what it was told last is not what it has."""

from pathlib import Path

import pytest
from tests.determ.goods import LOST, a_level, a_magento, a_shopify

from knect.sdk.testing import Fault


async def test_a_level_that_is_as_before_reaches_a_shop_that_sold_meanwhile(
    tmp_path: Path,
) -> None:
    """Three were sold and three came in, or the order was cancelled: the ERP has ten again."""
    async with a_shopify(tmp_path, inventory={}) as scene:
        scene.tell("inventory", a_level("KN-1", 10), a_level("KN-2", 5))
        await scene.settles(1)
        scene.sell("KN-1", 3)
        scene.tell("inventory", a_level("KN-1", 10))
        await scene.settles(1)
        assert [scene.available(sku) for sku in ("KN-1", "KN-2")] == [10, 5]


async def test_nothing_is_set_where_the_shop_has_it(tmp_path: Path) -> None:
    async with a_shopify(tmp_path, inventory={}) as scene:
        scene.tell("inventory", a_level("KN-1", 10))
        await scene.settles(1)
        scene.before("changeFromQuantity", pytest.fail)
        scene.tell("inventory", a_level("KN-1", 10))
        assert await scene.settles(1) == ["delivered", "delivered"]


@pytest.mark.parametrize("fault", LOST)
async def test_magento_too_and_only_what_differs_is_set(tmp_path: Path, fault: Fault) -> None:
    async with a_magento(tmp_path, inventory={}) as scene:
        scene.tell("inventory", a_level("KN-100", 10), a_level("KN-200", 8))
        await scene.settles(1)
        scene.books.stock[str(scene.product("KN-100")["product_id"])]["qty"] = "7.0000"
        asked: list[int] = []
        scene.before("cataloginventory_stock_item.update", lambda: asked.append(1), each=True)
        scene.tell("inventory", a_level("KN-200", 8))
        await scene.settles(1)
        assert asked == []
        scene.tell("inventory", a_level("KN-100", 10))
        scene.told.goes_wrong(3, fault)
        await scene.settles(2)
        assert [scene.stock(sku) for sku in ("KN-100", "KN-200")] == [10, 8]

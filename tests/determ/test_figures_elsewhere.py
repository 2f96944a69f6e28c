"""The same figure of another SKU, at another place or in another currency is another figure.

An article is renamed in the ERP, where its stock and its price stay as they are.
"""

from pathlib import Path

import pytest
from msgspec import structs
from tests.determ.goods import a_level, a_magento, a_price, a_shopify
from tests.support.told import Told

from knect.ledger import schema as s
from knect.ledger.timeline import decode


async def _said(told: Told) -> list[str]:
    """Return what the timelines say of writes."""
    rows = await told.world.ledger.read(
        lambda c: c.execute(s.transactions.select().order_by(s.transactions.c.seq)).all()
    )
    events = [event for row in rows for event in decode(row.timeline)]
    return [event.note for event in events if event.what.startswith("effect:")]


async def test_a_level_of_another_sku_is_told_to_that_one(tmp_path: Path) -> None:
    async with a_shopify(tmp_path, inventory={}) as scene:
        level = a_level("KN-1", 7)
        scene.tell("inventory", level)
        await scene.settles(1)
        assert (scene.available("KN-1"), scene.available("KN-2")) == (7, 5)
        scene.tell("inventory", structs.replace(level, sku="KN-2"))
        assert await scene.settles(1) == ["delivered", "delivered"]
        assert (scene.available("KN-1"), scene.available("KN-2")) == (7, 7)
        first, second = await _said(scene.told)
        assert "keeps what it had" not in first
        assert second.startswith("KN-2; KN-1 (gid://shopify/InventoryItem/")
        assert second.endswith(") keeps what it had")


async def test_a_variant_that_was_renamed_with_its_level_keeps_nothing(tmp_path: Path) -> None:
    """The products' pipeline has renamed it: it is the same place."""
    async with a_shopify(tmp_path, inventory={}) as scene:
        level = a_level("KN-1", 7)
        scene.tell("inventory", level)
        await scene.settles(1)
        scene.rename("KN-1", "KN-9")
        scene.tell("inventory", structs.replace(level, sku="KN-9"))
        assert await scene.settles(1) == ["delivered", "delivered"]
        assert await _said(scene.told) == ["KN-1", "KN-9"]


async def test_a_level_at_another_location_is_told_there(tmp_path: Path) -> None:
    async with a_shopify(tmp_path, inventory={}) as scene:
        place = scene.catalog.add_location("Bremen")
        scene.catalog.stock("KN-1", place, 0)
        level = a_level("KN-1", 7)
        scene.tell("inventory", level)
        await scene.settles(1)
        scene.tell("inventory", structs.replace(level, location="Bremen"))
        assert await scene.settles(1) == ["delivered", "delivered"]
        item = scene.variant("KN-1")["inventoryItem"]({})["id"]
        assert scene.catalog.levels[item, place["id"]]["available"] == 7


async def test_a_level_of_another_sku_is_told_to_that_one_in_magento(tmp_path: Path) -> None:
    async with a_magento(tmp_path, inventory={}) as scene:
        level = a_level("KN-100", 7)
        scene.tell("inventory", level)
        await scene.settles(1)
        scene.tell("inventory", structs.replace(level, sku="KN-200"))
        assert await scene.settles(1) == ["delivered", "delivered"]
        assert (scene.stock("KN-100"), scene.stock("KN-200")) == (7, 7)


async def test_a_price_of_another_sku_is_told_to_that_one(tmp_path: Path) -> None:
    async with a_shopify(tmp_path, prices={}) as scene:
        price = a_price("KN-1", "7.00")
        scene.tell("prices", price)
        await scene.settles(1)
        scene.tell("prices", structs.replace(price, sku="KN-2"))
        assert await scene.settles(1) == ["delivered", "delivered"]
        assert scene.price("KN-2") == ("7.00", None)


@pytest.mark.parametrize("owns", [[], ["price"]], ids=["all", "the price"])
async def test_the_same_amount_in_another_currency_is_no_news_of_nothing(
    tmp_path: Path, owns: list[str]
) -> None:
    async with a_shopify(tmp_path, prices={"mapping": {"owns": owns}}) as scene:
        price = a_price("KN-1", "7.00")
        scene.tell("prices", price)
        await scene.settles(1)
        scene.tell("prices", structs.replace(price, currency="USD"))
        assert await scene.settles(1) == ["delivered", "rejected"]
        assert "USD" in (await scene.told.reasons())[-1][1]


async def test_what_has_changed_but_the_figure_is_unchanged(tmp_path: Path) -> None:
    async with a_shopify(tmp_path, inventory={}) as scene:
        level = a_level("KN-1", 7)
        scene.tell("inventory", level)
        await scene.settles(1)
        scene.tell("inventory", structs.replace(level, on_hand=level.available))
        assert await scene.settles(1) == ["delivered", "unchanged"]

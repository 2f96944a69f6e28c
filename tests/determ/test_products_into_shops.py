"""Products into shops beside the pipelines of their prices and stock: each has its own fields."""

from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs
from tests.determ.goods import LOST, a_level, a_magento, a_price, a_shopify

from knect.model import Image, Product, Variant
from knect.sdk.testing import Fault

_IMAGE = Image(url="https://cdn.example/tee.png", hash="h1")


def _tee(*sizes: str, title: str = "Tee", **fields: Any) -> Product:
    variants = tuple(
        Variant(
            source_id=size or "1",
            sku=f"TEE-{size}",
            price=Decimal(9),
            options={"Size": size} if size else {},
        )
        for size in sizes
    )
    return Product(source_id="P1", title=title, variants=variants, **fields)


@pytest.mark.parametrize("sizes", [("",), ("S", "M")], ids=["one", "two"])
async def test_a_new_products_first_price_does_not_come_after_the_prices_own(
    tmp_path: Path, sizes: tuple[str, ...]
) -> None:
    """9 with the product, late, of a worker that is dead by then; 12 by `prices`, meanwhile."""
    for at in count(3):  # before are reads and definitions
        folder = tmp_path / str(at)
        folder.mkdir()
        async with a_shopify(folder, products={}, prices={}) as scene:
            scene.tell("products", _tee(*sizes))
            scene.told.goes_wrong(at, Fault.LATE_COMMIT)
            scene.told.dies()
            await scene.told.lives()
            scene.faults.clear()
            await scene.told.lives()
            scene.tell("prices", a_price(f"TEE-{sizes[0]}", "12.00"))
            await scene.settles(2)
            assert await scene.fates() == ["delivered"] * 2, await scene.told.reasons()
            assert scene.price(f"TEE-{sizes[0]}") == ("12.00", None), at
            if not scene.faults.injected[Fault.LATE_COMMIT]:
                break
    assert at > 5


async def test_what_was_half_written_goes_back_to_what_it_was(tmp_path: Path) -> None:
    """The title was written, the variant was refused; then all is as before, and not unchanged."""
    async with a_shopify(tmp_path, products={}) as scene:
        scene.tell("products", _tee("S", "M"))
        await scene.settles(1)
        shirt = _tee("S", "M", "L", title="Shirt")
        below_zero = structs.replace(shirt.variants[2], price=Decimal(-1))
        scene.tell("products", structs.replace(shirt, variants=(*shirt.variants[:2], below_zero)))
        await scene.settles(1)
        assert scene.variant("TEE-S")["product"]({})["title"] == "Shirt"
        scene.tell("products", _tee("S", "M"))
        await scene.settles(1)
        assert await scene.fates() == ["delivered", "rejected", "delivered"]
        assert scene.variant("TEE-S")["product"]({})["title"] == "Tee"


async def test_a_variant_somebody_removed_is_made_again_with_the_next_change(
    tmp_path: Path,
) -> None:
    async with a_shopify(tmp_path, products={}, prices={}) as scene:
        scene.tell("products", _tee("S", "M", images=(_IMAGE,)))
        await scene.settles(1)
        scene.catalog.remove_variant(scene.variant("TEE-M"))
        scene.tell("products", _tee("S", "M", title="Shirt", images=(_IMAGE,)))
        scene.tell("prices", a_price("TEE-M", "12.00"))
        await scene.settles(2)
        assert await scene.fates() == ["delivered"] * 3
        assert scene.price("TEE-M") == ("12.00", None)
        assert len(scene.variant("TEE-S")["product"]({})["media"]({})) == 1


@pytest.mark.parametrize("fault", LOST)
async def test_a_new_product_its_prices_and_stock_come_together_whatever_is_lost(
    tmp_path: Path, fault: Fault
) -> None:
    for at in count():
        folder = tmp_path / str(at)
        folder.mkdir()
        async with a_magento(folder, products={}, prices={}, inventory={}) as scene:
            scene.tell("products", _tee("S", "M"))
            scene.tell("prices", a_price("TEE-S", "12.00", price_list="default"))
            scene.tell("inventory", a_level("TEE-S", 4), a_level("TEE-M", 3))
            scene.told.goes_wrong(at, fault)
            fates = await scene.settles(3)
            assert fates == ["delivered"] * 4, (at, await scene.told.reasons())
            assert scene.scoped("TEE-S")["price"] == "12.0000", at
            assert [scene.stock(sku) for sku in ("TEE-S", "TEE-M")] == [4, 3], at
            if not scene.faults.injected[fault]:
                break
    assert at > 4

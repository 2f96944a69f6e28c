"""Products into shops beside the pipelines of their prices and stock: each has its own fields."""

from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs
from tests.determ.goods import LOST, a_level, a_magento, a_price, a_shopify

from knect.ledger.actions import retry
from knect.ledger.instants import to_us
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


def _with_skus(product: Product, *skus: str) -> Product:
    pairs = zip(product.variants, skus, strict=True)
    return structs.replace(
        product, variants=tuple(structs.replace(one, sku=sku) for one, sku in pairs)
    )


@pytest.mark.parametrize("fault", LOST)
async def test_a_sku_that_changes_is_the_same_product_whatever_is_lost(
    tmp_path: Path, fault: Fault
) -> None:
    for at in count():
        folder = tmp_path / str(at)
        folder.mkdir()
        async with a_magento(folder, products={}) as scene:
            scene.tell("products", _tee("S", "M"))
            await scene.settles(1)
            before = [scene.product(sku)["product_id"] for sku in ("TEE-S", "TEE-M")]
            scene.tell("products", _with_skus(_tee("S", "M", title="Shirt"), "TEE-S", "TEE-MEDIUM"))
            scene.told.goes_wrong(at, fault)
            assert await scene.settles(3) == ["delivered"] * 2, await scene.told.reasons()
            after = [scene.product(sku) for sku in ("TEE-S", "TEE-MEDIUM")]
            assert [one["product_id"] for one in after] == before, at
            assert [one["name"] for one in after] == ["Shirt"] * 2
            assert not scene.has("TEE-M")
            if not scene.faults.injected[fault]:
                break
    assert at == 3, "a look, the new SKU, the new title"


async def test_a_variant_instead_of_another_is_a_product_of_its_own(tmp_path: Path) -> None:
    async with a_magento(tmp_path, products={}) as scene:
        scene.tell("products", _tee("S", "M"))
        await scene.settles(1)
        before = scene.product("TEE-M")["product_id"]
        scene.tell("products", _tee("S", "L"))
        assert await scene.settles(1) == ["delivered"] * 2
        assert scene.product("TEE-M")["product_id"] == before
        assert scene.product("TEE-L")["product_id"] != before


async def test_a_new_sku_that_is_somebody_elses_is_for_a_person(tmp_path: Path) -> None:
    async with a_magento(tmp_path, products={}) as scene:
        scene.tell("products", _tee("S"))
        await scene.settles(1)
        name = scene.product("KN-100")["name"]
        scene.tell("products", _with_skus(_tee("S", title="Shirt"), "KN-100"))
        assert await scene.settles(1) == ["delivered", "waiting"]
        assert scene.product("KN-100")["name"] == name
        assert "has the SKU 'KN-100' already" in str((await scene.told.reasons())[-1])
        scene.product("KN-100")["sku"] = "KN-OLD"
        row, now = (await scene.world.transactions())[-1], to_us(scene.world.clock.now())
        await scene.world.ledger.write(
            lambda c: retry(c, [row.seq], selector="", actor="ana", reason=None, now_us=now)
        )
        assert await scene.settles(1) == ["delivered"] * 2
        assert scene.product("KN-100")["name"] == "Shirt"


async def test_two_skus_that_change_places_are_left_where_they_are(tmp_path: Path) -> None:
    async with a_magento(tmp_path, products={}) as scene:
        scene.tell("products", _tee("S", "M"))
        await scene.settles(1)
        before = {sku: scene.product(sku)["product_id"] for sku in ("TEE-S", "TEE-M")}
        scene.tell("products", _with_skus(_tee("S", "M"), "TEE-M", "TEE-S"))
        await scene.settles(1)
        assert {sku: scene.product(sku)["product_id"] for sku in before} == before

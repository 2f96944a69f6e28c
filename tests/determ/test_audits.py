"""An audit of what is all right finds nothing, whatever was written where; and what is gone it names."""

from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.determ import test_into_gp as gp
from tests.determ import test_into_magento as magento
from tests.determ import test_into_rest as rest
from tests.determ import test_into_shopify as shopify
from tests.determ.goods import a_level, a_magento, a_price, a_shopify
from tests.support.told import Told

from knect.engine.telling.audit import audit_both_ends


async def _found(told: Told) -> list[tuple[str, str]]:
    worker = told.world.worker()
    await worker.start()
    try:
        found = await audit_both_ends(
            told.world.ledger, worker.document, worker.connectors, told.world.catalog
        )
    finally:
        await worker.close()
    return [(one.kind, one.key) for one in found.findings]


_FIGURES: dict[str, Any] = {"inventory": {}, "prices": {}}


@pytest.mark.parametrize("shop", ["shopify", "magento"])
async def test_figures_that_stand_there_are_there(tmp_path: Path, shop: str) -> None:
    opens: Any = a_shopify if shop == "shopify" else a_magento
    skus = ("KN-1", "KN-2") if shop == "shopify" else ("KN-100", "KN-200")
    listed = {} if shop == "shopify" else {"price_list": "default"}
    async with opens(tmp_path, **_FIGURES) as scene:
        scene.tell("inventory", *(a_level(sku, 7) for sku in skus))
        scene.tell("prices", *(a_price(sku, "9.00", source_id=sku, **listed) for sku in skus))
        assert await scene.settles(1) == ["delivered"] * 4
        assert await _found(scene.told) == []


_TOLD: dict[str, tuple[Callable[..., Any], Callable[[Any], Any]]] = {
    "customer-in-shopify": (partial(shopify.a_shop, entity="customers"), lambda _: shopify.BO),
    "product-in-shopify": (partial(shopify.a_shop, entity="products"), lambda _: shopify.TEE),
    "parcel-in-shopify": (
        partial(shopify.a_shop, entity="shipments"), lambda s: shopify._parcel(s, "T-1")
    ),
    "customer-in-magento": (partial(magento.a_shop, entity="customers"), lambda _: magento.ANA),
    "product-in-magento": (partial(magento.a_shop, entity="products"), lambda _: magento.SHIRT),
    "sale-in-gp": (gp.a_sale, lambda _: gp.ORDER),
    "customer-in-gp": (gp.a_person, lambda _: gp.ANN),
    "sale-in-an-api": (rest.an_api, lambda _: rest.sale()),
    "sale-in-an-api-that-is-not-asked": (
        partial(rest.an_api, write={"once": {"kind": "None"}, "lookup": None}),
        lambda _: rest.sale(),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", _TOLD)
async def test_what_was_delivered_is_there(tmp_path: Path, case: str) -> None:
    opens, record = _TOLD[case]
    async with opens(tmp_path) as scene:
        scene.told.tell(record(scene))
        assert await scene.told.settles() == ["delivered"], await scene.told.reasons()
        assert await _found(scene.told) == []


async def test_a_refund_in_gp_is_there_beside_its_order(tmp_path: Path) -> None:
    async with gp.a_sale_and_back(tmp_path) as scene:
        await scene.has(gp.ORDER, gp.REFUND)
        assert await _found(scene.told) == []


_OF_GP = {
    "order": (gp.a_sale, gp.ORDER, ("SOP10100", "SOP10200")),
    "customer": (gp.a_person, gp.ANN, ("RM00101",)),
}


@pytest.mark.parametrize("case", _OF_GP)
async def test_what_somebody_deleted_in_gp_is_named(tmp_path: Path, case: str) -> None:
    """Our own mark of it is still there, and proves nothing."""
    opens, record, tables = _OF_GP[case]
    async with opens(tmp_path) as scene:
        await scene.has(record)
        for table in tables:
            scene.server.company.books.run(f"DELETE FROM {table}")
        assert [kind for kind, _ in await _found(scene.told)] == ["MissingAtDestination"]


async def _loses_bo(scene: Any) -> None:
    customers = scene.shop.objects["customers"]
    for name in [key for key, one in customers.items() if one["firstName"] == "Bo"]:
        del customers[name]


async def _loses_the_tee(scene: Any) -> None:
    catalog = scene.shop.catalog
    (tee,) = [one for one in catalog.of("Product") if one["title"] == "Tee"]
    for variant in catalog.variants_of(tee["id"]):
        catalog.remove_variant(variant)
    del catalog.things[tee["id"]], catalog._kinds["Product"][tee["id"]]


@pytest.mark.parametrize(
    ("entity", "record", "loses"),
    [("customers", shopify.BO, _loses_bo), ("products", shopify.TEE, _loses_the_tee)],
)
async def test_what_somebody_deleted_in_shopify_is_named(
    tmp_path: Path, entity: str, record: Any, loses: Callable[[Any], Awaitable[None]]
) -> None:
    async with shopify.a_shop(tmp_path, entity) as scene:
        scene.told.tell(record)
        await scene.told.settles()
        await loses(scene)
        assert [kind for kind, _ in await _found(scene.told)] == ["MissingAtDestination"]

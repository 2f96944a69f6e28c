"""Prices of many products into slow and shaky shops: what is done counts, the rest comes later."""

import asyncio
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.determ.goods import a_magento, a_price, a_shopify

from knect.sdk.testing import Fault

_MANY = 40
_WITHIN = 1.0  # seconds that all requests of a batch have
_SKUS = [f"B-{number}" for number in range(_MANY)]


def _takes(scene: Any, word: str, seconds: float) -> list[int]:
    """Let a shop take its time for a request; batches have a second. Returns the count of those."""
    simulator, worker = scene.told.server.simulator, scene.world.worker
    handle, asked = simulator.handle, [0]

    async def handled(request: Any) -> Any:
        if word.encode() in request.body:
            asked[0] += 1
            await asyncio.sleep(seconds)
        return await handle(request)

    simulator.handle = handled
    scene.world.worker = lambda **options: worker(request_seconds=_WITHIN, **options)
    return asked


async def test_a_batch_that_takes_longer_than_its_deadline_is_written_all_the_same(
    tmp_path: Path,
) -> None:
    """One request per product, one after the other: together twice as long as a batch may take."""
    async with a_shopify(tmp_path, prices={}) as scene:
        for sku in _SKUS:
            scene.put(sku)
        scene.tell("prices", *(a_price(sku, "7.00") for sku in _SKUS))
        asked = _takes(scene, "productVariantsBulkUpdate", 2 * _WITHIN / _MANY)
        await scene.told.lives()
        assert await scene.fates() == ["delivered"] * _MANY, (await scene.told.reasons())[-1]
        assert asked == [_MANY], "nothing is written twice"
        assert {scene.price(sku) for sku in _SKUS} == {("7.00", None)}


async def test_a_request_that_is_not_answered_does_not_undo_those_before_it(
    tmp_path: Path,
) -> None:
    async with a_shopify(tmp_path, prices={}) as scene:
        for sku in _SKUS:
            scene.put(sku)
        scene.tell("prices", *(a_price(sku, "7.00") for sku in _SKUS))
        asked = _takes(scene, "productVariantsBulkUpdate", 0)
        scene.told.goes_wrong(20, Fault.COMMIT_THEN_DROP)
        await scene.told.lives()
        assert await scene.fates() == ["delivered"] * _MANY
        assert scene.faults.injected[Fault.COMMIT_THEN_DROP] == 1
        assert asked == [_MANY + 1], "what was answered is not sent again"


async def test_a_slow_magento_gets_its_prices_too(tmp_path: Path) -> None:
    """Twenty-five calls in a request, and four of those in a batch."""
    async with a_magento(tmp_path, prices={}) as scene:
        skus = [*_SKUS, *(f"M-{number}" for number in range(_MANY))]
        for sku in skus:
            scene.books.add_product(sku, sku, Decimal(9))
        scene.tell("prices", *(a_price(sku, "7.00", price_list="default") for sku in skus))
        _takes(scene, "catalog_product.update", 0.45)
        await scene.told.lives()
        assert await scene.fates() == ["delivered"] * len(skus), (await scene.told.reasons())[-1]
        assert {scene.scoped(sku)["price"] for sku in skus} == {"7.0000"}

"""Two records of the ERP that tell one level of the shop: nobody wins in silence."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.determ.goods import a_level, a_magento, a_shopify

from knect.ledger.actions import approve
from knect.ledger.instants import to_us
from knect.ledger.values import set_value

Scene = Any
Opened = Callable[[Path], AbstractAsyncContextManager[Scene]]


def _magento(folder: Path) -> AbstractAsyncContextManager[Scene]:
    return a_magento(folder, inventory={})


@asynccontextmanager
async def _shopify(folder: Path) -> AsyncIterator[Scene]:
    async with a_shopify(folder, inventory={}) as scene:
        await scene.world.ledger.write(
            lambda c: set_value(
                c, destination="erp", kind="location", value="Outlet", mapped="Hamburg",
                actor="ana", now_us=to_us(scene.world.clock.now()),
            )
        )  # fmt: skip
        yield scene


def _shown(scene: Scene, sku: str) -> Decimal:
    return Decimal(scene.stock(sku) if hasattr(scene, "stock") else scene.available(sku))


@pytest.fixture(params=[(_magento, "KN-100"), (_shopify, "KN-1")], ids=["magento", "shopify"])
def shop(request: pytest.FixtureRequest) -> tuple[Opened, str]:
    opened: tuple[Opened, str] = request.param
    return opened


async def _approves(scene: Scene) -> None:
    row, now = (await scene.world.transactions())[-1], to_us(scene.world.clock.now())
    await scene.world.ledger.write(
        lambda c: approve(c, [row.seq], selector="", actor="ana", reason="moved", now_us=now)
    )


async def _at_once(scene: Scene, *levels: Any) -> None:
    scene.tell("inventory", *levels)
    await scene.settles(1)


async def _one_by_one(scene: Scene, *levels: Any) -> None:
    for level in levels:
        await _at_once(scene, level)


@pytest.mark.parametrize("told", [_at_once, _one_by_one])
async def test_the_second_place_waits_for_a_person(
    tmp_path: Path, shop: tuple[Opened, str], told: Callable[..., Awaitable[None]]
) -> None:
    opened, sku = shop
    async with opened(tmp_path) as scene:
        await told(scene, a_level(sku, 7), a_level(sku, 2, "Outlet"))
        assert await scene.fates() == ["delivered", "waiting"]
        assert _shown(scene, sku) == 7
        (row,) = [one for one in await scene.world.transactions() if one.fate == "waiting"]
        assert row.reason == "NeedsApproval"
        assert f"the stock of {sku} in erp is told by the record {sku}@Hamburg, too" in row.message
        await _at_once(scene, a_level(sku, 6))  # the first goes on
        assert _shown(scene, sku) == 6


async def test_a_record_that_takes_the_others_place_is_let_in_once(
    tmp_path: Path, shop: tuple[Opened, str]
) -> None:
    opened, sku = shop
    async with opened(tmp_path) as scene:
        await _one_by_one(scene, a_level(sku, 7), a_level(sku, 2, "Outlet"))
        await _approves(scene)
        await scene.settles(1)
        assert _shown(scene, sku) == 2
        await _at_once(scene, a_level(sku, 3, "Outlet"))
        assert _shown(scene, sku) == 3
        await _at_once(scene, a_level(sku, 9))  # the one it replaced speaks again
        assert _shown(scene, sku) == 3
        assert (await scene.fates())[-1] == "waiting"


async def test_two_places_of_the_shop_are_two_levels(tmp_path: Path) -> None:
    async with _shopify(tmp_path) as scene:
        outlet = scene.catalog.add_location("Outlet East")
        scene.catalog.stock("KN-1", outlet, 1)
        await _at_once(scene, a_level("KN-1", 7), a_level("KN-1", 2, "Outlet East"))
        assert await scene.fates() == ["delivered"] * 2

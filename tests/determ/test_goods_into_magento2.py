"""Levels and prices into Magento 2, through the engine: what was told last is what stands there."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from tests.determ.goods import LOST, Magento2Goods, a_level, a_magento2, a_price

from knect.engine.working.repair import Repairer
from knect.sdk.testing import Fault
from knect.seams import new_id
from knect_connectors.magento2.simulator import Bought, OrderPlan, acts, build_order
from knect_connectors.magento2.simulator.generator import person

_Opens = Callable[[Path], AbstractAsyncContextManager[Magento2Goods]]
_SPAN = {"valid_from": datetime(2026, 11, 1, tzinfo=UTC),
         "valid_until": datetime(2026, 12, 1, tzinfo=UTC)}  # fmt: skip
_REPAIRS = {"audit": {"schedule": "0 3 * * *", "repair": "Missing"}}
_DAYS = "2026-11-01", "2026-11-30"
each_loss = pytest.mark.parametrize("fault", LOST)


async def _in_turn(
    folder: Path, opens: _Opens, fault: Fault
) -> AsyncIterator[tuple[Magento2Goods, int]]:
    """Yield shops, and which request of each is to go wrong, until there is none so late."""
    for at in count():
        where = folder / str(at)
        where.mkdir()
        async with opens(where) as scene:
            yield scene, at
            if not scene.faults.injected[fault]:
                assert at > 1
                return


@each_loss
async def test_levels_are_set_whichever_answer_is_lost(tmp_path: Path, fault: Fault) -> None:
    async for scene, at in _in_turn(tmp_path, partial(a_magento2, inventory={}), fault):
        scene.told.goes_wrong(at, fault)
        scene.tell("inventory", *(_level(*of) for of in (("KN-100", 7), ("KN-200", 0))))
        assert await scene.settles() == ["delivered"] * 2, await scene.told.reasons()
        assert (scene.stock("KN-100"), scene.stock("KN-200")) == (7, 0)


def _level(sku: str, pieces: int) -> Any:
    return a_level(sku, pieces, location="default")


@pytest.mark.parametrize("newer", [5, 3])
async def test_an_older_level_that_lands_late_does_not_stay(tmp_path: Path, newer: int) -> None:
    for at in count(1):
        folder = tmp_path / str(at)
        folder.mkdir()
        async with a_magento2(folder, inventory={}) as scene:
            scene.tell("inventory", _level("KN-100", 5))
            await scene.settles(1)
            scene.tell("inventory", _level("KN-100", 7))
            scene.told.goes_wrong(at, Fault.LATE_COMMIT)
            scene.told.dies()
            await scene.told.lives()
            scene.faults.clear()
            scene.tell("inventory", _level("KN-100", newer))
            await scene.settles(2)
            assert scene.stock("KN-100") == newer, (at, await scene.told.reasons())
            if not scene.faults.injected[Fault.LATE_COMMIT]:
                break
    assert at > 1


@pytest.mark.parametrize("wrong", [1, 2, 3])
@each_loss
async def test_a_special_price_comes_changes_and_ends_whichever_answer_is_lost(
    tmp_path: Path, fault: Fault, wrong: int
) -> None:
    reduced = partial(a_price, "KN-100", compare_at="39.00", **_SPAN)
    steps = (
        (reduced("30.00"), "39.00", (Decimal("30.00"), *_DAYS)),
        (reduced("29.00"), "39.00", (Decimal("29.00"), *_DAYS)),
        (a_price("KN-100", "38.00"), "38.00", None),
    )
    async for scene, at in _in_turn(tmp_path, partial(a_magento2, prices={}), fault):
        for told, (price, regular, special) in enumerate(steps, 1):
            scene.tell("prices", price)
            if told == wrong:
                scene.told.goes_wrong(at, fault)
            fates = await scene.settles(2)
            assert fates == ["delivered"] * told, await scene.told.reasons()
            assert scene.product("KN-100")["price"] == Decimal(regular)
            assert scene.special("KN-100") == special


@pytest.mark.parametrize("wrong", [1, 2])
@each_loss
async def test_a_tier_moves_with_its_quantity(tmp_path: Path, fault: Fault, wrong: int) -> None:
    async for scene, at in _in_turn(tmp_path, partial(a_magento2, prices={}), fault):
        theirs = {"customer_group_id": 1, "qty": Decimal(5), "value": Decimal(33),
                  "extension_attributes": {"website_id": 0}}  # fmt: skip
        scene.product("KN-100")["tier_prices"] = [theirs]
        for told, (quantity, amount) in enumerate(((10, "30.00"), (12, "29.00")), 1):
            scene.tell("prices", a_price("KN-100", amount, minimum_quantity=quantity))
            if told == wrong:
                scene.told.goes_wrong(at, fault)
            fates = await scene.settles(2)
            assert fates == ["delivered"] * told, await scene.told.reasons()
        there = [(one["qty"], one["value"]) for one in scene.product("KN-100")["tier_prices"]]
        assert there == [(5, 33), (12, 29)]


@each_loss
async def test_what_a_parcel_took_off_is_told_once_more(tmp_path: Path, fault: Fault) -> None:
    """The figure that knew of the parcel came first; an audit that repairs tells it again."""
    async for scene, at in _in_turn(tmp_path, partial(a_magento2, inventory=_REPAIRS), fault):
        scene.tell("inventory", _level("KN-100", 7))
        await scene.settles(1)
        sold = Bought(sku="KN-100", title="Kettle", price=Decimal("39.90"), quantity=Decimal(3))
        plan = OrderPlan(at=datetime(2026, 3, 1, tzinfo=UTC), bought=(sold,), address=person(0))
        acts.ship(scene.books, build_order(scene.books, plan))
        assert scene.stock("KN-100") == 4
        repairer = Repairer(scene.world.ledger, (), clock=scene.world.clock, new_id=new_id)
        (pipeline,) = scene.world.document().pipelines
        assert await repairer.tell_figures(pipeline) == 1
        scene.told.goes_wrong(at, fault)
        fates = await scene.settles(2)
        assert fates[-1] == "delivered", await scene.told.reasons()
        assert scene.stock("KN-100") == 7

"""Prices into Shopify and Magento, through the engine: what was told last is what is asked for."""

from datetime import datetime
from itertools import count
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from tests.determ.goods import LOST, MagentoGoods, a_magento, a_price, a_shopify

from knect.ledger.actions import approve
from knect.ledger.instants import to_us
from knect.sdk.testing import Fault

_LISTED = {"price_list": "default"}
_SPECIAL = {**_LISTED, "compare_at": "39.00"}


@pytest.mark.parametrize("many_first", [False, True])
async def test_the_price_of_ten_is_not_taken_for_that_of_one(
    tmp_path: Path, many_first: bool
) -> None:
    async with a_shopify(tmp_path, prices={}) as scene:
        of_ten = a_price("KN-1", "5.00", source_id="KN-1@web:10", minimum_quantity=10)
        of_one = a_price("KN-1", "9.00")
        scene.tell("prices", *((of_ten, of_one) if many_first else (of_one, of_ten)))
        await scene.settles(1)
        assert sorted(await scene.fates()) == ["delivered", "skipped"]
        assert scene.price("KN-1") == ("9.00", None)
        said = [why for fate, why in await scene.told.reasons() if fate == "skipped"]
        assert said == [
            "the price of KN-1 from 10 pieces on is not told to the shop, where one piece and many"
            " cost the same each"
        ]


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/New_York"])
async def test_a_special_price_has_the_shops_own_days(tmp_path: Path, zone: str) -> None:
    """From a midnight up to another one: the last day is the one before, wherever the shop is."""
    async with a_magento(tmp_path, zone=zone, prices={}) as scene:
        midnights = [datetime(2026, *day, tzinfo=ZoneInfo(zone)) for day in ((10, 30), (11, 15))]
        span = dict(zip(("valid_from", "valid_until"), midnights, strict=True))
        scene.tell("prices", a_price("KN-100", "30.00", **_SPECIAL, **span))
        assert await scene.settles(1) == ["delivered"], await scene.told.reasons()
        there = scene.scoped("KN-100")
        days = [there[name][:10] for name in ("special_from_date", "special_to_date")]
        assert days == ["2026-10-30", "2026-11-14"]


def _tiers(scene: MagentoGoods) -> list[tuple[str, str]]:
    return [(one["qty"], one["price"]) for one in scene.product("KN-100")["tier_price"]]


@pytest.mark.parametrize("fault", LOST)
async def test_a_tier_moves_with_its_quantity(tmp_path: Path, fault: Fault) -> None:
    for at in count():
        folder = tmp_path / str(at)
        folder.mkdir()
        async with a_magento(folder, prices={}) as scene:
            theirs = {
                "customer_group_id": "2",
                "website": "all",
                "qty": "5.0000",
                "price": "33.0000",
            }
            scene.product("KN-100")["tier_price"] = [theirs]
            scene.tell("prices", a_price("KN-100", "30.00", minimum_quantity=10, **_LISTED))
            await scene.settles(1)
            scene.tell("prices", a_price("KN-100", "29.00", minimum_quantity=12, **_LISTED))
            scene.told.goes_wrong(at, fault)
            await scene.settles(2)
            assert _tiers(scene) == [("5.0000", "33.0000"), ("12.0000", "29.0000")], at
            if not scene.faults.injected[fault]:
                break
    assert at > 2


async def test_tiers_that_change_places_are_both_there(tmp_path: Path) -> None:
    """The second one is where the first one was; the first one does not take it away."""
    async with a_magento(tmp_path, prices={}) as scene:
        for ten, twenty in ((10, 20), (20, 10)):
            scene.tell(
                "prices",
                a_price("KN-100", "30.00", **_LISTED, source_id="ten", minimum_quantity=ten),
                a_price("KN-100", "25.00", **_LISTED, source_id="twenty", minimum_quantity=twenty),
            )
            await scene.settles(1)
        assert sorted(_tiers(scene)) == [("10.0000", "25.0000"), ("20.0000", "30.0000")]


@pytest.mark.parametrize("dies", [False, True], ids=["lives", "dies"])
async def test_a_special_price_ends_although_nobody_was_told_that_it_began(
    tmp_path: Path, dies: bool
) -> None:
    for at in count():
        folder = tmp_path / str(at)
        folder.mkdir()
        async with a_magento(folder, prices={}) as scene:
            scene.tell("prices", a_price("KN-100", "39.00", **_LISTED))
            await scene.settles(1)
            scene.tell("prices", a_price("KN-100", "30.00", **_SPECIAL))
            scene.told.goes_wrong(at, Fault.COMMIT_THEN_DROP)
            if dies:
                scene.told.dies()
            await scene.told.lives()
            scene.faults.clear()
            scene.tell("prices", a_price("KN-100", "38.00", **_LISTED))
            await scene.settles(2)
            there = scene.scoped("KN-100")
            assert (there["price"], there.get("special_price") or "") == ("38.0000", ""), at
            if not scene.faults.injected[Fault.COMMIT_THEN_DROP]:
                break
    assert at > 1


@pytest.mark.parametrize("fault", LOST)
async def test_each_list_has_its_own_price_whatever_is_lost(tmp_path: Path, fault: Fault) -> None:
    """A reduced price in the list is on its way when the worker dies; then it is another one."""
    for at in count():
        folder = tmp_path / str(at)
        folder.mkdir()
        async with a_shopify(folder, prices={}) as scene:
            listed = {"source_id": "eu", "price_list": "EU"}
            made = scene.catalog.add_price_list("EU", "EUR")
            scene.tell("prices", a_price("KN-1", "8.00", **listed, compare_at="9.00"))
            scene.tell("prices", a_price("KN-1", "9.00", compare_at="11.00"))
            scene.told.goes_wrong(at, fault)
            scene.told.dies()
            await scene.told.lives()
            scene.faults.clear()
            scene.tell("prices", a_price("KN-1", "7.00", **listed))
            await scene.settles(2)
            assert scene.price("KN-1") == ("9.00", "11.00"), at
            there = scene.catalog.fixed[made["id"], scene.variant("KN-1")["id"]]
            assert (there["price"]["amount"], there["compareAtPrice"]) == ("7.00", None), at
            if not scene.faults.injected[fault]:
                break
    assert at > 4


@pytest.mark.parametrize("at", range(4))
async def test_a_price_that_is_approved_comes_whatever_is_lost(tmp_path: Path, at: int) -> None:
    """A guard parks it; a person lets it pass; the answer is lost, and it is not parked again."""
    guards = [{"field": "price", "maxChangePercent": 50}]
    async with a_shopify(tmp_path, prices={"mapping": {"guards": guards}}) as scene:
        scene.tell("prices", a_price("KN-1", "9.00"))
        await scene.settles(1)
        scene.tell("prices", a_price("KN-1", "1.00"))
        assert await scene.settles(1) == ["delivered", "waiting"]
        parked = (await scene.world.transactions())[-1].seq
        now = to_us(scene.world.clock.now())
        who = {"selector": "KN-1", "actor": "ana", "reason": "sale", "now_us": now}
        await scene.world.ledger.write(lambda c: approve(c, [parked], **who))
        scene.told.goes_wrong(at, Fault.COMMIT_THEN_DROP)
        scene.told.dies()
        assert await scene.settles(2) == ["delivered", "delivered"], await scene.told.reasons()
        assert scene.price("KN-1") == ("1.00", None)


@pytest.mark.parametrize("listed", [None, "EU"])
async def test_a_price_waits_for_a_variant_that_goes_right_before(
    tmp_path: Path, listed: str | None
) -> None:
    """What is rejected nobody would send again when the clerk has made it anew."""
    async with a_shopify(tmp_path, prices={}) as scene:
        scene.catalog.add_price_list("EU", "EUR")
        old = scene.variant("KN-1")
        scene.tell("prices", *(a_price(sku, "7.00", price_list=listed) for sku in ("KN-1", "KN-2")))
        word = "priceListFixedPricesAdd" if listed else "productVariantsBulkUpdate"
        scene.before(word, lambda: scene.catalog.remove_variant(old))
        assert await scene.settles(1) == ["waiting", "delivered"]
        (_, why), _ = await scene.told.reasons()
        assert why == "the shop has no variant with SKU 'KN-1' any more"
        scene.put("KN-1")
        assert await scene.settles(2) == ["delivered", "delivered"]

"""What was taken away, and is there again at the source.

Why: a removal is delivered like any other version, so a record that is valid again is a change of
something that was voided, archived or deleted; it must be there again, or a person must hear of it.
"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from decimal import Decimal
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs
from tests.determ import test_into_gp as gp
from tests.determ import test_into_magento as magento
from tests.determ import test_into_rest as rest
from tests.determ import test_into_shopify as shopify
from tests.determ.in_turn import LOST, Scene
from tests.support.orders import a_line
from tests.support.toy import a_pipeline

from knect.model import Order, Record, Totals
from knect.sdk.testing import Fault

Opens = Callable[[Path], AbstractAsyncContextManager[Any]]
_DELETES = {"delete": {"path": "/api/sales/{id}", "method": "DELETE"}}


def _statuses(scene: shopify.Scene) -> Any:
    return [(one["title"], one["status"]) for one in scene.shop.catalog.of("Product")]


def _numbers(scene: rest.Scene) -> Any:
    return [(row["number"], row["note"]) for row in scene.system.shelf.of("sales").values()]


async def _goes_and_comes(scene: Scene, record: Record, again: Record) -> tuple[str, str | None]:
    """Tell a record, that it is gone, and that it is there again; return what became of that."""
    told = scene.told
    told.tell(record)
    assert await told.settles() == ["delivered"]
    told.deleted(record)
    assert await told.settles() == ["delivered"] * 2
    told.tell(again)
    await told.settles()
    return (await told.reasons())[-1]


@pytest.mark.parametrize("note", [None, "ring twice"], ids=["as it was", "changed"])
@pytest.mark.parametrize("kind", rest.KINDS)
async def test_what_was_deleted_for_us_is_made_once_more(
    tmp_path: Path, kind: str, note: str | None
) -> None:
    destination = {"onSourceDelete": "Delete"}
    async with rest.an_api(tmp_path, kind=kind, write=_DELETES, destination=destination) as scene:
        again = structs.replace(rest.sale(), note=note)
        fate, _ = await _goes_and_comes(scene, rest.sale(), again)
        assert (fate, _numbers(scene)) == ("delivered", [("1001", note)])
        scene.told.deleted(again)
        assert (await scene.told.settles())[-1] == "delivered"
        assert _numbers(scene) == []


@pytest.mark.parametrize("kind", ["unique", "found"])
async def test_what_was_archived_before_deletions_were_declared_is_not_made_twice(
    tmp_path: Path, kind: str
) -> None:
    """It went by another setting than that of today, and stands there still."""
    acts = {**_DELETES, "archive": {"path": "/api/sales/{id}/archive"}}  # which it answers with 404
    archives, deletes = ({"onSourceDelete": how} for how in ("Archive", "Delete"))
    async with rest.an_api(tmp_path, kind=kind, write=acts, destination=archives) as scene:
        told = scene.told
        told.tell(rest.sale())
        await told.settles()
        told.deleted(rest.sale())
        assert await told.settles() == ["delivered"] * 2
        assert len(_numbers(scene)) == 1
        told.world.pipelines = (a_pipeline("orders", entity="orders", destination=deletes),)
        told.tell(structs.replace(rest.sale(), note="ring twice"))
        assert (await told.settles())[-1] == "delivered", await told.reasons()
        assert _numbers(scene) == [("1001", "ring twice")]


@pytest.mark.parametrize("fault", LOST)
@pytest.mark.parametrize("kind", ["unique", "found"])
async def test_it_is_there_whichever_answer_about_its_deletion_is_lost(
    tmp_path: Path, kind: str, fault: Fault
) -> None:
    """A deletion that comes late must not meet what was made after it."""
    sale, destination = rest.sale(), {"onSourceDelete": "Delete"}
    for at in count():
        folder = tmp_path / str(at)
        folder.mkdir()
        opens = rest.an_api(folder, kind=kind, write=_DELETES, destination=destination)
        async with opens as scene:
            told = scene.told
            told.tell(sale)
            assert await told.settles() == ["delivered"]
            told.deleted(sale)
            told.goes_wrong(at, fault)
            told.dies()
            await told.lives()
            told.tell(structs.replace(sale, note="ring twice"))
            assert await told.settles() == ["delivered"] * 3, (at, await told.reasons())
            assert _numbers(scene) == [("1001", "ring twice")], at
            if not told.server.faults.injected[fault]:
                break
    assert at > 0


@pytest.mark.parametrize("note", [None, "ring twice"], ids=["as it was", "changed"])
async def test_a_voided_order_is_a_persons(tmp_path: Path, note: str | None) -> None:
    async with gp.a_sale(tmp_path, onSourceDelete="Cancel") as scene:
        again = structs.replace(gp.ORDER, note=note)
        fate, message = await _goes_and_comes(scene, gp.ORDER, again)
        assert fate == "waiting"
        assert "is valid again" in str(message)
        assert gp._open_orders(scene) == []


@pytest.mark.parametrize("title", ["Tee", "Shirt"], ids=["as it was", "changed"])
async def test_an_archived_product_is_a_draft_again(tmp_path: Path, title: str) -> None:
    opens = shopify.a_shop(tmp_path, entity="products", onSourceDelete="Archive")
    async with opens as scene:
        again = structs.replace(shopify.TEE, title=title)
        fate, _ = await _goes_and_comes(scene, shopify.TEE, again)
        assert (fate, _statuses(scene)) == ("delivered", [(title, "DRAFT")])


async def test_a_product_that_is_for_sale_again_is_a_draft_again(tmp_path: Path) -> None:
    async with shopify.a_shop(tmp_path, entity="products") as scene:
        for status, there in (("active", "DRAFT"), ("archived", "ARCHIVED"), ("active", "DRAFT")):
            scene.told.tell(structs.replace(shopify.TEE, status=status))
            assert (await scene.told.settles())[-1] == "delivered"
            assert _statuses(scene) == [("Tee", there)]


async def test_what_is_archived_still_is_no_draft(tmp_path: Path) -> None:
    """`createOnly` leaves the status out of what changes; it says nothing of the record."""
    async with shopify.a_shop(tmp_path, entity="products") as scene:
        mapping = {"createOnly": ["status"]}
        scene.told.world.pipelines = (a_pipeline("products", entity="products", mapping=mapping),)
        for title in ("Tee", "Shirt"):
            scene.told.tell(structs.replace(shopify.TEE, title=title, status="archived"))
            assert (await scene.told.settles())[-1] == "delivered"
            assert _statuses(scene) == [(title, "ARCHIVED")]


@pytest.mark.parametrize("status", ["ACTIVE", "ARCHIVED"])
async def test_what_a_person_says_of_a_product_stands(tmp_path: Path, status: str) -> None:
    """Made active though the ERP had archived it; archived by somebody, and not by us."""
    async with shopify.a_shop(tmp_path, entity="products") as scene:
        before = "archived" if status == "ACTIVE" else "active"
        scene.told.tell(structs.replace(shopify.TEE, status=before))
        await scene.told.settles()
        (product,) = scene.shop.catalog.of("Product")
        product["status"] = status
        scene.told.tell(structs.replace(shopify.TEE, title="Shirt"))
        assert (await scene.told.settles())[-1] == "delivered"
        assert _statuses(scene) == [("Shirt", status)]


async def test_a_cancelled_parcel_is_a_persons(tmp_path: Path) -> None:
    opens = shopify.a_shop(tmp_path, entity="shipments", onSourceDelete="Cancel")
    async with opens as scene:
        parcel = shopify._parcel(scene, "T-1")
        fate, message = await _goes_and_comes(scene, parcel, parcel)
        assert fate == "waiting"
        assert "but the ERP still says it left" in str(message)


async def test_a_product_stays_switched_off_and_that_is_said(tmp_path: Path) -> None:
    opens = magento.a_shop(tmp_path, entity="products", onSourceDelete="Archive")
    async with opens as scene:
        fate, _ = await _goes_and_comes(scene, magento.SHIRT, magento.SHIRT)
        assert fate == "delivered"
        assert "a person switches it on" in (await scene.told.world.transactions())[-1].timeline


@pytest.mark.parametrize("ruled", [False, True], ids=["any", "only cancelled ones"])
@pytest.mark.parametrize("changed", [False, True], ids=["as it was", "changed"])
@pytest.mark.parametrize(
    ("opens", "sale"),
    [
        (partial(shopify.a_shop, entity="orders"), None),
        (partial(magento.a_shop, entity="orders"), f"SO-{magento.NUMBER}"),
    ],
    ids=["shopify", "magento"],
)
async def test_an_order_cancelled_in_the_shop_that_the_erp_restores_is_a_persons(
    tmp_path: Path, opens: Opens, sale: str | None, changed: bool, ruled: bool
) -> None:
    async with opens(tmp_path) as scene:
        rule = {"when": "order.cancelled_at == null", "then": "Skip", "reason": "still sold"}
        rules = {"mapping": {"admit": [rule]}} if ruled else {}
        scene.told.world.pipelines = (a_pipeline("orders", entity="orders", **rules),)
        valid = Order(
            source_id=sale or scene.sale, number="SO-1", name="SO-1", currency="EUR",
            placed_at=shopify.NOON, updated_at=shopify.NOON, totals=Totals(total=Decimal(10)),
            lines=(a_line("KN-100", "10.00"),),
        )  # fmt: skip
        over = structs.replace(
            valid, lines=(), totals=Totals(total=Decimal(0)), cancelled_at=shopify.NOON
        )
        fates = []
        later = structs.replace(valid, updated_at=valid.updated_at + timedelta(hours=changed))
        for version in (valid, over, later):
            scene.told.tell(version)
            fates.append((await scene.told.settles())[-1])
        assert fates == ["skipped" if ruled else "unchanged", "delivered", "waiting"]
        assert "valid again in the ERP" in str((await scene.told.reasons())[-1])


async def test_money_that_is_none_any_more_is_a_persons(tmp_path: Path) -> None:
    async with magento.a_shop(tmp_path, entity="payments") as scene:
        paid = magento._taken(scene)
        scene.told.tell(paid)
        assert await scene.told.settles() == ["delivered"]
        for version in (
            structs.replace(paid, status="failure"),
            structs.replace(paid, amount=paid.amount - 1),
        ):
            scene.told.tell(version)
            assert (await scene.told.settles())[-1] == "waiting"
            assert "what is booked is not changed" in str((await scene.told.reasons())[-1])
        scene.told.tell(structs.replace(paid, gateway="bank"))
        assert (await scene.told.settles())[-1] == "unchanged"


async def test_a_refund_of_another_amount_is_a_persons(tmp_path: Path) -> None:
    async with gp.a_sale_and_back(tmp_path) as scene:
        await scene.has(gp.ORDER, gp.REFUND)
        less = structs.replace(gp.REFUND, total=Decimal("11.00"), adjustment=Decimal("-0.90"))
        scene.told.tell(less)
        assert (await scene.told.settles())[-1] == "waiting"
        assert "11.9 EUR were booked for it" in str((await scene.told.reasons())[-1])
        assert gp._returns(scene) == [("11.9", [("KN-100", "1")])]

"""Payments, refunds and shipments of an order: records of their own, each version once."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from knect.model import Payment, Refund, Shipment
from knect.sdk.contract import Change
from knect.sdk.errors import BadRecord
from knect_connectors.shopify.tests.conftest import NOON, AtWork
from knect_connectors.shopify.tests.orders import a_line, an_order


def an_open_order(acme: AtWork, **more: Any) -> dict[str, Any]:
    lines = more.pop("lines", [a_line("A", "10.00", 3), a_line("B", "5.00")])
    order = an_order(NOON, lines=lines, shipping="4.90", email="ana@example.com", **more)
    acme.put(order)
    return order


async def read(acme: AtWork, entity: str) -> list[Change]:
    now = acme.shop.now()
    return await acme.all(NOON - timedelta(days=1), now + timedelta(days=1), entity=entity)


async def the_refund(acme: AtWork, order: dict[str, Any], **back: Any) -> Refund:
    await acme.simulator.do("refund", {"id": order["id"], **back})
    (change,) = await read(acme, "refunds")
    record = acme.source.to_record("refunds", change.raw)
    assert isinstance(record, Refund)
    return record


async def test_a_refund_by_line_with_restock(acme: AtWork) -> None:
    refund = await the_refund(acme, an_open_order(acme), line=0, units=2)
    (line,) = refund.lines
    assert (line.sku, line.quantity, line.restock) == ("A", Decimal(2), "return")
    assert (line.amount, line.tax) == (Decimal("20.00"), Decimal("3.80"))
    assert (refund.total, refund.adjustment) == (Decimal("23.80"), Decimal(0))
    assert (refund.order_id, refund.order_number) == ("gid://shopify/Order/1001", "1001")
    assert not refund.pending


@pytest.mark.parametrize(("how", "told"), [("NO_RESTOCK", "none"), ("CANCEL", "cancel")])
async def test_how_goods_come_back(acme: AtWork, how: str, told: str) -> None:
    refund = await the_refund(acme, an_open_order(acme), line=0, units=1, restock=how)
    assert refund.lines[0].restock == told


async def test_a_refund_of_shipping_only(acme: AtWork) -> None:
    refund = await the_refund(acme, an_open_order(acme), shipping="5.83")
    assert (refund.lines, refund.shipping, refund.shipping_tax) == (
        (),
        Decimal("4.90"),
        Decimal("0.93"),
    )
    assert refund.total == Decimal("5.83")


async def test_a_refund_of_an_amount_only(acme: AtWork) -> None:
    refund = await the_refund(acme, an_open_order(acme), amount="7.50")
    assert (refund.lines, refund.total, refund.adjustment) == (
        (),
        Decimal("7.50"),
        Decimal("7.50"),
    )


async def test_prices_that_include_tax(acme: AtWork) -> None:
    order = an_open_order(acme, taxes_included=True)
    refund = await the_refund(acme, order, line=0, units=1)
    assert refund.taxes_included
    assert (refund.lines[0].amount, refund.total) == (Decimal("10.00"), Decimal("10.00"))


async def test_a_pending_refund_is_told_as_such_and_again_when_it_is_settled(acme: AtWork) -> None:
    order = an_open_order(acme)
    refund = await the_refund(acme, order, line=0, units=1, pending=True)
    assert (refund.pending, refund.total) == (True, Decimal("11.90"))
    (before,) = await read(acme, "refunds")
    acme.shop.time_offset += timedelta(seconds=2)
    await acme.simulator.do("settle", {"id": order["id"], "refund": refund.source_id})
    (after,) = await read(acme, "refunds")
    assert after.token > before.token
    assert not acme.source.to_record("refunds", after.raw).pending  # type: ignore[union-attr]


async def test_money_back_after_an_edit_settles_a_balance_and_credits_nothing(
    acme: AtWork,
) -> None:
    order = an_open_order(acme)
    await acme.simulator.do("edit", {"id": order["id"], "line": 1, "units": 1})
    await acme.simulator.do("refund", {"id": order["id"], "amount": "5.95"})
    order["refunds"][0]["orderAdjustments"] = []  # the balance the edit left, not a goodwill
    (change,) = await read(acme, "refunds")
    refund = acme.source.to_record("refunds", change.raw)
    assert isinstance(refund, Refund)
    assert (refund.total, refund.payments[0].amount) == (Decimal(0), Decimal("5.95"))


async def test_lines_an_edit_took_away_are_no_refund(acme: AtWork) -> None:
    order = an_open_order(acme)
    await acme.simulator.do("refund", {"id": order["id"], "line": 0, "units": 1})
    zero = {"amount": "0.00", "currencyCode": "EUR"}
    made = order["refunds"][0]
    made.update(transactions=[], totalRefundedSet={"shopMoney": zero, "presentmentMoney": zero})
    (change,) = await read(acme, "refunds")
    refund = acme.source.to_record("refunds", change.raw)
    assert isinstance(refund, Refund)
    assert (refund.lines, refund.total) == ((), Decimal(0))


async def test_a_refund_that_does_not_add_up_is_named(acme: AtWork) -> None:
    order = an_open_order(acme)
    await acme.simulator.do("refund", {"id": order["id"], "line": 0, "units": 1})
    order["refunds"][0]["totalRefundedSet"]["shopMoney"]["amount"] = "11.00"
    (change,) = await read(acme, "refunds")
    with pytest.raises(BadRecord, match=r"come to 11\.90, but 11\.00 was given back") as caught:
        acme.source.to_record("refunds", change.raw)
    assert caught.value.path == "totalRefundedSet"


async def test_payments_one_record_per_transaction(acme: AtWork) -> None:
    order = an_open_order(acme, gift_card_used="10")
    await acme.simulator.do("refund", {"id": order["id"], "line": 0, "units": 1})
    found = [acme.source.to_record("payments", one.raw) for one in await read(acme, "payments")]
    told = sorted(
        (one.kind, one.gateway or "", one.amount) for one in found if isinstance(one, Payment)
    )
    assert told == [
        ("refund", "gift_card", Decimal("11.90")),
        ("sale", "gift_card", Decimal("10.00")),
        ("sale", "shopify_payments", Decimal("37.48")),
    ]
    assert {one.order_number for one in found if isinstance(one, Payment)} == {"1001"}


async def test_another_change_of_the_order_makes_no_new_version(acme: AtWork) -> None:
    order = an_open_order(acme)
    await acme.simulator.do("refund", {"id": order["id"], "line": 0, "units": 1})
    before = {e: await read(acme, e) for e in ("payments", "refunds")}
    acme.shop.time_offset += timedelta(minutes=1)
    await acme.simulator.do("touch", {"id": order["id"], "note": "call first"})
    for entity, changes in before.items():
        after = await read(acme, entity)
        assert [(c.id, c.token, c.raw) for c in after] == [(c.id, c.token, c.raw) for c in changes]
        assert all(new.at > old.at for new, old in zip(after, changes, strict=True))


async def test_an_order_with_more_children_than_are_listed(acme: AtWork) -> None:
    order = an_open_order(acme, lines=[a_line("A", quantity=30)])
    for _ in range(12):
        await acme.simulator.do("refund", {"id": order["id"], "line": 0, "units": 1})
    assert len(await read(acme, "refunds")) == 12
    assert len(await read(acme, "payments")) == 13


async def test_what_was_shipped_by_hand_is_a_shipment(acme: AtWork) -> None:
    order = an_open_order(acme)
    await acme.simulator.do("ship", {"id": order["id"], "lines": {"A": 2}, "tracking": "T1"})
    (change,) = await read(acme, "shipments")
    shipment = acme.source.to_record("shipments", change.raw)
    assert isinstance(shipment, Shipment)
    assert [(line.sku, line.quantity) for line in shipment.lines] == [("A", Decimal(2))]
    assert [one.number for one in shipment.trackings] == ["T1"]
    assert (shipment.status, shipment.location) == ("shipped", "Main warehouse")

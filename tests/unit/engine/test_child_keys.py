"""Payments, refunds and shipments are found beside their order, and told apart from each other."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from knect.engine.deciding.keys import keys_of, label_of
from knect.model import InventoryLevel, Payment, Record, Refund, Shipment, Tracking

ORDER = "gid://shopify/Order/9"


def a_payment(number: str | None = "1001") -> Payment:
    return Payment(
        source_id="gid://shopify/OrderTransaction/5",
        order_id=ORDER,
        order_number=number,
        kind="sale",
        status="success",
        amount=Decimal(1),
        currency="EUR",
    )


def a_refund() -> Refund:
    return Refund(
        source_id="gid://shopify/Refund/7",
        order_id=ORDER,
        order_number="1001",
        currency="EUR",
        total=Decimal(1),
        created_at=datetime(2026, 3, 1, tzinfo=UTC),
    )


def a_shipment() -> Shipment:
    trackings = (Tracking(number="00340434"),)
    return Shipment(source_id="12/34", order_id="17", order_number="1001", trackings=trackings)


@pytest.mark.parametrize(
    ("record", "label"),
    [
        (a_payment(), "1001 payment 5"),
        (a_refund(), "1001 refund 7"),
        (a_shipment(), "1001 shipment 34"),
        (a_payment(None), "gid://shopify/OrderTransaction/5"),
    ],
)
def test_what_people_call_it(record: Record, label: str) -> None:
    assert label_of(record) == label


def test_it_is_found_by_the_order_s_number_and_id_and_by_its_own() -> None:
    assert set(keys_of(a_refund())) == {
        ("id", "gid://shopify/refund/7"),
        ("id", "gid://shopify/order/9"),
        ("number", "1001"),
    }
    assert ("tracking", "00340434") in keys_of(a_shipment())
    assert ("number", "1001") in keys_of(a_payment())
    assert not [one for one in keys_of(a_payment(None)) if one[0] == "number"]


def test_a_figure_is_found_by_its_sku_without_the_orders_that_name_it() -> None:
    level = InventoryLevel(source_id="7@WH", sku="KN-7", location="WH", on_hand=Decimal(1))
    assert set(keys_of(level)) == {("id", "7@wh"), ("figure", "kn-7")}

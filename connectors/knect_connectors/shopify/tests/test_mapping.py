"""Mapping: what was sold, to the cent, and the path of whatever is wrong."""

from copy import deepcopy
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knect.model import Discount, Money, Order, check_record
from knect.sdk.errors import BadRecord
from knect.sdk.http import decode_json
from knect_connectors.shopify.mapping import to_order
from knect_connectors.shopify.simulator.edits import remove_units as edit_line
from knect_connectors.shopify.simulator.refunds import Back, give_back
from knect_connectors.shopify.tests.orders import a_line, an_order

NOON = datetime(2026, 3, 1, 12, 0, 30, tzinfo=UTC)
SIDES = ("shopMoney", "presentmentMoney")


def mapped(raw: dict[str, Any], side: str = "shopMoney") -> Order:
    sent = msgspec.json.encode({**raw, "shop": {"ianaTimezone": "Europe/Berlin"}})
    return to_order(decode_json(sent), side)


def test_head() -> None:
    order = mapped(an_order(NOON, 1_001, email="ana@example.com", po_number="PO-7", note="ring"))
    assert (order.source_id, order.number, order.name) == (
        "gid://shopify/Order/1001",
        "1001",
        "#1001",
    )
    assert (order.placed_at, order.zone, order.currency) == (NOON, "Europe/Berlin", "EUR")
    assert (order.po_number, order.note, order.payment_status) == ("PO-7", "ring", "paid")
    assert order.customer is not None
    assert order.customer.source_id is None
    assert order.customer.email == "ana@example.com"


def test_sums_of_lines_shipping_tax_and_discounts() -> None:
    lines = [a_line("A", "19.99", 3, discount="6.00"), a_line("B", "5.00")]
    order = mapped(an_order(NOON, lines=lines, shipping="4.90", shipping_discount="0.90"))
    assert order.lines[0].unit_price == Decimal("19.99")
    assert order.lines[0].discounts == (Discount(amount=Decimal("6.00")),)
    assert order.lines[0].taxes[0].amount == Decimal("10.25")  # 19 % of 53.97
    assert order.shipping_lines[0].discounts == (Discount(amount=Decimal("0.90")),)
    assert order.totals.total == Decimal("53.97") + 5 + 4 + Decimal("10.25") + Decimal(
        "0.95"
    ) + Decimal("0.76")
    assert check_record(order) is None


def test_tax_inclusive_prices_keep_their_tax() -> None:
    order = mapped(an_order(NOON, lines=[a_line("A", "11.90", 2)], taxes_included=True))
    assert order.taxes_included
    assert order.totals.total == Decimal("23.80")
    assert order.lines[0].taxes[0].amount == Decimal("3.80")
    assert check_record(order) is None


def test_a_gift_card_used_is_a_payment_and_one_sold_is_a_line() -> None:
    lines = [a_line("A", "10.00"), a_line("GIFT", "25.00", gift_card=True)]
    order = mapped(an_order(NOON, lines=lines, gift_card_used="5.00"))
    assert [(p.gateway, p.amount) for p in order.payments] == [
        ("gift_card", Decimal("5.00")),
        ("shopify_payments", Decimal("31.90")),
    ]
    assert [(line.gift_card, line.taxes == ()) for line in order.lines] == [
        (False, False),
        (True, True),
    ]
    assert check_record(order) is None


def test_tips_and_cash_rounding_are_their_own() -> None:
    raw = an_order(NOON, lines=[a_line("A", "9.98")], tax=None, tip="3.00")
    bag = deepcopy(raw["totalTipReceivedSet"])
    for side in SIDES:
        bag[side]["amount"] = "0.02"
    raw["transactions"][0]["amountRoundingSet"] = bag
    order = mapped(raw)
    assert (order.tips, order.rounding, order.totals.total) == (
        Decimal("3.00"), Decimal("0.02"), Decimal("13.00"),
    )  # fmt: skip
    assert check_record(order) is None


def test_what_no_line_got_of_a_discount_is_booked_once() -> None:
    raw = an_order(NOON, lines=[a_line("A", "10.00", discount="1.00")], tax=None, codes=("TEA",))
    for name, amount in (("totalDiscountsSet", "3.00"), ("totalPriceSet", "7.00")):
        for side in SIDES:
            raw[name][side]["amount"] = amount
    order = mapped(raw)
    assert order.discounts == (Discount(amount=Decimal("2.00"), code="TEA"),)
    assert check_record(order) is None


def test_two_currencies() -> None:
    raw = an_order(
        NOON, lines=[a_line("A", "10.00", 3)], presentment="USD", rate="1.0837", tax=None
    )
    shop, shown = mapped(raw), mapped(raw, "presentmentMoney")
    assert (shop.currency, shop.totals.total) == ("EUR", Decimal("30.00"))
    assert (shown.currency, shown.totals.total) == ("USD", Decimal("32.52"))
    assert shop.presentment_total == Money(amount=Decimal("32.52"), currency="USD")
    assert check_record(shop) is None
    assert check_record(shown) is None


def test_an_edit_changes_what_was_sold() -> None:
    raw = an_order(NOON, lines=[a_line("A", "10.00", 3), a_line("B", "4.00")], shipping="5.00")
    edit_line(raw, 0, 2, NOON)
    order = mapped(raw)
    assert [line.quantity for line in order.lines] == [1, 1]
    assert order.lines[0].taxes[0].amount == Decimal("1.90")
    assert order.totals.total == Decimal(str(raw["currentTotalPriceSet"]["shopMoney"]["amount"]))
    assert order.edited
    assert check_record(order) is None


def test_a_refund_does_not() -> None:
    raw = an_order(NOON, lines=[a_line("A", "10.00", 3)])
    before = mapped(raw)
    give_back(raw, NOON, lines=[Back(line=0, units=2)])
    after = mapped(raw)
    assert raw["lineItems"][0]["currentQuantity"] == 1
    assert (after.lines, after.totals) == (before.lines, before.totals)
    assert after.payment_status == "partially_refunded"


def test_an_edit_is_told_from_a_refund_of_the_same_size() -> None:
    lines = [a_line("A", "10.00", 3, discount="1.50")]
    edited, both = an_order(NOON, lines=lines), an_order(NOON, lines=lines)
    edit_line(edited, 0, 1, NOON)
    edit_line(both, 0, 1, NOON)
    give_back(both, NOON, lines=[Back(line=0, units=1)])
    assert edited["lineItems"][0]["currentQuantity"] == 2
    assert both["lineItems"][0]["currentQuantity"] == 1
    assert mapped(edited).lines == mapped(both).lines
    assert mapped(edited).totals == mapped(both).totals


def test_a_cancelled_order_keeps_its_lines() -> None:
    raw = an_order(NOON)
    raw.update(cancelledAt="2026-03-02T10:00:00Z", cancelReason="FRAUD")
    order = mapped(raw)
    assert order.cancelled_at == datetime(2026, 3, 2, 10, tzinfo=UTC)
    assert order.cancel_reason == "fraud"
    assert order.lines[0].quantity == 1


@pytest.mark.parametrize(
    "text",
    ["\u0000\u0007 bell", "🫖🍵", "\u202eright to left", "<script>alert(1)</script>", "A" * 9_000],
)
def test_odd_texts_pass_unchanged(text: str) -> None:
    raw = an_order(NOON, note=text)
    raw["lineItems"][0]["title"] = text
    order = mapped(raw)
    assert (order.note, order.lines[0].title) == (text, text)


@pytest.mark.parametrize("name", sorted(set(an_order(NOON)) - {
    "__typename", "legacyResourceId", "number", "createdAt", "currencyCode", "currentTotalPriceSet",
    "presentmentCurrencyCode", "agreements", "_tip", "billingAddress", "shippingAddress", "customer",
    "subtotalPriceSet", "totalShippingPriceSet", "totalTaxSet", "totalDiscountsSet",
    "fulfillmentOrders", "fulfillments", "refunds",
}))  # fmt: skip
def test_a_field_that_is_gone_is_named(name: str) -> None:
    raw = an_order(NOON, email="a@example.com")
    del raw[name]
    with pytest.raises(BadRecord) as caught:
        mapped(raw)
    assert caught.value.path == name
    assert name in caught.value.message


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        (("lineItems", 1, "quantity"), "two", "lineItems[1].quantity"),
        (("lineItems", 1, "quantity"), None, "lineItems[1].quantity"),
        (("lineItems", 0, "originalUnitPriceSet", "shopMoney", "amount"), "1,10", "amount"),
        (("lineItems", 0, "originalUnitPriceSet", "shopMoney", "amount"), "NaN", "finite"),
        (("lineItems", 0, "originalUnitPriceSet", "shopMoney", "amount"), True, "amount"),
        (("lineItems",), {"nodes": []}, "lineItems"),
        (("totalPriceSet", "shopMoney"), None, "totalPriceSet.shopMoney"),
        (("updatedAt",), "2026-03-01T12:00:00", "updatedAt"),
        (("updatedAt",), "yesterday", "updatedAt"),
        (("tags",), "a,b", "tags"),
        (("test",), "false", "test"),
    ],
)
def test_a_value_of_another_type_is_named(path: tuple[Any, ...], value: Any, says: str) -> None:
    raw = an_order(NOON, lines=[a_line("A"), a_line("B")])
    place: Any = raw
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    with pytest.raises(BadRecord) as caught:
        mapped(raw)
    assert says in caught.value.message or says in str(caught.value.path)


def test_money_is_exact_beyond_floats() -> None:
    order = mapped(an_order(NOON, lines=[a_line("A", "12345678901234567.89")], tax=None))
    assert order.totals.total == Decimal("12345678901234567.89")


lines = st.lists(
    st.builds(
        lambda sku, cents, quantity, share: a_line(
            f"S{sku}", str(Decimal(cents) / 100), quantity,
            discount=str((Decimal(cents) * quantity / 100 * share / 10).quantize(Decimal("0.01"))),
        ),
        st.integers(1, 9), st.integers(1, 99_999), st.integers(1, 7), st.integers(0, 9),
    ),
    min_size=1, max_size=6,
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(
    lines=lines,
    shipping=st.sampled_from([None, "4.90", "0.00"]),
    included=st.booleans(),
    tax=st.sampled_from([None, "0.19", "0.0825", "0.077"]),
    rate=st.sampled_from(["1", "1.0837", "0.8713"]),
    edits=st.lists(st.tuples(st.integers(0, 5), st.booleans()), max_size=6),
)
def test_any_order_sums_up_on_both_sides_after_any_edits_and_refunds(
    lines: list[Any], shipping: str | None, included: bool, tax: str | None, rate: str, edits: Any
) -> None:
    raw = an_order(
        NOON, lines=lines, shipping=shipping, taxes_included=included, tax=tax, rate=rate,
        presentment="USD",
    )  # fmt: skip
    at = NOON
    for index, is_edit in edits:
        line = raw["lineItems"][index % len(raw["lineItems"])]
        at += timedelta(minutes=1)
        if line["currentQuantity"]:
            position = index % len(raw["lineItems"])
            if is_edit:
                edit_line(raw, position, 1, at)
            else:
                give_back(raw, at, lines=[Back(line=position, units=1)])
    for side in SIDES:
        order = mapped(raw, side)
        assert check_record(order) is None, side

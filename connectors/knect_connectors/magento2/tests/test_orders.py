"""Reading orders: all kinds of them, whole, once, and to the cent."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from knect.model import Order, check_record
from knect.sdk.contract import Change
from knect.sdk.errors import BadRecord
from knect_connectors.magento2.simulator import Bought, bills, fill_orders, parts, small_orders
from knect_connectors.magento2.simulator.generator import KINDS
from knect_connectors.magento2.tests.conftest import KETTLE, NOON, AtWork, open_shop

Read = tuple[dict[str, str], dict[str, Change], dict[str, Order]]


async def read_demo(acme: AtWork, count: int = 60, let_in: int = 40) -> Read:
    """Return the unusual ones by kind, and changes and orders by number."""
    special = fill_orders(acme.books, start=NOON, count=count, let_in=let_in)
    changes = await acme.all(NOON - timedelta(days=31), NOON + timedelta(days=1))
    assert len(changes) == len({change.id for change in changes}), "an order came twice"
    found, orders = {}, {}
    for change in changes:
        record = acme.source.to_record("orders", change.raw)
        assert isinstance(record, Order)
        assert record.source_id == change.id
        found[record.number], orders[record.number] = change, record
    return special, found, orders


async def test_every_order_is_read_once_and_sums_to_the_cent(acme: AtWork) -> None:
    special, _, orders = await read_demo(acme)
    assert set(special) == set(KINDS)
    assert len(orders) == 60
    for number, order in orders.items():
        assert check_record(order) is None, (number, check_record(order))


async def test_what_is_unusual_is_understood(acme: AtWork) -> None:
    special, changes, orders = await read_demo(acme)
    of = {kind: orders[number] for kind, number in special.items()}

    def sold(kind: str) -> list[tuple[str | None, str]]:
        return [(line.sku, f"{line.quantity} x {line.unit_price}") for line in of[kind].lines]

    assert of["guest"].customer is not None
    assert of["guest"].customer.source_id is None
    assert of["guest"].customer.email == "guest@example.com"
    assert sold("configurable") == [("KN-300", "2 x 12.00")]
    assert sold("bundle") == [("KN-200", "1 x 24.50"), ("KN-300", "2 x 12.00")]
    assert {line.bundle for line in of["bundle"].lines} != {None}
    assert sold("fixed bundle") == [
        ("GIFT-SET", "1 x 44.00"), ("KN-200", "1 x 0.00"), ("KN-300", "2 x 0.00")]  # fmt: skip
    virtual = of["virtual"]
    assert (virtual.shipping_lines, virtual.shipping_address) == ((), None)
    assert not virtual.lines[0].requires_shipping
    assert of["coupon to zero"].totals.total == 0
    assert of["coupon to zero"].payment_status == "paid"
    assert of["coupon to zero"].lines[0].discounts[0].code == "FREE"
    gone = of["deleted product"].lines[-1]
    assert (gone.sku, gone.product_id) == ("KN-99", None)
    assert of["refunded"].payment_status == "refunded"
    assert of["refunded"].lines, "a refund takes nothing off what was sold"
    assert of["refunded in part"].payment_status == "partially_refunded"
    assert of["partly invoiced and shipped"].fulfillment_status == "partial"
    assert of["partly invoiced and shipped"].payment_status == "partially_paid"
    assert of["waiting for payment"].payment_status == "pending"
    assert of["cancelled"].cancelled_at is not None
    assert of["cancelled"].lines, "what was cancelled is still told"
    partly = of["cancelled in part"]
    assert partly.cancelled_at is None
    assert sold("cancelled in part") == [("KN-100", "1 x 39.90")]
    row = changes[special["cancelled in part"]].raw
    assert partly.totals.total == row["base_total_invoiced"]
    assert of["second currency"].currency == "EUR"
    assert of["second currency"].presentment_total is not None
    assert of["second currency"].presentment_total.currency == "GBP"
    assert of["second website"].currency == "USD"
    (shipping,) = of["shipping discount"].shipping_lines
    assert (shipping.price, shipping.discounts[0].amount) == (Decimal("9.90"), Decimal("9.90"))
    assert shipping.code == "flatrate_flatrate"
    card = next(one for one in of["gift card"].payments if one.gateway == "gift_card")
    assert (card.kind, card.amount) == ("sale", Decimal(3))
    assert of["gift card"].lines[0].taxes[0].title == "VAT"


async def test_an_edited_order_is_one_order_under_its_first_number(acme: AtWork) -> None:
    special, changes, orders = await read_demo(acme)
    once, twice = special["edited"], special["edited twice"]
    assert changes[once].raw["increment_id"] == f"{once}-1"
    assert changes[twice].raw["increment_id"] == f"{twice}-2"
    assert [(x.sku, str(x.quantity)) for x in orders[once].lines] == [
        ("KN-100", "2"), ("KN-300", "2")]  # fmt: skip
    assert [(x.sku, str(x.quantity)) for x in orders[twice].lines] == [("KN-100", "2")]
    for number in (once, twice):
        first = acme.books.order(number)
        order = orders[number]
        assert (order.number, order.edited, order.cancelled_at) == (number, True, None)
        assert order.source_id == str(first["entity_id"])
        assert order.placed_at == datetime.fromisoformat(f"{first['created_at']}+00:00")
    assert not [number for number in orders if "-" in number]


async def test_an_edit_is_a_newer_version_and_its_first_id_leads_to_it(acme: AtWork) -> None:
    order = acme.put()
    identifier = str(order["entity_id"])
    (before,) = await acme.source.fetch("orders", [identifier])
    edit = {"number": order["increment_id"], "sku": "KN-500", "price": "4.20"}
    last = await acme.simulator.do("edit", edit)
    (after,) = await acme.source.fetch("orders", [identifier])
    assert after.id == before.id == identifier
    assert after.token > before.token
    assert after.raw["increment_id"] == last
    window = await acme.all(NOON + timedelta(seconds=1), acme.books.now() + timedelta(hours=1))
    assert window == [after]
    await acme.simulator.do("delete_order", {"number": order["increment_id"]})
    (still,) = await acme.all(NOON + timedelta(seconds=1), acme.books.now() + timedelta(hours=1))
    assert still.id == identifier, "without its first link it would be another order"


async def test_the_link_an_edit_replaced_is_no_version_of_its_order(acme: AtWork) -> None:
    """It is cancelled a moment after the new one was made."""
    order = acme.put()
    edit = {"number": order["increment_id"], "sku": "KN-500", "price": "4.20"}
    last = await acme.simulator.do("edit", edit)
    acme.books.skew += timedelta(seconds=5)
    parts.touch(acme.books, order)
    (only,) = await acme.all(NOON, acme.books.now() + timedelta(hours=1))
    assert (only.id, only.raw["increment_id"]) == (str(order["entity_id"]), last)
    assert only.raw["state"] == "new"


async def test_numbers_are_of_a_store_and_ids_tell_orders_apart(acme: AtWork) -> None:
    here, there = acme.put(number="100000001"), acme.put(number="100000001", store=3)
    changes = await acme.all(NOON, NOON + timedelta(seconds=1))
    assert sorted(change.id for change in changes) == sorted(
        str(one["entity_id"]) for one in (here, there)
    )
    again = acme.put(number="100000001-1", store=3)
    again |= {"original_increment_id": "100000001", "edit_increment": 1}
    there["relation_child_id"] = str(again["entity_id"])
    changes = await acme.all(NOON, NOON + timedelta(seconds=1))
    assert {change.id for change in changes} == {str(one["entity_id"]) for one in (here, there)}


async def test_amounts_in_the_currency_the_buyer_saw() -> None:
    async with open_shop(config={"amounts": "order"}) as acme:
        special, _, orders = await read_demo(acme)
        assert orders[special["second currency"]].currency == "GBP"
        for one in orders.values():
            assert check_record(one) is None, check_record(one)


async def test_a_deleted_order_is_told_when_it_is_asked_for(acme: AtWork) -> None:
    first, second = acme.put(), acme.put()
    await acme.simulator.do("delete_order", {"number": first["increment_id"]})
    ids = [str(one["entity_id"]) for one in (first, second)]
    gone, there = await acme.source.fetch("orders", ids)
    assert (gone.id, gone.deleted, there.deleted) == (ids[0], True, False)


async def test_a_filter_is_the_shops_own(acme: AtWork) -> None:
    fill_orders(acme.books, start=NOON, count=40, let_in=40)
    wanted = {"state": ["closed", "new"], "store_id": 1}
    changes = await acme.all(NOON, NOON + timedelta(days=1), filter=wanted)
    assert {change.raw["state"] for change in changes} == {"closed", "new"}
    assert {change.raw["store_id"] for change in changes} == {1}


# ---------------------------------------------------------------- money


def amounts(row: dict[str, Any], **values: str) -> None:
    """Set amounts in both currencies."""
    for name, value in values.items():
        row |= {name: Decimal(value), f"base_{name}": Decimal(value)}


def priced(acme: AtWork, quantity: str, item: Mapping[str, str], **order: str) -> dict[str, Any]:
    """Place an order of one line with these amounts and no shipping."""
    row = acme.put(Bought(sku="KN-1", title="K", price=Decimal(1), quantity=Decimal(quantity)))
    amounts(row["items"][0], **item)
    row["extension_attributes"] |= {"item_applied_taxes": [], "applied_taxes": []}
    amounts(row, **{"shipping_amount": "0", "shipping_tax_amount": "0", **order})
    return row


async def test_prices_finer_than_cents_are_kept_and_what_is_left_is_rounding(acme: AtWork) -> None:
    row = priced(
        acme, "3", {"price": "16.7227", "row_total": "50.17", "tax_amount": "9.53"},
        tax_amount="9.53", grand_total="59.70",
    )  # fmt: skip
    record = await acme.order(row)
    assert (record.lines[0].unit_price, record.rounding) == (Decimal("16.72"), Decimal("0.01"))
    assert check_record(record) is None


async def test_what_a_discount_takes_off_the_tax_is_taken_off_the_discount(acme: AtWork) -> None:
    """Prices with tax: 11.90, of which 1.19 is given: the tax of that is compensated."""
    row = priced(
        acme, "1", {"price": "10", "row_total": "10", "discount_amount": "1.19",
                    "tax_amount": "1.71", "discount_tax_compensation_amount": "0.19"},
        tax_amount="1.71", discount_amount="-1.19", grand_total="10.71",
    )  # fmt: skip
    record = await acme.order(row)
    assert check_record(record) is None
    assert record.lines[0].discounts[0].amount == Decimal("1.00")


async def test_a_twin_that_says_the_money_again_is_not_counted_twice(acme: AtWork) -> None:
    pair = Bought(sku="KN-300", title="Cup", price=Decimal(12), kind="configurable")
    row = acme.put(pair)
    parent, child = row["items"]
    amounts(child, **{n: str(parent[n]) for n in ("price", "row_total", "tax_amount")})
    child["sku"], child["product_id"] = "KN-300-BLUE", 77
    record = await acme.order(row)
    assert check_record(record) is None
    (line,) = record.lines
    assert (line.sku, line.variant_id, line.id) == ("KN-300-BLUE", "77", str(parent["item_id"]))


async def test_digits_php_adds_are_no_amount(acme: AtWork) -> None:
    row = priced(
        acme, "1", {"price": "7.58", "row_total": "7.58", "tax_amount": "1.44"},
        tax_amount="1.44", grand_total="9.02",
    )  # fmt: skip
    (change,) = await acme.source.fetch("orders", [str(row["entity_id"])])
    noisy = {**change.raw, "base_grand_total": Decimal("9.0200000000000014")}
    record = acme.source.to_record("orders", noisy)
    assert isinstance(record, Order)
    assert str(record.totals.total) == "9.02"
    assert check_record(record) is None
    (plain,) = record.lines
    assert str(plain.unit_price) == "7.58"
    broken = acme.source.to_record("orders", {**noisy, "base_grand_total": Decimal("9.021")})
    assert check_record(broken) is not None, "a tenth of a cent is not noise"


async def test_pieces_that_cannot_be_divided_to_the_cent_are_refused(acme: AtWork) -> None:
    row = acme.put(Bought(sku="KN-1", title="K", price=Decimal("0.335"), quantity=Decimal(3)))
    row["items"][0]["qty_canceled"] = Decimal(1)
    with pytest.raises(BadRecord, match=r"1 of 3 pieces .* cannot be divided to the cent"):
        await acme.order(row)


async def test_shipping_that_was_not_invoiced_of_an_order_cancelled_in_part_is_not_charged(
    acme: AtWork,
) -> None:
    row = acme.put(KETTLE, shipping=Decimal("4.90"))
    bills.invoice(acme.books, row, {row["items"][0]["item_id"]: Decimal(1)})
    amounts(row, shipping_invoiced="0")
    row["base_total_invoiced"] -= row["base_shipping_amount"] + row["base_shipping_tax_amount"]
    await acme.simulator.do("cancel", {"number": row["increment_id"]})
    record = await acme.order(row)
    (shipping,) = record.shipping_lines
    assert not shipping.price
    assert not shipping.taxes
    assert check_record(record) is None


async def test_taxes_by_name_are_told_if_they_are_the_lines_tax(acme: AtWork) -> None:
    row = acme.put(KETTLE)
    (told,) = row["extension_attributes"]["item_applied_taxes"]
    row["extension_attributes"]["applied_taxes"] = []
    half = told["applied_taxes"][0]["base_amount"] - 1
    told["applied_taxes"] = [
        {"code": "state", "title": "State", "percent": 10, "amount": half, "base_amount": half},
        {"code": "city", "title": "City", "percent": 9, "amount": 1, "base_amount": 1},
    ]
    assert [tax.title for tax in (await acme.order(row)).lines[0].taxes] == ["State", "City"]
    told["applied_taxes"].pop()
    assert [tax.title for tax in (await acme.order(row)).lines[0].taxes] == ["Tax"]
    told["applied_taxes"][0] |= {"title": "Sales tax", "percent": 19}
    assert [tax.title for tax in (await acme.order(row)).lines[0].taxes] == ["Sales tax"]
    again = {"code": "b", "title": "Other", "percent": 19, "amount": 0, "base_amount": 0}
    row["extension_attributes"]["applied_taxes"] = [again]
    assert [tax.title for tax in (await acme.order(row)).lines[0].taxes] == ["Tax"], "which one?"


async def test_gift_wrapping_and_what_extensions_charge_are_fees() -> None:
    async with open_shop(config={"fees": ["cod_fee"]}) as acme:
        row = acme.put(KETTLE)
        wrap = {"gw_base_price": "2.00", "gw_base_tax_amount": "0.38"}
        row["extension_attributes"] |= {**wrap, "base_cod_fee": Decimal("1.50")}
        row["base_grand_total"] += Decimal("3.88")
        row["base_tax_amount"] += Decimal("0.38")
        record = await acme.order(row)
        assert [(fee.kind, fee.amount) for fee in record.fees] == [
            ("gift_wrapping", Decimal("2.00")), ("cod_fee", Decimal("1.50"))]  # fmt: skip
        assert check_record(record) is None


async def test_a_discount_nobody_was_given_is_the_orders(acme: AtWork) -> None:
    row = acme.put(KETTLE, coupon="X")
    row["base_discount_amount"] -= 5
    row["base_grand_total"] -= 5
    record = await acme.order(row)
    assert [(one.code, one.amount) for one in record.discounts] == [("X", Decimal(5))]
    assert check_record(record) is None


async def test_fixed_product_taxes_are_a_fee(acme: AtWork) -> None:
    row = acme.put(KETTLE)
    row["items"][0]["base_weee_tax_applied_row_amnt"] = Decimal("0.60")
    row["base_grand_total"] += Decimal("0.60")
    record = await acme.order(row)
    assert [(fee.kind, fee.amount) for fee in record.fees] == [
        ("fixed_product_tax", Decimal("0.60"))]  # fmt: skip
    assert check_record(record) is None


async def test_what_an_order_says_twice_is_kept_once(acme: AtWork) -> None:
    row = acme.put(Bought(sku="KN-300", title="Cup", price=Decimal(12), kind="configurable"))
    (change,) = await acme.source.fetch("orders", [str(row["entity_id"])])
    assert "parent_item" in row["items"][1]
    assert "parent_item" not in change.raw["items"][1]
    (way,) = change.raw["extension_attributes"]["shipping_assignments"]
    assert list(way) == ["shipping"]
    assert (await acme.order(row)).shipping_address is not None


# ---------------------------------------------------------------- what is odd


@pytest.mark.parametrize("written", ["1.234,50", "12,50", "12.50 EUR", True, [1]])
async def test_what_is_no_number_is_named_and_not_guessed(acme: AtWork, written: object) -> None:
    (change,) = await acme.source.fetch("orders", [str(acme.put()["entity_id"])])
    with pytest.raises(BadRecord) as caught:
        acme.source.to_record("orders", {**change.raw, "base_grand_total": written})
    assert caught.value.path == "base_grand_total"


@pytest.mark.parametrize("name", ["items", "base_grand_total", "base_currency_code", "updated_at"])
async def test_a_field_that_is_gone_is_named(acme: AtWork, name: str) -> None:
    (change,) = await acme.source.fetch("orders", [str(acme.put()["entity_id"])])
    del change.raw[name]
    with pytest.raises(BadRecord) as caught:
        acme.source.to_record("orders", change.raw)
    assert caught.value.path == name


async def test_the_business_day_is_the_shops_and_instants_are_utc() -> None:
    async with open_shop(config={"timezone": "Europe/Berlin"}) as acme:
        at = datetime(2026, 3, 29, 0, 30, tzinfo=UTC)
        (number,) = small_orders(acme.books, 1, at=at)
        record = await acme.order(acme.books.order(number))
        assert (record.placed_at, record.zone) == (at, "Europe/Berlin")

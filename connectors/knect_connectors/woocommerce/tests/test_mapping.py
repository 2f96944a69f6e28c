"""What an order, a refund, a payment and a customer are here: each trap of the platform by itself."""

from decimal import Decimal
from typing import Any

import pytest

from knect.model import Customer, Order, Payment, Refund, check_record
from knect.model.checks import order_tax
from knect.sdk.errors import BadRecord
from knect_connectors.woocommerce.simulator import Bought, Extra, fill_orders, merchant
from knect_connectors.woocommerce.tests.conftest import NOON, AtWork, open_shop

KETTLE = Bought(sku="KN-100", title="Kettle", price=Decimal("39.90"), quantity=Decimal(3))


async def read(acme: AtWork, row: dict[str, Any], entity: str = "orders") -> Any:
    """Return the canonical record of an order, and that it breaks no rule."""
    (change,) = await acme.source.fetch(entity, [str(row["id"])])
    record = acme.source.to_record(entity, change.raw)
    assert check_record(record) is None, check_record(record)
    return record


async def order_of(acme: AtWork, *bought: Bought, **plan: Any) -> Order:
    order = await read(acme, acme.order(*bought, **plan))
    assert isinstance(order, Order)
    return order


@pytest.mark.parametrize("gross", [False, True])
async def test_every_kind_of_order_adds_up(gross: bool) -> None:
    async with open_shop(books={"prices_include_tax": gross}) as acme:
        fill_orders(acme.books, start=NOON, count=200, let_in=200)
        changes = await acme.all()
        assert len(changes) == 198  # one is a cart, one in the trash
        for change in changes:
            order = acme.source.to_record("orders", change.raw)
            assert check_record(order) is None, (change.raw, check_record(order))
            assert isinstance(order, Order)
            assert order.totals.total == Decimal(change.raw["total"]).quantize(Decimal("0.01"))
            assert abs(order.rounding) <= Decimal("0.02"), change.raw


async def test_net_prices_and_a_tax_per_line(acme: AtWork) -> None:
    order = await order_of(acme, KETTLE, shipping=Decimal("4.90"))
    (line,) = order.lines
    assert (line.quantity, line.unit_price, line.discounts) == (Decimal(3), Decimal("39.90"), ())
    assert [(tax.title, tax.amount, tax.rate) for tax in line.taxes] == [
        ("VAT", Decimal("22.74"), Decimal("0.19"))
    ]
    assert order.shipping_lines[0].price == Decimal("4.90")
    assert order.shipping_lines[0].taxes[0].amount == Decimal("0.93")
    assert (order.totals.total, order.rounding) == (Decimal("148.27"), Decimal(0))
    assert not order.taxes_included


async def test_who_sells_with_tax_gets_lines_with_tax() -> None:
    """The API tells amounts without tax all the same: 100.588236 net for three kettles."""
    async with open_shop(books={"prices_include_tax": True}) as acme:
        row = acme.order(KETTLE)
        assert row["line_items"][0]["subtotal"] == "100.588235"
        order = await read(acme, row)
        assert order.taxes_included
        assert order.lines[0].unit_price == Decimal("39.90")
        assert order.lines[0].taxes[0].amount == Decimal("19.11")
        assert (order.totals.total, order.rounding) == (Decimal("119.70"), Decimal(0))


async def test_an_exempt_buyer_of_a_shop_that_sells_with_tax_pays_the_net() -> None:
    async with open_shop(books={"prices_include_tax": True}) as acme:
        order = await order_of(acme, KETTLE, exempt=True)
        assert order.totals.total == Decimal("100.59")
        assert order_tax(order) == 0
        assert order.lines[0].unit_price == Decimal(
            "33.53"
        )  # 33.529412, of which three are 100.588236
        assert order.rounding == 0


async def test_tax_that_is_rounded_in_the_end_is_told_in_coins_that_sum_to_it(acme: AtWork) -> None:
    cups = [Bought(sku=f"C{n}", title="Cup", price=Decimal("0.99")) for n in range(5)]
    row = acme.order(*cups, round_at_end=True)
    assert row["line_items"][0]["total_tax"] == "0.1881"
    order = await read(acme, row)
    assert order_tax(order) == Decimal(row["total_tax"]) == Decimal("0.94")
    assert {line.taxes[0].amount for line in order.lines} == {Decimal("0.19"), Decimal("0.18")}
    assert order.rounding == 0


async def test_what_quantity_times_price_is_short_of_is_the_orders_rounding(acme: AtWork) -> None:
    row = acme.order(
        Bought(sku="KN-1", title="Odd", price=Decimal(1), quantity=Decimal(3)), exempt=True
    )
    row["line_items"][0] |= {"subtotal": "10.00", "total": "10.00"}
    row["total"] = "10.00"
    order = await read(acme, row)
    assert (order.lines[0].unit_price, order.rounding) == (Decimal("3.33"), Decimal("0.01"))


async def test_what_cannot_be_divided_is_rejected_with_its_field(acme: AtWork) -> None:
    row = acme.order(Bought(sku="KN-1", title="Odd", price=Decimal(1), quantity=Decimal(7777)))
    row["line_items"][0] |= {"subtotal": "100.00", "total": "100.00"}
    (change,) = await acme.source.fetch("orders", [str(row["id"])])
    with pytest.raises(BadRecord, match="cannot be divided") as bad:
        acme.source.to_record("orders", change.raw)
    assert bad.value.path == "line_items[0].quantity"


@pytest.mark.parametrize(("off", "fits"), [("0.05", True), ("0.06", False), ("-0.05", True)])
async def test_many_parts_do_not_hide_a_charge(acme: AtWork, off: str, fits: bool) -> None:
    cups = [Bought(sku=f"C{n}", title="Cup", price=Decimal("1.00")) for n in range(20)]
    row = acme.order(*cups, exempt=True)
    row["total"] = str(Decimal("20.00") + Decimal(off))
    if fits:
        assert (await read(acme, row)).rounding == Decimal(off)
        return
    with pytest.raises(BadRecord, match="stands in none of them"):
        await read(acme, row)


async def test_a_price_finer_than_a_coin_stays_exact(acme: AtWork) -> None:
    screw = Bought(sku="KN-1", title="Screw", price=Decimal("0.0125"), quantity=Decimal(1000))
    order = await order_of(acme, screw, exempt=True)
    assert (order.lines[0].unit_price, order.rounding) == (Decimal("0.0125"), Decimal(0))


async def test_a_plugins_charge_that_stands_nowhere_is_rejected_with_both_sums(
    acme: AtWork,
) -> None:
    row = acme.order(KETTLE, exempt=True)
    row["total"] = "121.70"
    (change,) = await acme.source.fetch("orders", [str(row["id"])])
    with pytest.raises(BadRecord) as bad:
        acme.source.to_record("orders", change.raw)
    assert (bad.value.path, bad.value.value) == ("total", "121.700000")
    assert "add up to 119.7 EUR, but the order says 121.70" in bad.value.message


async def test_a_coupon_takes_off_the_line_and_is_named(acme: AtWork) -> None:
    less = Bought(sku="KN-100", title="Kettle", price=Decimal("39.90"), discount=Decimal("5.00"))
    order = await order_of(acme, less, coupon="five")
    (discount,) = order.lines[0].discounts
    assert (discount.amount, discount.code) == (Decimal("5.00"), "five")
    assert order.lines[0].unit_price == Decimal("39.90")
    assert order.attributes["coupons"] == "five"


async def test_of_several_coupons_none_is_named_at_a_line(acme: AtWork) -> None:
    less = Bought(sku="KN-100", title="Kettle", price=Decimal("39.90"), discount=Decimal("5.00"))
    row = acme.order(less, coupon="five")
    row["coupon_lines"].append({**row["coupon_lines"][0], "code": "four"})
    order = await read(acme, row)
    assert order.lines[0].discounts[0].code is None
    assert order.attributes["coupons"] == "five, four"


async def test_an_order_for_nothing_is_paid(acme: AtWork) -> None:
    free = Bought(sku="KN-1", title="Gift", price=Decimal("9.00"), discount=Decimal("9.00"))
    order = await order_of(acme, free, coupon="free", paid=False)
    assert (order.totals.total, order.payment_status) == (Decimal(0), "paid")


async def test_a_fee_below_zero_is_a_discount(acme: AtWork) -> None:
    order = await order_of(acme, KETTLE, fees=(Extra(name="Friend", amount=Decimal("-3.00")),))
    assert [(one.amount, one.title) for one in order.discounts] == [(Decimal("3.00"), "Friend")]
    assert order.fees == ()


async def test_one_that_takes_tax_off_stays_a_fee_with_its_tax(acme: AtWork) -> None:
    fees = (Extra(name="Friend", amount=Decimal("-3.00"), taxed=True),)
    order = await order_of(acme, KETTLE, fees=fees)
    (fee,) = order.fees
    assert (fee.kind, fee.amount, fee.taxes[0].amount) == (
        "discount",
        Decimal("-3.00"),
        Decimal("-0.57"),
    )
    assert order_tax(order) == order.totals.tax


async def test_a_fee_is_a_fee(acme: AtWork) -> None:
    fees = (Extra(name="Gift wrap", amount=Decimal("2.50"), taxed=True),)
    order = await order_of(acme, KETTLE, fees=fees)
    (fee,) = order.fees
    assert (fee.kind, fee.title, fee.amount) == ("fee", "Gift wrap", Decimal("2.50"))


async def test_a_bundle_without_money_is_its_children(acme: AtWork) -> None:
    order = await order_of(
        acme,
        Bought(sku="SET", title="Set", price=Decimal(0)),
        Bought(sku="KN-200", title="Teapot", price=Decimal("24.50"), child_of=0),
        Bought(sku="KN-300", title="Cup", price=Decimal("12.00"), quantity=Decimal(2), child_of=0),
    )
    assert [line.sku for line in order.lines] == ["KN-200", "KN-300"]
    assert len({line.bundle for line in order.lines}) == 1


async def test_a_bundle_with_the_money_stays_beside_its_children(acme: AtWork) -> None:
    order = await order_of(
        acme,
        Bought(sku="SET", title="Set", price=Decimal("40.00")),
        Bought(sku="KN-200", title="Teapot", price=Decimal(0), child_of=0),
    )
    parent, child = order.lines
    assert (parent.sku, parent.bundle, child.bundle) == ("SET", None, parent.id)


async def test_half_a_piece_can_be_sold(acme: AtWork) -> None:
    cloth = Bought(sku="KN-9", title="Cloth", price=Decimal("7.00"), quantity=Decimal("2.5"))
    order = await order_of(acme, cloth)
    assert (order.lines[0].quantity, order.lines[0].unit_price) == (Decimal("2.5"), Decimal("7.00"))


async def test_a_number_of_a_plugin_is_not_the_id(acme: AtWork) -> None:
    row = acme.order(number="#WEB-2026/17")
    order = await read(acme, row)
    assert (order.source_id, order.number, order.name) == (
        str(row["id"]), "WEB-2026/17", "#WEB-2026/17")  # fmt: skip


async def test_a_line_somebody_raised_costs_what_it_costs(acme: AtWork) -> None:
    row = acme.order(exempt=True)
    row["line_items"][0] |= {"subtotal": "39.90", "total": "45.00"}
    row["total"] = "45.00"
    order = await read(acme, row)
    assert (order.lines[0].unit_price, order.lines[0].discounts) == (Decimal("45.00"), ())


async def test_lines_of_which_there_is_none_are_left_out_unless_they_cost(acme: AtWork) -> None:
    row = acme.order(KETTLE, Bought(sku="KN-2", title="Gone", price=Decimal("1.00")), exempt=True)
    row["line_items"][1] |= {"quantity": 0, "subtotal": "0", "total": "0"}
    row["total"] = "119.70"
    assert len((await read(acme, row)).lines) == 1
    row["line_items"][1]["total"] = "1.00"
    with pytest.raises(BadRecord) as bad:
        await read(acme, row)
    assert bad.value.path == "line_items[1].quantity"


@pytest.mark.parametrize(
    ("status", "payment", "fulfilled", "cancelled"),
    [
        ("pending", "pending", False, False),
        ("on-hold", "pending", False, False),
        ("processing", "paid", False, False),
        ("completed", "paid", True, False),
        ("cancelled", "voided", False, True),
        ("failed", "failed", False, False),
    ],
)
async def test_what_a_status_means(
    acme: AtWork, status: str, payment: str, fulfilled: bool, cancelled: bool
) -> None:
    row = acme.order(status="pending", paid=False)
    merchant.set_status(acme.books, row, status)
    order = await read(acme, row)
    assert order.payment_status == payment
    assert order.fulfillment_status == ("fulfilled" if fulfilled else "unfulfilled")
    assert (order.cancelled_at is not None) == cancelled
    assert order.attributes["status"] == status


async def test_cash_on_delivery_is_not_paid_while_it_is_processed(acme: AtWork) -> None:
    row = acme.order(status="pending", paid=False)
    row["payment_method"] = "cod"
    merchant.set_status(acme.books, row, "processing")
    order = await read(acme, row)
    assert order.payment_status == "pending"
    assert order.payments[0].status == "pending"


async def test_refunds_are_not_taken_off_the_order(acme: AtWork) -> None:
    row = acme.order(KETTLE)
    before = (await read(acme, row)).totals.total
    merchant.refund(acme.books, row, {str(row["line_items"][0]["id"]): "1"})
    order = await read(acme, row)
    assert (order.totals.total, order.payment_status) == (before, "partially_refunded")
    merchant.refund(acme.books, row, {str(row["line_items"][0]["id"]): "2"})
    order = await read(acme, row)
    assert (order.payment_status, order.cancelled_at) == ("refunded", None)


async def test_an_order_without_shipping_address_goes_to_the_billing_address(acme: AtWork) -> None:
    row = acme.order()
    row["shipping"] = dict.fromkeys(row["shipping"], "")
    order = await read(acme, row)
    assert order.shipping_address == order.billing_address
    assert order.billing_address is not None
    assert order.billing_address.country == "ES"
    assert (order.customer.source_id, order.customer.email) == (None, "buyer@example.com")


async def test_meta_data_of_any_type_do_no_harm(acme: AtWork) -> None:
    row = acme.order()
    row["meta_data"] = [
        {"id": 1, "key": "gift", "value": "yes"}, {"id": 2, "key": "_secret", "value": "x"},
        {"id": 3, "key": "list", "value": [1, {"a": None}]}, {"id": 4, "key": "n", "value": 7.5},
    ]  # fmt: skip
    row["line_items"][0]["meta_data"] = [
        {"id": 5, "key": "Colour", "value": "red"}, {"id": 6, "key": "_x", "value": {"a": "b"}},
    ]  # fmt: skip
    order = await read(acme, row)
    told = {name: one for name, one in order.attributes.items() if name.startswith("meta.")}
    assert told == {"meta.gift": "yes"}
    assert order.lines[0].attributes == {"Colour": "red"}


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"line_items": None}, ""),
        ({"total": "1.234,50"}, "total"),
        ({"total": ""}, "total"),
        ({"date_created_gmt": "yesterday"}, "date_created_gmt"),
        ({"line_items": "none"}, "line_items"),
        ({"currency": ""}, "currency"),
    ],
)
async def test_what_cannot_be_read_is_named(
    acme: AtWork, change: dict[str, Any], path: str
) -> None:
    row = acme.order()
    (read_one,) = await acme.source.fetch("orders", [str(row["id"])])
    raw = {**read_one.raw, **change}
    if path == "":
        del raw["line_items"]
        path = "line_items"
    with pytest.raises(BadRecord) as bad:
        acme.source.to_record("orders", raw)
    assert bad.value.path == path


async def test_a_refund_gives_back_lines_shipping_and_the_rest(acme: AtWork) -> None:
    row = acme.order(KETTLE, shipping=Decimal("4.90"))
    line = str(row["line_items"][0]["id"])
    merchant.refund(acme.books, row, {line: "2"}, shipping=True, amount="100.00", reason="broken")
    (change,) = await acme.source.fetch("refunds", [f"{row['id']}-{row['refunds'][0]['id']}"])
    refund = acme.source.to_record("refunds", change.raw)
    assert isinstance(refund, Refund)
    (back,) = refund.lines
    assert (back.line_id, back.quantity, back.amount, back.tax) == (
        line, Decimal(2), Decimal("79.80"), Decimal("15.16"))  # fmt: skip
    assert (refund.shipping, refund.shipping_tax) == (Decimal("4.90"), Decimal("0.93"))
    assert (refund.total, refund.adjustment) == (Decimal("100.00"), Decimal("-0.79"))
    assert (refund.order_id, refund.note, back.restock) == (str(row["id"]), "broken", "none")


async def test_of_a_shop_that_sells_with_tax_it_is_with_tax() -> None:
    config = {"restock": "Always"}
    async with open_shop(books={"prices_include_tax": True}, config=config) as acme:
        row = acme.order(KETTLE, shipping=Decimal("4.90"))
        merchant.refund(acme.books, row, {str(row["line_items"][0]["id"]): "1"}, shipping=True)
        (change,) = await acme.source.fetch("refunds", [f"{row['id']}-{row['refunds'][0]['id']}"])
        refund = acme.source.to_record("refunds", change.raw)
        assert isinstance(refund, Refund)
        assert refund.lines[0].amount == Decimal("39.90")
        assert (refund.shipping, refund.shipping_tax) == (Decimal("5.83"), Decimal("0.93"))
        assert refund.total == Decimal("45.73")
        assert refund.lines[0].tax == Decimal("6.37")
        assert (refund.adjustment, refund.lines[0].restock) == (Decimal(0), "return")


async def test_an_amount_only_is_all_adjustment(acme: AtWork) -> None:
    row = acme.order(KETTLE)
    merchant.refund(acme.books, row, {}, amount="5.00")
    (change,) = await acme.source.fetch("refunds", [f"{row['id']}-{row['refunds'][0]['id']}"])
    refund = acme.source.to_record("refunds", change.raw)
    assert isinstance(refund, Refund)
    assert (refund.lines, refund.adjustment, refund.total) == ((), Decimal("5.00"), Decimal("5.00"))


async def test_a_refund_line_of_no_line_is_rejected(acme: AtWork) -> None:
    row = acme.order(KETTLE)
    made = merchant.refund(acme.books, row, {str(row["line_items"][0]["id"]): "1"})
    made["line_items"][0]["meta_data"] = []
    (change,) = await acme.source.fetch("refunds", [f"{row['id']}-{made['id']}"])
    with pytest.raises(BadRecord, match="which line of the order it gives back"):
        acme.source.to_record("refunds", change.raw)


async def test_a_payment_is_what_was_paid_and_how(acme: AtWork) -> None:
    row = acme.order(KETTLE)
    payment = await read(acme, row, "payments")
    assert isinstance(payment, Payment)
    assert (payment.kind, payment.status, payment.gateway) == ("sale", "success", "stripe")
    assert payment.amount == Decimal(row["total"])
    assert payment.reference == row["transaction_id"]
    assert payment.processed_at == NOON


async def test_a_customer_has_the_two_addresses_of_an_account(acme: AtWork) -> None:
    row = acme.books.add_customer("ana@example.com", "Ana", "García")
    customer = await read(acme, row, "customers")
    assert isinstance(customer, Customer)
    assert (customer.email, customer.addresses) == ("ana@example.com", ())
    row["billing"] |= {"city": "Madrid", "phone": "1", "company": "Tea SL"}
    row["shipping"] |= {"city": "Toledo"}
    customer = await read(acme, row, "customers")
    assert [one.city for one in customer.addresses] == ["Madrid", "Toledo"]
    assert (customer.phone, customer.company) == ("1", "Tea SL")
    assert customer.default_address == customer.addresses[0]


async def test_who_is_exempt_of_tax_is_told(acme: AtWork) -> None:
    row = acme.order(exempt=True)
    row["meta_data"] = [{"id": 1, "key": "is_vat_exempt", "value": "yes"}]
    row["payment_method"] = ""
    order = await read(acme, row)
    assert order.customer.tax_exempt
    assert order.attributes["payment_method"] == ""


async def test_gift_cards_are_tender_and_no_discount(acme: AtWork) -> None:
    """The total the API tells is what is left to pay behind them."""
    row = acme.order(KETTLE, exempt=True)
    row["total"] = "69.70"
    row["gift_cards"] = [{"id": 43, "code": "XXXX-1", "amount": Decimal(50)}]
    order = await read(acme, row)
    assert order.totals.total == Decimal("119.70")
    assert [(one.gateway, one.amount, one.reference) for one in order.payments] == [
        ("stripe", Decimal("69.70"), row["transaction_id"]),
        ("gift_card", Decimal(50), "XXXX-1"),
    ]
    ids = [str(row["id"]), f"{row['id']}-43", f"{row['id']}-44"]
    *told, gone = await acme.source.fetch("payments", ids)
    assert [acme.source.to_record("payments", one.raw) for one in told] == list(order.payments)
    assert gone.deleted

"""What an order is here: its lines, amounts to the coin, states; and each trap of the platform."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from knect.model import Order, check_record
from knect.sdk.errors import BadRecord
from knect.sdk.testing import DEFAULT_SKUS
from knect_connectors.bigcommerce.mapping import to_order
from knect_connectors.bigcommerce.payload import read_instant
from knect_connectors.bigcommerce.simulator import fill_orders, person
from knect_connectors.bigcommerce.tests.conftest import DAY, NOON, AtWork, a_line, open_store

D = Decimal


def sound(order: Order) -> Order:
    assert check_record(order) is None, check_record(order)
    return order


async def test_every_kind_of_order_adds_up(acme: AtWork) -> None:
    special = fill_orders(acme.books, start=NOON, count=60, let_in=60, skus=DEFAULT_SKUS)
    changes = await acme.all(NOON, NOON + DAY)
    records = [acme.source.to_record("orders", change.raw) for change in changes]
    assert len(records) == 60 - len(["not finished", "archived"])
    assert special["not finished"] not in {int(change.id) for change in changes}
    for record in records:
        assert isinstance(record, Order)
        sound(record)


@pytest.mark.parametrize("included", [False, True])
async def test_the_real_side_of_the_figures_is_taken(acme: AtWork, included: bool) -> None:
    acme.order(
        a_line("A", "39.90", 2, discount=D("1.50")),
        a_line("B", "12.00", 3, rate=D("0.07")),
        included=included, shipping=D("4.90"), handling=D("1.50"), wrapping=D("2.00"),
        fee=D("3.00"), coupon="TEA",
    )  # fmt: skip
    order = sound(await acme.sold())
    assert order.taxes_included is included
    assert [(one.sku, one.unit_price, one.quantity) for one in order.lines] == [
        ("A", D("39.9000"), D(2)), ("B", D("12.0000"), D(3)),
    ]  # fmt: skip
    assert [(one.amount, one.code) for one in order.lines[0].discounts] == [(D("1.50"), "TEA")]
    assert order.discounts == ()
    (shipping,) = order.shipping_lines
    assert (shipping.price, shipping.title) == (D("4.9"), "Standard")
    assert [(fee.kind, fee.amount) for fee in order.fees] == [
        ("handling", D("1.5")), ("wrapping", D("2")), ("custom_fee", D("3")),
    ]  # fmt: skip
    assert order.rounding == 0
    assert {tax.title for fee in order.fees for tax in fee.taxes} == {"VAT 19%"}
    told = [tax.rate for line in order.lines for tax in line.taxes]
    assert told == [D("0.19"), D("0.07")]
    assert order.lines[0].taxes[0].title == "VAT 19%"


async def test_an_order_of_a_real_store(acme: AtWork) -> None:
    """Figures of an order somebody published: prices with tax, a manual discount, ten of one."""
    order = acme.order(a_line("N", "250.00", 10, discount=D("100.00"), rate=D("0.055")),
                       included=True)  # fmt: skip
    line = order["_products"][0]
    assert (line["price_ex_tax"], line["total_tax"]) == ("236.9668", "125.1200")
    line["price_ex_tax"], line["total_ex_tax"] = "236.9667", "2369.6667"
    record = sound(await acme.sold())
    assert record.totals.total == D("2400.0000")
    assert record.lines[0].discounts[0].amount == D("100.0000")
    assert record.lines[0].taxes[0].amount == D("125.1200")


async def test_several_addresses_are_told_and_each_has_its_shipping(acme: AtWork) -> None:
    acme.order(
        a_line("A"), a_line("B", address=1), addresses=(person(0), person(3)), shipping=D("4.90")
    )
    order = sound(await acme.sold())
    assert [line.price for line in order.shipping_lines] == [D("4.9"), D("4.9")]
    assert order.attributes["shipping_addresses"] == "2"
    assert "ship_to" not in order.lines[0].attributes
    assert order.lines[1].attributes["ship_to"].startswith("Dörte Müller, Chausseestraße 12")
    assert order.shipping_address is not None
    assert order.shipping_address.city == "Madrid"


async def test_a_line_beyond_the_fiftieth_is_not_lost(acme: AtWork) -> None:
    acme.order(*[a_line(f"S-{number}", "1.00") for number in range(120)])
    order = sound(await acme.sold())
    assert [line.sku for line in order.lines] == [f"S-{number}" for number in range(120)]


async def test_without_consignments_the_parts_are_asked_for(acme: AtWork) -> None:
    acme.order(a_line("A"), a_line("B", address=1), addresses=(person(0), person(1)),
               shipping=D("4.90"), fee=D("2.00"))  # fmt: skip
    (whole,) = await acme.all()
    handle = acme.simulator.handle

    async def of_old(request: Any) -> Any:
        request.query = {n: v for n, v in request.query.items() if n != "consignment_structure"}
        return await handle(request)

    acme.simulator.handle = of_old  # type: ignore[method-assign]
    (asked,) = await acme.all()
    one, other = (to_order(change.raw) for change in (whole, asked))
    assert one.lines == other.lines
    assert one.totals == sound(other).totals
    assert one.fees == other.fees


async def test_one_request_for_a_page_and_one_per_taxed_order() -> None:
    async with open_store() as acme:
        for number in range(10):
            acme.order(a_line(rate=D(0) if number % 2 else D("0.19")))
        assert len(await acme.all()) == 10
        assert acme.requests("orders") == 1
        assert acme.requests("taxes") == 5
    async with open_store(config={"taxDetails": False}) as acme:
        acme.order(a_line())
        (tax,) = (await acme.sold()).lines[0].taxes
        assert (tax.title, tax.rate, tax.amount) == ("Tax", None, D("7.58"))
        assert acme.requests("taxes") == 0


async def test_store_credit_and_certificates_are_tender(acme: AtWork) -> None:
    acme.order(a_line(), store_credit=D("5.00"), certificate=D("2.50"))
    order = sound(await acme.sold())
    assert [(one.gateway, one.amount) for one in order.payments] == [
        ("store_credit", D("5.0000")), ("gift_card", D("2.5000")),
    ]  # fmt: skip
    assert order.totals.total == D("47.4800")


async def test_the_buyers_currency_and_a_guest(acme: AtWork) -> None:
    acme.order(a_line(), currency="USD", email="guest@example.com")
    order = sound(await acme.sold())
    assert order.currency == "USD"
    assert order.shop_total is None
    assert order.customer is not None
    assert (order.customer.source_id, order.customer.email) == (None, "guest@example.com")
    assert order.zone == "Europe/Berlin"


@pytest.mark.parametrize(
    ("status", "said", "payment", "fulfilment", "cancelled"),
    [
        (1, "", "pending", "unfulfilled", False),
        (2, "captured", "paid", "fulfilled", False),
        (3, "captured", "paid", "unfulfilled", False),
        (4, "", "refunded", "unfulfilled", False),
        (5, "void", "voided", "unfulfilled", True),
        (6, "declined", "voided", "unfulfilled", True),
        (7, "pending", "pending", "unfulfilled", False),
        (10, "", "paid", "fulfilled", False),
        (11, "authorized", "authorized", "unfulfilled", False),
        (12, "held for review", "pending", "unfulfilled", False),
        (14, "", "partially_refunded", "unfulfilled", False),
        (11, "something new", "unknown", "unfulfilled", False),
    ],
)
async def test_states_are_known_by_their_ids(
    acme: AtWork, status: int, said: str, payment: str, fulfilment: str, cancelled: bool
) -> None:
    order = acme.order(a_line(), status=status, payment_status=said)
    order["status"] = order["custom_status"] = "Renamed by the merchant"
    record = await acme.sold()
    assert (record.payment_status, record.fulfillment_status) == (payment, fulfilment)
    assert (record.cancelled_at == NOON) is cancelled
    assert record.attributes["status_id"] == str(status)


async def test_an_order_that_is_not_finished_is_none_yet(acme: AtWork) -> None:
    order = acme.order(a_line(), status=0)
    assert await acme.all() == []
    (change,) = await acme.source.fetch("orders", [str(order["id"])])
    assert change.deleted
    await acme.simulator.do("status", {"id": order["id"], "status": 11})
    (change,) = await acme.source.fetch("orders", [str(order["id"])])
    assert not change.deleted


async def test_an_archived_order_was_sold_all_the_same(acme: AtWork) -> None:
    order = acme.order(a_line())
    await acme.simulator.do("archive", {"id": order["id"]})
    (change,) = await acme.source.fetch("orders", [str(order["id"])])
    assert not change.deleted
    record = to_order(change.raw)
    assert record.tags == ("archived",)
    assert record.cancelled_at is None


async def test_an_edit_gives_all_lines_other_ids_and_is_one_order(acme: AtWork) -> None:
    order = acme.order(a_line(quantity=3))
    before = await acme.sold()
    acme.books.offset = NOON - acme.books.clock.now()
    await acme.simulator.do(
        "edit", {"id": order["id"], "lines": [{"sku": "KN-100", "price": "39.90", "quantity": 2}]}
    )
    after = sound(await acme.sold())
    assert before.source_id == after.source_id
    assert before.lines[0].id != after.lines[0].id
    assert after.lines[0].quantity == 2


async def test_a_test_order_is_one(acme: AtWork) -> None:
    acme.order(a_line(), method="Test Payment Gateway")
    assert (await acme.sold()).test


# ---------------------------------------------------------------- amounts


async def spoiled(acme: AtWork, **fields: Any) -> Order:
    """Return an order some of whose figures are others; `line_` is its first line's."""
    order = acme.order(a_line("A", "10.00", 3), shipping=D("4.90"))
    for name, value in fields.items():
        row = order["_products"][0] if name.startswith("line_") else order
        row[name.removeprefix("line_")] = value
    return await acme.sold()


async def test_a_total_that_does_not_add_up_is_seen(acme: AtWork) -> None:
    violation = check_record(await spoiled(acme, total_inc_tax="41.5400"))
    assert violation is not None
    assert violation.rule == "TotalsMismatch"


async def test_a_row_that_is_not_quantity_times_price_is_a_rounding(acme: AtWork) -> None:
    order = await spoiled(
        acme, line_total_ex_tax="30.0100", total_inc_tax="41.5400", total_ex_tax="34.9100"
    )
    assert sound(order).rounding == D("0.0100")


async def test_taxes_that_are_not_the_total_are_refused_with_both(acme: AtWork) -> None:
    with pytest.raises(BadRecord, match=r"add up to 6\.6300, but the order says 6\.0000") as told:
        await spoiled(acme, total_tax="6.0000")
    assert (told.value.path, told.value.value) == ("total_tax", "Decimal('6.0000')")


async def test_taxes_finer_than_a_coin_are_rounded_to_their_sum(acme: AtWork) -> None:
    """A provider computes per line; the total it charges is in cents."""
    order = acme.order(a_line("A", "10.00"), a_line("B", "10.00"), a_line("C", "10.00"))
    for line in order["_products"]:
        line["total_tax"] = "1.8967"
    order |= {"total_tax": "5.6900", "total_inc_tax": "35.6900", "total_ex_tax": "30.0000"}
    record = sound(await acme.sold())
    taxes = [tax.amount for line in record.lines for tax in line.taxes]
    assert sorted(taxes) == [D("1.89"), D("1.90"), D("1.90")]


async def test_discounts_finer_than_a_coin_are_the_orders(acme: AtWork) -> None:
    order = acme.order(a_line("A", "10.00", discount=D("1.00")), a_line("B", "10.00"), coupon="X")
    order["_products"][0]["applied_discounts"][0]["amount"] = "0.3333"
    record = sound(await acme.sold())
    assert [one.amount for one in record.discounts] == [D("1.0000")]
    assert not record.lines[0].discounts


async def test_a_discount_no_line_was_given_is_the_orders(acme: AtWork) -> None:
    order = acme.order(a_line("A", "10.00", discount=D("1.00")), a_line("B", "10.00"), coupon="X")
    order |= {"discount_amount": "2.0000", "total_inc_tax": "20.6100", "total_ex_tax": "17.0000"}
    record = sound(await acme.sold())
    assert [one.amount for one in record.discounts] == [D("2.0000")]


@pytest.mark.parametrize(
    ("field", "value", "path"),
    [
        ("total_inc_tax", "1.234,50", "total_inc_tax"),
        ("total_inc_tax", "NaN", "total_inc_tax"),
        ("line_quantity", None, "products[0].quantity"),
        ("line_price_ex_tax", True, "products[0].price_ex_tax"),
        ("date_created", "2026-03-01T12:00:00", "date_created"),
        ("is_tax_inclusive_pricing", "false", "is_tax_inclusive_pricing"),
        ("status_id", "1.5", "status_id"),
    ],
)
async def test_a_field_of_another_kind_is_named(
    acme: AtWork, field: str, value: Any, path: str
) -> None:
    with pytest.raises(BadRecord) as told:
        await spoiled(acme, **{field: value})
    assert told.value.path == path


async def test_a_field_that_is_gone_is_named(acme: AtWork) -> None:
    order = acme.order(a_line())
    await acme.simulator.do("drop_field", {"id": order["id"], "field": "coupon_discount"})
    with pytest.raises(BadRecord, match="the field coupon_discount is gone"):
        await acme.sold()


@pytest.mark.parametrize("sku", ["12345", " kn-100 ", "0012", "Größe/ä"])
async def test_a_sku_is_as_it_stands(acme: AtWork, sku: str) -> None:
    acme.order(a_line(sku))
    assert (await acme.sold()).lines[0].sku == sku


@pytest.mark.parametrize(
    "text",
    [
        "Sun, 01 Mar 2026 12:00:00 +0000", "Sun, 01 Mar 2026 14:00:00 +0200",
        "Sun, 01 Mar 2026 12:00:00 -0000", "2026-03-01T12:00:00Z", "2026-03-01T13:00:00+01:00",
    ],
)  # fmt: skip
def test_instants_of_both_versions_are_in_utc(text: str) -> None:
    assert read_instant(text) == datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "2026-03-01T12:00:00", "Sun, 01 Mar 2026 12:00:00", "noon"])
def test_what_is_no_instant_is_none(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        read_instant(text)

"""Reading orders: all kinds of them, whole, once, and to the cent."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from knect.model import Order, check_record
from knect.sdk.contract import Change
from knect.sdk.errors import BadRecord
from knect_connectors.magento1.simulator import fill_orders, small_orders
from knect_connectors.magento1.simulator.generator import KINDS
from knect_connectors.magento1.tests.conftest import NOON, AtWork, open_shop

Read = tuple[dict[str, str], dict[str, Change], dict[str, Order]]


async def read_demo(acme: AtWork, count: int = 60, let_in: int = 40) -> Read:
    special = fill_orders(acme.books, start=NOON, count=count, let_in=let_in)
    changes = await acme.all(NOON - timedelta(days=31), NOON + timedelta(days=1))
    assert len(changes) == len({change.id for change in changes}), "an order came twice"
    orders = {}
    for change in changes:
        record = acme.source.to_record("orders", change.raw)
        assert isinstance(record, Order)
        orders[change.id] = record
    return special, {change.id: change for change in changes}, orders


async def test_every_order_is_read_once_and_sums_to_the_cent(acme: AtWork) -> None:
    special, _, orders = await read_demo(acme)
    assert set(special) == set(KINDS)
    assert len(orders) == 60
    for number, order in orders.items():
        assert order.number == order.source_id == number
        assert check_record(order) is None, (number, check_record(order))


async def test_what_is_unusual_is_understood(acme: AtWork) -> None:
    special, changes, orders = await read_demo(acme)
    of = {kind: orders[number] for kind, number in special.items()}

    def sold(kind: str) -> list[tuple[str | None, str]]:
        return [(line.sku, f"{line.quantity} x {line.unit_price}") for line in of[kind].lines]

    def shop(kind: str) -> dict[str, object]:
        return acme.books.orders[changes[special[kind]].raw["increment_id"]]

    assert of["guest"].customer is not None
    assert of["guest"].customer.source_id is None
    assert of["guest"].customer.email == "guest@example.com"
    assert sold("configurable") == [("KN-300", "2 x 12.00")]
    assert sold("bundle") == [("KN-200", "1 x 24.50"), ("KN-300", "2 x 12.00")]
    assert {line.bundle for line in of["bundle"].lines} != {None}
    assert of["coupon to zero"].totals.total == 0
    assert of["coupon to zero"].payment_status == "paid"
    assert of["coupon to zero"].lines[0].discounts[0].code == "FREE"
    gone = of["deleted product"].lines[-1]
    assert (gone.sku, gone.product_id) == ("KN-99", None)
    assert of["refunded and restocked"].payment_status == "refunded"
    assert of["refunded and restocked"].lines, "a refund takes nothing off what was sold"
    assert of["refunded in part"].payment_status == "partially_refunded"
    assert of["partly invoiced and shipped"].fulfillment_status == "partial"
    assert of["partly invoiced and shipped"].payment_status == "partially_paid"
    assert of["waiting for payment"].payment_status == "pending"
    assert of["cancelled"].cancelled_at == datetime.fromisoformat(
        f"{shop('cancelled')['updated_at']}+00:00"
    )
    assert of["cancelled"].lines, "what was cancelled is still told"
    partly = of["cancelled in part"]
    assert partly.cancelled_at is None
    assert sold("cancelled in part") == [("KN-100", "1 x 39.90")]
    assert str(partly.totals.total) == str(
        Decimal(str(shop("cancelled in part")["base_total_invoiced"])).quantize(Decimal("0.01"))
    )
    assert of["second currency"].currency == "EUR"
    assert of["second currency"].presentment_total is not None
    assert of["second currency"].presentment_total.currency == "GBP"
    assert of["second website"].currency == "USD"
    assert of["without a mark"].updated_at == of["without a mark"].placed_at
    assert of["HTML in the name"].customer is not None
    assert of["HTML in the name"].customer.name == "<b>Zo&euml;</b> O&#39;Hara"
    (shipping,) = of["shipping discount"].shipping_lines
    assert (shipping.price, shipping.discounts[0].amount) == (Decimal("9.90"), Decimal("9.90"))


async def test_an_edited_order_is_one_order_under_its_first_number(acme: AtWork) -> None:
    special, changes, orders = await read_demo(acme)
    once, twice = special["edited"], special["edited twice"]
    assert changes[once].raw["increment_id"] == f"{once}-1"
    assert changes[twice].raw["increment_id"] == f"{twice}-2"
    assert [(x.sku, str(x.quantity)) for x in orders[once].lines] == [
        ("KN-100", "2"), ("KN-300", "2")]  # fmt: skip
    assert [(x.sku, str(x.quantity)) for x in orders[twice].lines] == [("KN-100", "2")]
    for number in (once, twice):
        assert (orders[number].number, orders[number].edited) == (number, True)
        assert orders[number].cancelled_at is None
        first = datetime.fromisoformat(f"{acme.books.orders[number]['created_at']}+00:00")
        assert orders[number].placed_at == first
    assert not [number for number in orders if "-" in number]


async def test_an_edit_is_a_newer_version_and_its_old_numbers_lead_to_it(acme: AtWork) -> None:
    (number,) = small_orders(acme.books, 1, at=NOON)
    (before,) = await acme.source.fetch("orders", [number])
    acme.books.orders[number]["state"] = "new"  # an order that is paid is not edited
    acme.books.orders[number]["base_total_invoiced"] = None
    await acme.simulator.do("edit", {"number": number, "sku": "KN-500", "price": "4.20"})
    (after,) = await acme.source.fetch("orders", [number])
    assert after.id == before.id == number
    assert after.token > before.token
    window = await acme.all(NOON + timedelta(seconds=1), acme.books.now() + timedelta(hours=1))
    assert [change.id for change in window] == [number]
    assert window[0] == after


async def test_amounts_in_the_currency_the_buyer_saw() -> None:
    async with open_shop(config={"amounts": "order"}) as acme:
        special, _, orders = await read_demo(acme)
        order = orders[special["second currency"]]
        assert order.currency == "GBP"
        for one in orders.values():
            assert check_record(one) is None, check_record(one)


async def test_a_deleted_order_is_told_when_it_is_asked_for(acme: AtWork) -> None:
    first, second = small_orders(acme.books, 2, at=NOON)
    await acme.simulator.do("delete_order", {"number": first})
    gone, there = await acme.source.fetch("orders", [first, second])
    assert (gone.id, gone.deleted, there.deleted) == (first, True, False)


async def test_a_filter_is_the_shops_own(acme: AtWork) -> None:
    fill_orders(acme.books, start=NOON, count=40, let_in=40)
    wanted = {"state": ["closed", "new"], "store_id": 1}
    changes = await acme.all(NOON, NOON + timedelta(days=1), filter=wanted)
    assert {change.raw["state"] for change in changes} == {"closed", "new"}
    shop = [
        o
        for o in acme.books.orders.values()
        if o["state"] in ("closed", "new") and o["store_id"] == "1"
    ]
    assert len(changes) == len(shop)


@pytest.mark.parametrize("written", ["1.234,50", "12,50", "1,234.50", "12.50 EUR", "--1"])
async def test_numbers_in_other_notations_are_named_and_not_guessed(
    acme: AtWork, written: str
) -> None:
    (number,) = small_orders(acme.books, 1, at=NOON)
    await acme.simulator.do("touch", {"number": number, "base_grand_total": written})
    (change,) = await acme.source.fetch("orders", [number])
    with pytest.raises(BadRecord) as caught:
        acme.source.to_record("orders", change.raw)
    assert (caught.value.path, caught.value.value) == ("base_grand_total", written)
    assert "with a point" in caught.value.message


async def test_prices_finer_than_cents_are_kept_and_what_is_left_is_rounding(acme: AtWork) -> None:
    (number,) = small_orders(acme.books, 1, at=NOON)
    order = acme.books.orders[number]
    (item,) = order["items"]
    item |= {"qty_ordered": "3.0000", "base_price": "16.7227", "base_row_total": "50.1700",
             "base_discount_amount": "0.0000", "base_tax_amount": "9.5300"}  # fmt: skip
    order |= {"base_subtotal": "50.1700", "base_shipping_amount": "0.0000",
              "base_shipping_tax_amount": "0.0000", "base_tax_amount": "9.5300",
              "base_discount_amount": "0.0000", "base_grand_total": "59.7000"}  # fmt: skip
    (change,) = await acme.source.fetch("orders", [number])
    record = acme.source.to_record("orders", change.raw)
    assert isinstance(record, Order)
    assert record.lines[0].unit_price == Decimal("16.72")
    assert record.rounding == Decimal("0.01")
    assert check_record(record) is None


async def test_what_a_discount_takes_off_the_tax_is_taken_off_the_discount(acme: AtWork) -> None:
    """Prices with tax: 11.90, of which 1.19 is given: the tax of that is hidden tax."""
    (number,) = small_orders(acme.books, 1, at=NOON)
    order = acme.books.orders[number]
    (item,) = order["items"]
    item |= {"qty_ordered": "1.0000", "base_price": "10.0000", "base_row_total": "10.0000",
             "base_discount_amount": "1.1900", "base_tax_amount": "1.7100",
             "base_hidden_tax_amount": "0.1900"}  # fmt: skip
    order |= {"base_shipping_amount": "0.0000", "base_shipping_tax_amount": "0.0000",
              "base_tax_amount": "1.7100", "base_hidden_tax_amount": "0.1900",
              "base_discount_amount": "-1.1900", "base_grand_total": "10.7100"}  # fmt: skip
    (change,) = await acme.source.fetch("orders", [number])
    record = acme.source.to_record("orders", change.raw)
    assert check_record(record) is None
    assert isinstance(record, Order)
    assert record.lines[0].discounts[0].amount == Decimal("1.00")


async def test_a_charge_of_an_extension_is_a_fee_where_the_connection_names_it(
    acme: AtWork,
) -> None:
    async with open_shop(config={"fees": ["cod_fee"]}) as named:
        for shop in (acme, named):
            (number,) = small_orders(shop.books, 1, at=NOON)
            total = Decimal(shop.books.orders[number]["base_grand_total"]) + Decimal("2.50")
            shop.books.orders[number] |= {
                "base_cod_fee": "2.5000", "base_grand_total": f"{total:.4f}",
            }  # fmt: skip
            (change,) = await shop.source.fetch("orders", [number])
            record = shop.source.to_record("orders", change.raw)
            violation = check_record(record)
            if shop is named:
                assert violation is None
                assert isinstance(record, Order)
                assert [(fee.kind, str(fee.amount)) for fee in record.fees] == [("cod_fee", "2.50")]
            else:
                assert violation is not None
                assert violation.rule == "TotalsMismatch"


async def test_a_discount_on_shipping_that_an_old_shop_does_not_tell_apart(acme: AtWork) -> None:
    special = fill_orders(acme.books, start=NOON, count=40, let_in=40)
    number = special["shipping discount"]
    acme.books.orders[number]["base_shipping_discount_amount"] = None
    (change,) = await acme.source.fetch("orders", [number])
    record = acme.source.to_record("orders", change.raw)
    assert check_record(record) is None
    assert isinstance(record, Order)
    assert [(one.code, str(one.amount)) for one in record.discounts] == [("SHIPFREE", "9.90")]


async def test_the_business_day_is_the_shops(acme: AtWork) -> None:
    async with open_shop(config={"timezone": "Europe/Berlin"}) as berlin:
        moments = [datetime(2026, 3, 29, hour, 30, tzinfo=UTC) for hour in (0, 1, 2)]
        moments += [datetime(2026, 10, 25, hour, 30, tzinfo=UTC) for hour in (0, 1, 2)]
        numbers = [small_orders(berlin.books, 1, at=at)[0] for at in moments]
        for at, number in zip(moments, numbers, strict=True):
            window = await berlin.all(at, at + timedelta(seconds=1))
            assert [change.id for change in window] == [number]
            record = berlin.source.to_record("orders", window[0].raw)
            assert isinstance(record, Order)
            assert (record.placed_at, record.zone) == (at, "Europe/Berlin")
        whole = await berlin.all(moments[0], moments[-1] + timedelta(seconds=1))
        assert [change.id for change in whole] == numbers

"""A sale's total in Tryton is what the customer paid, to the cent, whatever the order looks like."""

from decimal import Decimal

import pytest
from msgspec import structs
from tests.integration.tryton.conftest import Hand, a_context
from tests.support.orders import a_line, a_shipping, an_address, an_order

from knect.model import Discount, Fee, PartyRef, TaxLine
from knect.sdk.errors import BadRecord
from knect_connectors.tryton import open_connector
from knect_connectors.tryton.demo import TrytonServer, make_database

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="session")]

NO_TAX = an_order("30.00", a_line(quantity="3"), number="T1")

CASES = {
    "without tax": NO_TAX,
    "tax on top": an_order(
        "28.39",
        a_line(price="9.99", quantity="2", taxes=(("0.19", "3.80"),)),
        number="T2",
        shipping_lines=(a_shipping("3.87", taxes=(("0.19", "0.74"),)),),
    ),
    "tax included": an_order(
        "24.90",
        a_line(price="10.00", quantity="2", taxes=(("0.19", "3.19"),)),
        number="T3",
        shipping_lines=(a_shipping("4.90", taxes=(("0.19", "0.78"),)),),
        taxes_included=True,
    ),
    "three of something that does not divide": an_order(
        "10.00",
        a_line(quantity="3", discount="20.00", taxes=(("0.07", "0.65"),)),
        number="T4",
        taxes_included=True,
    ),
    "two rates": an_order(
        "45.45",
        a_line(price="19.99", taxes=(("0.19", "3.19"),)),
        a_line("SKU-002", price="12.73", quantity="2", taxes=(("0.07", "1.67"),)),
        number="T5",
        taxes_included=True,
    ),
    "many lines whose taxes were each rounded up": an_order(
        "11.80",
        *(
            a_line(f"SKU-{i:03}", price="0.99", taxes=(("0.19", "0.19"),), id=str(i))
            for i in range(1, 11)
        ),
        number="T6",
    ),
    "discounts on lines and shipping": an_order(
        "22.41",
        a_line(price="10.00", quantity="2", discount="2.49", taxes=(("0.19", "2.80"),)),
        number="T7",
        shipping_lines=(a_shipping("4.90", discount="0.00", taxes=(("0.19", "0.78"),)),),
        taxes_included=True,
    ),
    "a discount of the whole order": an_order(
        "18.00", a_line(quantity="2"), number="T8", discounts=(Discount(amount=Decimal("2.00")),)
    ),
    "everything given away": an_order("0.00", a_line(discount="10.00"), number="T9"),
    "a tip and a fee": an_order(
        "13.50",
        a_line(),
        number="T10",
        tips=Decimal("2.00"),
        fees=(Fee(kind="duty", amount=Decimal("1.50")),),
    ),
    "cash rounding": an_order(
        "9.95", a_line(price="9.97"), number="T11", rounding=Decimal("-0.02")
    ),
    "a gift card sold": an_order(
        "60.00", a_line(), a_line(price="50.00", gift_card=True), number="T12"
    ),
    "dollars": an_order(
        "35.12",
        a_line(price="14.97", quantity="2", taxes=(("0.0825", "2.47"),)),
        number="T13",
        currency="USD",
        shipping_lines=(a_shipping("2.50", taxes=(("0.0825", "0.21"),)),),
        billing_address=an_address(country="US", region="TX", city="Austin", postal_code="78701"),
        shipping_address=None,
    ),
    "yen, which have no cents": an_order(
        "3300",
        a_line(price="1100", quantity="3", taxes=(("0.10", "300"),)),
        number="T14",
        currency="JPY",
        taxes_included=True,
    ),
    "two taxes on one line": an_order(
        "114.25",
        a_line(price="100.00", taxes=(("0.0825", "8.25"), ("0.06", "6.00"))),
        number="T15",
        currency="USD",
    ),
    "a line edited away": an_order(
        "10.00", a_line(), a_line("SKU-404", quantity="0"), number="T16"
    ),
    "an exempt customer": an_order("10.00", a_line(taxes=(("0.19", "0.00"),)), number="T17"),
    "a thousand of something cheap": an_order(
        "3.57",
        a_line(price="0.003", quantity="1000", taxes=(("0.19", "0.57"),)),
        number="T18",
    ),
    "seven of something that does not divide": an_order(
        "49.99", a_line(quantity="7", discount="20.01"), number="T19"
    ),
    "so many that four digits of a price are too few": an_order(
        "2.50", a_line(price="0.01", quantity="350", discount="1.00"), number="T21"
    ),
    "a guest without anything": an_order(
        "10.00",
        a_line(),
        number="T20",
        customer=PartyRef(),
        billing_address=None,
        shipping_address=an_address(),
    ),
}


@pytest.mark.parametrize("name", CASES)
async def test_the_total_is_what_the_customer_paid(hand, name):
    order = CASES[name]
    found = await hand.deliver(order)
    sale = await hand.sale(order)
    assert sale["total_amount"] == order.totals.total
    assert sale["state"] == "confirmed"
    assert sale["currency."]["code"] == order.currency
    assert sale["reference"] == order.number
    assert found.number == sale["number"] is not None


async def test_what_tryton_rounds_as_the_shop_does_needs_no_rounding_line(hand):
    order = CASES["many lines whose taxes were each rounded up"]
    await hand.deliver(order)
    assert len(await hand.lines(order)) == 10
    assert (await hand.sale(order))["tax_amount"] == Decimal("1.90")


async def test_net_tax_and_rounding_stand_apart_in_tryton(hand):
    order = CASES["so many that four digits of a price are too few"]
    await hand.deliver(order)
    assert await hand.lines(order) == [
        ("SKU-001", 350, Decimal("2.48")),
        ("ROUNDING", 1, Decimal("0.02")),
    ]
    order = CASES["tax included"]
    await hand.deliver(order)
    sale = await hand.sale(order)
    assert (sale["untaxed_amount"], sale["tax_amount"]) == (Decimal("20.93"), Decimal("3.97"))


async def test_the_sale_has_the_date_of_the_shops_own_calendar(hand):
    await hand.deliver(NO_TAX)  # 23:30 UTC is the next day in Berlin
    assert str((await hand.sale(NO_TAX))["sale_date"]) == "2026-11-21"


async def test_a_tax_that_no_rate_explains_is_named_and_not_rounded_away(hand):
    order = an_order("15.00", a_line(taxes=(("0.19", "5.00"),)), number="T30")
    with pytest.raises(BadRecord, match=r"charged 5.00 of tax on 10.00") as caught:
        await hand.effects(order)
    assert caught.value.path == "lines[0].taxes[0]"
    assert caught.value.value == "5.00"


async def test_a_tax_is_found_by_a_configured_name(server):
    config = {"taxes": {"MwSt.": "VAT 19%"}}
    connector = open_connector(a_context(server, config=config))
    tax = TaxLine(title="MwSt.", amount=Decimal("1.60"))
    line = structs.replace(a_line(), taxes=(tax,))
    order = an_order("10.00", line, number="T31", taxes_included=True)
    hand = Hand(connector)
    await hand.deliver(order)
    assert (await hand.sale(order))["tax_amount"] == Decimal("1.60")
    await connector.close()


async def test_a_company_that_rounds_taxes_per_document_books_the_difference(company, tmp_path):
    make_database(structs.replace(company, tax_rounding="document"), tmp_path / "erp.sqlite")
    with TrytonServer(tmp_path / "erp.sqlite") as server:
        connector = open_connector(a_context(server))
        hand = Hand(connector)
        for name in (
            "many lines whose taxes were each rounded up",
            "two rates",
            "two taxes on one line",
        ):
            await hand.deliver(CASES[name])
            assert (await hand.sale(CASES[name]))["total_amount"] == CASES[name].totals.total
        lines = await hand.lines(CASES["many lines whose taxes were each rounded up"])
        assert lines[-1] == ("ROUNDING", 1, Decimal("0.02"))  # 10 x 0.1881 is 1.88, not 1.90
        await connector.close()

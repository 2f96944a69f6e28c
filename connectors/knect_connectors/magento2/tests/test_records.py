"""Reading what is no order: payments, refunds, shipments, customers, goods, prices, stock."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from knect.model import (
    Customer,
    InventoryLevel,
    Payment,
    Price,
    Product,
    Record,
    Refund,
    Shipment,
)
from knect.sdk.errors import BadRecord, Fatal
from knect_connectors.magento2.simulator import Bought, acts, bills, fill_orders
from knect_connectors.magento2.tests.conftest import KETTLE, NOON, AtWork, open_shop

HOUR = timedelta(hours=1)


async def read(acme: AtWork, entity: str, **window: Any) -> list[Record]:
    until = acme.books.now() + HOUR
    changes = await acme.all(NOON - timedelta(days=60), until, entity=entity, **window)
    return [acme.source.to_record(entity, change.raw) for change in changes]


def sums(refund: Refund) -> Decimal:
    lines = sum((line.amount + line.tax for line in refund.lines), Decimal(0))
    return lines + refund.shipping + refund.shipping_tax + refund.adjustment


@pytest.mark.parametrize("amounts", ["base", "order"])
async def test_every_document_of_many_orders_is_read_and_adds_up(amounts: str) -> None:
    async with open_shop(config={"amounts": amounts}) as acme:
        special = fill_orders(acme.books, start=NOON, count=60, let_in=40)
        payments, refunds = await read(acme, "payments"), await read(acme, "refunds")
        assert len(payments) == len(acme.books.invoices)
        assert len(refunds) == len(acme.books.creditmemos) == 2
        for one in refunds:
            assert isinstance(one, Refund)
            assert sums(one) == one.total == sum(p.amount for p in one.payments)
        orders = {one.order_number for one in payments if isinstance(one, Payment)}
        assert special["edited twice"] in orders, "it is told under the first number"
        assert not [number for number in orders if "-" in str(number)]


async def test_a_payment_is_of_the_first_link_of_its_order(acme: AtWork) -> None:
    order = acme.put()
    edit = {"number": order["increment_id"], "sku": "KN-500", "price": "4.20"}
    last = await acme.simulator.do("edit", edit)
    identifier = await acme.simulator.do("invoice", {"number": last})
    (payment,) = await read(acme, "payments")
    assert isinstance(payment, Payment)
    assert (payment.source_id, payment.order_id) == (str(identifier), str(order["entity_id"]))
    assert (payment.kind, payment.status, payment.gateway) == ("capture", "success", "checkmo")


async def test_an_open_invoice_is_pending_and_a_cancelled_one_a_void(acme: AtWork) -> None:
    row = bills.invoice(acme.books, acme.put(), paid=False)
    (payment,) = await read(acme, "payments")
    assert isinstance(payment, Payment)
    assert (payment.kind, payment.status) == ("capture", "pending")
    row["state"] = 3
    (payment,) = await read(acme, "payments")
    assert isinstance(payment, Payment)
    assert (payment.kind, payment.status) == ("void", "failure")


async def test_a_refund_of_a_pair_and_of_bundles_is_of_the_lines_with_the_money() -> None:
    part = Bought(sku="KN-200", title="Teapot", price=Decimal("24.50"))
    async with open_shop(config={"restock": "Always"}) as acme:
        order = acme.put(
            Bought(sku="KN-300", title="Cup", price=Decimal(12), kind="configurable"),
            Bought(sku="SET", title="Set", price=Decimal(0), kind="bundle", parts=(part,)),
            Bought(sku="BOX", title="Box", price=Decimal(40), kind="fixed", parts=(part,)),
        )
        bills.invoice(acme.books, order)
        bills.refund(acme.books, order)
        (refund,) = await read(acme, "refunds")
        assert isinstance(refund, Refund)
        assert [(x.sku, str(x.amount)) for x in refund.lines] == [
            ("KN-300", "12.00"), ("KN-200", "24.50"), ("BOX", "40.00"), ("KN-200", "0.00"),
        ]  # fmt: skip
        assert {line.restock for line in refund.lines} == {"return"}
        assert sums(refund) == refund.total


async def test_a_refund_of_shipping_that_was_reduced_is_of_what_was_paid(acme: AtWork) -> None:
    order = acme.put(shipping=Decimal("9.90"), shipping_discount=Decimal("4.90"))
    bills.invoice(acme.books, order)
    bills.refund(acme.books, order)
    (refund,) = await read(acme, "refunds")
    assert isinstance(refund, Refund)
    assert (refund.shipping, refund.shipping_tax) == (Decimal(5), Decimal("0.95"))
    assert sums(refund) == refund.total


async def test_a_refund_that_does_not_add_up_says_both_sums(acme: AtWork) -> None:
    order = acme.put()
    bills.invoice(acme.books, order)
    row = bills.refund(acme.books, order)
    row["base_grand_total"] += 1
    with pytest.raises(BadRecord, match=r"come to 142\.44, but it says 143\.44") as caught:
        await read(acme, "refunds")
    assert caught.value.path == "base_grand_total"


async def test_money_given_back_to_a_gift_card_is_a_payment_of_its_own(acme: AtWork) -> None:
    order = acme.put()
    bills.invoice(acme.books, order)
    row = bills.refund(acme.books, order)
    row["base_grand_total"] -= 3
    row["extension_attributes"]["base_gift_cards_amount"] = Decimal(3)
    (refund,) = await read(acme, "refunds")
    assert isinstance(refund, Refund)
    assert [(one.gateway, str(one.amount)) for one in refund.payments] == [
        ("checkmo", "139.44"), ("gift_card", "3.00")]  # fmt: skip
    assert sums(refund) == refund.total


async def test_a_credit_memo_that_is_open_or_cancelled_credits_nothing_yet(acme: AtWork) -> None:
    order = acme.put()
    bills.invoice(acme.books, order)
    row = bills.refund(acme.books, order)
    for state in (1, 3):
        row["state"] = state
        (refund,) = await read(acme, "refunds")
        assert isinstance(refund, Refund)
        assert (refund.pending, refund.payments[0].status) == (True, "pending")


async def test_a_shipment_tells_its_source_pieces_and_numbers() -> None:
    async with open_shop(sources=["default", "hamburg"]) as acme:
        order = acme.put(
            Bought(sku="KN-300", title="Cup", price=Decimal(12), kind="configurable"), KETTLE
        )
        tracks = [{"track_number": "T1", "carrier_code": "ups", "title": "UPS"}]
        acts.ship(acme.books, order, source="hamburg", tracks=tracks, notify=True)
        (shipment,) = await read(acme, "shipments")
        assert isinstance(shipment, Shipment)
        assert (shipment.location, shipment.order_id) == ("hamburg", str(order["entity_id"]))
        assert [(x.sku, str(x.quantity)) for x in shipment.lines] == [
            ("KN-300", "1"), ("KN-100", "3")]  # fmt: skip
        assert [(one.number, one.carrier) for one in shipment.trackings] == [("T1", "UPS")]
        assert shipment.notify_customer


async def test_a_document_without_its_order_is_named_and_holds_no_other(acme: AtWork) -> None:
    first, second = acme.put(), acme.put()
    for order in (first, second):
        bills.invoice(acme.books, order)
    await acme.simulator.do("delete_order", {"number": first["increment_id"]})
    lost, there = await acme.all(entity="payments", until=acme.books.now() + HOUR)
    assert isinstance(acme.source.to_record("payments", there.raw), Payment)
    with pytest.raises(BadRecord, match="is of order 1, which the shop does not have"):
        acme.source.to_record("payments", lost.raw)


async def test_a_customer_has_all_addresses(acme: AtWork) -> None:
    fill_orders(acme.books, start=NOON, count=3, let_in=3)
    customers = await read(acme, "customers")
    ana = customers[0]
    assert isinstance(ana, Customer)
    assert (ana.email, ana.first_name) == ("customer0@example.com", "Ana")
    assert ana.default_address is not None
    assert (ana.default_address.street, ana.default_address.country) == (("Calle Mayor 1",), "ES")
    region = {"region_code": "BY", "region": "Bavaria", "region_id": 81}
    acme.books.customers[1]["addresses"][0]["region"] = region
    (change,) = await acme.source.fetch("customers", ["1"])
    told = acme.source.to_record("customers", change.raw)
    assert isinstance(told, Customer)
    assert (told.addresses[0].region, told.addresses[0].region_name) == ("BY", "Bavaria")


async def test_products_are_what_can_be_sold(acme: AtWork) -> None:
    tee = acme.books.add_product("TEE", "Tee", Decimal(0), kind="configurable")
    tee["extension_attributes"]["configurable_product_links"] = [1, 2]
    tee["status"] = 2
    products = {one.title: one for one in await read(acme, "products") if isinstance(one, Product)}
    kettle = products["Kettle"]
    assert [(v.sku, v.price, v.weight_grams) for v in kettle.variants] == [
        ("KN-100", Decimal("39.90"), Decimal(500))]  # fmt: skip
    assert (kettle.status, kettle.description) == ("active", "Kettle")
    assert (products["Tee"].variants, products["Tee"].status) == ((), "draft")
    assert products["Tee"].attributes == {"type": "configurable", "variants": "1,2"}


async def test_prices_are_those_a_store_view_shows() -> None:
    zone = {"timezone": "Europe/Berlin"}
    async with open_shop(config=zone) as acme:
        row = acme.product("KN-100")
        acme.books.scoped[row["id"], 2] = {
            "price": Decimal("35.00"), "special_price": Decimal("30.00"),
            "special_from_date": "2026-03-01 00:00:00", "special_to_date": "2026-03-31 00:00:00",
        }  # fmt: skip
        acme.books.add_product("SET", "Set", Decimal(80), kind="bundle")
        row["tier_prices"] = [
            {"customer_group_id": 32000, "qty": Decimal(10), "value": Decimal("33.00")},
            {"customer_group_id": 2, "qty": Decimal(5), "value": Decimal("32.00")},
        ]
        prices = {one.source_id: one for one in await read(acme, "prices")}
        base, special = prices["1@all"], prices["1@uk:special"]
        assert isinstance(base, Price)
        assert isinstance(special, Price)
        assert (base.amount, base.currency, base.price_list) == (Decimal("39.90"), "EUR", "all")
        told = (special.amount, special.compare_at, special.currency)
        assert told == (Decimal(30), Decimal(35), "GBP")
        assert special.valid_from == datetime(2026, 2, 28, 23, tzinfo=UTC)
        assert special.valid_until == datetime(2026, 3, 31, 22, tzinfo=UTC)
        assert prices["1@uk"].amount == 35  # type: ignore[union-attr]
        tier, other = prices["1@all:tier:32000:10"], prices["1@all:tier:2:5"]
        assert (tier.minimum_quantity, tier.price_list) == (10, "all")  # type: ignore[union-attr]
        assert not [one for one in prices.values() if one.sku == "SET"]  # type: ignore[union-attr]
        assert other.price_list == "all:2"  # type: ignore[union-attr]


async def test_prices_without_declared_stores_say_what_to_do() -> None:
    async with open_shop(config={"stores": []}) as acme:
        with pytest.raises(Fatal, match=r"config\.stores is empty"):
            await read(acme, "prices")


async def test_stock_is_told_per_source(acme: AtWork) -> None:
    acme.books.put_level("KN-100", "hamburg", Decimal("2.5"), 1)
    levels = await read(acme, "inventory", size=2)
    assert all(isinstance(one, InventoryLevel) for one in levels)
    told = {one.source_id: (one.location, one.on_hand) for one in levels}  # type: ignore[union-attr]
    assert len(told) == 6
    assert told["KN-100@hamburg"] == ("hamburg", Decimal("2.5"))
    assert told["KN-100@default"] == ("default", Decimal(10))


async def test_without_the_inventory_modules_stock_is_told_per_product() -> None:
    async with open_shop(config={"inventory": "StockItem"}, sources=None) as acme:
        acme.books.add_product("A/B C", "Odd", Decimal(1))
        acme.books.add_product("TEE", "Tee", Decimal(0), kind="configurable")
        levels = {one.source_id: one for one in await read(acme, "inventory", size=2)}
        assert min(levels) == "A/B C@default"
        assert len(levels) == 6, "what has no pieces of its own is left out"
        gone, there = await acme.source.fetch("inventory", ["X@default", "A/B C@default"])
        assert (gone.deleted, there.raw["qty"]) == (True, 0)


# ---------------------------------------------------------------- what nobody foresaw

_JUNK: tuple[Any, ...] = (None, "", "x", [], {}, [[]], {"a": 1}, -1, True, Decimal("1E+40"))


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value[:2])  # two are alike
    for key, one in inner:
        if isinstance(one, dict | list):
            yield from _places(one, (*path, key))
        else:
            yield (*path, key)


def _with(value: Any, path: tuple[Any, ...], junk: Any) -> Any:
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = junk if len(path) == 1 else _with(value[path[0]], path[1:], junk)
    return copy


async def test_whatever_stands_in_a_field_is_read_or_named(acme: AtWork) -> None:
    order = acme.put(KETTLE, gift_card=Decimal(3), coupon="X", shipping=Decimal("4.90"))
    bills.invoice(acme.books, order)
    acts.ship(acme.books, order, tracks=[{"track_number": "T", "carrier_code": "ups"}])
    bills.refund(acme.books, order)
    acme.books.add_customer("a@b.example", "A", "B", NOON)["addresses"] = [
        {"street": ["a"], "region": {"region": "b", "region_code": "c"}, "default_billing": True}
    ]
    acme.product("KN-100")["custom_attributes"]["special_price"] = Decimal(9)
    later = acme.books.now() + HOUR
    tried = 0
    for entity in ("orders", "payments", "refunds", "shipments", "customers", "products", "prices",
                   "inventory"):  # fmt: skip
        changes = await acme.all(NOON - HOUR, later, entity=entity)
        raw = changes[-1].raw
        for path in _places(raw):
            ours = str(path[0]).startswith("knect_")
            for junk in () if ours else _JUNK:
                tried += 1
                try:
                    acme.source.to_record(entity, _with(raw, path, junk))
                except BadRecord as error:
                    assert error.message  # noqa: PT017 (anything else than a BadRecord fails)
    assert tried > 3_000

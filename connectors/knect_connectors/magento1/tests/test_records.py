"""Reading what is no order: payments, refunds, shipments, customers, products, prices, stock."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from knect.model import Customer, InventoryLevel, Payment, Price, Product, Refund, Shipment
from knect.sdk.errors import BadRecord, Fatal
from knect_connectors.magento1.simulator import fill_orders, small_orders
from knect_connectors.magento1.tests.conftest import NOON, AtWork, open_shop

WEEK = (NOON - timedelta(days=31), NOON + timedelta(days=1))


async def records(acme: AtWork, entity: str) -> dict[str, Any]:
    changes = await acme.all(*WEEK, entity=entity)
    assert len(changes) == len({change.id for change in changes})
    return {change.id: acme.source.to_record(entity, change.raw) for change in changes}


async def test_every_credit_memo_adds_up_to_the_cent(acme: AtWork) -> None:
    special = fill_orders(acme.books, start=NOON, count=60, let_in=40)
    found = await records(acme, "refunds")
    assert len(found) == len(acme.books.creditmemos) == 2
    by_order = {one.order_id: one for one in found.values()}
    whole, part = by_order[special["refunded and restocked"]], by_order[special["refunded in part"]]
    for refund in (whole, part):
        assert isinstance(refund, Refund)
        parts = sum((line.amount + line.tax for line in refund.lines), refund.shipping)
        assert parts + refund.shipping_tax + refund.adjustment == refund.total
        assert refund.order_number == refund.order_id
    assert [line.quantity for line in whole.lines] == [3, 2]
    assert whole.shipping == Decimal("4.90")
    assert [(line.sku, line.quantity) for line in part.lines] == [("KN-100", 1)]
    assert (part.adjustment, part.shipping) == (Decimal("1.50"), 0)
    assert {line.restock for line in whole.lines} == {"none"}, "the API does not tell"


@pytest.mark.parametrize("sign", ["-", ""])
async def test_a_discount_on_shipping_given_back_and_its_hidden_tax(
    acme: AtWork, sign: str
) -> None:
    """10.00 of shipping, 1.19 off of it, of which 0.19 is tax; old shops write no sign."""
    (number,) = small_orders(acme.books, 1, at=NOON)
    memo = await acme.simulator.do("refund", {"number": number})
    row = acme.books.creditmemos[memo]
    row["items"] = []
    row |= {"base_shipping_amount": "10.0000", "base_shipping_tax_amount": "1.7100",
            "base_discount_amount": f"{sign}1.1900", "base_shipping_hidden_tax_amnt": "0.1900",
            "base_grand_total": "10.7100"}  # fmt: skip
    (change,) = await acme.source.fetch("refunds", [memo])
    refund = acme.source.to_record("refunds", change.raw)
    assert isinstance(refund, Refund)
    assert (str(refund.shipping), str(refund.shipping_tax)) == ("9.00", "1.71")


async def test_restocking_is_what_the_connection_says() -> None:
    async with open_shop(config={"restock": "Always"}) as acme:
        fill_orders(acme.books, start=NOON, count=40, let_in=40)
        for refund in (await records(acme, "refunds")).values():
            assert {line.restock for line in refund.lines} == {"return"}


async def test_a_credit_memo_that_does_not_add_up_names_both_sums(acme: AtWork) -> None:
    (number,) = small_orders(acme.books, 1, at=NOON)
    memo = await acme.simulator.do("refund", {"number": number})
    acme.books.creditmemos[memo]["base_grand_total"] = "1.0000"
    (change,) = await acme.source.fetch("refunds", [memo])
    with pytest.raises(BadRecord, match=r"come to \d+\.\d\d, but it says 1\.00") as caught:
        acme.source.to_record("refunds", change.raw)
    assert caught.value.path == "base_grand_total"


async def test_a_credit_memo_whose_order_was_deleted_holds_no_other(acme: AtWork) -> None:
    first, second = small_orders(acme.books, 2, at=NOON)
    memos = [await acme.simulator.do("refund", {"number": one}) for one in (first, second)]
    await acme.simulator.do("delete_order", {"number": first})
    changes = await acme.source.fetch("refunds", memos)
    with pytest.raises(BadRecord, match=f"{memos[0]} is of order 1, which the shop does not have"):
        acme.source.to_record("refunds", changes[0].raw)
    assert isinstance(acme.source.to_record("refunds", changes[1].raw), Refund)


async def test_documents_of_an_edited_order_are_of_its_first_number(acme: AtWork) -> None:
    special = fill_orders(acme.books, start=NOON, count=40, let_in=40)
    paid = [one for one in (await records(acme, "payments")).values() if isinstance(one, Payment)]
    orders = [one.order_id for one in paid]
    assert not [number for number in orders if "-" in number]
    assert {special["edited"], special["edited twice"]} <= set(orders)


async def test_payments_are_invoices_with_their_state(acme: AtWork) -> None:
    (number,) = small_orders(acme.books, 1, at=NOON)
    (invoice,) = acme.books.invoices
    (paid,) = (await records(acme, "payments")).values()
    assert isinstance(paid, Payment)
    assert (paid.kind, paid.status, paid.gateway) == ("capture", "success", "checkmo")
    assert paid.amount == Decimal(acme.books.orders[number]["base_grand_total"])
    acme.books.invoices[invoice]["state"] = "1"
    (opened,) = (await records(acme, "payments")).values()
    assert opened.status == "pending"


async def test_another_change_of_the_order_makes_no_new_version_of_its_documents(
    acme: AtWork,
) -> None:
    (number,) = small_orders(acme.books, 1, at=NOON)
    await acme.simulator.do("ship", {"number": number, "track": "T-1"})
    memo = await acme.simulator.do("refund", {"number": number})
    for entity, identifier in (
        ("payments", next(iter(acme.books.invoices))),
        ("shipments", next(iter(acme.books.shipments))),
        ("refunds", memo),
    ):
        (before,) = await acme.source.fetch(entity, [identifier])
        await acme.simulator.do("touch", {"number": number, "customer_note": "call me"})
        (after,) = await acme.source.fetch(entity, [identifier])
        assert (before.token, before.raw) == (after.token, after.raw), entity


async def test_a_shipment_has_each_line_once_and_its_numbers(acme: AtWork) -> None:
    special = fill_orders(acme.books, start=NOON, count=40, let_in=40)
    pair, bundle = special["configurable"], special["bundle"]
    for number in (pair, bundle):
        await acme.simulator.do("ship", {"number": number, "track": f"T-{number}"})
    shipped = {}
    for number, row in acme.books.shipments.items():
        (change,) = await acme.source.fetch("shipments", [number])
        record = acme.source.to_record("shipments", change.raw)
        assert isinstance(record, Shipment)
        shipped[row["order_increment_id"]] = record
    assert [f"{line.sku} x {line.quantity}" for line in shipped[pair].lines] == ["KN-300 x 2"]
    assert [line.sku for line in shipped[bundle].lines] == ["KN-200", "KN-300"]
    assert [one.number for one in shipped[pair].trackings] == [f"T-{pair}"]


async def test_customers_come_with_all_addresses_and_without_their_password(acme: AtWork) -> None:
    fill_orders(acme.books, start=NOON, count=1, let_in=1)
    changes = await acme.all(NOON - timedelta(days=60), NOON, entity="customers")
    assert len(changes) == 8
    assert not [change for change in changes if "password_hash" in change.raw]
    people = [acme.source.to_record("customers", change.raw) for change in changes]
    polish = next(one for one in people if isinstance(one, Customer) and one.last_name == "Żak")
    assert polish.default_address is not None
    assert polish.default_address.street == ("Złota 44", "2nd floor")
    assert (polish.default_address.country, polish.default_address.region) == ("PL", None)


async def test_a_product_is_one_variant_and_what_cannot_be_sold_has_none(acme: AtWork) -> None:
    acme.books.add_product("SHIRT", "Shirt", Decimal(10), kind="configurable")
    changes = await acme.all(NOON, acme.books.now() + timedelta(hours=1), entity="products")
    products = [acme.source.to_record("products", change.raw) for change in changes]
    sold = {one.variants[0].sku for one in products if isinstance(one, Product) and one.variants}
    assert sold == {"KN-100", "KN-200", "KN-300", "KN-400", "KN-500"}
    assert len(products) == 6


async def test_prices_are_per_store_view_with_their_dates_and_tiers(acme: AtWork) -> None:
    async with open_shop(config={"timezone": "Europe/Berlin"}) as berlin:
        acme = berlin
        acme.books.products["1"] |= {
            "special_price": "29.9000", "special_from_date": "2026-03-28 00:00:00",
            "special_to_date": "2026-03-29 00:00:00",
            "tier_price": [{"customer_group_id": "all", "qty": "5.0000", "price": "35.0000"}],
        }  # fmt: skip
        acme.books.scoped["1", "uk"] = {"price": "33.0000"}
        changes = await acme.all(NOON, acme.books.now() + timedelta(hours=1), entity="prices")
        found = {c.id: acme.source.to_record("prices", c.raw) for c in changes}
        of = {name: one for name, one in found.items() if isinstance(one, Price)}
        assert len(of) == 5 * 3 + 2 * 3
        assert (of["1@default"].amount, of["1@default"].currency) == (Decimal("39.90"), "EUR")
        assert (of["1@uk"].amount, of["1@uk"].currency) == (Decimal("33.00"), "GBP")
        special = of["1@default:special"]
        assert (special.amount, special.compare_at) == (Decimal("29.90"), Decimal("39.90"))
        # the day after the last one begins two hours before UTC's: summer time began that night
        assert special.valid_from == datetime(2026, 3, 27, 23, tzinfo=UTC)
        assert special.valid_until == datetime(2026, 3, 29, 22, tzinfo=UTC)
        assert of["1@us:tier:all:5.0000"].minimum_quantity == 5
        acme.books.products["1"]["special_price"] = ""
        (gone,) = await acme.source.fetch("prices", ["1@default:special"])
        assert gone.deleted


async def test_prices_need_the_store_views_to_be_declared() -> None:
    async with open_shop(config={"stores": []}) as acme:
        with pytest.raises(Fatal, match=r"config\.stores is empty"):
            await acme.all(NOON, acme.books.now() + timedelta(hours=1), entity="prices")


async def test_stock_is_read_whole_and_what_is_the_same_is_no_new_version(acme: AtWork) -> None:
    first = await acme.all(entity="inventory")
    assert len(first) == 5
    second = await acme.all(entity="inventory")
    assert [(c.id, c.token, c.raw) for c in first] == [(c.id, c.token, c.raw) for c in second]
    await acme.simulator.do("stock", {"sku": "KN-100", "quantity": "3"})
    third = {change.id: change.raw for change in await acme.all(entity="inventory")}
    changed = [change.id for change in first if third[change.id] != change.raw]
    assert changed == ["1"]
    level = acme.source.to_record("inventory", third["1"])
    assert isinstance(level, InventoryLevel)
    assert (level.sku, str(level.available), level.as_of) == ("KN-100", "3", None)


async def test_stock_of_many_products_is_a_bounded_number_of_requests(acme: AtWork) -> None:
    for number in range(1_200):
        acme.books.add_product(f"X-{number}", "X", Decimal(1))
    acme.books.counters["product"] = 90_000  # a gap in the ids
    acme.books.add_product("LATE", "Late", Decimal(1))
    acme.books.add_product("40", "SKU that is another product's id", Decimal(1))
    before = acme.requests()
    changes = await acme.all(entity="inventory", size=500)
    skus = {change.raw["sku"] for change in changes}
    assert len(changes) == len(skus) == 5 + 1_200 + 2
    assert acme.requests() - before <= 10

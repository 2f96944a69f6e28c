"""Prices as Tryton computes them, and the instants at which they change."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from tests.integration.tryton.catalog.hands import changes, record

from knect.sdk.errors import Fatal
from knect_connectors.tryton import prices
from knect_connectors.tryton.wire import money

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="session")]

SECOND = timedelta(seconds=1)
#: Midnights in Berlin at which the line of KN-1 begins and ends.
BEGINS = datetime(2026, 3, 9, 23, tzinfo=UTC)
ENDS = datetime(2026, 3, 20, 23, tzinfo=UTC)


async def test_without_lists_the_products_own_price_is_the_price(erp):
    price = await record(erp(), "prices", "KN-3")
    assert (price.amount, price.currency, price.compare_at) == (Decimal("19.90"), "EUR", None)
    assert (price.price_list, price.taxes_included, price.valid_until) == (None, False, None)


async def test_a_list_is_computed_by_tryton_and_names_what_it_is_cheaper_than(erp):
    price = await record(erp(priceLists=["web"]), "prices", "KN-2")
    assert (price.amount, price.compare_at) == (Decimal("15.92"), Decimal("19.90"))
    assert (price.price_list, price.currency) == ("web", "EUR")
    assert price.valid_from == datetime(2019, 12, 31, 23, tzinfo=UTC)


async def test_a_price_that_is_over_is_the_next_line_again(erp):
    price = await record(erp(priceLists=["web"]), "prices", "KN-1")
    assert (price.amount, price.compare_at) == (Decimal("19.90"), None)
    assert price.valid_from == ENDS


async def test_days_of_more_lines_than_are_kept_are_asked_for_as_they_are_needed(erp, monkeypatch):
    connector = erp(priceLists=["web"])
    once = await record(connector, "prices", "KN-2")
    monkeypatch.setattr(prices, "AT_ONCE", 1)
    again = await record(connector, "prices", "KN-2")
    assert again == once
    assert again.valid_from is not None


@pytest.mark.parametrize("boundary", [BEGINS, ENDS])
async def test_a_day_that_begins_or_ends_a_price_is_a_change_at_its_midnight(erp, clerk, boundary):
    """In whichever window the midnight falls: also the long one after a downtime."""
    connector, product = erp(priceLists=["web"]), await clerk.product("KN-1")
    for since, until in (
        (boundary, boundary + SECOND),
        (boundary - timedelta(days=3), boundary + SECOND),
    ):
        (change,) = await changes(connector, "prices", since, until)
        assert (change.id, change.at) == (f"{product['id']}@web", boundary)
    assert await changes(connector, "prices", boundary - 9 * SECOND, boundary) == []
    assert await changes(connector, "prices", boundary + SECOND, boundary + 9 * SECOND) == []


async def test_the_zone_can_be_told(erp):
    connector = erp(priceLists=["web"], timeZone="Asia/Tokyo")
    tokyo = datetime(2026, 3, 9, 15, tzinfo=UTC)
    (change,) = await changes(connector, "prices", tokyo, tokyo + SECOND)
    assert change.at == tokyo
    assert await changes(connector, "prices", BEGINS, BEGINS + SECOND) == []


async def test_a_new_list_price_is_seen_by_the_lists_that_build_on_it(erp, clerk):
    connector, product = erp(priceLists=["web"]), await clerk.product("KN-4")
    since = await connector.source.server_time()
    values = {"list_price": money(Decimal("29.90"))}
    await clerk.client.call("model.product.template.write", [product["template"]], values)
    found = await changes(connector, "prices", since)
    records = [connector.source.to_record("prices", one.raw) for one in found]
    assert ("KN-4", Decimal("29.90")) in [(one.sku, one.amount) for one in records]


async def test_a_line_for_one_product_changes_that_one_and_a_list_changes_all(erp, clerk):
    connector, product = erp(priceLists=["web"]), await clerk.product("KN-5")
    (line,) = await clerk.client.search_read(
        "product.price_list.line", [["product", "=", product["id"]]], ["price_list"]
    )
    since = await connector.source.server_time()
    values = {"formula": "unit_price * 0.5"}
    await clerk.client.call("model.product.price_list.line.write", [line["id"]], values)
    one = await changes(connector, "prices", since)
    records = [connector.source.to_record("prices", c.raw) for c in one]
    assert ("KN-5", Decimal("9.95")) in [(r.sku, r.amount) for r in records]
    assert len(records) < 5
    await clerk.client.call(
        "model.product.price_list.write", [line["price_list"]], {"tax_included": True}
    )
    everything = await changes(connector, "prices", since)
    assert len(everything) > 12
    assert all(one.raw["taxes_included"] for one in everything if not one.deleted)


async def test_a_list_that_is_not_there_is_named(erp):
    with pytest.raises(Fatal, match="no active price list called 'Moon'"):
        await changes(erp(priceLists=["Moon"]), "prices", BEGINS)
    with pytest.raises(Fatal, match="'Mars'; it must be an IANA name"):
        erp(timeZone="Mars")

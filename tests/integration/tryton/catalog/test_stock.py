"""Stock as Tryton knows it: what is there, what is promised, and when that changed."""

import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from tests.integration.tryton.catalog.hands import changes, record, today

from knect.sdk.contract import Reference
from knect.sdk.errors import BadRecord, Fatal
from knect_connectors.tryton.marks import midnight

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="session")]

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


async def now(connector) -> datetime:
    return await connector.source.server_time()


async def test_a_level_says_what_is_there_where_and_when_it_was_computed(erp):
    connector = erp()
    before = await now(connector)
    level = await record(connector, "inventory", "KN-12")
    assert (level.on_hand, level.reserved, level.available, level.incoming) == (40, 0, 40, 0)
    assert (level.location, level.unit, level.kind, level.tracked) == ("WH", "u", "goods", True)
    assert level.source_id.endswith("@WH")
    assert before - timedelta(days=1) < level.as_of <= await now(connector)


async def test_services_and_what_is_consumed_are_not_tracked(erp, clerk):
    connector = erp()
    service = await record(connector, "inventory", "SHIPPING")
    assert (service.kind, service.tracked) == ("service", False)
    product = await clerk.product("KN-11")
    values = {"consumable": True}
    await clerk.client.call("model.product.template.write", [product["template"]], values)
    consumed = await record(connector, "inventory", "KN-11")
    assert (consumed.kind, consumed.tracked) == ("goods", False)


async def test_an_order_is_reserved_from_the_moment_its_sale_is_confirmed(erp, clerk):
    """Confirmed (no moves yet), processed (moves), cancelled: never counted twice, or not at all."""
    connector = erp()
    sale = await clerk.sells("KN-3", 7)
    level = await record(connector, "inventory", "KN-3")
    assert (level.on_hand, level.reserved, level.available) == (40, 7, 33)
    await clerk.does("process", sale)
    level = await record(connector, "inventory", "KN-3")
    assert (level.on_hand, level.reserved, level.available) == (40, 7, 33)
    assert await clerk.forecast("KN-3") == 33
    other = await clerk.sells("KN-3", 5, "quotation")
    assert (await record(connector, "inventory", "KN-3")).reserved == 7
    facts = await clerk.client.facts()
    web = await clerk.sells("KN-3", 2, "quotation", web_shop=facts.shop, web_id="shop:1")
    assert (await record(connector, "inventory", "KN-3")).reserved == 9
    await clerk.does("cancel", other, web)
    assert (await record(connector, "inventory", "KN-3")).reserved == 7


async def test_what_is_picked_is_reserved_until_it_has_left(erp, clerk):
    connector = erp()
    sale = await clerk.sells("KN-4", 4, "processing")
    (row,) = await clerk.client.search_read("sale.sale", [["id", "=", sale]], ["shipments"])
    ids = row["shipments"]
    (carrier, *_) = await clerk.client.search_read("carrier", [], ["id"])
    await clerk.client.call("model.stock.shipment.out.write", ids, {"carrier": carrier["id"]})
    for step in ("assign_try", "pick", "pack"):
        await clerk.client.call(f"model.stock.shipment.out.{step}", ids)
        level = await record(connector, "inventory", "KN-4")
        assert (level.on_hand, level.reserved, level.available) == (40, 4, 36), step
    await clerk.client.call("model.stock.shipment.out.do", ids)
    level = await record(connector, "inventory", "KN-4")
    assert (level.on_hand, level.reserved, level.available) == (36, 0, 36)


async def test_what_is_coming_is_said_and_not_sold(erp, clerk):
    connector = erp()
    await clerk.moves("KN-5", 100, planned_date=today() + timedelta(days=9))
    level = await record(connector, "inventory", "KN-5")
    assert (level.on_hand, level.available, level.incoming) == (40, 40, 100)
    assert level.on_hand - level.reserved + level.incoming == await clerk.forecast("KN-5")


async def test_only_what_changed_is_listed_and_calls_do_not_grow_with_the_rest(erp, clerk):
    connector = erp()
    since = await now(connector) + timedelta(seconds=1)
    while await now(connector) < since:
        pass
    await clerk.counts("KN-6", 12)
    await clerk.sells("KN-7", 1)
    asked = []
    real = connector._client.search_read

    async def counted(model, *args, **more):
        asked.append(model)
        return await real(model, *args, **more)

    connector._client.search_read = counted
    try:
        found = await changes(connector, "inventory", since)
    finally:
        connector._client.search_read = real
    records = [connector.source.to_record("inventory", one.raw) for one in found]
    assert {one.sku: one.available for one in records} == {"KN-6": 12, "KN-7": 39}
    assert len(asked) <= 14, asked


async def test_the_same_level_read_again_is_the_same_version(erp, clerk):
    """An overlap re-reads; a level that has stood still for a minute makes no new version."""
    connector = erp()
    old = [
        one
        for one in await changes(connector, "inventory", LONG_AGO)
        if one.at < await now(connector) - timedelta(minutes=2)
    ]
    again = {one.id: one for one in await changes(connector, "inventory", LONG_AGO)}
    assert all(again[one.id] == one for one in old)
    (fetched,) = await connector.source.fetch("inventory", [found_id := next(iter(again))])
    assert fetched.token == again[found_id].token


async def test_a_move_done_for_a_day_to_come_counts_from_that_midnight(server, erp, clerk):
    """Nobody writes anything on that day; the level changes by the date alone."""
    connector = erp()
    product = await clerk.product("KN-8")
    move = await clerk.moves("KN-8", 5)
    await clerk.client.call("model.stock.move.do", [move])
    before = await record(connector, "inventory", "KN-8")
    assert before.on_hand == 45
    day = date(2026, 3, 10)
    with closing(sqlite3.connect(server.path, timeout=10)) as database, database:
        database.execute(
            "UPDATE stock_move SET effective_date = ? WHERE id = ?", (day.isoformat(), move)
        )
    midnight = datetime(2026, 3, 9, 23, tzinfo=UTC)  # of Berlin
    second = timedelta(seconds=1)
    assert await changes(connector, "inventory", midnight - 9 * second, midnight) == []
    (change,) = await changes(connector, "inventory", midnight, midnight + second)
    assert (change.id, change.at) == (f"{product['id']}@WH", midnight)
    assert await changes(connector, "inventory", midnight + second, midnight + 9 * second) == []


async def test_a_horizon_lets_moves_count_from_days_before(erp, clerk):
    connector = erp(stock={"horizonDays": 7})
    planned = today() + timedelta(days=30)
    warehouse = await clerk.warehouse()
    (customer,) = await clerk.client.search_read(
        "stock.location", [["type", "=", "customer"]], ["id"]
    )
    out = {"from_location": warehouse["output_location"], "to_location": customer["id"]}
    await clerk.moves("KN-9", 6, planned_date=planned, **out)
    assert (await record(erp(), "inventory", "KN-9")).reserved == 6
    assert (await record(connector, "inventory", "KN-9")).reserved == 0
    # on the day it comes into the horizon, the level changes by itself
    day = planned - timedelta(days=7)
    product = await clerk.product("KN-9")
    start = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=3)
    found = await changes(connector, "inventory", start, start + timedelta(hours=4))
    assert [one.id for one in found] == [f"{product['id']}@WH"]


async def test_all_levels_may_be_read_once_more_each_midnight(erp, clerk):
    """A line that is deleted in Tryton leaves no trace: what it reserved is told at midnight."""
    connector, facts = erp(stock={"readAllDaily": True}), await clerk.client.facts()
    product = await clerk.product("KN-2")
    name = f"{product['id']}@WH"
    (at_first,) = await connector.source.fetch("inventory", [name])
    sale = await clerk.sells("KN-2", 5, "draft", web_shop=facts.shop, web_id="shop:2")
    (sold,) = await connector.source.fetch("inventory", [name])
    assert sold.token > at_first.token
    (row,) = await clerk.client.search_read("sale.line", [["sale", "=", sale]], ["id"])
    await clerk.client.call("model.sale.line.delete", [row["id"]])
    (gone,) = await connector.source.fetch("inventory", [name])
    figures = [connector.source.to_record("inventory", x.raw).reserved for x in (sold, gone)]
    assert figures == [5, 0]
    begun = await at_midnight(connector, today() + timedelta(days=1))
    listed = {change.id: change for change in begun}
    assert listed[name].token > sold.token, "newer than whatever was told before"
    assert connector.source.to_record("inventory", listed[name].raw).reserved == 0
    kinds = {connector.source.to_record("inventory", one.raw).kind for one in begun}
    assert kinds == {"goods"}
    assert await at_midnight(erp(), today() + timedelta(days=1)) == []


async def at_midnight(connector, day: date):
    begins = midnight(day, "Europe/Berlin")
    second = timedelta(seconds=1)
    assert await changes(connector, "inventory", begins + second, begins + 9 * second) == []
    return await changes(connector, "inventory", begins - second, begins + second)


async def test_a_warehouse_that_is_not_there_is_named(erp):
    connector = erp(stock={"warehouses": ["Moon"]})
    with pytest.raises(Fatal, match="no active warehouse with code or name 'Moon'"):
        await changes(connector, "inventory", LONG_AGO)


async def test_a_case_of_twelve_is_twelve_pieces(erp, clerk):
    (unit,) = await clerk.client.search_read("product.uom", [["name", "=", "Unit"]], ["category"])
    case = {"name": "Case of 12", "symbol": "c12", "category": unit["category"], "factor": 12.0}
    case |= {"rate": round(1 / 12, 12), "rounding": 1.0, "digits": 0}
    (made,) = await clerk.client.call("model.product.uom.create", [case])
    sale = await clerk.sells("KN-10", 2, "draft")
    (line,) = await clerk.client.search_read("sale.line", [["sale", "=", sale]], ["id"])
    await clerk.client.call("model.sale.line.write", [line["id"]], {"unit": made})
    await clerk.does("quote", sale)
    await clerk.does("confirm", sale)
    assert (await record(erp(), "inventory", "KN-10")).reserved == Decimal(24)


async def test_an_archived_product_with_the_code_of_another_sends_nothing(erp, clerk):
    """Both are named; the active one goes on, also for orders."""
    connector = erp()
    old, new = await clerk.product("KN-12"), await clerk.product("KN-13")
    write = "model.product.template.write"
    await clerk.counts("KN-12", 0)  # Tryton archives nothing that is in stock
    archive = "model.product.product.write"
    await clerk.client.call(archive, [old["id"]], {"active": False})
    await clerk.client.call(write, [new["template"]], {"code": "KN-12"})
    try:
        wanted = Reference(kind="sku", value="KN-12", path="lines[0].sku")
        answers = await connector.destination.resolve([wanted])
        assert answers == {("sku", "KN-12"): str(new["id"])}
        for entity, place in (("inventory", "@WH"), ("prices", "")):
            names = [f"{one['id']}{place}" for one in (old, new)]
            left, right = await connector.source.fetch(entity, names)
            assert connector.source.to_record(entity, right.raw).sku == "KN-12"
            with pytest.raises(BadRecord) as caught:
                connector.source.to_record(entity, left.raw)
            assert (caught.value.code, caught.value.path) == ("DuplicateSku", "sku")
            assert caught.value.message == (
                f"Tryton has 2 products with the code 'KN-12': 'Thing KN-12' (product {old['id']}, "
                f"archived) and 'Thing KN-13' (product {new['id']}); this figure is of product "
                f"{old['id']}, and nothing is sent of it while another one has its code: skip it if "
                "that is right, or give each a code of its own"
            )
    finally:
        await clerk.client.call(write, [new["template"]], {"code": "KN-13"})
        await clerk.client.call(archive, [old["id"]], {"active": True})
        await clerk.counts("KN-12", 40)
    assert (await record(connector, "inventory", "KN-12")).on_hand == 40

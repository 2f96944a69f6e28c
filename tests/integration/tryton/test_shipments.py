"""Shipments read from the real Tryton: parcels, corrections, cancellations."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from tests.support.orders import a_line, an_order

from knect.model import Order, Shipment
from knect.sdk.contract import Window
from knect_connectors.tryton.demo.people import Parcel, Person

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="session")]


async def sold(hand, number: int, *lines: Any) -> tuple[Order, int]:
    total = sum(line.quantity * line.unit_price for line in lines)
    order = an_order(str(total), *lines, number=str(number), source_id=f"parcels-{number}")
    await hand.deliver(order)
    return order, (await hand.sale(order))["id"]


async def told(hand, sale: int) -> list[Shipment]:
    """Read everything; return what is of this sale, and check that each is told by its id too."""
    source = hand.connector.source
    now = await source.server_time()
    window = Window(since=now - timedelta(hours=1), until=now + timedelta(seconds=2), page_size=3)
    changes = [one async for page in source.read("shipments", window) for one in page.changes]
    assert changes == sorted(changes, key=lambda one: (one.at, one.id))
    records = {one.id: source.to_record("shipments", one.raw) for one in changes}
    ours = [one for one in records.values() if one.order_id == str(sale)]
    again = await source.fetch("shipments", [one.source_id for one in ours])
    known = {one.id: one for one in changes}
    assert [known[one.id] for one in again] == list(again)
    return ours


async def test_each_parcel_is_a_record_with_its_lines_and_number(hand, clerk):
    lines = [
        a_line("SKU-001", "10.00", quantity="3", id="gid://shopify/LineItem/11"),
        a_line("SKU-001", "8.00", quantity="2", id="gid://shopify/LineItem/12"),
    ]
    _, sale = await sold(hand, 8101, *lines)
    rows = await hand.client.search_read(
        "sale.line", [["sale", "=", sale]], ["id", "note"], order=[["id", "ASC"]]
    )
    first, second = (row["id"] for row in rows[:2])
    parcels = [
        Parcel(tracking="T1", lines={first: 2}),
        Parcel(tracking="T2", lines={first: 1, second: 2}),
    ]
    await Person(clerk).send(sale, parcels)
    one, two = sorted(await told(hand, sale), key=lambda x: x.trackings[0].number)
    assert [(x.line_id, x.quantity) for x in one.lines] == [
        ("gid://shopify/LineItem/11", Decimal(2))
    ]
    assert {(x.line_id, x.quantity) for x in two.lines} == {
        ("gid://shopify/LineItem/11", Decimal(1)),
        ("gid://shopify/LineItem/12", Decimal(2)),
    }
    assert [(x.trackings[0].number, x.trackings[0].carrier) for x in (one, two)] == [
        ("T1", "DHL"),
        ("T2", "DHL"),
    ]
    assert (one.order_number, one.location, one.status) == ("8101", "Warehouse", "shipped")


async def test_without_parcels_the_shipment_is_the_record(hand, clerk):
    _, sale = await sold(hand, 8102, a_line("SKU-002", "10.00", quantity="2", id="21"))
    person = Person(clerk)
    (shipment,) = await person.process(sale)
    await person.track(shipment, "T7")
    await person.pick(shipment, "UPS")
    assert await told(hand, sale) == []  # nothing has left yet
    await person.pack(shipment)
    await person.ship(shipment)
    (record,) = await told(hand, sale)
    assert record.source_id == str(shipment)
    assert [(x.number, x.carrier) for x in record.trackings] == [("T7", "UPS")]


async def test_a_part_goes_first_and_the_rest_is_another_record(hand, clerk):
    _, sale = await sold(hand, 8103, a_line("SKU-003", "10.00", quantity="3", id="31"))
    person = Person(clerk)
    (shipment,) = await person.process(sale)
    await person.shorten(shipment, {"SKU-003": 1})
    await person.pick(shipment)
    await person.pack(shipment, [Parcel(tracking="P1", skus={"SKU-003": 1})])
    await person.ship(shipment)
    await person.send(sale, [Parcel(tracking="P2", skus={"SKU-003": 2})])
    records = sorted(await told(hand, sale), key=lambda x: x.trackings[0].number)
    assert [[x.quantity for x in one.lines] for one in records] == [[Decimal(1)], [Decimal(2)]]


async def test_a_corrected_number_is_a_new_version_of_that_parcel_only(hand, clerk):
    _, sale = await sold(hand, 8104, a_line("SKU-004", "10.00", quantity="2", id="41"))
    person = Person(clerk)
    boxes = [Parcel(tracking=f"C{i}", skus={"SKU-004": 1}) for i in (1, 2)]
    first, second = await person.send(sale, boxes)
    before = {one.source_id: one for one in await told(hand, sale)}
    await person.retrack(second, "C9")
    after = {one.source_id: one for one in await told(hand, sale)}
    changed = [key for key in after if after[key] != before[key]]
    assert [key.rpartition("/")[2] for key in changed] == [str(second)]
    assert after[changed[0]].trackings[0].number == "C9"
    assert first != second


async def test_a_cancelled_shipment_is_told_for_each_of_its_parcels(hand, clerk):
    _, sale = await sold(hand, 8105, a_line("SKU-005", "10.00", quantity="2", id="51"))
    person = Person(clerk)
    (shipment,) = await person.process(sale)
    await person.pick(shipment)
    await person.pack(shipment, [Parcel(tracking=f"V{i}", skus={"SKU-005": 1}) for i in (1, 2)])
    await person.ship(shipment)
    before = {one.source_id for one in await told(hand, sale)}
    await person.void(shipment)
    after = await told(hand, sale)
    assert {one.source_id for one in after} == before
    assert [one.status for one in after] == ["cancelled", "cancelled"]
    assert {one.order_id for one in after} == {str(sale)}


async def test_sales_that_are_not_the_shops_are_not_told(hand, clerk):
    order, sale = await sold(hand, 8106, a_line("SKU-006", "10.00", id="61"))
    del order
    await clerk.call("model.sale.sale.draft", [sale])
    await clerk.call("model.sale.sale.write", [sale], {"web_shop": None, "web_id": None})
    for step in ("quote", "confirm"):
        await clerk.call(f"model.sale.sale.{step}", [sale])
    await Person(clerk).send(sale, [Parcel(tracking="X1", skus={"SKU-006": 1})])
    assert await told(hand, sale) == []

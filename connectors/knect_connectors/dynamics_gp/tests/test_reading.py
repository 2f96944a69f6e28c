"""Reading GP: one record wherever a document stands, marks GP keeps and marks it does not."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from tests.support.orders import a_line, an_order

from knect.model import Order, Shipment, check_record
from knect.sdk.contract import Change, Source, Window
from knect_connectors.dynamics_gp.tests.conftest import Gp, deliver, listed


def source_of(connector: Any) -> Source:
    assert connector.source is not None
    source: Source = connector.source
    return source


async def changes(source: Source, entity: str, since: datetime, until: datetime) -> list[Change]:
    window = Window(since=since, until=until)
    return [change async for page in source.read(entity, window) for change in page.changes]


async def an_order_there(gp: Gp, connector: Any, quantity: str = "2") -> str:
    order = an_order(f"{int(quantity) * 10}.00", a_line("KN-100", quantity=quantity, id="L1"))
    outcome = await deliver(connector, order)
    assert outcome.found is not None, outcome.error
    return outcome.found.destination_id


async def test_a_document_is_one_record_in_work_and_in_history(gp: Gp) -> None:
    connector = gp.connect()
    source = source_of(connector)
    number = await an_order_there(gp, connector)
    (before,) = await source.fetch("orders", [number])
    gp.company.books.offset += timedelta(seconds=2)
    gp.people.ship(number)
    (after,) = await source.fetch("orders", [number])
    assert (before.id, after.id) == (number, number)
    assert after.token > before.token
    record = source.to_record("orders", after.raw)
    assert isinstance(record, Order)
    assert (record.attributes["stage"], record.totals.total) == ("history", Decimal(20))
    assert check_record(record) is None
    assert list(await listed(connector, "orders")) == [number]


async def test_a_line_that_changes_alone_is_a_change_of_its_order(gp: Gp) -> None:
    connector = gp.connect()
    source = source_of(connector)
    number = await an_order_there(gp, connector)
    gp.company.books.offset += timedelta(seconds=2)
    since = await source.server_time() - timedelta(seconds=1)
    gp.people.edit_line(number, "KN-100", "3")
    until = await source.server_time() + timedelta(seconds=1)
    assert [x.id for x in await changes(source, "orders", since, until)] == [number]


async def test_a_voided_order_is_cancelled_and_worth_nothing(gp: Gp) -> None:
    connector = gp.connect()
    number = await an_order_there(gp, connector)
    gp.people.void(number)
    record = (await listed(connector, "orders"))[number]
    assert isinstance(record, Order)
    assert record.cancelled_at is not None
    assert (record.totals.total, record.lines) == (Decimal(0), ())
    assert check_record(record) is None


async def test_orders_of_every_kind_hold_the_invariants(gp: Gp) -> None:
    connector = gp.connect()
    line = a_line("KN-100", "10.00", quantity="3", discount="5.00", taxes=(("0.19", "4.75"),))
    await deliver(connector, an_order("29.75", line))
    (record,) = (await listed(connector, "orders")).values()
    assert isinstance(record, Order)
    assert check_record(record) is None
    assert record.totals.total == Decimal("29.75")


async def test_a_shipment_names_the_shops_lines_and_each_parcel_once(gp: Gp) -> None:
    connector = gp.connect()
    number = await an_order_there(gp, connector, "5")
    first = gp.people.ship(number, tracking=["1Z1", "1Z2"], lines={"KN-100": "2"}, carrier="UPS")
    second = gp.people.ship(number, tracking=["1Z3"])
    found = await listed(connector, "shipments")
    assert list(found) == [first, second]
    one, two = found.values()
    assert isinstance(one, Shipment)
    assert isinstance(two, Shipment)
    assert (one.order_id, one.order_number) == (number, "1001")
    assert [(x.line_id, x.quantity) for x in one.lines] == [("L1", Decimal(2))]
    assert [(x.number, x.carrier) for x in one.trackings] == [("1Z1", "UPS"), ("1Z2", "UPS")]
    assert [(x.line_id, x.quantity) for x in two.lines] == [("L1", Decimal(3))]


async def test_what_was_back_ordered_is_told_when_it_is_shipped(gp: Gp) -> None:
    """Of the order's own lines, whichever documents are in between."""
    connector = gp.connect()
    order = an_order(
        "50.00", a_line("KN-100", quantity="3", id="L1"), a_line("KN-200", quantity="2", id="L2")
    )
    made = await deliver(connector, order)
    assert made.found is not None
    number = made.found.destination_id
    first = gp.people.ship(number, lines={"KN-100": "1"})
    held = gp.people.back_order(number)
    second = gp.people.ship(held, tracking=["1Z5"], lines={"KN-100": "1", "KN-200": "1"})
    again = gp.people.order_again(held)
    third = gp.people.ship(again)
    found = await listed(connector, "shipments")
    assert list(found) == [first, second, third]
    told = [
        (one.order_id, one.order_number, [(x.line_id, int(x.quantity)) for x in one.lines])
        for one in found.values()
        if isinstance(one, Shipment)
    ]
    assert told == [
        (number, "1001", [("L1", 1)]),
        (number, "1001", [("L1", 1), ("L2", 1)]),
        (number, "1001", [("L1", 1), ("L2", 1)]),
    ]


async def test_a_tracking_number_that_comes_later_is_seen_though_gp_marks_nothing(gp: Gp) -> None:
    connector = gp.connect()
    source = source_of(connector)
    invoice = gp.people.ship(await an_order_there(gp, connector))
    await listed(connector, "shipments")
    gp.company.books.offset += timedelta(minutes=1)
    since = await source.server_time()
    gp.people.track(invoice, ["1Z9"])
    until = since + timedelta(seconds=30)
    gp.company.books.offset += timedelta(seconds=30)
    (change,) = await changes(source, "shipments", since, until)
    record = source.to_record("shipments", change.raw)
    assert isinstance(record, Shipment)
    assert [x.number for x in record.trackings] == ["1Z9"]


async def test_an_invoice_of_somebody_elses_order_is_no_shipment(gp: Gp) -> None:
    connector = gp.connect()
    number = await an_order_there(gp, connector)
    gp.company.books.run("DELETE FROM knect_delivery")
    gp.people.ship(number)
    assert await listed(connector, "shipments") == {}


async def test_stock_is_seen_when_it_changes_and_only_then(gp: Gp) -> None:
    connector = gp.connect()
    source = source_of(connector)
    await listed(connector, "inventory")
    gp.company.books.offset += timedelta(minutes=10)
    since = await source.server_time()
    gp.people.count("KN-200", "7")
    await an_order_there(gp, connector, "3")  # allocates KN-100
    gp.company.books.offset += timedelta(minutes=1)
    until = await source.server_time()
    found = await changes(source, "inventory", since, until)
    assert [x.id for x in found] == ["KN-100@WAREHOUSE", "KN-200@WAREHOUSE"]
    level: Any = source.to_record("inventory", found[0].raw)
    assert (level.on_hand, level.reserved, level.available) == (400, 3, 397)
    # the figure is of the instant it was found out at: later than the order it includes
    assert since < level.as_of <= await source.server_time()
    gp.company.books.offset += timedelta(minutes=1)
    assert await changes(source, "inventory", until, await source.server_time()) == []


async def test_two_readers_of_stock_both_see_a_change(gp: Gp) -> None:
    """One's sweep stamps before the end of its window; the other's windows overlap."""
    one, two = source_of(gp.connect()), source_of(gp.connect())
    await changes(one, "inventory", await one.server_time() - timedelta(hours=1),
                  await one.server_time())  # fmt: skip
    gp.company.books.offset += timedelta(minutes=10)
    since = await one.server_time()
    gp.people.count("KN-200", "7")
    gp.company.books.offset += timedelta(seconds=2)
    until = await one.server_time()
    for reader in (one, two):
        assert [x.id for x in await changes(reader, "inventory", since, until)] == [
            "KN-200@WAREHOUSE"
        ]


async def test_what_is_found_out_by_the_way_is_behind_nobodys_cursor(gp: Gp) -> None:
    """Asking for one level finds out all that changed; the next window must have the others.

    The far end told the time, then somebody else read a whole window, then the levels are compared.
    """
    connector, other = gp.connect(), source_of(gp.connect())
    source = source_of(connector)
    await listed(connector, "inventory")
    gp.company.books.offset += timedelta(minutes=10)
    since = await other.server_time()
    client = connector._client
    told = client.now

    async def late() -> datetime:
        now = await told()
        gp.company.books.offset += timedelta(seconds=2)
        assert await changes(other, "inventory", since, await other.server_time()) == []
        gp.people.count("KN-200", "7")
        return now

    client.now = late  # type: ignore[method-assign]
    (asked,) = await source.fetch("inventory", ["KN-100@WAREHOUSE"])
    assert not asked.deleted
    until = since + timedelta(seconds=2)
    gp.company.books.offset += timedelta(minutes=1)
    found = await changes(other, "inventory", until, await other.server_time())
    assert [x.id for x in found] == ["KN-200@WAREHOUSE"]
    assert found[0].at >= until


async def test_only_the_declared_sites_and_levels_are_read(gp: Gp) -> None:
    gp.people.item("KN-100", "Kettle", "39.90", "3", site="SHOP")
    gp.people.item("KN-100", "Kettle", "30.00", "400", level="TRADE")
    connector = gp.connect(sites=["shop"], priceLevels=["TRADE"])
    assert list(await listed(connector, "inventory")) == ["KN-100@SHOP"]
    (price,) = (await listed(connector, "prices")).values()
    assert getattr(price, "price_list", None) == "TRADE"


async def test_a_changed_price_or_list_price_is_a_change(gp: Gp) -> None:
    connector = gp.connect(currencies={"XEU": "EUR"})
    source = source_of(connector)
    await listed(connector, "prices")
    gp.company.books.offset += timedelta(minutes=10)
    since = await source.server_time()
    gp.people.price("KN-100", "29.90")
    gp.company.books.run("UPDATE IV00105 SET LISTPRCE = 3000000 WHERE ITEMNMBR = 'KN-200'")
    until = since + timedelta(seconds=5)
    found = await changes(source, "prices", since, until)
    records: list[Any] = [source.to_record("prices", x.raw) for x in found]
    assert [(x.sku, x.amount, x.compare_at, x.currency) for x in records] == [
        ("KN-100", Decimal("29.9"), Decimal("39.9"), "XEU"),
        ("KN-200", Decimal("24.5"), Decimal(30), "XEU"),
    ]


async def test_without_multicurrency_documents_and_prices_carry_no_currency(gp: Gp) -> None:
    connector = gp.connect(currencies={"EUR": ""})
    number = await an_order_there(gp, connector)
    for table in ("SOP10100", "IV00105", "IV00108"):
        gp.company.books.run(f"UPDATE {table} SET CURNCYID = ''")
    record: Any = (await listed(connector, "orders"))[number]
    assert record.currency == "EUR"
    prices: list[Any] = list((await listed(connector, "prices")).values())
    assert {price.currency for price in prices} == {"EUR"}
    assert "KN-100|RETAIL||EACH|1.00000" in {price.source_id for price in prices}


async def test_a_quiet_second_pass_asks_a_bounded_number_of_times(gp: Gp) -> None:
    """More records than a page: listing, details, and no more than that again and again."""
    connector = gp.connect()
    for number in range(250):
        gp.people.item(f"X-{number:03}", "Thing", "1.00", "1")
    assert len(await listed(connector, "products")) == 250 + 7
    gp.server.counts.clear()
    assert len(await listed(connector, "products")) == 257
    # the clock, three pages of a hundred, and what stands behind each
    assert sum(gp.server.counts.values()) == 1 + 3 + 3


async def test_a_customer_changes_with_its_address_and_email(gp: Gp) -> None:
    connector = gp.connect()
    await an_order_there(gp, connector)
    source = source_of(connector)
    (number,) = await listed(connector, "customers")
    for table, column in (("RM00102", "CUSTNMBR"), ("SY01200", "Master_ID")):
        gp.company.books.offset += timedelta(minutes=1)
        since = await source.server_time() - timedelta(seconds=1)
        values: dict[str, Any] = (
            {"CITY": "Bonn"} if table == "RM00102" else {"INET1": "new@example.com"}
        )
        gp.company.books.change(table, f"{column} = ?", [number], **values)
        (change,) = await changes(source, "customers", since, since + timedelta(seconds=5))
        assert change.id == number
    record: Any = source.to_record("customers", change.raw)
    assert (record.email, record.default_address.city) == ("new@example.com", "Bonn")


async def test_what_is_gone_is_told_when_it_is_asked_for(gp: Gp) -> None:
    source = source_of(gp.connect())
    for entity, known in (("orders", "ORD1"), ("inventory", "X@WAREHOUSE"), ("customers", "C")):
        (change,) = await source.fetch(entity, [known])
        assert (change.id, change.deleted) == (known, True)


async def test_a_window_of_the_past_takes_no_change_from_who_reads_now(gp: Gp) -> None:
    """A backfill must not stamp a change where every cursor has passed already."""
    connector = gp.connect()
    source = source_of(connector)
    await listed(connector, "inventory")
    gp.company.books.offset += timedelta(hours=1)
    since = await source.server_time()
    gp.people.count("KN-200", "7")
    await changes(source, "inventory", since - timedelta(days=9), since - timedelta(days=8))
    later = since + timedelta(days=1)  # nor where no cursor has come yet
    assert len(await changes(source, "inventory", since - timedelta(hours=3), later)) == 5
    gp.company.books.offset += timedelta(seconds=1)
    until = await source.server_time()
    assert [x.id for x in await changes(source, "inventory", since, until)] == ["KN-200@WAREHOUSE"]

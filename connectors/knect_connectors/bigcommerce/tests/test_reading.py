"""Lists that change while they are read, and what belongs to orders, customers, products, stock."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from knect.model import Customer, InventoryLevel, Payment, Product, Refund, Shipment
from knect.sdk.contract import Window
from knect.sdk.errors import BadRecord, Fatal, UnexpectedAnswer
from knect.sdk.testing import Answer, Request
from knect_connectors.bigcommerce.listing import ORDERS, changed
from knect_connectors.bigcommerce.simulator import acts, small_orders
from knect_connectors.bigcommerce.simulator.books import iso, mail
from knect_connectors.bigcommerce.simulator.wire import page_v3
from knect_connectors.bigcommerce.tests.conftest import DAY, NOON, AtWork, a_line, open_store

D = Decimal
SECOND = timedelta(seconds=1)
NOW = NOON + timedelta(hours=1)


def ids(numbers: list[int]) -> list[str]:
    return sorted(map(str, numbers))


# ---------------------------------------------------------------- lists


@pytest.mark.parametrize("entity", ["orders", "customers", "products"])
async def test_more_than_a_page_of_one_second_is_read_whole_and_once(
    acme: AtWork, entity: str
) -> None:
    acme.books.products.clear()
    made = []
    for number in range(1, 531):
        at = NOON + SECOND * (0 if number <= 520 else number)
        if entity == "orders":
            made.append(acme.order(a_line(rate=D(0)), at=at)["id"])
        elif entity == "customers":
            made.append(acme.books.add_customer(f"{number}@x.example", "A", "B", at)["id"])
        else:
            made.append(acme.books.add_product(f"S{number}", f"T{number}", D(1), at=at)["id"])
    changes = await acme.all(entity=entity, size=100)
    assert len(changes) == len(made)
    assert sorted(change.id for change in changes) == ids(made)


async def test_what_a_list_gives_again_is_given_once(acme: AtWork) -> None:
    """A second of more than a page is begun by time, and then walked whole by id."""
    made = [acme.order(at=NOON)["id"] for _ in range(12)]
    made += small_orders(acme.books, 9, at=NOON + SECOND, spacing=1)
    window = Window(since=NOON, until=NOON + DAY, page_size=5)
    found: list[int] = []
    async for rows in changed(acme.connector._client, ORDERS, window):
        found += [row["id"] for row in rows]
    assert sorted(found) == sorted(made)


async def test_a_record_that_moves_to_the_end_shifts_no_other_over_an_edge(acme: AtWork) -> None:
    """What page numbers lose: the first of the next page slips onto the one that was read."""
    made = small_orders(acme.books, 40, at=NOON, spacing=5)
    window = Window(since=NOON, until=NOON + timedelta(minutes=30), page_size=7)
    found: list[str] = []
    async for page in acme.source.read("orders", window):
        found += [change.id for change in page.changes]
        for change in page.changes:  # each is touched the moment it was read
            acme.books.touch(acme.books.orders[int(change.id)], at=NOON + timedelta(hours=2))
    assert sorted(found) == ids(made)


async def test_a_filter_that_is_not_understood_is_seen(acme: AtWork) -> None:
    """An unknown name is ignored by the platform without a word, and everything comes."""
    small_orders(acme.books, 80, at=NOON - 30 * DAY)
    small_orders(acme.books, 2, at=NOON)
    handle = acme.simulator.handle

    async def renamed(request: Request) -> Answer:
        request.query = {n: v for n, v in request.query.items() if "date_modified" not in n} | {
            "sort": "date_modified:asc"
        }
        return await handle(request)

    acme.simulator.handle = renamed  # type: ignore[method-assign]
    with pytest.raises(UnexpectedAnswer, match="does not understand min_date_modified any more"):
        await acme.all()


async def test_an_empty_window_is_an_answer_without_a_body(acme: AtWork) -> None:
    assert await acme.all() == []
    assert acme.server.log.entries[-1]["status"] == 204


async def test_dates_are_sent_so_that_the_platform_reads_them(acme: AtWork) -> None:
    asked: list[Request] = []
    handle = acme.simulator.handle

    async def seen(request: Request) -> Answer:
        asked.append(request)
        return await handle(request)

    acme.simulator.handle = seen  # type: ignore[method-assign]
    for entity in ("orders", "customers", "products"):
        await acme.all(NOON, NOON + DAY, entity=entity)
    assert asked[0].query["min_date_modified"] == "Sun, 01 Mar 2026 11:59:59 +0000"
    assert asked[0].query["max_date_modified"] == "Mon, 02 Mar 2026 12:00:01 +0000"
    assert asked[1].query["date_modified:min"] == "2026-03-01T11:59:59Z"
    assert asked[2].query["date_modified:max"] == "2026-03-02T12:00:01Z"


@pytest.mark.parametrize(("until", "count"), [(NOON + SECOND / 2, 1), (NOON, 0)])
async def test_the_end_of_a_window_may_be_within_a_second(
    acme: AtWork, until: Any, count: int
) -> None:
    small_orders(acme.books, 1, at=NOON)
    assert len(await acme.all(NOON - DAY, until)) == count
    assert len(await acme.all(until, NOON + DAY)) == 1 - count


async def test_a_channel_is_asked_for_and_an_unknown_filter_refused(acme: AtWork) -> None:
    small_orders(acme.books, 3, at=NOON)
    acme.books.orders[101]["channel_id"] = 2
    assert [one.id for one in await acme.all(filter={"channel_id": 2})] == ["101"]
    with pytest.raises(Fatal, match=r"known: channel_id, customer_id") as told:
        await acme.all(filter={"channel": 2})
    assert told.value.path == "source.filter.channel"


@pytest.mark.parametrize("entity", ["orders", "customers", "payments", "refunds", "shipments",
                                    "products", "inventory"])  # fmt: skip
async def test_what_is_no_id_of_theirs_is_gone(acme: AtWork, entity: str) -> None:
    changes = await acme.source.fetch(entity, ["12345", "x", "1/2/3", "12345/1", "5@9", ""])
    assert all(change.deleted for change in changes)


async def test_an_unknown_entity_is_refused(acme: AtWork) -> None:
    with pytest.raises(Fatal, match="no entity 'events'"):
        acme.source.read("events", Window(since=NOON, until=NOW))
    with pytest.raises(Fatal, match="no entity 'events'"):
        acme.source.to_record("events", {})
    with pytest.raises(BadRecord, match="no object"):
        acme.source.to_record("orders", [])


# ---------------------------------------------------------------- what belongs to orders


async def test_payments_are_the_orders_transactions(acme: AtWork) -> None:
    order = acme.order(a_line())
    first = acts.pay(acme.books, order, "authorization", at=NOON)
    acts.pay(acme.books, order, "capture", at=NOON, reference_transaction_id=first["id"])
    acts.pay(acme.books, order, "purchase", at=NOON, method="store_credit", gateway="storecredit",
             amount=D("5"))  # fmt: skip
    acts.pay(acme.books, order, "pending", at=NOON, gateway="bankdeposit", method="offline")
    acts.pay(acme.books, order, "refund", at=NOON, status="error")
    changes = await acme.all(entity="payments")
    changes.sort(key=lambda change: int(change.id.rpartition("/")[2]))
    records = [acme.source.to_record("payments", change.raw) for change in changes]
    assert all(isinstance(one, Payment) for one in records)
    told = [(one.kind, one.status, one.gateway, one.amount) for one in records]  # type: ignore[union-attr]
    total = D("47.48")
    assert told == [
        ("authorization", "success", "stripe", total), ("capture", "success", "stripe", total),
        ("sale", "success", "store_credit", D("5")), ("sale", "pending", "bankdeposit", total),
        ("refund", "failure", "stripe", total),
    ]  # fmt: skip
    capture = records[1]
    assert isinstance(capture, Payment)
    assert capture.parent_id == f"{order['id']}/{first['id']}"
    assert capture.order_id == str(order["id"])


async def test_a_change_of_the_order_is_none_of_its_payment(acme: AtWork) -> None:
    order = acme.order(a_line())
    acts.ship(acme.books, order, at=NOON)
    acts.refund(acme.books, order, [{"line": 0, "quantity": 1}], at=NOON)
    for entity in ("payments", "shipments", "refunds"):
        (before,) = await acme.all(entity=entity)
        order["staff_notes"] = f"looked at {entity}"
        acme.books.touch(order, at=NOON + SECOND)
        (after,) = await acme.all(entity=entity)
        assert (after.token, after.raw) == (before.token, before.raw)
        assert after.at > before.at or entity != "payments"
        acme.books.touch(order, at=NOON)


async def test_transactions_that_do_not_fit_an_answer_are_no_short_list(acme: AtWork) -> None:
    acts.pay(acme.books, acme.order(a_line()), at=NOON)
    handle = acme.simulator.handle

    async def of_two_pages(request: Request) -> Answer:
        answer = await handle(request)
        answer.body = answer.body.replace(b'"total_pages":1', b'"total_pages":2')
        return answer

    acme.simulator.handle = of_two_pages  # type: ignore[method-assign]
    with pytest.raises(UnexpectedAnswer, match="tells 1 transactions of order 100, and that there"):
        await acme.all(entity="payments")


@pytest.mark.parametrize("spread", [0, 1])
async def test_a_list_that_gives_fewer_than_were_asked_for_is_read_to_its_end(
    acme: AtWork, monkeypatch: pytest.MonkeyPatch, spread: int
) -> None:
    defaults = page_v3.__kwdefaults__
    assert defaults is not None
    monkeypatch.setitem(defaults, "most", 3)
    for number in range(8):
        at = NOON + number * spread * SECOND
        acme.books.add_customer(f"c{number}@example.com", "Ana", "Lima", at)
        acts.refund(acme.books, acme.order(a_line()), [{"line": 0, "quantity": 1}], at=at)
    assert len(await acme.all(entity="customers")) == 8
    assert len(await acme.all(entity="refunds")) == 8


async def test_orders_without_parcels_cost_no_request(acme: AtWork) -> None:
    for _ in range(5):
        acme.order(a_line())
    shipped = acme.order(a_line(quantity=2))
    acts.ship(acme.books, shipped, at=NOON, tracking_number="T-1", tracking_carrier="dhl")
    (change,) = await acme.all(entity="shipments")
    assert acme.requests("shipments") == 1
    record = acme.source.to_record("shipments", change.raw)
    assert isinstance(record, Shipment)
    assert record.source_id == f"{shipped['id']}/1"
    assert [(one.sku, one.quantity) for one in record.lines] == [("KN-100", D(2))]
    assert [(one.number, one.carrier) for one in record.trackings] == [("T-1", "dhl")]


async def refund_of(acme: AtWork) -> Refund:
    record = await acme.record("refunds")
    assert isinstance(record, Refund)
    lines = sum((line.amount for line in record.lines), D(0))
    assert lines + record.shipping + record.adjustment == record.total
    return record


async def test_a_refund_by_line_shipping_and_amount(acme: AtWork) -> None:
    order = acme.order(a_line("A", "10.00", 3), a_line("B", "5.00", rate=D("0.07")),
                       shipping=D("4.90"))  # fmt: skip
    acts.refund(acme.books, order, [{"line": 0, "quantity": 2}, {"line": 1, "quantity": 1}],
                shipping=D("5.83"), amount=D("1.00"), at=NOON, reason="broken")  # fmt: skip
    refund = await refund_of(acme)
    assert [(one.sku, one.quantity, one.amount, one.tax) for one in refund.lines] == [
        ("A", D(2), D("23.80"), D("3.80")), ("B", D(1), D("5.35"), D("0.35")),
    ]  # fmt: skip
    assert (refund.shipping, refund.shipping_tax, refund.adjustment) == (
        D("5.83"), D("0.93"), D("1.00"))  # fmt: skip
    assert refund.total == D("35.98")
    assert (refund.taxes_included, refund.pending, refund.note) == (True, False, "broken")
    assert not refund.order_cancelled


@pytest.mark.parametrize(("config", "restock"), [({}, "none"), ({"restock": "Always"}, "return")])
async def test_whether_pieces_went_back_on_the_shelf_is_configured(
    config: dict[str, str], restock: str
) -> None:
    async with open_store(config=config) as acme:
        acts.refund(acme.books, acme.order(a_line()), [{"line": 0, "quantity": 1}], at=NOON)
        assert [line.restock for line in (await refund_of(acme)).lines] == [restock]


async def test_a_refund_that_was_declined_is_pending(acme: AtWork) -> None:
    order = acme.order(a_line())
    acts.refund(acme.books, order, [{"line": 0, "quantity": 1}], at=NOON, declined=True)
    refund = await refund_of(acme)
    assert refund.pending
    assert refund.payments[0].status == "failure"


async def test_a_refund_that_does_not_say_how_much_is_divided_or_refused(acme: AtWork) -> None:
    order = acme.order(a_line("A", "10.00", 3, rate=D(0)))
    made = acts.refund(acme.books, order, [{"line": 0, "quantity": 1}], at=NOON)
    made["items"][0]["requested_amount"] = None
    assert (await refund_of(acme)).lines[0].amount == D(10)
    order["_products"][0]["discounted_total_inc_tax"] = "29.9900"
    with pytest.raises(BadRecord, match="cannot be divided") as told:
        await acme.record("refunds")
    assert told.value.path == "items[0].requested_amount"


async def test_refunds_that_do_not_add_up_are_refused_with_both(acme: AtWork) -> None:
    order = acme.order(a_line("A", "10.00", 3), a_line("B", "10.00"))
    made = acts.refund(acme.books, order, [{"line": 0, "quantity": 1}, {"line": 1, "quantity": 1}],
                       at=NOON)  # fmt: skip
    made["total_amount"] += 1
    with pytest.raises(BadRecord, match=r"add up to 23\.80, but it says 24\.80"):
        await acme.record("refunds")
    made["total_amount"] -= 1
    made["total_tax"] = D("3.00")
    with pytest.raises(BadRecord, match="cannot be divided over its items") as told:
        await acme.record("refunds")
    assert told.value.path == "total_tax"


async def test_a_refund_of_a_line_an_edit_took_away_has_no_sku(acme: AtWork) -> None:
    order = acme.order(a_line("A", "10.00", rate=D(0)))
    acts.refund(acme.books, order, [{"line": 0, "quantity": 1}], at=NOON)
    await acme.simulator.do(
        "edit", {"id": order["id"], "lines": [{"sku": "B", "price": "1.00", "quantity": 1}]}
    )
    acme.books.touch(order, at=NOON)
    refund = await refund_of(acme)
    assert (refund.lines[0].sku, refund.lines[0].amount) == (None, D(10))


# ---------------------------------------------------------------- people and goods


async def test_a_customer_with_addresses(acme: AtWork) -> None:
    row = acme.books.add_customer("ana@example.com", "Ana", "García", NOON)
    row |= {"company": "Acme", "customer_group_id": 4, "tax_exempt_category": "A"}
    acme.books.add_address(row, {"first_name": "Ana", "last_name": "G", "address1": "Mayor 1",
                                 "city": "Madrid", "postal_code": "28013", "country_code": "ES",
                                 "state_or_province": "Madrid"})  # fmt: skip
    customer = await acme.record("customers")
    assert isinstance(customer, Customer)
    assert (customer.email, customer.company, customer.tax_exempt) == (
        "ana@example.com", "Acme", True)  # fmt: skip
    assert customer.attributes == {"customer_group_id": "4"}
    assert customer.default_address is not None
    assert customer.default_address.postal_code == "28013"
    assert customer.default_address.region_name == "Madrid"


async def test_a_product_with_variants_that_inherit(acme: AtWork) -> None:
    acme.books.products.clear()
    acme.books.variants.clear()
    made = acme.books.add_product("SHIRT", "Shirt", D("20.00"), tracking="variant", at=NOON)
    acme.books.add_variant(made, "SHIRT-S", {"Size": "S"})
    acme.books.add_variant(made, "SHIRT-M", {"Size": "M"}, price=D("22.50"))
    made |= {"sale_price": D("15.00"), "is_visible": False}
    product = await acme.record("products")
    assert isinstance(product, Product)
    assert (product.status, product.option_names) == ("draft", ("Size",))
    small, medium = product.variants
    assert (small.price, small.compare_at_price) == (D("15.00"), D("20.00"))
    assert (medium.price, medium.compare_at_price) == (D("15.00"), D("22.50"))
    assert (small.weight_grams, small.currency, small.options) == (D(500), "EUR", {"Size": "S"})


async def test_levels_of_every_place(acme: AtWork) -> None:
    acme.books.add_location("Bremen", code="HB")
    changes = await acme.all(entity="inventory")
    records = [acme.source.to_record("inventory", change.raw) for change in changes]
    assert len(records) == 2 * 5
    found = {(one.sku, one.location): one.available for one in records
             if isinstance(one, InventoryLevel)}  # fmt: skip
    assert found["KN-100", "BC-LOCATION-1"] == 10
    assert found["KN-100", "HB"] == 0


async def test_a_mark_that_is_none_is_no_silence(acme: AtWork) -> None:
    row = acme.books.add_customer("a@example.com", "A", "B", NOON)
    handle = acme.simulator.handle

    async def unmarked(request: Request) -> Answer:
        answer = await handle(request)
        answer.body = answer.body.replace(iso(NOON).encode(), b"")
        return answer

    acme.simulator.handle = unmarked  # type: ignore[method-assign]
    with pytest.raises(UnexpectedAnswer, match=f"says {row['id']} changed at"):
        await acme.all(entity="customers")


async def test_a_list_that_is_none_is_no_silence(acme: AtWork) -> None:
    acme.order(a_line())
    handle = acme.simulator.handle

    async def other(request: Request) -> Answer:
        await handle(request)
        return Answer.of_json({"status": "ok"}, headers={"Date": mail(NOON)})

    acme.simulator.handle = other  # type: ignore[method-assign]
    for entity in ("orders", "customers", "inventory"):
        with pytest.raises(UnexpectedAnswer, match="without a list of records"):
            await acme.all(entity=entity)

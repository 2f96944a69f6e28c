"""An order's life in the real Tryton: edited, cancelled, paid and refunded, to the cent."""

import zlib
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs
from tests.integration.tryton.books import A, B, Books, a_refund, back, cancelled, two_lines
from tests.integration.tryton.conftest import a_context
from tests.support.dropping_proxy import a_dropping_proxy
from tests.support.orders import a_line, an_address, an_order

from knect.model import PartyRef, Payment
from knect.sdk.contract import Delivered, Delivery, Outcome
from knect.sdk.errors import MissingReference, UnexpectedAnswer, Unreachable, WaitForPerson
from knect_connectors.tryton import open_connector
from knect_connectors.tryton.demo.people import Parcel

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="session")]


@pytest.fixture
def books(hand, clerk, request):
    number = 8_200_000 + zlib.crc32(request.node.name.encode()) % 100_000
    return Books(hand, clerk, two_lines(number))


# ---------------------------------------------------------------- refunds


async def test_a_return_of_goods_is_a_credit_and_a_return_shipment(books, clerk):
    await books.deliver()
    await books.person.send(books.sale, [Parcel(tracking="T", skus={"SKU-001": 3, "SKU-002": 1})])
    await books.child("refunds", a_refund(books, back(A, "1", "10.00", "1.90")))
    (credit,) = await books.credits()
    assert (credit["total_amount"], credit["state"]) == (Decimal("-11.90"), "confirmed")
    assert credit["shipment_method"] == "order"
    assert await books.worth() == Decimal("47.48") - Decimal("11.90")
    await clerk.call("model.sale.sale.process", [credit["id"]])
    (row,) = await clerk.call(
        "model.sale.sale.read", [credit["id"]], ["shipment_returns", "invoices"]
    )
    assert len(row["shipment_returns"]) == 1
    (invoice,) = await clerk.call(
        "model.account.invoice.read", row["invoices"], ["total_amount", "type"]
    )
    assert (invoice["total_amount"], invoice["type"]) == (Decimal("-11.90"), "out")


async def test_a_credit_reserves_nothing_and_gives_no_stock_back_by_itself(books):
    await books.deliver()
    source = books.hand.connector.source
    product = (await books.hand.client.search_read(
        "product.product", [["code", "=", "SKU-002"]], ["id"]))[0]["id"]  # fmt: skip

    async def available() -> Decimal:
        (change,) = await source.fetch("inventory", [f"{product}@WH"])
        level = source.to_record("inventory", change.raw)
        assert level.available is not None
        return level.available

    before = await available()
    await books.child("refunds", a_refund(books, back(B, "1", "5.00", "0.95", "none")))
    assert await available() == before


async def test_goods_that_stay_away_are_credited_without_a_return_shipment(books, clerk):
    await books.deliver()
    await books.child("refunds", a_refund(books, back(B, "1", "5.00", "0.95", "none")))
    (credit,) = await books.credits()
    assert (credit["total_amount"], credit["shipment_method"]) == (Decimal("-5.95"), "manual")
    await clerk.call("model.sale.sale.process", [credit["id"]])
    (row,) = await clerk.call("model.sale.sale.read", [credit["id"]], ["shipment_returns"])
    assert list(row["shipment_returns"]) == []


async def test_some_come_back_and_some_stay_away_in_one_document(books, clerk):
    await books.deliver()
    lines = (back(A, "2", "20.00", "3.80"), back(B, "1", "5.00", "0.95", "none"))
    await books.child("refunds", a_refund(books, *lines))
    (credit,) = await books.credits()
    assert credit["total_amount"] == Decimal("-29.75")
    await clerk.call("model.sale.sale.process", [credit["id"]])
    (row,) = await clerk.call("model.sale.sale.read", [credit["id"]], ["shipment_returns"])
    (shipment,) = await clerk.call(
        "model.stock.shipment.out.return.read", row["shipment_returns"], ["incoming_moves"]
    )
    assert len(shipment["incoming_moves"]) == 1  # only what comes back


async def test_shipping_only(books):
    await books.deliver()
    more = {"shipping": Decimal("4.90"), "shipping_tax": Decimal("0.93")}
    await books.child("refunds", a_refund(books, **more))
    (credit,) = await books.credits()
    assert credit["total_amount"] == Decimal("-5.83")


async def test_an_amount_only(books):
    await books.deliver()
    await books.child("refunds", a_refund(books, adjustment=Decimal("7.50")))
    (credit,) = await books.credits()
    assert credit["total_amount"] == Decimal("-7.50")
    assert await books.worth() == Decimal("39.98")


async def test_all_of_it_leaves_nothing(books):
    await books.deliver()
    lines = (back(A, "3", "30.00", "5.70"), back(B, "1", "5.00", "0.95"))
    more = {"shipping": Decimal("4.90"), "shipping_tax": Decimal("0.93")}
    await books.child("refunds", a_refund(books, *lines, **more))
    assert await books.worth() == 0


async def test_one_refund_is_one_document_and_two_are_two(books):
    await books.deliver()
    first = a_refund(books, back(A, "1", "10.00", "1.90"))
    await books.child("refunds", first)
    await books.child("refunds", first)
    await books.child("refunds", a_refund(books, back(A, "1", "10.00", "1.90"), source_id="2"))
    assert [one["total_amount"] for one in await books.credits()] == [Decimal("-11.90")] * 2


async def test_more_than_was_sold_is_a_persons(books):
    await books.deliver()
    with pytest.raises(WaitForPerson, match=r"comes to 47\.48 in Tryton, 0 of it were credited"):
        await books.child("refunds", a_refund(books, adjustment=Decimal("50.00")))
    assert await books.credits() == []


async def test_a_pending_refund_waits(books):
    await books.deliver()
    refund = a_refund(books, back(A, "1", "10.00", "1.90"), pending=True)
    with pytest.raises(MissingReference, match="not settled yet"):
        await books.child("refunds", refund)
    await books.child("refunds", structs.replace(refund, pending=False))
    assert len(await books.credits()) == 1


async def test_a_shops_rounding_is_credited_to_the_cent(hand, clerk):
    lines = [
        a_line("SKU-003", "0.33", quantity="3", taxes=(("0.07", "0.06"),), id=A),
        a_line("SKU-002", "3.33", quantity="3", discount="0.01", taxes=(("0.07", "0.70"),), id=B),
    ]
    order = an_order("11.73", *lines, number="8291", source_id="life-8291")
    books = Books(hand, clerk, order)
    await books.deliver()
    assert (await books.state())[1] == Decimal("11.73")
    part = back(B, "1", "3.33", "0.24")
    await books.child("refunds", a_refund(books, part))
    assert await books.worth() == Decimal("11.73") - Decimal("3.57")


# ---------------------------------------------------------------- payments


async def test_payments_are_made_once_each(books):
    await books.deliver()

    def paid(kind: str, amount: str, number: int, **more: Any) -> Payment:
        return Payment(
            source_id=f"gid://shopify/OrderTransaction/{books.order.number}{number}",
            order_id=books.order.source_id,
            order_number=books.order.number,
            kind=kind,
            **{"status": "success", **more},
            amount=Decimal(amount),
            currency="EUR",
            gateway="card",
            processed_at=datetime(2026, 3, 1, tzinfo=UTC),
        )

    await books.child("payments", paid("sale", "47.48", 1))
    await books.child("payments", paid("refund", "11.90", 2))
    assert await books.child("payments", paid("sale", "9.00", 3, status="pending")) == Outcome()
    assert await books.child("payments", paid("authorization", "9.00", 4)) == Outcome()
    rows = await books.hand.client.search_read(
        "account.payment",
        [["reference", "like", f"{books.order.number} card %"]],
        ["kind", "amount", "state", "party"],
        order=[["id", "ASC"]],
    )
    told = [(row["kind"], row["amount"], row["state"]) for row in rows]
    assert told == [
        ("receivable", Decimal("47.48"), "submitted"),
        ("payable", Decimal("11.90"), "submitted"),
    ]


@pytest.mark.parametrize("lost", range(6))
async def test_a_payment_whose_answer_was_lost_at_any_step_is_submitted_once(books, server, lost):
    await books.deliver()
    payment = Payment(
        source_id=f"gid://shopify/OrderTransaction/{books.order.number}",
        order_id=books.order.source_id, order_number=books.order.number, kind="sale",
        status="success", amount=Decimal("47.48"), currency="EUR", gateway="card",
    )  # fmt: skip
    (effect,) = await books.plan("payments", payment)
    call = books.hand.call(effect, {})
    async with a_dropping_proxy(int(server.url.rsplit(":", 1)[1])) as proxy:
        connector = open_connector(a_context(server, config={"url": proxy.url}))
        await connector._client.facts()
        proxy.lose_next(after=lost)
        with suppress(Unreachable, UnexpectedAnswer):
            await connector.destination.write([call])
        assert proxy.lost == (lost < 5), "five requests: look, the sale, make, submit, read"
        await connector.close()
    destination = books.hand.destination
    (found,) = await destination.lookup([call])
    assert found is None or lost in (3, 4, 5), "submitted, or not done"
    if found is None:
        (outcome,) = await destination.write([call])
        found = outcome.found
    rows = await books.hand.client.search_read(
        "account.payment", [["reference", "like", f"{books.order.number} card %"]], ["state"]
    )
    assert [(row["id"], row["state"]) for row in rows] == [(int(found.destination_id), "submitted")]
    audited = Delivered(
        entity="payments", external_id=effect.external_id, destination_id=found.destination_id
    )
    assert await destination.present([audited]) == [True]


# ---------------------------------------------------------------- edits while it is processed


async def test_an_edit_before_picking_amends_the_sale(books):
    await books.deliver()
    await books.person.process(books.sale)
    await books.deliver(two_lines(int(books.order.number), "1"))
    assert await books.state() == ("processing", Decimal("23.68"))
    assert len(await books.person.process(books.sale)) == 1
    await books.person.send(books.sale, [Parcel(tracking="T", skus={"SKU-001": 1, "SKU-002": 1})])


async def test_a_line_taken_out_before_picking(books):
    await books.deliver()
    await books.person.process(books.sale)
    order = books.order
    shorter = structs.replace(
        order,
        lines=order.lines[:1],
        totals=structs.replace(order.totals, total=Decimal("41.53")),
    )
    await books.deliver(shorter)
    assert await books.state() == ("processing", Decimal("41.53"))


async def test_an_edit_after_picking_is_a_persons_with_both_versions(books):
    await books.deliver()
    (shipment,) = await books.person.process(books.sale)
    await books.person.pick(shipment)
    with pytest.raises(WaitForPerson) as caught:
        await books.deliver(two_lines(int(books.order.number), "1"))
    said = caught.value.message
    assert "its total is 47.48 there and 23.68 in the shop" in said
    assert "3 x SKU-001, 1 x SKU-002, 1 x SHIPPING | 1 x SKU-001, 1 x SKU-002, 1 x SHIPPING" in said
    assert "is being picked or packed" in said
    assert caught.value.code == "ChangedAtDestination"
    assert (await books.state())[1] == Decimal("47.48")


async def test_an_edit_that_changes_nothing_that_is_sold_passes_at_any_time(books):
    await books.deliver()
    (shipment,) = await books.person.process(books.sale)
    await books.person.pick(shipment)
    await books.deliver(structs.replace(books.order, note="ring twice"))
    (row,) = await books.hand.client.search_read(
        "sale.sale", [["id", "=", books.sale]], ["comment"]
    )
    assert row["comment"] == "ring twice"


def of_bob(books) -> Any:
    """The order, of another customer; his name is the test's own."""
    bob = PartyRef(source_id=f"bob-{books.order.number}", name="Bob", email=f"{books.sale}@bob.de")
    return structs.replace(books.order, customer=bob)


async def addressed(books) -> tuple[str, str, str]:
    """Return the sale's customer, who gets the invoice, and where it is shipped to."""
    fields = ("party.name", "invoice_party.name", "shipment_address.street")
    (row,) = await books.hand.client.search_read("sale.sale", [["id", "=", books.sale]], fields)
    party, invoice, address = (row[f"{name.partition('.')[0]}."] for name in fields)
    return party["name"], (invoice or {}).get("name", ""), address["street"]


async def test_another_customer_before_picking_amends_the_sale(books, clerk):
    await books.deliver()
    await books.person.process(books.sale)
    await books.deliver(of_bob(books))
    assert await addressed(books) == ("Bob", "", "Lange Reihe 7")
    (shipment,) = await books.person.process(books.sale)
    (row,) = await clerk.call("model.stock.shipment.out.read", [shipment], ["customer.name"])
    assert row["customer."]["name"] == "Bob"
    await books.person.send(books.sale, [Parcel(tracking="T", skus={"SKU-001": 3, "SKU-002": 1})])


async def test_another_customer_after_picking_is_a_persons(books):
    """What differs is said: the sums of both are the same."""
    await books.deliver()
    (shipment,) = await books.person.process(books.sale)
    await books.person.pick(shipment)
    with pytest.raises(WaitForPerson) as caught:
        await books.deliver(of_bob(books))
    said = caught.value.message
    assert "for another customer or address now (Bob, Ann Example, Lange Reihe 7, 20099" in said
    assert "is being picked or packed: make the change in Tryton by hand" in said
    assert "47.48" not in said
    assert (await addressed(books))[0] == "Ann Example"


@pytest.mark.parametrize("moves", [False, True], ids=["a quantity", "the address, too"])
async def test_whom_a_clerk_has_chosen_for_the_invoice_stays(books, clerk, moves):
    """He chose before it was in processing, and the shop knows nothing of it."""
    await books.deliver()
    company = {"name": "Acme", "addresses": [["create", [{"street": "Elsewhere 1"}]]]}
    (acme,) = await clerk.call("model.party.party.create", [company])
    (row,) = await clerk.call("model.party.party.read", [acme], ["addresses"])
    chosen = {"invoice_party": acme, "invoice_address": row["addresses"][0]}
    await clerk.call("model.sale.sale.draft", [books.sale])
    await clerk.call("model.sale.sale.write", [books.sale], chosen)
    for button in ("quote", "confirm"):
        await clerk.call(f"model.sale.sale.{button}", [books.sale])
    await books.person.process(books.sale)
    edited = two_lines(int(books.order.number), "1")
    if moves:
        edited = structs.replace(edited, shipping_address=an_address(street=("Neue Gasse 3",)))
    await books.deliver(edited)
    assert await books.state() == ("processing", Decimal("23.68"))
    where = "Neue Gasse 3" if moves else "Lange Reihe 7"
    assert await addressed(books) == ("Ann Example", "Acme", where)


async def test_an_added_line_in_processing_is_a_persons(books):
    await books.deliver()
    await books.person.process(books.sale)
    order = books.order
    longer = structs.replace(
        order,
        lines=(*order.lines, a_line("SKU-004", "1.00", id="gid://shopify/LineItem/3")),
        totals=structs.replace(order.totals, total=Decimal("48.48")),
    )
    with pytest.raises(WaitForPerson, match="adds a line") as caught:
        await books.deliver(longer)
    assert "1 x Thing SKU-004" in caught.value.message


async def test_somebody_elses_amendment_is_never_overwritten(books, clerk):
    await books.deliver()
    await books.person.process(books.sale)
    await clerk.call("model.sale.amendment.create", [{"sale": books.sale, "description": "x"}])
    with pytest.raises(WaitForPerson, match="amended it in Tryton too"):
        await books.deliver(two_lines(int(books.order.number), "1"))


@pytest.mark.parametrize("processed", [False, True], ids=["confirmed", "processing"])
async def test_all_lines_taken_out_before_picking_leave_nothing(books, processed):
    await books.deliver()
    if processed:
        await books.person.process(books.sale)
    order = books.order
    totals = structs.replace(order.totals, total=Decimal(0))
    await books.deliver(structs.replace(order, lines=(), shipping_lines=(), totals=totals))
    assert (await books.state())[1] == 0
    assert await books.person.process(books.sale) == []


async def test_lines_that_come_back_after_all_were_taken_out(books):
    await books.deliver()
    order = books.order
    totals = structs.replace(order.totals, total=Decimal(0))
    await books.deliver(structs.replace(order, lines=(), shipping_lines=(), totals=totals))
    await books.deliver(order)
    assert await books.state() == ("confirmed", Decimal("47.48"))


# ---------------------------------------------------------------- cancellations


async def test_cancelled_in_processing_before_picking_leaves_nothing(books):
    await books.deliver()
    await books.person.process(books.sale)
    await books.deliver(cancelled(books.order))
    assert (await books.state())[1] == 0
    assert await books.person.process(books.sale) == []  # nothing is left to ship
    await books.deliver(cancelled(books.order))
    assert (await books.state())[1] == 0


async def test_cancelled_when_a_part_has_left_cancels_the_rest(books):
    await books.deliver()
    (shipment,) = await books.person.process(books.sale)
    await books.person.shorten(shipment, {"SKU-001": 1, "SKU-002": 1})
    await books.person.pick(shipment)
    await books.person.pack(shipment, [Parcel(tracking="T", skus={"SKU-001": 1, "SKU-002": 1})])
    await books.person.ship(shipment)
    assert len(await books.person.process(books.sale)) == 1  # the other two
    await books.deliver(cancelled(books.order))
    assert (await books.state())[1] == Decimal("23.68")
    assert await books.person.process(books.sale) == []


async def test_cancelled_while_it_is_picked_is_a_persons(books):
    await books.deliver()
    (shipment,) = await books.person.process(books.sale)
    await books.person.pick(shipment)
    with pytest.raises(WaitForPerson, match="is being picked or packed: what was shipped wins"):
        await books.deliver(cancelled(books.order))
    assert (await books.state())[1] == Decimal("47.48")


async def test_cancelled_after_all_has_left_is_a_persons(books):
    await books.deliver()
    await books.person.send(books.sale, [Parcel(tracking="T", skus={"SKU-001": 3, "SKU-002": 1})])
    with pytest.raises(WaitForPerson, match="has left with all of it"):
        await books.deliver(cancelled(books.order))


async def test_a_cancelled_order_that_is_valid_again_is_a_persons(books):
    await books.deliver()
    order = books.order
    await books.deliver(cancelled(order))
    with pytest.raises(WaitForPerson, match="is cancelled in Tryton") as caught:
        await books.deliver(order)
    assert caught.value.code == "ChangedAtDestination"
    assert (await books.state())[0] == "cancelled"


async def test_one_taken_back_in_processing_that_is_valid_again_is_sold_again(books):
    await books.deliver()
    await books.person.process(books.sale)
    order = books.order
    await books.deliver(cancelled(order))
    await books.deliver(order)
    assert await books.state() == ("processing", Decimal("47.48"))
    assert len(await books.person.process(books.sale)) == 1


async def test_the_refund_of_a_cancelled_order_is_not_credited_twice(books):
    await books.deliver()
    lines = (back(A, "3", "30.00", "5.70", "cancel"), back(B, "1", "5.00", "0.95", "cancel"))
    more = {"shipping": Decimal("4.90"), "shipping_tax": Decimal("0.93"), "order_cancelled": True}
    refund = a_refund(books, *lines, **more)
    with pytest.raises(MissingReference, match="waits until its cancellation is settled"):
        await books.child("refunds", refund)  # it came before the cancellation
    await books.deliver(cancelled(books.order))
    assert (await books.state())[0] == "cancelled"
    (call, *_) = [
        books.hand.call(effect, {"sale": "0"})
        for effect in books.hand.destination.plan(
            Delivery(
                entity="refunds", external_id=refund.source_id,
                document=books.hand.destination.to_document("refunds", refund, {}),
                record=refund, bound=None, settings={},
                resolved={("orders", refund.order_id): str(books.sale),
                          **{("sku", x): "1" for x in ("REFUND", "ROUNDING", "SHIPPING")}},
            )
        )
    ]  # fmt: skip
    (outcome,) = await books.hand.destination.write([call])
    assert outcome.found is not None
    assert outcome.found.destination_id == str(books.sale)
    assert await books.credits() == []

"""One order, one sale, whatever happens; and a person is asked where two have a say."""

import asyncio
from decimal import Decimal

import pytest
from msgspec import structs
from tests.integration.tryton.conftest import Hand, a_context
from tests.support.dropping_proxy import a_dropping_proxy
from tests.support.orders import a_line, a_shipping, an_order

from knect.sdk.errors import (
    Refused,
    RetryLater,
    UnexpectedAnswer,
    Unreachable,
    WaitForPerson,
)
from knect_connectors.tryton import open_connector
from knect_connectors.tryton.demo import TrytonServer, make_database
from knect_connectors.tryton.demo.people import Person

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="session")]


async def sale_of(hand, order):
    return (await hand.sale(order))["id"]


# ---------------------------------------------------------------- once


async def test_the_same_order_twice_is_one_sale(hand):
    order = an_order("10.00", a_line(), number="S1")
    first = await hand.deliver(order)
    del hand.bound[order.source_id], hand.delivered[order.source_id]  # a ledger that was lost
    second = await hand.deliver(order)
    assert first.destination_id == second.destination_id
    assert (await hand.sale(order))["state"] == "confirmed"


async def test_an_answer_lost_after_the_commit_is_found_by_looking(hand, server):
    order = an_order("10.00", a_line(), number="S2")
    port = int(server.url.rsplit(":", 1)[1])
    async with a_dropping_proxy(port) as proxy:
        connector = open_connector(a_context(server, config={"url": proxy.url}))
        behind = Hand(connector)
        effects = await behind.effects(order)
        given = {}
        await behind.write(effects[:2], given)
        proxy.lose_next(after=1)  # the products' units are read, then the sale is created
        with pytest.raises((Unreachable, UnexpectedAnswer)) as caught:
            await behind.write(effects[2:3], given)
        assert caught.value.could_have_been_seen
        assert proxy.lost == 1
        (found,) = await behind.destination.lookup([behind.call(effects[2], given)])
        await connector.close()
    assert found is not None
    assert found.destination_id == str(await sale_of(hand, order))


async def test_looking_for_what_was_never_made_finds_nothing(hand):
    order = an_order("10.00", a_line(), number="S3")
    effects = await hand.effects(order)
    given = {"party": "1", "addresses": "1/1", "sale": "1"}
    calls = [hand.call(effect, given) for effect in effects]
    assert await hand.destination.lookup(calls[:1]) == [None]
    assert await hand.destination.lookup(calls[2:3]) == [None]


async def test_a_state_counts_as_reached_only_when_it_is(hand):
    order = an_order("10.00", a_line(), number="S5")
    given = {}
    effects = await hand.effects(order)
    await hand.write(effects[:3], given)
    call = hand.call(effects[3], given)
    assert await hand.destination.lookup([call]) == [None]
    await hand.write(effects[3:], given)
    (found,) = await hand.destination.lookup([call])
    assert found.number == (await hand.sale(order))["number"]


async def test_an_update_is_never_taken_for_done_because_the_sale_is_there(hand):
    order = an_order("10.00", a_line(), number="S6")
    await hand.deliver(order)
    effects = await hand.effects(an_order("20.00", a_line(quantity="2"), number="S6"))
    call = hand.call(effects[2], {"party": "1", "addresses": "1/1"})
    assert await hand.destination.lookup([call]) == [None]


async def test_a_batch_is_taken_or_refused_as_a_whole(hand):
    orders = [an_order("10.00", a_line(), number=f"S4-{i}") for i in range(3)]
    broken = an_order("5.00", a_line(quantity="0.5"), number="S4-x")  # no half things in Tryton
    plans = [await hand.effects(order) for order in (*orders, broken)]
    given = [{} for _ in plans]
    for step in (0, 1):
        calls = [hand.call(plan[step], ids) for plan, ids in zip(plans, given, strict=True)]
        outcomes = await hand.destination.write(calls)
        for plan, ids, outcome in zip(plans, given, outcomes, strict=True):
            ids[plan[step].name] = outcome.found.destination_id
    calls = [hand.call(plan[2], ids) for plan, ids in zip(plans, given, strict=True)]
    with pytest.raises(Refused, match="Quantity") as caught:
        await hand.destination.write(calls)
    assert (caught.value.path, caught.value.value) == ("Quantity", "'0.5'")
    assert await hand.destination.lookup(calls) == [None] * 4
    outcomes = await hand.destination.write(calls[:3])
    assert len({outcome.found.destination_id for outcome in outcomes}) == 3


async def test_forty_orders_while_the_erp_is_killed_twice(company, tmp_path):
    make_database(company, tmp_path / "erp.sqlite")
    orders = [
        an_order(
            "24.90",
            a_line(quantity="2", taxes=(("0.19", "3.19"),)),
            number=f"K{i}",
            shipping_lines=(a_shipping(taxes=(("0.19", "0.78"),)),),
            taxes_included=True,
        )
        for i in range(40)
    ]
    server = TrytonServer(tmp_path / "erp.sqlite")
    server.start()
    try:
        connector = open_connector(a_context(server))
        hand = Hand(connector)
        lost = 0
        for start in range(0, 40, 10):
            batch = orders[start : start + 10]
            lost += await _deliver_like_the_engine(hand, batch, server, dies=start in (10, 20))
        sales = await hand.client.search_read("sale.sale", [], ["web_id", "total_amount", "state"])
        parties = await hand.client.search_read("party.identifier", [], ["code"])
        await connector.close()
    finally:
        server.stop()
    assert lost == 2  # a kill that hits nothing proves nothing
    assert sorted(sale["web_id"] for sale in sales) == sorted(order.source_id for order in orders)
    assert {(sale["total_amount"], sale["state"]) for sale in sales} == {
        (Decimal("24.90"), "confirmed")
    }
    assert len({row["code"] for row in parties}) == len(parties) == 40


_SALES = 2  # the step whose write takes the longest


async def _deliver_like_the_engine(hand, orders, server, *, dies=False):
    """Deliver a batch: looked up when an outcome is unknown; return how often one was.

    `dies`: the server is killed once, while it writes the sales.
    """
    given = [{} for _ in orders]
    plans = [await hand.effects(order) for order in orders]
    lost = 0
    while True:
        try:
            for step in range(4):
                calls = [hand.call(plan[step], ids) for plan, ids in zip(plans, given, strict=True)]
                found = await hand.destination.lookup(calls) if lost else [None] * len(calls)
                missing = [i for i, one in enumerate(found) if one is None]
                if dies and step == _SALES:
                    dies = False
                    asyncio.get_running_loop().call_later(0.1, server.kill)
                outcomes = await hand.destination.write([calls[i] for i in missing])
                assert [outcome.error for outcome in outcomes] == [None] * len(missing)
                for i, outcome in zip(missing, outcomes, strict=True):
                    found[i] = outcome.found
                for plan, ids, one in zip(plans, given, found, strict=True):
                    ids[plan[step].name] = one.destination_id
        except (Unreachable, UnexpectedAnswer):
            lost += 1
            assert lost < 3
            await asyncio.to_thread(server.start)
        else:
            return lost


async def test_many_at_once_get_through_and_no_two_sales_share_a_number(hand):
    orders = [an_order("10.00", a_line(), number=f"W{i}") for i in range(24)]
    found = await asyncio.gather(*(hand.deliver(order) for order in orders))
    numbers = [one.number for one in found]
    assert len(set(numbers)) == 24
    assert {(await hand.sale(order))["number"] for order in orders} == set(numbers)


# ---------------------------------------------------------------- edits and cancellations


async def test_an_edit_brings_an_open_sale_to_the_new_content(hand):
    order = an_order("10.00", a_line(), number="E1")
    first = await hand.deliver(order)
    more = an_order(
        "33.00", a_line(quantity="2"), a_line("SKU-002", price="13.00"), number="E1", edited=True
    )
    second = await hand.deliver(more)
    assert second.destination_id == first.destination_id
    sale = await hand.sale(order)
    assert (sale["total_amount"], sale["state"]) == (Decimal("33.00"), "confirmed")
    assert [code for code, _, _ in await hand.lines(order)] == ["SKU-001", "SKU-002"]
    assert second.number == first.number


async def rows_of(hand, order):
    """Return the sale's lines by product: id, quantity, amount."""
    rows = await hand.client.search_read(
        "sale.line",
        [["sale", "=", await sale_of(hand, order)]],
        ["product.code", "quantity", "amount", "unit_price", "note"],
        order=[["id", "ASC"]],
    )
    return {row["product."]["code"]: row for row in rows}


async def test_one_edit_sent_twice_at_once_adds_its_line_once(hand, server):
    """A request nobody waits for any longer is done all the same, beside the one sent again."""
    order = an_order("10.00", a_line(), number="S31")
    await hand.deliver(order)
    edit = an_order("30.00", a_line(), a_line("SKU-002", quantity="2", id="2"), number="S31")
    effects = await hand.effects(edit)
    given = {}
    await hand.write(effects[:2], given)
    others = [open_connector(a_context(server)) for _ in range(3)]
    calls = [one.destination.write([hand.call(effects[2], given)]) for one in others]
    came = await asyncio.gather(*calls, return_exceptions=True)
    for one in others:
        await one.close()
    errors = [one for one in came if isinstance(one, BaseException)]
    assert all(isinstance(one, RetryLater) for one in errors), came
    await hand.write(effects[2:], given)
    assert await hand.lines(order) == [
        ("SKU-001", Decimal(1), Decimal("10.00")),
        ("SKU-002", Decimal(2), Decimal("20.00")),
    ]
    sale = await hand.sale(order)
    assert (sale["state"], sale["total_amount"]) == ("confirmed", Decimal("30.00"))


async def test_one_sale_confirmed_twice_at_once_is_confirmed(hand, server):
    for number in range(3):
        order = an_order("10.00", a_line(), number=f"S32{number}")
        effects = await hand.effects(order)
        given = {}
        await hand.write(effects[:3], given)
        hand.client.just_made.take([("", int(given["sale"]))])
        others = [open_connector(a_context(server)) for _ in range(3)]
        calls = [one.destination.write([hand.call(effects[3], given)]) for one in others]
        came = await asyncio.gather(*calls)
        for one in others:
            await one.close()
        assert [outcome.error for (outcome,) in came] == [None] * 3
        assert (await hand.sale(order))["state"] == "confirmed"


async def test_an_edit_writes_lines_in_place_and_keeps_what_is_no_longer_sold_at_nothing(hand):
    two = (a_line(id="A"), a_line("SKU-002", price="5.00", id="B"), a_line("SKU-003", id="C"))
    order = an_order("29.90", *two, shipping_lines=(a_shipping("4.90"),), number="E3")
    await hand.deliver(order)
    before = await rows_of(hand, order)
    left = (a_line(quantity="2", id="A"), a_line("SKU-003", id="C"))
    await hand.deliver(an_order("30.00", *left, number="E3", edited=True))
    after = await rows_of(hand, order)
    assert sorted(after) == ["SKU-001", "SKU-002", "SKU-003"]  # shipping is no stock: it is gone
    assert all(after[sku]["id"] == before[sku]["id"] for sku in after)
    told = {sku: (row["quantity"], row["amount"]) for sku, row in after.items()}
    assert told == {"SKU-001": (2, 20), "SKU-002": (0, 0), "SKU-003": (1, 10)}
    sale = await hand.sale(order)
    assert (sale["total_amount"], sale["state"]) == (Decimal("30.00"), "confirmed")
    # sold again: the line that stands there is taken
    again = (*left, a_line("SKU-002", price="6.00", id="D"))
    await hand.deliver(an_order("36.00", *again, number="E3", edited=True))
    last = await rows_of(hand, order)
    assert last["SKU-002"]["id"] == before["SKU-002"]["id"]
    assert (last["SKU-002"]["amount"], last["SKU-002"]["note"]) == (6, "Web line: D")


async def test_a_line_of_nothing_is_neither_shipped_nor_invoiced(hand, clerk):
    order = an_order("15.00", a_line(id="A"), a_line("SKU-002", price="5.00", id="B"), number="E4")
    await hand.deliver(order)
    await hand.deliver(an_order("10.00", a_line(id="A"), number="E4", edited=True))
    sale = await sale_of(hand, order)
    (shipment,) = await Person(clerk).process(sale)
    moves = await clerk.search_read(
        "stock.move", [["shipment", "=", f"stock.shipment.out,{shipment}"]], ["product.code"]
    )
    assert {move["product."]["code"] for move in moves} == {"SKU-001"}
    (row,) = await clerk.search_read("sale.sale", [["id", "=", sale]], ["invoices"])
    lines = await clerk.search_read(
        "account.invoice.line", [["invoice", "in", list(row["invoices"])]], ["product.code"]
    )
    assert {line["product."]["code"] for line in lines} <= {"SKU-001"}


async def test_an_edit_of_a_sale_somebody_changed_in_tryton_asks_a_person(hand, clerk):
    order = an_order("10.00", a_line(), number="E2")
    await hand.deliver(order)
    sale = await sale_of(hand, order)
    await clerk.call("model.sale.sale.draft", [sale])
    await clerk.call("model.sale.sale.write", [sale], {"comment": "call before delivery"})
    more = an_order("20.00", a_line(quantity="2"), number="E2")
    with pytest.raises(WaitForPerson, match="changed in Tryton by admin"):
        await hand.deliver(more)
    assert (await hand.sale(order))["total_amount"] == Decimal("10.00")


async def test_an_edit_of_a_sale_in_processing_asks_a_person(hand, clerk):
    order = an_order("10.00", a_line(), number="E3")
    await hand.deliver(order)
    person = Person(clerk)
    await person.pick((await person.process(await sale_of(hand, order)))[0])
    more = an_order("20.00", a_line(quantity="2"), number="E3")
    with pytest.raises(WaitForPerson, match=r"is processing in Tryton and .* was changed"):
        await hand.deliver(more)
    assert (await hand.sale(order))["total_amount"] == Decimal("10.00")


async def test_a_cancelled_order_cancels_its_sale(hand):
    order = an_order("10.00", a_line(), number="C1")
    await hand.deliver(order)
    cancelled = structs.replace(order, cancelled_at=order.placed_at)
    await hand.deliver(cancelled)
    assert (await hand.sale(order))["state"] == "cancelled"
    await hand.deliver(cancelled)  # repeating is harmless
    assert (await hand.sale(order))["state"] == "cancelled"


async def test_an_order_cancelled_before_it_was_delivered_makes_nothing(hand):
    order = an_order("10.00", a_line(), number="C2")
    cancelled = structs.replace(order, cancelled_at=order.placed_at)
    assert await hand.effects(cancelled) == ()


async def test_a_cancellation_of_a_sale_in_processing_asks_a_person(hand, clerk):
    order = an_order("10.00", a_line(), number="C3")
    await hand.deliver(order)
    person = Person(clerk)
    await person.pick((await person.process(await sale_of(hand, order)))[0])
    with pytest.raises(WaitForPerson, match=r"is processing in Tryton and .* was cancelled"):
        await hand.deliver(structs.replace(order, cancelled_at=order.placed_at))


async def test_a_sale_deleted_in_tryton_is_said_to_be_gone(hand, clerk):
    order = an_order("10.00", a_line(), number="C4")
    await hand.deliver(order, state="Draft")
    await clerk.call("model.sale.sale.delete", [await sale_of(hand, order)])
    with pytest.raises(WaitForPerson, match="no longer in Tryton"):
        await hand.deliver(an_order("20.00", a_line(quantity="2"), number="C4"))


async def test_a_total_tryton_changed_is_not_confirmed(hand):
    order = an_order("10.00", a_line(), number="C5")
    effects = await hand.effects(order)
    lying = structs.replace(effects[3], body={**effects[3].body, "total": "9.99"})
    outcome = await hand.write([*effects[:3], lying], {})
    assert outcome.error.code == "TotalsMismatch"
    assert "total of 10.00, the order's total is 9.99" in outcome.error.message
    assert (await hand.sale(order))["state"] == "draft"


@pytest.mark.parametrize(("wanted", "state"), [("Draft", "draft"), ("Quotation", "quotation")])
async def test_a_pipeline_may_leave_the_rest_to_people(hand, wanted, state):
    order = an_order("10.00", a_line(), number=f"C6-{wanted}")
    await hand.deliver(order, state=wanted)
    assert (await hand.sale(order))["state"] == state


async def test_a_state_nobody_knows_is_refused_before_anything_is_written(hand):
    order = an_order("10.00", a_line(), number="C7")
    with pytest.raises(Refused, match="'Sent', which is none of Draft, Quotation, Confirmed"):
        await hand.effects(order, state="Sent")

"""What a GP does on a bad day: lost connections, locks, refusals, text it cannot store."""

import asyncio
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from tests.support.orders import a_line, an_address, an_order

from knect.model import PartyRef
from knect.sdk.contract import Call, Window
from knect.sdk.errors import (
    BadRecord,
    ConnectorError,
    CredentialsRejected,
    Fatal,
    MissingReference,
    RetryLater,
    UnexpectedAnswer,
    Unreachable,
)
from knect.sdk.permit import sending_while
from knect.sdk.testing import Fault
from knect_connectors.dynamics_gp.simulator.session import Session
from knect_connectors.dynamics_gp.tests.conftest import Gp, deliver, effects_of, listed

ORDER = an_order("20.00", a_line("KN-100", quantity="2"))


async def error_of(gp: Gp, order: Any = ORDER, **config: Any) -> ConnectorError:
    try:
        outcome = await deliver(gp.connect(**config), order)
    except ConnectorError as error:
        return error
    assert outcome.error is not None, f"no error, but {outcome.found}"
    return outcome.error


async def nothing_was_written(gp: Gp) -> None:
    async with asyncio.timeout(5):  # the server undoes it once it sees that the client has gone
        while gp.server.writer is not None:  # noqa: ASYNC110 - the server is not ours to signal
            await asyncio.sleep(0.005)
    assert gp.documents(type=2) == []
    marks = [x["external_id"] for x in gp.control.snapshot()["deliveries"]]
    assert "shop:1001" not in marks
    assert {x["allocated"] for x in gp.control.snapshot()["quantities"]} == {"0"}


# ---------------------------------------------------------------- connections


@pytest.mark.parametrize("kind", ["reset", "after"])
@pytest.mark.parametrize("statement", ["claim", "sop_line", "sop_tax", "sop_header"])
async def test_a_reset_before_the_commit_is_known_to_have_written_nothing(
    gp: Gp, statement: str, kind: str
) -> None:
    order = an_order("23.80", a_line("KN-100", quantity="2", taxes=(("0.19", "3.80"),)))
    connector = gp.connect()
    await deliver(connector, order, external_id="shop:warm-up")
    gp.people.void("WEB000001")
    gp.plan(statement, kind)
    outcome = await deliver(connector, order)
    assert isinstance(outcome.error, Unreachable)
    assert not outcome.error.could_have_been_seen
    assert [x for x in gp.documents(type=2) if not x["voided"]] == []
    again = await deliver(connector, order)
    assert again.found is not None
    assert len([x for x in gp.documents(type=2) if not x["voided"]]) == 1


@pytest.mark.parametrize("kind", ["reset", "after", "hang"])
async def test_a_commit_without_an_answer_is_open_and_a_lookup_tells(gp: Gp, kind: str) -> None:
    connector = gp.connect()
    destination = connector.destination
    assert destination is not None
    customer, effect = await effects_of(connector, ORDER)
    (made,) = await destination.write([Call(effect=customer, given={}, idempotency_key="k")])
    assert made.found is not None
    call = Call(effect=effect, given={"customer": made.found.destination_id}, idempotency_key="k")
    gp.plan("commit", kind)
    if kind == "hang":
        await gp.give_up("commit", destination.write([call]))
    else:
        (outcome,) = await destination.write([call])
        assert isinstance(outcome.error, Unreachable)
        assert outcome.error.could_have_been_seen
        assert not outcome.error.answered
    (found,) = await destination.lookup([call])
    assert (found is not None) == (kind == "after")
    (again,) = await destination.write([call])
    assert again.found is not None
    assert len(gp.documents(type=2)) == 1


async def test_a_commit_that_is_refused_leaves_no_transaction_open(gp: Gp) -> None:
    connector = gp.connect()
    gp.plan("commit", "", "lock")
    refused = await deliver(connector, ORDER)
    assert isinstance(refused.error, RetryLater)
    await nothing_was_written(gp)
    assert (await deliver(connector, ORDER)).found is not None
    assert len(gp.documents(type=2)) == 1


async def test_a_key_that_is_taken_by_nothing_of_ours_is_tried_again(gp: Gp) -> None:
    """GP's own tables have keys too: the next number may have been typed in by somebody."""
    gp.plan("sop_header", "duplicate")
    error = await error_of(gp)
    assert isinstance(error, RetryLater)
    assert "2627" in error.message
    await nothing_was_written(gp)
    assert (await deliver(gp.connect(), ORDER)).found is not None


async def test_a_look_up_waits_for_a_commit_that_lands_late(gp: Gp) -> None:
    gp.server.faults.late_commit_seconds = 0.2
    connector = gp.connect()
    destination = connector.destination
    assert destination is not None
    customer, effect = await effects_of(connector, ORDER)
    (made,) = await destination.write([Call(effect=customer, given={}, idempotency_key="k")])
    assert made.found is not None
    call = Call(effect=effect, given={"customer": made.found.destination_id}, idempotency_key="k")
    before = sum(gp.server.counts.values())
    await destination.write([call])  # counts how many requests an order is
    count = sum(gp.server.counts.values()) - before
    structs_call = Call(
        effect=(await effects_of(connector, ORDER, external_id="shop:late"))[1],
        given=call.given,
        idempotency_key="k",
    )
    gp.server.faults.force(*[None] * (count - 1), Fault.LATE_COMMIT)
    gp.server.faults.force(*[None] * 50)
    (outcome,) = await destination.write([structs_call])
    assert isinstance(outcome.error, Unreachable)
    # the transaction is still open there: the look-up is answered once it has ended, and truly
    (found,) = await destination.lookup([structs_call])
    assert found is not None
    assert len(gp.documents(type=2)) == 2


async def test_nothing_leaves_once_the_lease_is_over(gp: Gp) -> None:
    connector = gp.connect()
    with sending_while(lambda: False):
        outcome = await deliver(connector, ORDER)
    assert isinstance(outcome.error, Unreachable)
    assert "too late to send" in outcome.error.message
    assert not outcome.error.could_have_been_seen
    await nothing_was_written(gp)
    assert gp.control.snapshot()["customers"] == []


async def test_a_deadlocks_victim_is_the_whole_transaction_again(gp: Gp) -> None:
    gp.plan("sop_line", "deadlock", "deadlock")
    outcome = await deliver(gp.connect(), ORDER)
    assert outcome.found is not None, outcome.error
    (document,) = gp.documents(type=2)
    assert document["total"] == "20"
    assert gp.server.counts["claim"] >= 3


async def test_a_lasting_deadlock_is_tried_later_and_wrote_nothing(gp: Gp) -> None:
    gp.plan("sop_line", *["deadlock"] * 9)
    error = await error_of(gp)
    assert isinstance(error, RetryLater)
    assert (error.code, error.could_have_been_seen) == ("1205", False)
    await nothing_was_written(gp)


async def test_the_third_line_of_a_document_is_as_good_as_the_first(gp: Gp) -> None:
    fault = {"statement": "sop_line", "kind": "after", "skip": 2}
    await gp.control.do("fault", fault)
    lines = [a_line(sku, id=sku) for sku in ("KN-100", "KN-200", "KN-300", "KN-400")]
    connector = gp.connect()
    outcome = await deliver(connector, an_order("40.00", *lines))
    assert isinstance(outcome.error, Unreachable)
    await nothing_was_written(gp)
    assert (await deliver(connector, an_order("40.00", *lines))).found is not None
    assert len(gp.documents(type=2)[0]["lines"]) == 4


async def test_a_time_out_inside_of_a_line_is_undone_and_tried_again(gp: Gp) -> None:
    gp.plan("sop_line", "lock")
    error = await error_of(gp)
    assert isinstance(error, RetryLater)
    assert "1222" in error.message
    await nothing_was_written(gp)
    assert (await deliver(gp.connect(), ORDER)).found is not None


async def test_a_line_that_hangs_is_given_up_and_undone(gp: Gp) -> None:
    connector = gp.connect()
    gp.plan("sop_line", "hang")
    await gp.give_up("sop_line", deliver(connector, ORDER))
    assert (await deliver(connector, ORDER)).found is not None
    assert len(gp.documents(type=2)) == 1


async def test_another_ones_transaction_is_waited_for_and_then_said(gp: Gp) -> None:
    connector = gp.connect()
    await gp.server.acquire(Session(gp.server))  # somebody's long transaction
    source = connector.source
    assert source is not None
    with pytest.raises(RetryLater, match="1222"):
        await source.server_time()


async def test_what_is_no_sql_server_is_said_so(gp: Gp) -> None:
    async def page(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n<html>")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(page, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(UnexpectedAnswer, match="no SQL Server's"):
            await gp.connect(port=port).check()
    with pytest.raises(Unreachable) as told:
        await gp.connect(port=port).check()
    assert not told.value.could_have_been_seen


async def test_a_wrong_password_waits_for_a_person_and_is_not_said(gp: Gp) -> None:
    with pytest.raises(CredentialsRejected) as told:
        await gp.connect(password="canary-password").check()
    assert "canary" not in f"{told.value!r} {told.value.__context__!r} {told.value.__cause__!r}"


async def test_encryption_is_on_by_default_and_a_server_without_it_is_refused(gp: Gp) -> None:
    with pytest.raises(Fatal, match="encryption") as told:
        await gp.connect(encryption="Verified", host="localhost").check()
    assert told.value.path == "config.encryption"


# ---------------------------------------------------------------- what eConnect refuses


@pytest.mark.parametrize(
    ("act", "arguments", "kind", "path", "value"),
    [
        ("hold", {"customer": "?"}, "customer", "customer", "?"),
        ("close_period", {"first": "2026-11-01", "last": "2026-11-30"}, "period", "placed_at",
         "2026-11-21"),
        ("mark_batch", {"batch": "WEB20261121"}, "batch", "batch", "WEB20261121"),
        ("lock", {"document": "WEB000002"}, "document", None, "WEB000002"),
    ],
)  # fmt: skip
async def test_what_somebody_has_to_let_go_of_is_waited_for(
    gp: Gp, act: str, arguments: dict[str, Any], kind: str, path: str | None, value: str
) -> None:
    connector = gp.connect()
    await deliver(connector, ORDER, external_id="shop:first")
    number = gp.documents(type=2)[0]["customer"]
    given = {k: number if v == "?" else v for k, v in arguments.items()}
    await gp.control.do(act, given)
    outcome = await deliver(connector, ORDER)
    error = outcome.error
    assert isinstance(error, MissingReference), error
    assert (error.kind, error.value) == (kind, number if value == "?" else value)
    if path is not None:
        assert error.path == path
    assert "goes on by itself" in error.message or "in GP" in error.message
    assert len(gp.documents(type=2)) == 1
    await gp.control.do(act, {"first": "", "last": ""} if act == "close_period" else
                        {**given, "on": False})  # fmt: skip
    # the number the refused document had is a gap; a locked number is not given out again
    assert (await deliver(connector, ORDER)).found is not None


async def test_an_item_that_may_not_be_back_ordered_waits_for_stock(gp: Gp) -> None:
    gp.people.item("RARE", "Rare thing", "10", "1", back_orders=False)
    order = an_order("20.00", a_line("KN-100"), a_line("RARE", id="2"), number="1001")
    short = an_order("30.00", a_line("KN-100"), a_line("RARE", id="2", quantity="2"))
    error = await error_of(gp, short)
    assert isinstance(error, MissingReference)
    assert (error.kind, error.path, error.value) == ("stock", "lines[1].sku", "RARE")
    assert "4776" in error.message
    await nothing_was_written(gp)
    assert (await deliver(gp.connect(), order)).found is not None


@pytest.mark.parametrize(
    ("shortage", "allocated", "back"),
    [("BackOrderBalance", "1", "2"), ("BackOrderAll", "0", "3"), ("Override", "3", "0")],
)
async def test_a_shortage_follows_the_declared_policy(
    gp: Gp, shortage: str, allocated: str, back: str
) -> None:
    gp.people.item("FEW", "Few", "10", "1")
    outcome = await deliver(
        gp.connect(shortage=shortage), an_order("30.00", a_line("FEW", quantity="3"))
    )
    assert outcome.error is None, outcome.error
    (line,) = gp.documents(type=2)[0]["lines"]
    assert (line["allocated"], line["back_ordered"]) == (allocated, back)


async def test_a_currency_that_is_not_set_up_is_waited_for(gp: Gp) -> None:
    error = await error_of(gp, an_order("10.00", a_line("KN-100"), currency="CHF"))
    assert isinstance(error, MissingReference)
    assert (error.kind, error.path, error.value) == ("currency", "currency", "CHF")


async def test_an_inactive_item_is_waited_for(gp: Gp) -> None:
    gp.people.item("OLD", "Old", "10", "5", inactive=True)
    error = await error_of(gp, an_order("10.00", a_line("OLD")))
    assert isinstance(error, MissingReference)
    assert "inactive" in error.message


async def test_an_unknown_item_or_tax_is_left_out_of_the_answer(gp: Gp) -> None:
    connector = gp.connect()
    destination = connector.destination
    assert destination is not None
    line = a_line("NOPE", taxes=(("0.31", "3.10"),))
    references = destination.references("orders", an_order("13.10", line))
    assert [(x.kind, x.value, x.path) for x in references] == [
        ("sku", "NOPE", "lines[0].sku"),
        ("tax", "0.31", "lines[0].taxes[0]"),
    ]
    assert await destination.resolve(references) == {}


async def test_a_document_id_that_is_not_set_up_is_said_with_its_config(gp: Gp) -> None:
    error = await error_of(gp, documents={"order": "NOPE"})
    assert error.path == "config.documents"
    assert error.value == "NOPE"


async def test_a_sku_in_other_letters_is_the_same_item(gp: Gp) -> None:
    outcome = await deliver(gp.connect(), an_order("10.00", a_line("kn-100")))
    assert outcome.error is None, outcome.error
    assert gp.documents(type=2)[0]["lines"][0]["item"] == "KN-100"


# ---------------------------------------------------------------- text


async def test_quotes_blanks_and_markup_arrive_as_they_are(gp: Gp) -> None:
    name = 'O\'Brien & <b>Sons</b>; DROP TABLE "x"--'
    address = an_address(name=name, street=("  1 'Main'  St ", "<i>2</i>"), city="Bonn   ")
    order = an_order("10.00", a_line("KN-100"), shipping_address=address, note="it's\n'fine'")
    outcome = await deliver(gp.connect(), order)
    assert outcome.error is None, outcome.error
    row = gp.company.books.one("SELECT * FROM SOP10100")
    assert row is not None
    assert (row["ShipToName"], row["CITY"]) == (name, "Bonn")
    assert (row["ADDRESS1"], row["ADDRESS2"]) == ("1 'Main' St", "<i>2</i>")


@pytest.mark.parametrize(
    ("length", "fits"), [(60, True), (61, False)], ids=["the parameter", "the column"]
)
async def test_a_text_is_as_long_as_the_parameter_not_as_the_column(
    gp: Gp, length: int, fits: bool
) -> None:
    order = an_order("10.00", a_line("KN-100"), shipping_address=an_address(street=("x" * length,)))
    if fits:
        assert (await deliver(gp.connect(), order)).error is None
        return
    error = await error_of(gp, order)
    assert isinstance(error, BadRecord)
    assert error.path == "shipping_address.street[0]"
    assert "has 61 characters, GP's ADDRESS1 takes 60" in error.message
    await nothing_was_written(gp)


async def test_letters_gp_does_not_have_are_a_reason_or_written_plainly(gp: Gp) -> None:
    customer = PartyRef(email="l@example.com", name="Łukasz Żak 🫖")
    order = an_order("10.00", a_line("KN-100"), customer=customer)
    error = await error_of(gp, order)
    assert isinstance(error, BadRecord)
    assert (error.path, error.value) == ("customer.name", "Łukasz Żak 🫖")
    assert "cp1252" in error.message
    outcome = await deliver(gp.connect(characters="Replace"), order)
    assert outcome.error is None, outcome.error
    assert gp.control.snapshot()["customers"][0]["name"] == "Lukasz Zak ?"


async def test_letters_of_the_code_page_stay(gp: Gp) -> None:
    order = an_order(
        "10.00", a_line("KN-100"), customer=PartyRef(email="d@example.com", name="Dörte Müller €")
    )
    assert (await deliver(gp.connect(), order)).error is None
    assert gp.documents(type=2)[0]["customer"]
    assert gp.control.snapshot()["customers"][0]["name"] == "Dörte Müller €"


# ---------------------------------------------------------------- what is read


async def test_empty_dates_and_padding_do_not_come_out(gp: Gp) -> None:
    await deliver(gp.connect(), ORDER)
    gp.company.books.run("UPDATE SOP10100 SET DOCDATE = '1900-01-01 00:00:00.000'")
    connector = gp.connect()
    source = connector.source
    assert source is not None
    (change,) = await source.fetch("orders", ["WEB000001"])
    assert change.raw["DOCDATE"] is None
    assert change.raw["CSTPONBR"] == "1001"
    assert not [v for v in change.raw.values() if isinstance(v, str) and v != v.rstrip()]
    source.to_record("orders", change.raw)


@pytest.mark.parametrize("text", ["1.234,56", "1,234.56", "1234,56"])
async def test_numbers_are_numbers_whatever_a_locale_writes(gp: Gp, text: str) -> None:
    """GP's amounts travel as numerics; a text that looks like one stays a text."""
    gp.people.item("KN-900", text, "1234.56", "1234.5")
    connector = gp.connect()
    prices = {x.sku: x for x in (await listed(connector, "prices")).values()}  # type: ignore[union-attr]
    assert prices["KN-900"].amount == Decimal("1234.56")  # type: ignore[union-attr]
    levels = await listed(connector, "inventory")
    assert levels["KN-900@WAREHOUSE"].on_hand == Decimal("1234.5")  # type: ignore[union-attr]
    products = await listed(connector, "products")
    assert products["KN-900"].title == text  # type: ignore[union-attr]


async def test_a_clock_behind_loses_nothing(gp: Gp) -> None:
    """Windows end at the server's clock, not at ours."""
    gp.company.books.offset = timedelta(seconds=-90)
    connector = gp.connect()
    await deliver(connector, ORDER)
    source = connector.source
    assert source is not None
    now = await source.server_time()
    window = Window(since=now - timedelta(minutes=5), until=now + timedelta(seconds=1))
    pages = [page async for page in source.read("orders", window)]
    assert [x.id for page in pages for x in page.changes] == ["WEB000001"]

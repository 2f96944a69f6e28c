"""Orders and customers into GP: money, customers, edits, cancellations, what others made."""

import asyncio
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs
from tests.support.orders import a_line, a_shipping, an_address, an_order

from knect.model import Customer, Discount, Fee, Order, PartyRef
from knect.sdk.contract import Call, Found, Removal
from knect.sdk.errors import BadRecord, WaitForPerson
from knect_connectors.dynamics_gp.amounts import reckon
from knect_connectors.dynamics_gp.tests.conftest import Gp, deliver, effects_of

RICH: dict[str, Any] = {
    "shipping_lines": (a_shipping("5.00", taxes=(("0.19", "0.95"),)),),
    "fees": (Fee(kind="packaging", amount=Decimal("1.00")),),
    "tips": Decimal("0.50"),
    "rounding": Decimal("-0.02"),
    "discounts": (Discount(amount=Decimal("1.00"), code="TEN"),),
}


def rich(total: str = "36.03") -> Order:
    # 3 x 10.00 - 5.00 does not divide by three: 25.00 + 4.75 tax + 5.95 + 1 + 0.50 - 0.02 - 1.00
    line = a_line("KN-100", "10.00", quantity="3", discount="5.00", taxes=(("0.19", "4.60"),))
    return an_order(total, line, **RICH)


async def test_an_order_comes_to_what_was_paid_to_the_cent(gp: Gp) -> None:
    outcome = await deliver(gp.connect(), rich())
    assert outcome.error is None, outcome.error
    (document,) = gp.documents(type=2)
    assert {
        name: document[name] for name in ("subtotal", "freight", "misc", "discount", "tax")
    } == {
        "subtotal": "25.02",
        "freight": "5",
        "misc": "1.5",
        "discount": "1.04",
        "tax": "5.55",
    }
    assert document["total"] == "36.03"
    assert document["customer_order"] == "1001"
    assert document["batch"] == "WEB20261121"  # the day in Berlin, though it was the 20th in UTC
    assert [(x["quantity"], x["price"], x["line_id"]) for x in document["lines"]] == [
        ("3", "8.34", "1")
    ]


async def test_prices_that_include_tax_become_net(gp: Gp) -> None:
    line = a_line("KN-200", "11.90", quantity="2", taxes=(("0.19", "3.80"),))
    outcome = await deliver(gp.connect(), an_order("23.80", line, taxes_included=True))
    assert outcome.error is None, outcome.error
    (document,) = gp.documents(type=2)
    assert (document["subtotal"], document["tax"], document["total"]) == ("20", "3.8", "23.8")


async def test_one_tax_under_two_names_is_one_row(gp: Gp) -> None:
    """GP takes each tax detail once, and a shop may name a rate by line and by delivery."""
    line = a_line("KN-100", taxes=(("0.19", "1.90"),))
    shipping = a_shipping("5.00", taxes=(("0.19", "0.95"),))
    named = structs.replace(shipping.taxes[0], title="Tax on delivery")
    shipping = structs.replace(shipping, taxes=(named,))
    outcome = await deliver(gp.connect(), an_order("17.85", line, shipping_lines=(shipping,)))
    assert outcome.error is None, outcome.error
    (document,) = gp.documents(type=2)
    assert (document["tax"], document["total"]) == ("2.85", "17.85")


async def test_an_order_in_yen_has_no_decimals(gp: Gp) -> None:
    line = a_line("KN-300", "1200", quantity="7", discount="100")
    outcome = await deliver(gp.connect(), an_order("8300", line, currency="JPY"))
    assert outcome.error is None, outcome.error
    (document,) = gp.documents(type=2)
    assert (document["subtotal"], document["discount"], document["total"]) == ("8302", "2", "8300")


async def test_a_gift_card_sold_is_the_declared_item(gp: Gp) -> None:
    gp.people.item("GC", "Gift card", kind=5)
    connector = gp.connect(items={"giftCard": "GC"})
    line = a_line("ignored", "50.00", gift_card=True)
    outcome = await deliver(connector, an_order("50.00", line))
    assert outcome.error is None, outcome.error
    assert [x["item"] for x in gp.documents(type=2)[0]["lines"]] == ["GC"]


async def test_an_order_that_is_free_is_an_order(gp: Gp) -> None:
    order = an_order("0.00", a_line("KN-100", "10.00", discount="10.00"))
    outcome = await deliver(gp.connect(), order)
    assert outcome.error is None, outcome.error
    assert gp.documents(type=2)[0]["total"] == "0"


async def test_two_guests_with_one_email_are_one_customer(gp: Gp) -> None:
    connector = gp.connect()
    for number in ("1001", "1002"):
        guest = PartyRef(email="Ann@Example.com", name="Ann")
        order = an_order("10.00", a_line("KN-100"), number=number, customer=guest)
        outcome = await deliver(connector, order, external_id=f"shop:{number}")
        assert outcome.error is None, outcome.error
    (customer,) = gp.control.snapshot()["customers"]
    assert customer["email"] == "ann@example.com"
    assert {one["customer"] for one in gp.documents(type=2)} == {customer["number"]}


async def test_a_customer_of_the_company_is_used_and_left_as_it_is(gp: Gp) -> None:
    books = gp.company.books
    books.put("RM00101", {"CUSTNMBR": "ACME", "CUSTNAME": "ACME Ltd", "ADRSCODE": "HQ"})
    for code in ("HQ", "BRANCH"):
        books.put("SY01200", {"Master_Type": "CUS", "Master_ID": "ACME", "ADRSCODE": code,
                              "INET1": "ann1001@example.com"})  # fmt: skip
    connector = gp.connect()
    outcome = await deliver(connector, an_order("10.00", a_line("KN-100")))
    assert outcome.error is None, outcome.error
    assert gp.documents(type=2)[0]["customer"] == "ACME"
    record = Customer(source_id="1", email="ann1001@example.com", last_name="Renamed")
    outcome = await deliver(connector, record, entity="customers", external_id="shop:c1")
    assert outcome.found is not None
    assert "left as it is" in str(outcome.found.remark)
    assert gp.control.snapshot()["customers"][0]["name"] == "ACME Ltd"


async def test_two_customers_with_one_email_are_a_persons_decision(gp: Gp) -> None:
    for number in ("A", "B"):
        gp.company.books.put("RM00101", {"CUSTNMBR": number})
        gp.company.books.put("SY01200", {"Master_Type": "CUS", "Master_ID": number,
                                         "INET1": "ann1001@example.com"})  # fmt: skip
    outcome = await deliver(gp.connect(), an_order("10.00", a_line("KN-100")))
    assert isinstance(outcome.error, WaitForPerson)
    assert "A, B have one e-mail" in outcome.error.message
    assert outcome.error.path == "customer.email"
    assert gp.documents(type=2) == []


async def test_a_customer_record_is_made_and_brought_up_to_date(gp: Gp) -> None:
    connector = gp.connect()
    record = Customer(source_id="7", email="ann@example.com", first_name="Ann", last_name="Example",
                      default_address=an_address())  # fmt: skip
    made = await deliver(connector, record, entity="customers", external_id="shop:c7")
    assert made.found is not None
    changed = Customer(source_id="7", email="ann@example.com", first_name="Ann", last_name="Other",
                       default_address=an_address(city="Berlin"))  # fmt: skip
    again = await deliver(connector, changed, entity="customers", external_id="shop:c7",
                          bound=made.found.destination_id)  # fmt: skip
    assert again.found is not None
    row = gp.company.books.one("SELECT * FROM RM00101")
    assert row is not None
    assert (row["CUSTNAME"], row["CITY"]) == ("Ann Other", "Berlin")
    assert len(gp.control.snapshot()["customers"]) == 1


async def test_the_same_order_from_two_workers_is_one_document(gp: Gp) -> None:
    one, two = gp.connect(), gp.connect()
    order = an_order("10.00", a_line("KN-100"))
    await deliver(one, order, external_id="shop:warm-up")  # both know the customer

    async def write(connector: Any) -> str:
        customer, effect = await effects_of(connector, order)
        (found,) = await connector.destination.lookup(
            [Call(effect=customer, given={}, idempotency_key="k")]
        )
        call = Call(effect=effect, given={"customer": found.destination_id}, idempotency_key="k")
        (outcome,) = await connector.destination.write([call])
        assert outcome.found is not None, outcome.error
        return str(outcome.found.destination_id)

    first, second = await asyncio.gather(write(one), write(two))
    assert first == second
    assert len(gp.documents(type=2)) == 2  # the warm-up and this one


# ---------------------------------------------------------------- edits


async def amended(gp: Gp, connector: Any, order: Order, number: str) -> Any:
    customer, effect = await effects_of(connector, order, bound=number)
    (found,) = await connector.destination.lookup(
        [Call(effect=customer, given={}, idempotency_key="k")]
    )
    call = Call(effect=effect, given={"customer": found.destination_id}, idempotency_key="k")
    (outcome,) = await connector.destination.write([call])
    return outcome


async def test_an_edit_changes_lines_adds_and_takes_away(gp: Gp) -> None:
    connector = gp.connect()
    lines = (a_line("KN-100", id="1"), a_line("KN-200", id="2", taxes=(("0.19", "1.90"),)))
    made = await deliver(connector, an_order("21.90", *lines))
    assert made.found is not None
    number = made.found.destination_id
    edited = (a_line("KN-100", id="1", quantity="4"), a_line("KN-300", "3.00", id="3"))
    outcome = await amended(gp, connector, an_order("43.00", *edited), number)
    assert outcome.error is None, outcome.error
    (document,) = gp.documents(type=2)
    sold = [(x["item"], x["quantity"], x["line_id"]) for x in document["lines"]]
    assert sold == [("KN-100", "4", "1"), ("KN-300", "1", "3")]
    assert (document["total"], document["tax"]) == ("43", "0")
    allocated = {x["item"]: x["allocated"] for x in gp.control.snapshot()["quantities"]}
    assert (allocated["KN-100"], allocated["KN-200"], allocated["KN-300"]) == ("4", "0", "1")
    # sending the same once more changes nothing
    again = await amended(gp, connector, an_order("43.00", *edited), number)
    assert again.error is None, again.error
    assert gp.documents(type=2) == [document]


@pytest.mark.parametrize(
    "why", ["changed it in GP", "invoice INV000001", "back order BKO000001", "voided", "deleted it"]
)
async def test_what_people_did_in_gp_is_never_overwritten(gp: Gp, why: str) -> None:
    connector = gp.connect()
    made = await deliver(connector, an_order("20.00", a_line("KN-100", quantity="2")))
    assert made.found is not None
    number = made.found.destination_id
    match why.split(maxsplit=1)[0]:
        case "changed":
            gp.people.edit_line(number, "KN-100", "5")
        case "invoice":
            gp.people.ship(number, lines={"KN-100": "1"})
        case "back":
            gp.people.back_order(number, lines={"KN-100": "1"})
        case "voided":
            gp.people.void(number)
        case _:
            gp.company.books.run("DELETE FROM SOP10100")
    before = gp.documents()
    outcome = await amended(
        gp, connector, an_order("30.00", a_line("KN-100", quantity="3")), number
    )
    assert isinstance(outcome.error, WaitForPerson)
    assert why in outcome.error.message
    assert outcome.error.code == "ChangedAtDestination"
    assert gp.documents() == before


async def test_an_edit_of_nothing_that_is_sold_passes_when_it_was_shipped(gp: Gp) -> None:
    connector = gp.connect()
    order = an_order("20.00", a_line("KN-100", quantity="2"))
    made = await deliver(connector, order)
    assert made.found is not None
    gp.people.ship(made.found.destination_id)
    outcome = await amended(gp, connector, order, made.found.destination_id)
    assert outcome.error is None, outcome.error


@pytest.mark.parametrize("lines", [{"KN-100": "1"}, None], ids=["a part", "all"])
async def test_another_address_is_not_passed_over_once_goods_are_on_their_way(
    gp: Gp, lines: dict[str, str] | None
) -> None:
    connector = gp.connect()
    order = an_order("20.00", a_line("KN-100", quantity="2"))
    made = await deliver(connector, order)
    assert made.found is not None
    number = made.found.destination_id
    gp.people.ship(number, lines=lines)
    before = gp.documents()
    moved = structs.replace(order, shipping_address=an_address(street=("Am Markt 2",)))
    outcome = await deliver(connector, moved, bound=number, before=order)
    assert gp.documents() == before
    if lines:
        assert isinstance(outcome.error, WaitForPerson)
        assert outcome.error.path == "shipping_address"
        assert "Am Markt 2, 20099 Hamburg" in outcome.error.message
        assert "INV000001" in outcome.error.message
        return
    assert outcome.found is not None
    assert outcome.found.remark is not None
    assert "the new address came too late" in outcome.found.remark


@pytest.mark.parametrize("was", ["a guest", "known"])
@pytest.mark.parametrize("shipped", [False, True], ids=["open", "invoiced"])
async def test_another_customer_is_a_persons(gp: Gp, was: str, shipped: bool) -> None:
    """Terms and prices depend on the customer; nobody guesses them."""
    connector = gp.connect()
    ana, bob = (
        PartyRef(name=name, email=f"{name}@example.com", source_id=name if was == "known" else None)
        for name in ("ana", "bob")
    )
    order = an_order("20.00", a_line("KN-100", quantity="2"), customer=ana)
    made = await deliver(connector, order)
    assert made.found is not None
    number = made.found.destination_id
    if shipped:
        gp.people.ship(number)
    before = gp.documents()
    sold = structs.replace(order, customer=bob)
    outcome = await deliver(connector, sold, bound=number, before=order)
    assert isinstance(outcome.error, WaitForPerson)
    assert "another customer in the shop now (bob, bob@example.com; " in outcome.error.message
    assert before[0]["customer"] in outcome.error.message
    assert gp.documents() == before


async def test_a_customers_new_e_mail_leaves_his_orders_his(gp: Gp) -> None:
    connector = gp.connect()
    ana = PartyRef(name="ana", email="ana@example.com", source_id="7")
    order = an_order("20.00", a_line("KN-100", quantity="2"), customer=ana)
    made = await deliver(connector, order)
    assert made.found is not None
    (before,) = gp.documents()
    renamed = structs.replace(ana, email="ana@example.org")
    edited = an_order("30.00", a_line("KN-100", quantity="3"), customer=renamed)
    outcome = await deliver(connector, edited, bound=made.found.destination_id, before=order)
    assert outcome.error is None
    (after,) = gp.documents()
    assert after["customer"] == before["customer"]
    assert after["total"] != before["total"]


async def test_what_knect_wrote_is_known_when_it_comes_back(gp: Gp) -> None:
    connector = gp.connect()
    order = an_order("20.00", a_line("KN-100", quantity="2"))
    made = await deliver(connector, order)
    source = connector.source
    assert source is not None
    assert made.found is not None
    (change,) = await source.fetch("orders", [made.found.destination_id])
    assert change.token == made.found.token
    gp.company.books.offset += timedelta(seconds=3)
    edited = an_order("30.00", a_line("KN-100", quantity="3"))
    outcome = await amended(gp, connector, edited, change.id)
    (change,) = await source.fetch("orders", [change.id])
    assert change.token == outcome.found.token
    gp.company.books.offset += timedelta(seconds=3)
    outcome = await voided(connector, change.id)
    (change,) = await source.fetch("orders", [change.id])
    assert change.token == outcome.found.token
    customer, _ = await effects_of(connector, an_order("1.00", a_line(price="1.00"), number="7"))
    (made,) = await connector.destination.write(  # type: ignore[union-attr]
        [Call(effect=customer, given={}, idempotency_key="k")]
    )
    assert made.found is not None
    (change,) = await source.fetch("customers", [made.found.destination_id])
    assert change.token == made.found.token


async def test_the_version_written_is_told_by_what_wrote_it(gp: Gp) -> None:
    """No statement more: what ends a document or a customer tells its mark of change itself."""
    connector = gp.connect()
    effects = await effects_of(connector, an_order("10.00", a_line("KN-100")))
    given: dict[str, str] = {}
    tokens = []
    begun = len(gp.server.log.entries)
    for effect in effects:
        call = Call(effect=effect, given=given, idempotency_key=effect.name)
        (made,) = await connector.destination.write([call])  # type: ignore[union-attr]
        assert made.found is not None
        given[effect.name] = made.found.destination_id
        tokens.append(made.found.token)
    assert all(tokens)
    sent = [str(one["path"]).removeprefix("/") for one in gp.server.log.entries[begun:]]
    assert [name for name in sent if name != "trace"] == [
        *("deliveries", "customers_by_email"),  # who it may be
        *("begin", "claim", "customer", "internet_address", "customers"),
        *("next_number", "begin", "claim", "sop_line", "remember_line"),
        *("sop_user_defined", "sop_header", "documents"),
    ]


async def test_an_edit_somebody_has_typed_in_already_is_no_conflict(gp: Gp) -> None:
    connector = gp.connect()
    made = await deliver(connector, an_order("20.00", a_line("KN-100", quantity="2")))
    assert made.found is not None
    number = made.found.destination_id
    gp.people.edit_line(number, "KN-100", "3")
    outcome = await amended(
        gp, connector, an_order("30.00", a_line("KN-100", quantity="3")), number
    )
    assert outcome.error is None, outcome.error


# ---------------------------------------------------------------- cancellations


async def voided(connector: Any, number: str) -> Any:
    destination = connector.destination
    removal = Removal(entity="orders", external_id="shop:1001", how="Cancel", bound=number,
                      settings={})  # fmt: skip
    (effect,) = destination.plan_removal(removal)
    (outcome,) = await destination.write([Call(effect=effect, given={}, idempotency_key="k")])
    return outcome


async def test_a_cancelled_order_is_voided_and_its_stock_is_free_again(gp: Gp) -> None:
    connector = gp.connect()
    made = await deliver(connector, an_order("20.00", a_line("KN-100", quantity="2")))
    assert made.found is not None
    for _ in range(2):  # repeating it is harmless
        outcome = await voided(connector, made.found.destination_id)
        assert outcome.error is None, outcome.error
    (document,) = gp.documents(type=2)
    assert (document["voided"], document["stage"]) == (True, "history")
    allocated = {x["item"]: x["allocated"] for x in gp.control.snapshot()["quantities"]}
    assert allocated["KN-100"] == "0"


@pytest.mark.parametrize("by_hand_before", [False, True])
@pytest.mark.parametrize("total", ["20.00", "30.00"], ids=["as it was", "changed"])
async def test_an_order_that_is_valid_again_is_a_persons(
    gp: Gp, total: str, by_hand_before: bool
) -> None:
    """A voided document sells what it sold; it is none for all that."""
    connector = gp.connect()
    made = await deliver(connector, an_order("20.00", a_line("KN-100", quantity="2")))
    assert made.found is not None
    number = made.found.destination_id
    if by_hand_before:
        gp.people.void(number)
    assert (await voided(connector, number)).error is None
    quantity = str(int(Decimal(total)) // 10)
    order = an_order(total, a_line("KN-100", quantity=quantity))
    outcome = await amended(gp, connector, order, number)
    assert isinstance(outcome.error, WaitForPerson)
    assert outcome.error.code == "ChangedAtDestination"
    said = outcome.error.message
    assert f"is valid again: it comes to {total} there and was for 20 in GP" in said
    assert f"2 x KN-100 | {quantity} x KN-100" in said


async def test_shipped_wins_over_cancelled(gp: Gp) -> None:
    connector = gp.connect()
    made = await deliver(connector, an_order("20.00", a_line("KN-100", quantity="2")))
    assert made.found is not None
    gp.people.ship(made.found.destination_id, lines={"KN-100": "1"})
    outcome = await voided(connector, made.found.destination_id)
    assert isinstance(outcome.error, WaitForPerson)
    assert "what was shipped wins" in outcome.error.message


async def test_an_order_cancelled_before_it_got_here_makes_nothing(gp: Gp) -> None:
    order = an_order("10.00", a_line("KN-100"))
    cancelled = an_order("10.00", a_line("KN-100"), cancelled_at=order.placed_at)
    assert await effects_of(gp.connect(), cancelled) == []


# ---------------------------------------------------------------- what others made


async def older(gp: Gp, amount: str = "10") -> None:
    price = Decimal(amount)
    gp.company.books.put("RM00101", {"CUSTNMBR": "OLD"})
    gp.company.books.put("SOP10100", {
        "SOPTYPE": 2, "SOPNUMBE": "ORD0001", "CSTPONBR": "1001", "CUSTNMBR": "OLD",
        "ORDOCAMT": price, "ORSUBTOT": price,
    })  # fmt: skip
    gp.company.books.put("SOP10200", {
        "SOPTYPE": 2, "SOPNUMBE": "ORD0001", "LNITMSEQ": 16_384, "ITEMNMBR": "KN-100",
        "QUANTITY": Decimal(1), "ORUNTPRC": price, "OXTNDPRC": price,
    })  # fmt: skip


@pytest.mark.parametrize("amount", ["10", "11"])
async def test_an_older_integrations_order_is_adopted_for_the_same_amount(
    gp: Gp, amount: str
) -> None:
    await older(gp, amount)
    connector = gp.connect()
    destination = connector.destination
    assert destination is not None
    order = an_order("10.00", a_line("KN-100"))
    _, effect = await effects_of(connector, order, match={"number": "1001"})
    call = Call(effect=effect, given={"customer": "OLD"}, idempotency_key="k")
    ((found,),) = await destination.candidates([call])
    assert found.destination_id == "ORD0001"
    _, update = await effects_of(connector, order, match={"number": "1001"}, bound="ORD0001")
    (outcome,) = await destination.write(
        [Call(effect=update, given={"customer": "OLD"}, idempotency_key="k")]
    )
    if amount == "11":
        assert isinstance(outcome.error, WaitForPerson)
        assert (
            "is for another amount: it comes to 10.00 in the shop and to 11 in GP"
            in outcome.error.message
        )
        return
    assert outcome.found is not None
    assert await destination.lookup([call]) == [Found(destination_id="ORD0001", number="ORD0001")]
    assert await destination.candidates([call]) == [[]]  # it is ours now
    # a try that nobody awaited has put the mark there, after it was looked for
    (again,) = await destination.write(
        [Call(effect=update, given={"customer": "OLD"}, idempotency_key="k")]
    )
    assert again.error is None, again.error.message
    assert again.found == Found(destination_id="ORD0001", number="ORD0001")


async def test_an_order_that_was_voided_is_not_adopted_for_one_that_is_to_be_shipped(
    gp: Gp,
) -> None:
    await older(gp)
    gp.company.books.run("UPDATE SOP10100 SET VOIDSTTS = 1")
    connector = gp.connect()
    order = an_order("10.00", a_line("KN-100"))
    _, update = await effects_of(connector, order, match={"number": "1001"}, bound="ORD0001")
    (outcome,) = await connector.destination.write(  # type: ignore[union-attr]
        [Call(effect=update, given={"customer": "OLD"}, idempotency_key="k")]
    )
    assert isinstance(outcome.error, WaitForPerson)
    assert "has the number of this one, and was voided" in outcome.error.message
    assert gp.control.snapshot()["deliveries"] == []


def test_parts_that_do_not_add_up_are_refused_before_anything_is_sent() -> None:
    order = an_order("10.00", a_line("KN-100"))
    wrong = structs.replace(order, totals=structs.replace(order.totals, total=Decimal("10.01")))
    with pytest.raises(BadRecord, match=r"come to 10\.00, but its total is 10\.01") as told:
        reckon(wrong)
    assert told.value.path == "totals.total"

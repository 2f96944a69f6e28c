"""Writes of several requests, each of which is lost once or comes late: all is there, once."""

from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from itertools import count
from typing import Any

import pytest
from msgspec import structs
from tests.integration.tryton.books import A, B, Books, a_refund, back, cancelled, two_lines
from tests.integration.tryton.conftest import a_hand
from tests.integration.tryton.lives import Case, Life, at_each_write
from tests.support.orders import an_address

from knect.model import Customer, Order
from knect.sdk.contract import Delivery, Effect
from knect_connectors.tryton.demo.people import Parcel

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="session")]

_NUMBERS = count(8_700_000)
lost_or_late = pytest.mark.parametrize("late", [False, True], ids=["lost", "late"])


async def new_books(hand, clerk) -> Books:
    books = Books(hand, clerk, two_lines(next(_NUMBERS)))
    await books.deliver()
    return books


async def amendments(books: Books) -> list[str]:
    rows = await books.hand.client.search_read(
        "sale.amendment", [["sale", "=", books.sale]], ["state"]
    )
    return [row["state"] for row in rows]


async def to_ship(books: Books) -> list[dict[str, int]]:
    """Return what is in each open shipment of the sale: pieces by SKU."""
    told = []
    for shipment in await books.person.process(books.sale):
        pieces: Counter[str] = Counter()
        for move in await books.person._moves(shipment):
            pieces[move["product."]["code"]] += int(move["quantity"])
        told.append(dict(pieces))
    return told


# ---------------------------------------------------------------- refunds


@lost_or_late
async def test_a_refund_is_one_credit_with_all_its_lines(server, hand, clerk, late):
    async def make(step: int) -> Case:
        books = await new_books(hand, clerk)
        refund = a_refund(
            books, back(A, "2", "20.00", "3.80"), back(B, "1", "5.00", "0.95", "none"),
            shipping=Decimal("4.90"), shipping_tax=Decimal("0.93"),
        )  # fmt: skip

        async def check(life: Life) -> None:
            (credit,) = await books.credits()
            assert (credit["total_amount"], credit["state"]) == (Decimal("-35.58"), "confirmed")
            assert (credit["shipment_method"], len(credit["lines"])) == ("order", 3)
            assert await books.worth() == Decimal("11.90")
            calls = [hand.call(effect, life.given) for effect in life.effects]
            found = [(await hand.destination.lookup([call]))[0] for call in calls]
            assert [one.destination_id for one in found] == [str(credit["id"])] * 2

        return Case(await books.plan("refunds", refund), check)

    assert await at_each_write(server, hand, make, late=late) == 3


async def test_a_refund_of_what_was_not_shipped_says_so(server, hand, clerk):
    async def make(step: int) -> Case:
        books = await new_books(hand, clerk)
        refund = a_refund(books, back(A, "1", "10.00", "1.90", "cancel"))

        async def check(life: Life) -> None:
            (credit,) = await books.credits()
            assert (credit["total_amount"], credit["state"]) == (Decimal("-11.90"), "confirmed")
            assert life.found["sale"].remark == "not to be shipped any more: 1 x SKU-001"

        return Case(await books.plan("refunds", refund), check)

    assert await at_each_write(server, hand, make, late=False) == 3


@pytest.mark.parametrize("processing", [False, True], ids=["open", "in processing"])
async def test_a_refund_of_a_cancelled_order_credits_nothing(server, hand, clerk, processing):
    async def make(step: int) -> Case:
        books = await new_books(hand, clerk)
        if processing:
            await books.person.process(books.sale)
        await books.deliver(cancelled(books.order))
        refund = a_refund(books, back(A, "3", "30.00", "5.70", "cancel"), order_cancelled=True)

        async def check(life: Life) -> None:
            assert await books.credits() == []
            assert await books.worth() == (0 if processing else Decimal("47.48"))
            assert {one.destination_id for one in life.found.values()} == {str(books.sale)}

        return Case(await books.plan("refunds", refund), check)

    assert await at_each_write(server, hand, make, late=False) == 0


# ---------------------------------------------------------------- edits in processing


def edited(order: Order, quantity: str = "1") -> Order:
    return structs.replace(
        two_lines(int(order.number), quantity),
        note="ring twice",
        shipping_address=an_address(street=("Am Markt 2",)),
    )


@lost_or_late
async def test_an_edit_in_processing_is_one_amendment(server, hand, clerk, late):
    async def make(step: int) -> Case:
        books = await new_books(hand, clerk)
        await books.person.process(books.sale)
        edit = edited(books.order)

        async def check(life: Life) -> None:
            assert await books.state() == ("processing", Decimal("23.68"))
            assert await amendments(books) == ["validated"]
            (row,) = await hand.client.search_read(
                "sale.sale", [["id", "=", books.sale]], ["comment", "shipment_address.street"]
            )
            assert (row["comment"], row["shipment_address."]["street"]) == (
                "ring twice",
                "Am Markt 2",
            )
            assert await to_ship(books) == [{"SKU-001": 1, "SKU-002": 1}]

        return Case(await hand.effects(edit), check)

    assert await at_each_write(server, hand, make, late=late) == 3


@lost_or_late
async def test_an_edit_of_an_open_sale_is_confirmed(server, hand, clerk, late):
    async def make(step: int) -> Case:
        books = await new_books(hand, clerk)
        edit = two_lines(int(books.order.number), "1")

        async def check(life: Life) -> None:
            assert await books.state() == ("confirmed", Decimal("23.68"))
            assert [(sku, int(n)) for sku, n, _ in await hand.lines(edit)] == [
                ("SKU-001", 1),
                ("SKU-002", 1),
                ("SHIPPING", 1),
            ]

        return Case(await hand.effects(edit), check)

    assert await at_each_write(server, hand, make, late=late) == 4


@pytest.mark.parametrize("then", ["another", "as it was", "cancelled"])
async def test_an_edit_overtaken_in_processing_leaves_nothing_behind(server, hand, clerk, then):
    async def make(step: int) -> Case:
        books = await new_books(hand, clerk)
        await books.person.process(books.sale)
        first = books.order
        newer = {
            "another": lambda: two_lines(int(first.number), "2"),
            "as it was": lambda: first,
            "cancelled": lambda: cancelled(first),
        }[then]()
        total = {"another": "35.58", "as it was": "47.48", "cancelled": "0"}[then]

        async def check(life: Life) -> None:
            state = await books.state()
            assert state[1] == Decimal(total)
            assert set(await amendments(books)) <= {"validated"}
            pieces = {"another": 2, "as it was": 3}.get(then)
            expected = [{"SKU-001": pieces, "SKU-002": 1}] if pieces else []
            assert await to_ship(books) == expected

        return Case(await hand.effects(edited(first)), check, lambda: books.deliver(newer))

    assert await at_each_write(server, hand, make, late=False) == 3


# ---------------------------------------------------------------- cancellations


@lost_or_late
async def test_a_sale_that_is_open_is_cancelled(server, hand, clerk, late):
    async def make(step: int) -> Case:
        books = await new_books(hand, clerk)

        async def check(life: Life) -> None:
            assert (await books.state())[0] == "cancelled"

        return Case(await hand.effects(cancelled(books.order)), check)

    assert await at_each_write(server, hand, make, late=late) == 2


@lost_or_late
async def test_a_sale_in_processing_is_taken_back_by_one_amendment(server, hand, clerk, late):
    async def make(step: int) -> Case:
        books = await new_books(hand, clerk)
        await books.person.process(books.sale)

        async def check(life: Life) -> None:
            assert (await books.state())[1] == 0
            assert await amendments(books) == ["validated"]
            assert await to_ship(books) == []

        return Case(await hand.effects(cancelled(books.order)), check)

    assert await at_each_write(server, hand, make, late=late) == 2


@lost_or_late
async def test_what_has_not_left_is_taken_back_by_one_amendment(server, hand, clerk, late):
    async def make(step: int) -> Case:
        books = await new_books(hand, clerk)
        person, one = books.person, {"SKU-001": 1, "SKU-002": 1}
        (shipment,) = await person.process(books.sale)
        await person.shorten(shipment, one)
        await person.pick(shipment)
        await person.pack(shipment, [Parcel(tracking="T", skus=one)])
        await person.ship(shipment)
        await person.process(books.sale)  # the other two

        async def check(life: Life) -> None:
            assert (await books.state())[1] == Decimal("23.68")
            assert await amendments(books) == ["validated"]
            assert await to_ship(books) == []
            remark = life.found["state"].remark
            assert remark is not None
            assert "the rest was shipped" in remark

        return Case(await hand.effects(cancelled(books.order)), check)

    assert await at_each_write(server, hand, make, late=late) == 2


# ---------------------------------------------------------------- customers


async def a_customer(hand, number: int, *, bound: int | None = None, **more: Any):
    customer = Customer(
        source_id=f"c-{number}", email=f"ann{number}@example.com", phone="+49 40 1234567",
        first_name="Ann", last_name="Example", updated_at=datetime(2026, 3, 1, tzinfo=UTC),
        addresses=(an_address(), an_address(street=("Am Markt 2",))),
    )  # fmt: skip
    customer = structs.replace(customer, **more)
    destination = hand.destination
    effects: tuple[Effect, ...] = tuple(
        destination.plan(
            Delivery(
                entity="customers", external_id=customer.source_id, record=customer,
                document=destination.to_document("customers", customer, {}),
                bound=str(bound) if bound else None, settings={},
                resolved=await destination.resolve(destination.references("customers", customer)),
            )
        )
    )  # fmt: skip
    return effects


async def party_of(hand, party: int) -> dict[str, Any]:
    domain = [["party", "=", party]]
    read = hand.client.search_read
    contacts = await read("party.contact_mechanism", domain, ["type", "value"])
    addresses = await read("party.address", domain, ["street"])
    codes = await read("party.identifier", domain, ["code"])
    (row,) = await read("party.party", [["id", "=", party]], ["name"])
    return {
        "name": row["name"],
        "contacts": sorted((one["type"], one["value"].replace(" ", "")) for one in contacts),
        "streets": sorted(one["street"] for one in addresses),
        "codes": [one["code"].rpartition(":")[2] for one in codes],
    }


async def parties_with(hand, email: str) -> set[int]:
    rows = await hand.client.search_read(
        "party.contact_mechanism", [["value", "=", email]], ["party"]
    )
    return {row["party"] for row in rows}


@pytest.mark.parametrize("known", [False, True], ids=["new", "known by e-mail"])
async def test_a_customer_is_one_party_with_all_that_is_known(server, hand, clerk, known):
    async def make(step: int) -> Case:
        number = next(_NUMBERS)
        email = f"ann{number}@example.com"
        if known:
            contacts = [["create", [{"type": "email", "value": email}]]]
            values = {"name": "Ann Typed", "contact_mechanisms": contacts}
            await clerk.call("model.party.party.create", [values])

        async def check(life: Life) -> None:
            (party,) = await parties_with(hand, email)
            assert str(party) == life.given["party"]
            assert await party_of(hand, party) == {
                "name": "Ann Typed" if known else "Ann Example",
                "contacts": [("email", email), ("phone", "+49401234567")],
                "streets": ["Am Markt 2", "Lange Reihe 7"],
                "codes": [f"c-{number}"],
            }

        return Case(await a_customer(hand, number), check)

    assert await at_each_write(server, hand, make, late=False) == (3 if known else 2)


@pytest.mark.parametrize(
    ("typed", "late"),
    # what is put beside a clerk's is not bound to the party, lest that be taken for ours
    [(False, False), (False, True), (True, False)],
    ids=["ours-lost", "ours-late", "beside a clerk's-lost"],
)
async def test_a_customers_new_details_are_there_once(server, hand, clerk, typed, late):
    async def make(step: int) -> Case:
        number = next(_NUMBERS)
        email = f"office{number}@example.com"
        by = clerk if typed else hand.client
        contacts = [["create", [{"type": "email", "value": email}]]]
        values = {"name": "Ann Before", "contact_mechanisms": contacts, "addresses": [
            ["create", [{"street": "x"}]]]}  # fmt: skip
        (party,) = await by.call("model.party.party.create", [values])
        effects = await a_customer(hand, number, bound=party, addresses=())

        async def check(life: Life) -> None:
            emails = [email] if typed else []
            emails = sorted([*emails, f"ann{number}@example.com"])
            assert await party_of(hand, party) == {
                "name": "Ann Before" if typed else "Ann Example",
                "contacts": [*(("email", one) for one in emails), ("phone", "+49401234567")],
                "streets": ["x"],
                "codes": [],
            }

        details = structs.replace(effects[-1], needs=())
        return Case([details], check)

    assert await at_each_write(server, hand, make, late=late) == (2 if typed else 1)


async def test_a_first_try_that_comes_between_look_and_write_makes_no_second_party(hand, server):
    """Slower than the deadline: it was looked for, and not there yet."""
    async with a_hand(server) as first:
        number = next(_NUMBERS)
        party, addresses, _ = await a_customer(hand, number)
        late: dict[str, str] = {}
        given: dict[str, str] = {}
        for effect in (party, addresses):
            again = structs.replace(hand.call(effect, given), again=True)
            assert await hand.destination.lookup([again]) == [None]
            assert await first.write([effect], late) is not None
            (outcome,) = await hand.destination.write([again])
            assert outcome.error is None
            given[effect.name] = outcome.found.destination_id
        assert given == late
        assert await parties_with(hand, f"ann{number}@example.com") == {int(given["party"])}
        assert (await party_of(hand, int(given["party"])))["streets"] == [
            "Am Markt 2",
            "Lange Reihe 7",
        ]

"""Customers of the ERP, and what of an order goes back: states, notes, cancellations."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs

from knect.model import Address, Customer, Order, Price, Totals
from knect.sdk.contract import Delivered
from knect.sdk.errors import BadRecord, Refused, RetryLater, WaitForPerson
from knect.sdk.testing import Fault
from knect_connectors.bigcommerce.simulator import acts
from knect_connectors.bigcommerce.tests.conftest import NOON, AtWork, a_line
from knect_connectors.bigcommerce.tests.writing import (
    call_of,
    destination_of,
    error_of,
    plan,
    send,
    write,
)

LOST = [Fault.COMMIT_THEN_DROP, Fault.TRUNCATED, Fault.MALFORMED]
PLACE = Address(name="Ana García", street=("Calle Mayor 1", "2nd floor"), city="Madrid",
                postal_code="28013", country="ES", region_name="Madrid")  # fmt: skip
ANA = Customer(source_id="c1", email="ana@example.com", first_name="Ana", last_name="García",
               phone="+34 600", addresses=(PLACE,))  # fmt: skip


def a_sale(order: dict[str, Any], *, cancelled: bool = False) -> Order:
    return Order(
        source_id="s1", number="S1", name="S1", currency="EUR",
        totals=Totals(total=Decimal(order["total_inc_tax"])), placed_at=NOON, updated_at=NOON,
        cancelled_at=NOON if cancelled else None,
    )  # fmt: skip


# ---------------------------------------------------------------- customers


async def test_a_customer_is_made_with_the_address_and_then_only_what_differs(acme: AtWork) -> None:
    (outcome,) = await write(acme, "customers", ANA)
    assert outcome.found is not None
    (row,) = acme.books.customers.values()
    assert (row["email"], row["first_name"], row["phone"]) == ("ana@example.com", "Ana", "+34 600")
    (address,) = row["addresses"]
    assert (address["address1"], address["address2"]) == ("Calle Mayor 1", "2nd floor")
    before = acme.requests()
    await write(acme, "customers", ANA, bound=outcome.found.destination_id)
    assert acme.requests() - before == 2, "what is the same was sent"
    moved = structs.replace(
        ANA, phone="+34 700", addresses=(structs.replace(PLACE, city="Bilbao"),)
    )
    (again,) = await write(acme, "customers", moved, bound=outcome.found.destination_id)
    assert again.found is not None
    assert row["phone"] == "+34 700"
    assert [one["city"] for one in row["addresses"]] == ["Madrid", "Bilbao"]


async def test_one_with_the_same_e_mail_is_adopted(acme: AtWork) -> None:
    there = acme.books.add_customer("ANA@example.com", "A.", "G.", NOON)
    (outcome,) = await write(acme, "customers", ANA)
    assert outcome.found is not None
    assert outcome.found.destination_id == str(there["id"])
    assert outcome.found.over == "2026-03-01T12:00:00.000000Z"
    assert there["first_name"] == "Ana"


@pytest.mark.parametrize("step", [0, 1])
@pytest.mark.parametrize("fault", LOST)
async def test_a_lost_answer_is_no_second_customer_or_address(
    acme: AtWork, fault: Fault, step: int
) -> None:
    (effect,) = await plan(acme, "customers", ANA)
    acme.server.faults.force(*[None] * (1 + step), fault)
    with pytest.raises(RetryLater):
        await destination_of(acme).write([call_of(effect)])
    (found,) = await destination_of(acme).lookup([call_of(effect)])
    assert (found is not None) is bool(step), "half done is not done"
    (outcome,) = await send(acme, [effect])
    assert outcome.found is not None
    assert len(acme.books.customers) == 1
    assert len(acme.books.customers[1]["addresses"]) == 1


async def test_customers_that_cannot_be_are_named(acme: AtWork) -> None:
    error = await error_of(acme, "customers", structs.replace(ANA, last_name=None, addresses=()))
    assert (type(error), error.path) == (BadRecord, "lastName")
    made = (await write(acme, "customers", ANA))[0].found
    assert made is not None
    other = structs.replace(ANA, email="new@example.com")
    error = await error_of(acme, "customers", other, bound=made.destination_id)
    assert (type(error), error.path) == (WaitForPerson, "email")
    error = await error_of(acme, "customers", ANA, bound="77")
    assert "is no longer in the store" in error.message
    without = structs.replace(ANA, email="b@example.com",
                              addresses=(structs.replace(PLACE, country=None),))  # fmt: skip
    error = await error_of(acme, "customers", without)
    assert isinstance(error, Refused)
    assert error.path == "0.country_code"
    assert not await plan(acme, "customers", structs.replace(ANA, email=None))


# ---------------------------------------------------------------- orders


async def test_a_cancelled_sale_cancels_the_order_once(acme: AtWork) -> None:
    order = acme.order(a_line())
    bound = str(order["id"])
    sale = a_sale(order, cancelled=True)
    (effect,) = await plan(acme, "orders", sale, bound=bound)
    acme.server.faults.force(None, Fault.COMMIT_THEN_DROP)
    with pytest.raises(RetryLater):
        await destination_of(acme).write([call_of(effect)])
    (found,) = await destination_of(acme).lookup([call_of(effect)])
    assert found is not None
    before = order["date_modified"]
    (outcome,) = await send(acme, [effect])
    assert outcome.found is not None
    assert order["status_id"] == 5
    assert order["date_modified"] == before
    assert outcome.found.token is not None
    assert outcome.found.over == outcome.found.token


async def test_our_own_write_is_known_by_its_version(acme: AtWork) -> None:
    order = acme.order(a_line())
    (outcome,) = await write(acme, "orders", a_sale(order, cancelled=True), bound=str(order["id"]))
    assert outcome.found is not None
    (change,) = await acme.source.fetch("orders", [str(order["id"])])
    assert change.token == outcome.found.token
    assert outcome.found.over == "2026-03-01T12:00:00.000000Z"


@pytest.mark.parametrize("status", [4, 5, 6])
async def test_what_has_ended_is_not_cancelled_again(acme: AtWork, status: int) -> None:
    order = acme.order(a_line(), status=status)
    (outcome,) = await write(acme, "orders", a_sale(order, cancelled=True), bound=str(order["id"]))
    assert outcome.found is not None
    assert order["status_id"] == status


async def test_shipped_wins(acme: AtWork) -> None:
    order = acme.order(a_line())
    acts.ship(acme.books, order)
    error = await error_of(acme, "orders", a_sale(order, cancelled=True), bound=str(order["id"]))
    assert (type(error), error.code) == (WaitForPerson, "ChangedAtDestination")
    assert order["status_id"] == 2


async def test_a_restored_sale_is_a_persons(acme: AtWork) -> None:
    order = acme.order(a_line())
    with pytest.raises(WaitForPerson, match="valid again in the ERP"):
        await plan(acme, "orders", a_sale(order), bound=str(order["id"]),
                   previous={"cancelled": True})  # fmt: skip
    assert not await plan(acme, "orders", a_sale(order, cancelled=True))


@pytest.mark.parametrize(("told", "status"), [("Awaiting Shipment", 9), ("9", 9), (9, 9),
                                              (" completed ", 10)])  # fmt: skip
async def test_a_state_by_the_vendors_name_or_id(acme: AtWork, told: Any, status: int) -> None:
    order = acme.order(a_line())
    await write(acme, "orders", a_sale(order), bound=str(order["id"]), document={"status": told})
    assert order["status_id"] == status


@pytest.mark.parametrize("told", ["Shiped", "0", "5", "Cancelled", "99"])
async def test_what_is_no_state_is_refused(acme: AtWork, told: str) -> None:
    order = acme.order(a_line())
    with pytest.raises(Refused, match="is no state an order is moved to"):
        await plan(acme, "orders", a_sale(order), bound=str(order["id"]), document={"status": told})


async def test_an_order_that_ended_is_not_moved(acme: AtWork) -> None:
    order = acme.order(a_line(), status=5)
    error = await error_of(acme, "orders", a_sale(order), bound=str(order["id"]),
                           document={"status": "Awaiting Shipment"})  # fmt: skip
    assert (type(error), error.path) == (WaitForPerson, "status")


@pytest.mark.parametrize("fault", LOST)
async def test_a_note_and_a_number_are_written_once(acme: AtWork, fault: Fault) -> None:
    order = acme.order(a_line())
    order["staff_notes"] = "call first"
    told = {"note": "picked by\nEva", "external_order_id": "SO-7", "status": "9"}
    (effect,) = await plan(acme, "orders", a_sale(order), bound=str(order["id"]), document=told)
    acme.server.faults.force(None, fault)
    with pytest.raises(RetryLater):
        await destination_of(acme).write([call_of(effect)])
    (found,) = await destination_of(acme).lookup([call_of(effect)])
    assert found is not None
    await send(acme, [effect])
    assert order["staff_notes"] == "call first\npicked by Eva"
    assert (order["external_order_id"], order["status_id"]) == ("SO-7", 9)
    assert not await plan(acme, "orders", a_sale(order), bound=str(order["id"]), document=told,
                          previous=told)  # fmt: skip


async def test_a_note_of_a_cancelled_sale_goes_before_its_cancellation(acme: AtWork) -> None:
    order = acme.order(a_line())
    effects = await plan(acme, "orders", a_sale(order, cancelled=True), bound=str(order["id"]),
                         document={"note": "out of stock", "status": "9"})  # fmt: skip
    assert [(one.name, one.primary) for one in effects] == [("state", False), ("cancel", True)]
    await send(acme, effects)
    assert (order["status_id"], order["staff_notes"]) == (5, "out of stock")


async def there(acme: AtWork, entity: str, ids: Sequence[str]) -> list[bool | None]:
    asked = [Delivered(entity=entity, external_id="x", destination_id=one) for one in ids]
    return list(await destination_of(acme).present(asked))


async def test_an_audit_finds_what_is_there(acme: AtWork) -> None:
    order = acme.order(a_line())
    variant = acme.books.variant_by_sku("KN-100")
    assert variant is not None
    acme.books.add_customer("a@example.com", "A", "B", NOON)
    assert await there(acme, "orders", [str(order["id"]), "7"]) == [True, False]
    assert await there(acme, "customers", ["1", "2"]) == [True, False]
    assert await there(acme, "inventory", [f"{variant['id']}@1", "9@1"]) == [True, False]
    assert await there(acme, "prices", [f"{variant['id']}@@base", "999@@base"]) == [True, False]


async def test_a_price_on_a_list_is_there_as_long_as_its_record_is(acme: AtWork) -> None:
    listed = acme.books.add_price_list("Wholesale")["id"]
    price = Price(source_id="p1", sku="KN-100", price_list="Wholesale", currency="EUR",
                  amount=Decimal(30))  # fmt: skip
    (outcome,) = await write(acme, "prices", price)
    assert outcome.found is not None
    target = outcome.found.destination_id
    assert await there(acme, "prices", [target, target.replace("EUR", "USD")]) == [True, False]
    acme.books.prices.clear()
    assert await there(acme, "prices", [target]) == [False]
    del acme.books.price_lists[listed]
    assert await there(acme, "prices", [target]) == [False]

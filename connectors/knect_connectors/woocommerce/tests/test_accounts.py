"""Customers of the ERP: one account per e-mail, brought to what the ERP says, and no further."""

from typing import Any

import pytest
from msgspec import structs

from knect.model import Address, Customer
from knect.sdk.contract import Call, Delivered
from knect.sdk.errors import BadRecord, Unreachable, WaitForPerson
from knect.sdk.testing import Fault, Request
from knect_connectors.woocommerce.tests.conftest import AtWork

HOME = Address(street=("Calle Mayor 1", "2nd floor"), city="Madrid", postal_code="28013",
               region="M", country="ES")  # fmt: skip
ANA = Customer(source_id="7", email="Ana@example.com", first_name="Ana", last_name="García",
               phone="+34 600", company="Tea SL", addresses=(HOME,))  # fmt: skip


def accounts(acme: AtWork) -> list[dict[str, Any]]:
    return list(acme.books.customers.values())


async def test_an_account_is_made_once_with_its_address(acme: AtWork) -> None:
    effects = await acme.planned("customers", ANA)
    (first,) = await acme.sent(effects)
    (row,) = accounts(acme)
    assert first.found is not None
    assert (first.found.destination_id, row["email"]) == (str(row["id"]), "Ana@example.com")
    assert (row["first_name"], row["billing"]["email"]) == ("Ana", "Ana@example.com")
    assert {name: row["billing"][name] for name in ("first_name", "company", "address_1",
            "address_2", "city", "state", "postcode", "country", "phone")} == {
        "first_name": "Ana", "company": "Tea SL", "address_1": "Calle Mayor 1",
        "address_2": "2nd floor", "city": "Madrid", "state": "M", "postcode": "28013",
        "country": "ES", "phone": "+34 600",
    }  # fmt: skip
    assert row["shipping"]["city"] == ""
    writes = acme.requests("POST") + acme.requests("PUT")
    (again,) = await acme.sent(effects, again=True)
    assert again.found == first.found
    assert acme.requests("POST") + acme.requests("PUT") == writes


async def test_a_lost_answer_makes_no_second_account(acme: AtWork) -> None:
    (effect,) = await acme.planned("customers", ANA)
    call = Call(effect=effect, given={}, idempotency_key="k")
    assert list(await acme.destination.lookup([call])) == [None]
    acme.server.faults.force(None, Fault.COMMIT_THEN_DROP)
    with pytest.raises(Unreachable):
        await acme.destination.write([call])
    (found,) = await acme.destination.lookup([call])
    assert found is not None
    await acme.sent([effect])
    assert len(accounts(acme)) == 1


async def test_one_who_registered_in_between_is_taken(acme: AtWork) -> None:
    (effect,) = await acme.planned("customers", ANA)

    def register(request: Request) -> None:
        if request.method == "POST":
            acme.books.add_customer("ana@example.com", "", "")

    acme.simulator.before = register
    (outcome,) = await acme.sent([effect])
    (row,) = accounts(acme)
    assert outcome.found is not None
    assert (row["first_name"], row["billing"]["city"]) == ("Ana", "Madrid")


async def test_only_what_differs_is_sent_and_nothing_emptied(acme: AtWork) -> None:
    row = acme.books.add_customer("ana@example.com", "ANA ", "Garcia")
    row["billing"] |= {"company": "Old", "city": "Toledo", "address_2": "left", "phone": "+34 1"}
    row["role"] = "wholesale"
    seen: list[Any] = []
    acme.simulator.before = lambda request: (
        seen.append(request.json()) if request.method == "PUT" else None
    )
    known = Customer(source_id="7", email="ana@example.com", first_name="Ana")
    await acme.written("customers", known)
    assert seen == []
    other = structs.replace(known, last_name="García", addresses=(Address(city="Madrid"),))
    await acme.written("customers", other)
    assert seen == [{
        "last_name": "García",
        "billing": {"company": "", "address_1": "", "address_2": "", "city": "Madrid",
                    "state": "", "postcode": "", "country": "", "first_name": "Ana",
                    "last_name": "García"},
    }]  # fmt: skip
    assert (row["billing"]["phone"], row["role"]) == ("+34 1", "wholesale")


async def test_which_address_is_the_erps_is_the_pipelines_choice(acme: AtWork) -> None:
    await acme.written("customers", ANA, settings={"address": "Both"})
    (row,) = accounts(acme)
    assert row["billing"]["city"] == row["shipping"]["city"] == "Madrid"
    other = structs.replace(ANA, addresses=(structs.replace(HOME, city="Toledo"),))
    await acme.written("customers", other, settings={"address": "Shipping"})
    assert (row["billing"]["city"], row["shipping"]["city"]) == ("Madrid", "Toledo")


async def test_another_email_and_an_account_that_is_gone_are_a_persons(acme: AtWork) -> None:
    (made,) = await acme.written("customers", ANA)
    assert made.found is not None
    bound = made.found.destination_id
    moved = structs.replace(ANA, email="other@example.com")
    (outcome,) = await acme.written("customers", moved, bound=bound)
    assert isinstance(outcome.error, WaitForPerson)
    there = Delivered(entity="customers", external_id="x", destination_id=bound)
    assert list(await acme.destination.present([there])) == [True]
    acme.books.customers.clear()
    (outcome,) = await acme.written("customers", ANA, bound=bound)
    assert isinstance(outcome.error, WaitForPerson)
    assert list(await acme.destination.present([there])) == [False]


async def test_who_has_no_email_cannot_be_known(acme: AtWork) -> None:
    with pytest.raises(BadRecord) as bad:
        await acme.planned("customers", structs.replace(ANA, email=None))
    assert bad.value.path == "email"

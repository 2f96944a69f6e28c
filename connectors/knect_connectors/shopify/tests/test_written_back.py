"""What else the ERP changes at the shop: cancelled orders, customers."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from knect.model import Address, Customer, Order, Totals
from knect.sdk.contract import Call, Delivery, Outcome
from knect.sdk.errors import WaitForPerson
from knect_connectors.shopify.simulator import build_customer
from knect_connectors.shopify.tests.conftest import NOON, AtWork
from knect_connectors.shopify.tests.orders import an_order

ANA = "gid://shopify/Customer/7"


def calls(acme: AtWork, entity: str, record: Any, bound: str | None, **settings: Any) -> list[Call]:
    destination = acme.connector.destination
    assert destination is not None
    effects = destination.plan(
        Delivery(
            entity=entity,
            external_id=record.source_id,
            document=destination.to_document(entity, record, settings),
            record=record,
            bound=bound,
            resolved={},
            settings=settings,
        )
    )
    return [Call(effect=one, given={}, idempotency_key=one.name) for one in effects]


async def write(acme: AtWork, entity: str, record: Any, bound: str | None, **more: Any) -> Outcome:
    assert acme.connector.destination is not None
    (outcome,) = await acme.connector.destination.write(calls(acme, entity, record, bound, **more))
    return outcome


# ---------------------------------------------------------------- cancelled in the ERP


def a_sale(cancelled: datetime | None = NOON, reason: str | None = None) -> Order:
    return Order(
        source_id="17",
        number="S1",
        name="S1",
        currency="EUR",
        totals=Totals(total=Decimal(0)),
        placed_at=NOON,
        updated_at=NOON,
        cancelled_at=cancelled,
        cancel_reason=reason,
    )


async def test_a_cancelled_sale_cancels_the_order_with_reason_and_restock(acme: AtWork) -> None:
    order = an_order(NOON, email="ana@example.com")
    acme.put(order)
    outcome = await write(acme, "orders", a_sale(), order["id"], refund=True)
    assert outcome.found is not None
    assert (order["cancelReason"], outcome.found.number) == ("INVENTORY", "#1001")
    assert order["cancelledAt"]
    assert order["refunds"][0]["refundLineItems"][0]["restockType"] == "CANCEL"
    assert [mail["about"] for mail in acme.shop.mails] == ["order cancelled"]
    assert outcome.found.token == order["updatedAt"].replace("Z", ".000000Z")
    again = await write(acme, "orders", a_sale(), order["id"])
    assert again.found is not None
    assert acme.asked("CancelOrder") == 1


async def test_without_refund_the_money_stays(acme: AtWork) -> None:
    order = an_order(NOON)
    acme.put(order)
    await write(acme, "orders", a_sale(reason="fraud"), order["id"], notify=False)
    assert (order["cancelReason"], order["refunds"], acme.shop.mails) == ("FRAUD", [], [])


async def test_shipped_wins_and_the_conflict_is_a_persons(acme: AtWork) -> None:
    order = an_order(NOON)
    acme.put(order)
    await acme.simulator.do("ship", {"id": order["id"]})
    outcome = await write(acme, "orders", a_sale(), order["id"])
    assert isinstance(outcome.error, WaitForPerson)
    assert "does not cancel order #1001: fulfilled; what was shipped wins" in outcome.error.message
    assert order["cancelledAt"] is None


async def test_an_order_somebody_cancels_at_the_same_moment_is_no_conflict(acme: AtWork) -> None:
    order = an_order(NOON)
    acme.put(order)
    acme.before("CancelOrder", lambda: acme.simulator.do("cancel", {"id": order["id"]}))
    outcome = await write(acme, "orders", a_sale(), order["id"])
    assert outcome.error is None, outcome.error.message
    assert order["cancelledAt"]


async def test_a_sale_that_is_valid_or_not_the_shops_changes_nothing(acme: AtWork) -> None:
    assert calls(acme, "orders", a_sale(cancelled=None), "gid://shopify/Order/1") == []
    assert calls(acme, "orders", a_sale(), None) == []


# ---------------------------------------------------------------- customers


def a_customer(acme: AtWork, **more: Any) -> dict[str, Any]:
    made = build_customer(7, at=NOON, first="Ana", last="García", email="ana@example.com", **more)
    acme.shop.put("customers", made)
    return made


def a_party(**more: Any) -> Customer:
    fields = {"first_name": "Ana", "last_name": "García", "email": "ana@example.com", **more}
    return Customer(source_id="5", **fields)


async def test_what_is_the_same_is_not_sent(acme: AtWork) -> None:
    there = a_customer(acme, phone="+34600111222")
    party = a_party(email="Ana@Example.com", phone="+34 600 11 12 22", first_name="Ana García",
                    last_name=None)  # fmt: skip
    outcome = await write(acme, "customers", party, ANA)
    assert outcome.found is not None
    assert outcome.found.token == there["updatedAt"].replace("Z", ".000000Z")
    assert acme.asked("CustomerUpdate") == 0


async def test_only_what_differs_is_sent_and_the_new_version_is_told(acme: AtWork) -> None:
    there = a_customer(acme)
    outcome = await write(acme, "customers", a_party(email="ana@new.example"), ANA)
    assert outcome.found is not None
    assert there["defaultEmailAddress"] == {"emailAddress": "ana@new.example"}
    assert outcome.found.token == there["updatedAt"].replace("Z", ".000000Z")
    assert there["updatedAt"] > "2026-03-01T12:00:00Z"


async def test_an_address_is_added_and_none_is_lost(acme: AtWork) -> None:
    home = {"id": "gid://shopify/MailingAddress/1", **dict.fromkeys(
        ("name", "firstName", "lastName", "company", "address2", "provinceCode", "province",
         "phone")), "address1": "Old 1", "city": "Kiel", "zip": "24103", "country": "DE",
        "countryCodeV2": "DE"}  # fmt: skip
    there = a_customer(acme, address=home)
    new = Address(name="Ana García", street=("New 2",), city="Kiel", postal_code="1", country="DE")
    party = a_party(default_address=new)
    await write(acme, "customers", party, ANA)
    assert [one["address1"] for one in there["addressesV2"]] == ["Old 1", "New 2"]
    assert there["defaultAddress"]["address1"] == "New 2"
    await write(acme, "customers", party, ANA)
    assert len(there["addressesV2"]) == 2


async def test_anothers_email_is_a_persons_decision(acme: AtWork) -> None:
    a_customer(acme)
    acme.shop.put(
        "customers", build_customer(8, at=NOON, first="Bo", last="B", email="bo@example.com")
    )
    outcome = await write(acme, "customers", a_party(email="bo@example.com"), ANA)
    assert isinstance(outcome.error, WaitForPerson)
    assert (outcome.error.code, outcome.error.path) == ("AmbiguousMatch", "email")


async def test_one_the_shop_does_not_know_is_found_by_email_or_made_once(acme: AtWork) -> None:
    party = a_party(email="neu@example.com")
    first = await write(acme, "customers", party, None)
    second = await write(acme, "customers", party, None)
    assert first.found is not None
    assert second.found is not None
    assert first.found.destination_id == second.found.destination_id
    assert len(acme.shop.customers()) == 1

"""Parcels of the ERP: one shipment, its numbers, one mail; and invoices. Whatever gets lost."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest

from knect.model import Payment, Shipment, ShipmentLine, Tracking
from knect.sdk.contract import Call, Delivered, Effect
from knect.sdk.errors import ConnectorError, MissingReference, Refused, RetryLater, WaitForPerson
from knect.sdk.testing import Fault
from knect_connectors.magento1.simulator import Bought, OrderPlan, build_order, small_orders
from knect_connectors.magento1.simulator.generator import person
from knect_connectors.magento1.tests.conftest import NOON, AtWork
from knect_connectors.magento1.tests.test_writing import (
    CUSTOMER,
    LEVEL,
    PRICE,
    TEE,
    plan,
    send,
    write,
)


def put(acme: AtWork, *bought: Bought, number: str = "100000001") -> dict[str, Any]:
    lines = bought or (
        Bought(sku="KN-100", title="Kettle", price=Decimal("39.90"), quantity=Decimal(3)),
    )
    order = OrderPlan(number=number, at=NOON, bought=lines, address=person(0), email="a@b.example")
    acme.books.orders[number] = build_order(acme.books, order)
    return acme.books.orders[number]


def parcel(order: dict[str, Any], quantity: int = 3, *, line: int = 0, **more: Any) -> Shipment:
    item = order["items"][line]
    lines = (ShipmentLine(line_id=item["item_id"], sku=item["sku"], quantity=Decimal(quantity)),)
    return Shipment(**{"source_id": "p1", "order_id": order["increment_id"], "lines": lines,
                       "trackings": (Tracking(number="T-1", carrier="UPS"),), **more})  # fmt: skip


def mails(acme: AtWork) -> list[list[str]]:
    return [list(mail["tracks"]) for mail in acme.books.mails]


async def test_a_parcel_is_one_shipment_with_its_number_and_one_mail(acme: AtWork) -> None:
    order = put(acme)
    shipped = parcel(order, trackings=(Tracking(number="T-1", carrier="United Parcel Service"),
                                       Tracking(number="T-2", carrier="Bike")))  # fmt: skip
    effects = await plan(acme, "shipments", shipped)
    assert [effect.name for effect in effects] == ["shipment", "tracking", "notice"]
    for _ in range(2):
        outcomes = await send(acme, effects)
        assert all(outcome.found for outcome in outcomes)
    (made,) = acme.books.shipments.values()
    tracks = [(one["carrier_code"], one["title"], one["number"]) for one in made["tracks"]]
    assert tracks == [
        ("ups", "United Parcel Service", "T-1"), ("custom", "Bike", "T-2"),
    ]  # fmt: skip
    assert mails(acme) == [["T-1", "T-2"]]
    assert order["items"][0]["qty_shipped"] == "3.0000"


@pytest.mark.parametrize("step", range(3))
@pytest.mark.parametrize("fault", [Fault.COMMIT_THEN_DROP, Fault.TRUNCATED, Fault.MALFORMED])
async def test_a_lost_answer_is_no_second_parcel_number_or_mail(
    acme: AtWork, step: int, fault: Fault
) -> None:
    order = put(acme)
    effects = await plan(acme, "shipments", parcel(order))
    destination = acme.connector.destination
    assert destination is not None
    given: dict[str, str] = {}
    for position, effect in enumerate(effects):
        call = Call(effect=effect, given=given, idempotency_key="k")
        if position == step:
            acme.server.faults.force(*[None] * _READS[step], fault)
            with pytest.raises(ConnectorError) as lost:
                await destination.write([call])
            assert isinstance(lost.value, RetryLater)
            assert lost.value.could_have_been_seen
            (found,) = await destination.lookup([call])
            assert found is not None
        (outcome,) = await destination.write([call])
        assert outcome.found is not None
        given[effect.name] = outcome.found.destination_id
    (made,) = acme.books.shipments.values()
    assert [one["number"] for one in made["tracks"]] == ["T-1"]
    assert mails(acme) == [["T-1"]]


#: Requests before each write: of the first one, the log-in is among them.
_READS = (2, 2, 1)


async def test_what_was_shipped_by_hand_meanwhile_is_recognised(acme: AtWork) -> None:
    order = put(acme)
    by_hand = await acme.simulator.do("ship", {"number": order["increment_id"]})
    outcomes = await write(acme, "shipments", parcel(order))
    assert outcomes[0].found is not None
    assert outcomes[0].found.destination_id == by_hand
    assert [one["number"] for one in acme.books.shipments[by_hand]["tracks"]] == ["T-1"]
    assert mails(acme) == [["T-1"]]


async def test_two_parcels_of_one_order_are_two_shipments(acme: AtWork) -> None:
    order = put(acme)
    await write(acme, "shipments", parcel(order, 1))
    second = parcel(order, 2, source_id="p2", trackings=(Tracking(number="T-2"),))
    await write(acme, "shipments", second)
    assert [one["total_qty"] for one in acme.books.shipments.values()] == ["1.0000", "2.0000"]
    assert mails(acme) == [["T-1"], ["T-2"]]
    assert order["state"] == "processing"


async def test_pairs_and_bundles_are_shipped_by_the_line_that_counts(acme: AtWork) -> None:
    parts = (Bought(sku="KN-200", title="Teapot", price=Decimal(20)),)
    order = put(
        acme,
        Bought(sku="KN-300", title="Cup", price=Decimal(12), kind="configurable"),
        Bought(sku="SET", title="Set", price=Decimal(0), kind="bundle", parts=parts),
    )
    lines = (ShipmentLine(line_id=order["items"][1]["item_id"], quantity=Decimal(1)),
             ShipmentLine(line_id="", sku="KN-200", quantity=Decimal(1)))  # fmt: skip
    outcomes = await write(acme, "shipments", parcel(order, lines=lines))
    assert all(outcome.found for outcome in outcomes)
    assert order["items"][0]["qty_shipped"] == order["items"][3]["qty_shipped"] == "1.0000"


async def test_a_parcel_of_an_edited_order_leaves_its_last_number(acme: AtWork) -> None:
    order = put(acme)
    last = await acme.simulator.do(
        "edit",
        {"number": order["increment_id"], "sku": "KN-100", "price": "39.90", "quantity": "2"},
    )
    outcomes = await write(acme, "shipments", parcel(order, 2))  # named by the line before the edit
    assert outcomes[0].found is not None
    (made,) = acme.books.shipments.values()
    assert made["order_increment_id"] == last


async def refused(acme: AtWork, shipment: Shipment) -> ConnectorError:
    outcome = (await write(acme, "shipments", shipment))[0]
    assert outcome.error is not None
    assert not acme.books.mails
    return outcome.error


async def test_what_cannot_be_shipped_says_why(acme: AtWork) -> None:
    order = put(acme)
    more = await refused(acme, parcel(order, 4))
    assert (type(more), more.code, more.value) == (Refused, "OverShipment", "KN-100")
    assert "only 3 are left to ship (3 sold, 0 shipped)" in more.message
    line = (ShipmentLine(line_id="9999", quantity=Decimal(1)),)
    unknown = await refused(acme, parcel(order, lines=line))
    assert (unknown.code, unknown.path, unknown.value) == (
        "UnknownLine", "lines[0].line_id", "9999")  # fmt: skip
    order["state"] = "holded"
    held = await refused(acme, parcel(order))
    assert isinstance(held, MissingReference)
    assert "on hold" in held.message
    order["state"] = "canceled"
    assert (await refused(acme, parcel(order))).code == "OrderCancelled"
    assert not acme.books.shipments


async def test_cancelled_lines_are_left_out_and_named(acme: AtWork) -> None:
    order = put(acme)
    order["items"][0]["qty_canceled"] = "1.0000"
    (outcome, *_) = await write(acme, "shipments", parcel(order, 3))
    assert outcome.found is not None
    assert outcome.found.remark == "without 1 x Kettle: cancelled in the shop"
    order = put(acme, number="100000002")
    order["items"][0]["qty_canceled"] = "3.0000"
    assert (await refused_quietly(acme, parcel(order))).code == "LineCancelled"


async def refused_quietly(acme: AtWork, shipment: Shipment) -> ConnectorError:
    (outcome, *_) = await write(acme, "shipments", shipment)
    assert outcome.error is not None
    return outcome.error


async def test_two_lines_of_one_sku_without_an_id_are_a_persons(acme: AtWork) -> None:
    one = Bought(sku="KN-100", title="Kettle", price=Decimal("39.90"))
    order = put(acme, one, one)
    lines = (ShipmentLine(line_id="", sku="KN-100", quantity=Decimal(1)),)
    error = await refused(acme, parcel(order, lines=lines))
    assert (type(error), error.code) == (WaitForPerson, "AmbiguousMatch")


async def test_a_corrected_number_replaces_the_one_before(acme: AtWork) -> None:
    order = put(acme)
    outcomes = await write(acme, "shipments", parcel(order))
    assert outcomes[0].found is not None
    right = parcel(order, trackings=(Tracking(number="T-9"),))
    previous = {"lines": [{"sku": "KN-100", "quantity": "3"}], "trackings": [{"number": "T-1"}]}
    await write(acme, "shipments", right, bound=outcomes[0].found.destination_id, previous=previous)
    (made,) = acme.books.shipments.values()
    assert [one["number"] for one in made["tracks"]] == ["T-9"]
    assert mails(acme) == [["T-1"]], "the customer is not told again"


async def test_other_pieces_than_were_told_and_a_parcel_taken_back_are_a_persons(
    acme: AtWork,
) -> None:
    order = put(acme)
    previous = {"lines": [{"sku": "KN-100", "quantity": "3"}], "trackings": []}
    for changed in (parcel(order, 2), parcel(order, status="cancelled")):
        with pytest.raises(WaitForPerson):
            await plan(acme, "shipments", changed, bound="100000001", previous=previous)


async def test_a_number_that_came_twice_is_there_once_in_the_end(acme: AtWork) -> None:
    order = put(acme)
    outcomes = await write(acme, "shipments", parcel(order))
    assert outcomes[0].found is not None
    number = outcomes[0].found.destination_id
    acme.simulator.calls.call("sales_order_shipment.addTrack", [number, "custom", "late", "T-1"])
    previous = {"lines": [{"sku": "KN-100", "quantity": "3"}], "trackings": [{"number": "T-1"}]}
    await write(acme, "shipments", parcel(order), bound=number, previous=previous)
    assert [one["title"] for one in acme.books.shipments[number]["tracks"]] == [
        "United Parcel Service"
    ]


async def test_an_audit_is_told_what_is_no_longer_there(acme: AtWork) -> None:
    order = put(acme)
    await write(acme, "shipments", parcel(order))
    (invoice,) = await write(acme, "payments", payment(order))
    (person,) = await write(acme, "customers", CUSTOMER)
    (made,) = await write(acme, "products", TEE)
    (priced,) = await write(acme, "prices", PRICE)
    (level,) = await write(acme, "inventory", LEVEL)
    there = {"orders": order["increment_id"], "shipments": next(iter(acme.books.shipments))}
    for entity, outcome in (("payments", invoice), ("customers", person), ("products", made),
                            ("prices", priced), ("inventory", level)):  # fmt: skip
        assert outcome.found is not None
        there[entity] = outcome.found.destination_id

    def asked(entity: str) -> Delivered:
        return Delivered(entity=entity, external_id="e", destination_id=there[entity])

    destination = acme.connector.destination
    assert destination is not None
    for entity in there:
        assert await destination.present([asked(entity)]) == [True], entity
    acme.books.shipments.clear()
    acme.books.invoices.clear()
    acme.books.orders.clear()
    acme.books.customers.clear()
    for sku in ("TEE-S", "KN-100"):
        await acme.simulator.do("delete_product", {"sku": sku})
    for entity in there:
        assert await destination.present([asked(entity)]) == [False], entity


async def test_without_notice_nobody_is_told(acme: AtWork) -> None:
    order = put(acme)
    await write(acme, "shipments", parcel(order), settings={"notify": False})
    assert len(acme.books.shipments) == 1
    assert not acme.books.mails


# ---------------------------------------------------------------- invoices


def payment(order: dict[str, Any], **more: Any) -> Payment:
    amount = Decimal(order["base_grand_total"]).quantize(Decimal("0.01"))
    return Payment(**{"source_id": "pay1", "order_id": order["increment_id"], "kind": "capture",
                      "status": "success", "amount": amount, "currency": "EUR", **more})  # fmt: skip


async def test_a_payment_is_one_invoice_and_captured_only_if_told(acme: AtWork) -> None:
    order = put(acme)
    order["payment"]["method"] = "authorizenet"
    effects = await plan(acme, "payments", payment(order))
    assert [effect.name for effect in effects] == ["invoice"]
    for _ in range(2):
        await send(acme, effects)
    (made,) = acme.books.invoices.values()
    assert made["state"] == "1"
    captured: Sequence[Effect] = await plan(
        acme, "payments", payment(order), settings={"capture": "Always"}
    )
    for _ in range(2):
        assert all(one.found for one in await send(acme, captured))
    assert len(acme.books.invoices) == 1
    assert made["state"] == "2"
    assert acme.simulator.rpc.counts["sales_order_invoice.capture"] == 1


async def test_an_invoice_made_by_hand_is_recognised_and_another_amount_is_refused(
    acme: AtWork,
) -> None:
    (number,) = small_orders(acme.books, 1, at=NOON)  # invoiced by hand already
    order = acme.books.orders[number]
    (found,) = await write(acme, "payments", payment(order))
    assert found.found is not None
    assert len(acme.books.invoices) == 1
    other = put(acme, number="100000009")
    (wrong,) = await write(acme, "payments", payment(other, amount=Decimal("1.00")))
    assert isinstance(wrong.error, Refused)
    assert (wrong.error.path, wrong.error.value) == ("amount", "1.00")

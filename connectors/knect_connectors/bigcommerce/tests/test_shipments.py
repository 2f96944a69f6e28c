"""Parcels of the ERP: one shipment per parcel and address, whatever gets lost, or happens by hand."""

from decimal import Decimal
from typing import Any

import pytest

from knect.model import Shipment, ShipmentLine, Tracking
from knect.sdk.contract import Delivered, Removal
from knect.sdk.errors import BadRecord, ConnectorError, Fatal, Refused, RetryLater, WaitForPerson
from knect.sdk.testing import Fault
from knect_connectors.bigcommerce.simulator import acts, person
from knect_connectors.bigcommerce.tests.conftest import AtWork, a_line
from knect_connectors.bigcommerce.tests.writing import (
    call_of,
    destination_of,
    error_of,
    plan,
    send,
    write,
)

LOST = [Fault.COMMIT_THEN_DROP, Fault.TRUNCATED, Fault.MALFORMED]
#: Requests before a shipment is made: the order, and the shipments it has.
READS = 2


def parcel(order: dict[str, Any], quantity: int = 3, *, line: int = 0, **more: Any) -> Shipment:
    sold = order["_products"][line]
    lines = (ShipmentLine(line_id=str(sold["id"]), sku=sold["sku"], quantity=Decimal(quantity)),)
    return Shipment(**{"source_id": "p1", "order_id": str(order["id"]), "lines": lines,
                       "trackings": (Tracking(number="T-1", carrier="UPS"),), **more})  # fmt: skip


async def bound(acme: AtWork, shipment: Shipment, **more: Any) -> str:
    (outcome,) = await write(acme, "shipments", shipment, **more)
    assert outcome.found is not None, outcome.error
    return outcome.found.destination_id


async def test_a_parcel_is_one_shipment_and_the_customer_is_told_once(acme: AtWork) -> None:
    order = acme.order(a_line(quantity=3))
    effects = await plan(acme, "shipments", parcel(order))
    assert [(one.name, one.primary) for one in effects] == [("shipment", True)]
    for _ in range(2):
        (outcome,) = await send(acme, effects)
        assert outcome.found is not None
        assert outcome.found.destination_id == f"{order['id']}/1"
    (made,) = order["_shipments"]
    assert (made["tracking_number"], made["shipping_provider"]) == ("T-1", "ups")
    assert made["comments"] == "knect:erp:p1"
    assert order["status_id"] == 2
    assert len(acme.books.mails) == 1


@pytest.mark.parametrize("fault", LOST)
async def test_a_lost_answer_is_no_second_parcel(acme: AtWork, fault: Fault) -> None:
    order = acme.order(a_line(quantity=3))
    (effect,) = await plan(acme, "shipments", parcel(order))
    assert list(await destination_of(acme).lookup([call_of(effect)])) == [None]
    acme.server.faults.force(*[None] * READS, fault)
    with pytest.raises(RetryLater) as lost:
        await destination_of(acme).write([call_of(effect)])
    assert lost.value.could_have_been_seen
    (found,) = await destination_of(acme).lookup([call_of(effect)])
    assert found is not None
    (outcome,) = await send(acme, [effect])
    assert outcome.found is not None
    assert outcome.found.destination_id == found.destination_id
    assert len(order["_shipments"]) == len(acme.books.mails) == 1


async def test_each_address_has_its_shipment_and_half_of_them_is_not_all(acme: AtWork) -> None:
    order = acme.order(
        a_line("A"), a_line("B", address=1), addresses=(person(0), person(1)), number=100
    )
    lines = tuple(
        ShipmentLine(line_id=str(one["id"]), quantity=Decimal(1)) for one in order["_products"]
    )
    (effect,) = await plan(acme, "shipments", parcel(order, lines=lines))
    acme.server.faults.force(*[None] * READS, None, Fault.SERVER_ERROR)
    with pytest.raises(RetryLater):
        await destination_of(acme).write([call_of(effect)])
    assert len(order["_shipments"]) == 1
    assert list(await destination_of(acme).lookup([call_of(effect)])) == [None]
    (outcome,) = await send(acme, [effect])
    assert outcome.found is not None
    assert [one["order_address_id"] for one in order["_shipments"]] == [
        one["id"] for one in order["_addresses"]
    ]
    assert outcome.found.destination_id == ",".join(
        f"100/{one['id']}" for one in order["_shipments"]
    )
    (found,) = await destination_of(acme).lookup([call_of(effect)])
    assert found is not None


async def test_two_parcels_of_one_order_are_two(acme: AtWork) -> None:
    order = acme.order(a_line(quantity=3))
    await bound(acme, parcel(order, 1))
    assert order["status_id"] == 3
    await bound(acme, parcel(order, 2, source_id="p2", trackings=(Tracking(number="T-2"),)))
    assert [one["tracking_number"] for one in order["_shipments"]] == ["T-1", "T-2"]
    assert order["status_id"] == 2


async def test_two_parcels_alike_without_a_number_are_two(acme: AtWork) -> None:
    order = acme.order(a_line(quantity=2))
    await bound(acme, parcel(order, 1, trackings=()))
    await bound(acme, parcel(order, 1, source_id="p2", trackings=()))
    assert len(order["_shipments"]) == 2


async def test_what_was_shipped_by_hand_is_recognised_and_gets_its_number(acme: AtWork) -> None:
    order = acme.order(a_line(quantity=3))
    by_hand = await acme.simulator.do("ship", {"id": order["id"]})
    assert await bound(acme, parcel(order)) == by_hand
    (made,) = order["_shipments"]
    assert made["tracking_number"] == "T-1"
    assert len(acme.books.mails) == 1


@pytest.mark.parametrize("by_hand", [1, 2])
async def test_what_was_shipped_by_hand_to_one_address_of_two_is_not_shipped_again(
    acme: AtWork, by_hand: int
) -> None:
    order = acme.order(
        a_line("A"), a_line("B", address=1), addresses=(person(0), person(1)), number=100
    )
    for address in order["_addresses"][:by_hand]:
        acts.ship(acme.books, order, order_address_id=address["id"])
    lines = tuple(
        ShipmentLine(line_id=str(one["id"]), sku=one["sku"], quantity=Decimal(1))
        for one in order["_products"]
    )
    assert await bound(acme, parcel(order, lines=lines)) == "100/1,100/2"
    assert [one["tracking_number"] for one in order["_shipments"]] == ["T-1", "T-1"]
    assert len(acme.books.mails) == 2


async def test_a_line_an_edit_gave_another_id_is_found_by_its_sku(acme: AtWork) -> None:
    order = acme.order(a_line(quantity=3))
    shipment = parcel(order, 2)
    await acme.simulator.do(
        "edit", {"id": order["id"], "lines": [{"sku": "KN-100", "price": "39.90", "quantity": 2}]}
    )
    await bound(acme, shipment)
    assert order["_shipments"][0]["items"][0]["order_product_id"] == order["_products"][0]["id"]


async def test_carriers_and_further_numbers(acme: AtWork) -> None:
    order = acme.order(a_line(quantity=4))
    trackings = (
        Tracking(number="A", carrier="Bike", url="https://bike.example/A"), Tracking(number="B"),
        Tracking(number="C"),
    )  # fmt: skip
    await bound(acme, parcel(order, 1, trackings=trackings), document={"tracking_carrier": "dhl"})
    await bound(
        acme, parcel(order, 1, source_id="p2"), document={"carrier": "carrier_12", "trackings": []}
    )
    first, second = order["_shipments"]
    assert (first["tracking_number"], first["tracking_link"]) == ("A", "https://bike.example/A")
    assert (first["shipping_provider"], first["shipping_method"]) == ("", "Bike")
    assert first["tracking_carrier"] == "dhl"
    assert first["comments"].splitlines() == ["knect:erp:p1", "more parcels: B, C"]
    assert (second["shipping_provider"], second["tracking_number"]) == ("carrier_12", "")


async def test_a_corrected_number_is_set_once_and_others_comments_stay(acme: AtWork) -> None:
    order = acme.order(a_line(quantity=3))
    target = await bound(acme, parcel(order))
    (made,) = order["_shipments"]
    made["comments"] += "\nfragile"
    later = parcel(order, trackings=(Tracking(number="T-9"), Tracking(number="T-10")))
    (effect,) = await plan(acme, "shipments", later, bound=target)
    assert effect.name == "tracking"
    assert list(await destination_of(acme).lookup([call_of(effect)])) == [None]
    acme.server.faults.force(None, Fault.COMMIT_THEN_DROP)
    with pytest.raises(RetryLater):
        await destination_of(acme).write([call_of(effect)])
    (found,) = await destination_of(acme).lookup([call_of(effect)])
    assert found is not None
    before = acme.requests("shipment")
    await send(acme, [effect])
    assert acme.requests("shipment") == before, "the same number was sent again"
    assert made["tracking_number"] == "T-9"
    assert made["comments"].splitlines() == ["knect:erp:p1", "fragile", "more parcels: T-10"]


async def test_a_parcel_that_changed_afterwards_is_a_persons(acme: AtWork) -> None:
    order = acme.order(a_line(quantity=3))
    first = parcel(order)
    target = await bound(acme, first)
    told = destination_of(acme).to_document("shipments", first, {})
    with pytest.raises(WaitForPerson, match="correct the shipment in the store"):
        await plan(acme, "shipments", parcel(order, 2), bound=target, previous=told)


async def test_a_shipment_that_was_deleted_by_hand_is_a_persons(acme: AtWork) -> None:
    order = acme.order(a_line(quantity=3))
    target = await bound(acme, parcel(order))
    acts.take_back(acme.books, order, order["_shipments"][0])
    error = await error_of(acme, "shipments", parcel(order), bound=target)
    assert isinstance(error, WaitForPerson)
    assert "was deleted in the store" in error.message


async def test_one_that_did_not_leave_is_taken_back_and_the_state_is_told(acme: AtWork) -> None:
    order = acme.order(a_line(quantity=3))
    target = await bound(acme, parcel(order))
    effects = await plan(acme, "shipments", parcel(order, status="cancelled"), bound=target)
    assert list(await destination_of(acme).lookup([call_of(effects[0])])) == [None]
    acme.server.faults.force(None, Fault.COMMIT_THEN_DROP)
    with pytest.raises(RetryLater):
        await destination_of(acme).write([call_of(effects[0])])
    (found,) = await destination_of(acme).lookup([call_of(effects[0])])
    assert found is not None
    (outcome,) = await send(acme, effects)
    assert outcome.found is not None
    assert order["_shipments"] == []
    assert order["status_id"] == 2
    target = await bound(acme, parcel(order, source_id="p2"))
    (effect,) = destination_of(acme).plan_removal(
        Removal(entity="shipments", external_id="p2", how="Cancel", bound=target, settings={})
    )
    (outcome,) = await send(acme, [effect])
    assert outcome.found is not None
    assert "the state of order" in (outcome.found.remark or "")
    with pytest.raises(Fatal, match="Cancel or Ignore"):
        destination_of(acme).plan_removal(
            Removal(entity="shipments", external_id="p2", how="Delete", bound=target, settings={})
        )
    assert not await plan(acme, "shipments", parcel(order, status="cancelled"))


async def refused(acme: AtWork, shipment: Shipment) -> ConnectorError:
    before = len(acme.books.mails)
    error = await error_of(acme, "shipments", shipment)
    assert len(acme.books.mails) == before
    return error


async def test_what_cannot_be_shipped_says_why(acme: AtWork) -> None:
    order = acme.order(a_line("A", quantity=2), a_line("E-1", kind="digital"))
    error = await refused(acme, parcel(order, 5))
    assert (error.code, type(error)) == ("OverShipment", Refused)
    assert "only 2 are left to ship (2 sold, 0 shipped)" in error.message
    error = await refused(acme, parcel(order, 1, line=1))
    assert "goes to no address" in error.message
    unknown = (ShipmentLine(line_id="7", sku="Z", quantity=Decimal(1)),)
    assert (await refused(acme, parcel(order, lines=unknown))).code == "UnknownLine"
    part = (ShipmentLine(line_id="", sku="A", quantity=Decimal("0.5")),)
    assert (await refused(acme, parcel(order, lines=part))).path == "lines[0].quantity"
    await acme.simulator.do("cancel", {"id": order["id"]})
    assert (await refused(acme, parcel(order, 1))).code == "OrderCancelled"
    await acme.simulator.do("delete", {"id": order["id"]})
    error = await refused(acme, parcel(order, 1))
    assert (type(error), error.code) == (WaitForPerson, "ChangedAtDestination")
    with pytest.raises(BadRecord, match="holds nothing"):
        await plan(acme, "shipments", parcel(order, lines=()))


async def test_the_same_sku_on_two_lines_needs_the_line(acme: AtWork) -> None:
    order = acme.order(a_line("A"), a_line("A"))
    lines = (ShipmentLine(line_id="", sku="A", quantity=Decimal(1)),)
    assert (await refused(acme, parcel(order, lines=lines))).code == "AmbiguousMatch"
    await bound(acme, parcel(order, 1, line=1))


async def test_refunded_pieces_are_left_out_and_told(acme: AtWork) -> None:
    order = acme.order(a_line("A", quantity=3))
    acts.refund(acme.books, order, [{"line": 0, "quantity": 1}])
    (outcome,) = await write(acme, "shipments", parcel(order))
    assert outcome.found is not None
    assert outcome.found.remark == "without 1 x A: refunded in the store"
    assert order["_shipments"][0]["items"][0]["quantity"] == 2
    whole = acme.order(a_line("B", quantity=1))
    acts.refund(acme.books, whole, [{"line": 0, "quantity": 1}])
    assert (await refused(acme, parcel(whole, 1))).code == "LineCancelled"


async def test_a_line_beyond_the_first_page_is_shipped(acme: AtWork) -> None:
    order = acme.order(*[a_line(f"S-{number}", "1.00") for number in range(70)])
    await bound(acme, parcel(order, 1, line=69))
    assert len(order["_shipments"]) == 1


async def test_an_audit_finds_all_parcels_of_a_record(acme: AtWork) -> None:
    order = acme.order(a_line(quantity=3))
    target = await bound(acme, parcel(order))
    asked = [
        Delivered(entity="shipments", external_id="x", destination_id=one)
        for one in (target, f"{target},{order['id']}/999", f"{order['id'] + 1}/1")
    ]
    assert list(await destination_of(acme).present(asked)) == [True, False, False]

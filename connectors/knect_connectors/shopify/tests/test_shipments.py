"""Shipments: one fulfillment and one e-mail per parcel, whatever was done to the order meanwhile."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs

from knect.model import Shipment, ShipmentLine, Tracking
from knect.sdk.contract import Call, Delivery, Found, Outcome
from knect.sdk.errors import ConnectorError, MissingReference, Refused, Unreachable, WaitForPerson
from knect.sdk.testing import Fault, FaultPlan
from knect_connectors.shopify.tests.conftest import NOON, AtWork, open_shop
from knect_connectors.shopify.tests.orders import a_line, an_order


def a_parcel(lines: dict[str, int], *numbers: str, source_id: str = "P1", **more: Any) -> Shipment:
    return Shipment(
        source_id=source_id,
        order_id="17",
        lines=tuple(
            ShipmentLine(line_id=line, quantity=Decimal(units)) for line, units in lines.items()
        ),
        trackings=tuple(Tracking(number=number, carrier="DHL") for number in numbers),
        **more,
    )


class Desk:
    """Delivers shipments of one order the way the engine does."""

    def __init__(self, acme: AtWork, order: dict[str, Any]) -> None:
        self.acme, self.order = acme, order
        assert acme.connector.destination is not None
        self.destination = acme.connector.destination

    @property
    def lines(self) -> list[str]:
        return [line["id"] for line in self.order["lineItems"]]

    def calls(self, shipment: Shipment, bound: str | None = None, **settings: Any) -> list[Call]:
        effects = self.destination.plan(
            Delivery(
                entity="shipments",
                external_id=shipment.source_id,
                document=self.destination.to_document("shipments", shipment, {}),
                record=shipment,
                bound=bound,
                resolved={("orders", "17"): self.order["id"]},
                settings=settings,
            )
        )
        return [Call(effect=one, given={}, idempotency_key=one.name) for one in effects]

    async def deliver(self, shipment: Shipment, bound: str | None = None, **settings: Any) -> Found:
        """Look up, write; raises the outcome's error."""
        given: dict[str, str] = {}
        found: Found | None = None
        for call in self.calls(shipment, bound, **settings):
            ready = structs.replace(call, given=given)
            (found,) = await self.destination.lookup([ready])
            if found is None:
                (outcome,) = await self.destination.write([ready])
                found = taken(outcome)
            given[call.effect.name] = found.destination_id
        assert found is not None
        return found

    async def refused(self, shipment: Shipment) -> ConnectorError:
        (outcome,) = await self.destination.write([self.calls(shipment)[0]])
        assert outcome.error is not None
        return outcome.error

    async def does(self, act: str, **arguments: Any) -> Any:
        return await self.acme.simulator.do(act, {"id": self.order["id"], **arguments})

    @property
    def made(self) -> list[tuple[str, list[int], list[str]]]:
        return [
            (
                one["status"],
                [piece["quantity"] for piece in one["fulfillmentLineItems"]],
                [info["number"] for info in one["trackingInfo"]],
            )
            for one in self.order["fulfillments"]
        ]

    @property
    def mails(self) -> list[list[str]]:
        return [mail["tracking"] for mail in self.acme.shop.mails]


def taken(outcome: Outcome) -> Found:
    if outcome.error is not None:
        raise outcome.error
    assert outcome.found is not None
    return outcome.found


@pytest.fixture
def desk(acme: AtWork) -> Desk:
    return a_desk(acme)


def a_desk(acme: AtWork, lines: Sequence[Any] = ()) -> Desk:
    order = an_order(
        NOON,
        lines=list(lines) or [a_line("A", quantity=3), a_line("B", quantity=2)],
        email="ana@example.com",
    )
    acme.put(order)
    return Desk(acme, order)


async def test_one_parcel_is_one_fulfillment_and_one_mail(desk: Desk) -> None:
    found = await desk.deliver(a_parcel({desk.lines[0]: 3, desk.lines[1]: 2}, "T1"))
    assert desk.made == [("SUCCESS", [3, 2], ["T1"])]
    assert desk.mails == [["T1"]]
    assert found.number == "#1001-F1"
    assert desk.order["displayFulfillmentStatus"] == "FULFILLED"


async def test_two_parcels_of_one_order_and_several_numbers(desk: Desk) -> None:
    await desk.deliver(a_parcel({desk.lines[0]: 2}, "T1"))
    assert desk.order["displayFulfillmentStatus"] == "PARTIALLY_FULFILLED"
    second = a_parcel({desk.lines[0]: 1, desk.lines[1]: 2}, "T2", "T3", source_id="P2")
    await desk.deliver(second)
    assert desk.made == [("SUCCESS", [2], ["T1"]), ("SUCCESS", [1, 2], ["T2", "T3"])]
    assert desk.mails == [["T1"], ["T2", "T3"]]


async def test_the_same_sku_on_two_lines_is_told_apart_by_line(acme: AtWork) -> None:
    desk = a_desk(acme, [a_line("A", quantity=2), a_line("A", quantity=2)])
    await desk.deliver(a_parcel({desk.lines[1]: 2}, "T1"))
    (piece,) = desk.order["fulfillments"][0]["fulfillmentLineItems"]
    assert piece["lineItem"]["id"] == desk.lines[1]


async def test_without_the_lines_id_one_line_of_the_sku_is_meant_two_are_not(
    acme: AtWork,
) -> None:
    desk = a_desk(acme, [a_line("A", quantity=2), a_line("B"), a_line("B")])
    shipment = a_parcel({"": 2}, "T1")
    by_sku = structs.replace(shipment, lines=(structs.replace(shipment.lines[0], sku="A"),))
    await desk.deliver(by_sku)
    assert desk.made == [("SUCCESS", [2], ["T1"])]
    unclear = structs.replace(shipment.lines[0], sku="B", quantity=Decimal(1))
    error = await desk.refused(structs.replace(shipment, lines=(unclear,)))
    assert isinstance(error, WaitForPerson)
    assert "2 lines with SKU 'B'" in error.message


async def test_two_locations_are_two_fulfillments_of_one_parcel(desk: Desk) -> None:
    await desk.does("split", line=0, units=1, location="2", name="Shop floor")
    shipment = a_parcel({desk.lines[0]: 3, desk.lines[1]: 2}, "T1")
    found = await desk.deliver(shipment)
    assert desk.made == [("SUCCESS", [2, 2], ["T1"]), ("SUCCESS", [1], ["T1"])]
    assert len(found.destination_id.split(",")) == 2
    again = await desk.deliver(shipment)
    assert again.destination_id == found.destination_id
    assert len(desk.made) == 2


async def test_the_named_location_ships_first(desk: Desk) -> None:
    await desk.does("split", line=0, units=1, location="2", name="Shop floor")
    await desk.deliver(a_parcel({desk.lines[0]: 1}, "T1", location="Shop floor"))
    assert desk.order["fulfillments"][0]["location"]["name"] == "Shop floor"


# ---------------------------------------------------------------- lost answers, other hands


async def test_a_lost_answer_is_looked_up_one_fulfillment_one_mail() -> None:
    faults = FaultPlan()
    async with open_shop(faults=faults) as acme:
        desk = a_desk(acme)
        shipment = a_parcel({desk.lines[0]: 3}, "T1")
        call = desk.calls(shipment)[0]
        faults.force(None, None, Fault.COMMIT_THEN_DROP)  # two reads, then the write
        with pytest.raises(Unreachable) as caught:
            await desk.destination.write([call])
        assert caught.value.could_have_been_seen
        (found,) = await desk.destination.lookup([call])
        assert found is not None
        assert (desk.made, desk.mails) == ([("SUCCESS", [3], ["T1"])], [["T1"]])
        await desk.deliver(shipment)
        assert (desk.made, desk.mails) == ([("SUCCESS", [3], ["T1"])], [["T1"]])


async def test_half_of_a_parcel_of_two_locations_is_finished_not_repeated() -> None:
    faults = FaultPlan()
    async with open_shop(faults=faults) as acme:
        desk = a_desk(acme)
        await desk.does("split", line=0, units=1, location="2", name="Shop floor")
        shipment = a_parcel({desk.lines[0]: 3}, "T1")
        faults.force(None, None, Fault.COMMIT_THEN_DROP)
        with pytest.raises(Unreachable):
            await desk.destination.write([desk.calls(shipment)[0]])
        (found,) = await desk.destination.lookup([desk.calls(shipment)[0]])
        assert found is None  # not the whole of it
        await desk.deliver(shipment)
        assert desk.made == [("SUCCESS", [2], ["T1"]), ("SUCCESS", [1], ["T1"])]


@pytest.mark.parametrize("by_hand", [None, "T1"])
async def test_shipped_by_hand_meanwhile_is_recognised(desk: Desk, by_hand: str | None) -> None:
    await desk.does("ship", lines={"A": 3}, tracking=by_hand, company="DHL")
    found = await desk.deliver(a_parcel({desk.lines[0]: 3}, "T1"))
    assert found.destination_id == desk.order["fulfillments"][0]["id"]
    assert desk.made == [("SUCCESS", [3], ["T1"])]  # the number was added where it was missing
    assert desk.mails == []


async def test_equal_parcels_without_a_number_are_two(desk: Desk) -> None:
    await desk.deliver(a_parcel({desk.lines[1]: 1}))
    (outcome,) = await desk.destination.write([desk.calls(a_parcel({desk.lines[1]: 1}))[0]])
    taken(outcome)
    assert desk.made == [("SUCCESS", [1], []), ("SUCCESS", [1], [])]


# ---------------------------------------------------------------- what cannot be shipped


async def test_tracking_for_a_cancelled_line_ships_the_rest_and_says_so(desk: Desk) -> None:
    await desk.does("edit", line=1, units=2)
    found = await desk.deliver(a_parcel({desk.lines[0]: 3, desk.lines[1]: 2}))
    assert desk.made == [("SUCCESS", [3], [])]
    assert found.remark == "without 2 x Item B: cancelled in the shop"


async def test_tracking_for_nothing_but_a_cancelled_line_is_refused_by_name(desk: Desk) -> None:
    await desk.does("refund", line=1, units=2, restock="CANCEL")
    error = await desk.refused(a_parcel({desk.lines[1]: 2}, "T1"))
    assert isinstance(error, Refused)
    assert (error.code, error.path, error.value) == ("LineCancelled", "lines", "B")
    assert "2 of it were cancelled or refunded in the shop before order #1001" in error.message
    assert (desk.made, desk.mails) == ([], [])


async def test_over_shipment_is_refused_with_the_figures(desk: Desk) -> None:
    await desk.deliver(a_parcel({desk.lines[0]: 2}, "T1"))
    error = await desk.refused(a_parcel({desk.lines[0]: 2}, "T2", source_id="P2"))
    assert isinstance(error, Refused)
    assert error.code == "OverShipment"
    assert "of order #1001 only 1 are left to ship (3 sold, 2 shipped)" in error.message
    assert len(desk.made) == 1


async def test_a_line_the_shop_never_sold_is_refused(desk: Desk) -> None:
    error = await desk.refused(a_parcel({"gid://shopify/LineItem/7": 1}, "T1"))
    assert isinstance(error, Refused)
    assert (error.code, error.path) == ("UnknownLine", "lines[0].line_id")


async def test_a_cancelled_order_is_not_shipped(desk: Desk) -> None:
    await desk.does("cancel")
    error = await desk.refused(a_parcel({desk.lines[0]: 1}, "T1"))
    assert isinstance(error, Refused)
    assert error.code == "OrderCancelled"


async def test_half_a_piece_is_refused(desk: Desk) -> None:
    shipment = a_parcel({desk.lines[0]: 1}, "T1")
    half = structs.replace(shipment.lines[0], quantity=Decimal("0.5"))
    error = await desk.refused(structs.replace(shipment, lines=(half,)))
    assert isinstance(error, Refused)
    assert error.path == "lines[0].quantity"


async def test_on_hold_is_waited_for_and_shipped_when_released(desk: Desk) -> None:
    await desk.does("hold", notes="fraud check")
    shipment = a_parcel({desk.lines[0]: 3}, "T1")
    with pytest.raises(MissingReference, match=r"on hold in the shop \(fraud check\)"):
        await desk.destination.write([desk.calls(shipment)[0]])
    await desk.does("unhold")
    await desk.deliver(shipment)
    assert desk.made == [("SUCCESS", [3], ["T1"])]


# ---------------------------------------------------------------- afterwards


async def test_corrected_tracking_is_an_update_without_a_second_mail(desk: Desk) -> None:
    found = await desk.deliver(a_parcel({desk.lines[0]: 3}, "T1"))
    corrected = a_parcel({desk.lines[0]: 3}, "T9")
    after = await desk.deliver(corrected, found.destination_id)
    assert after.destination_id == found.destination_id
    assert (desk.made, desk.mails) == ([("SUCCESS", [3], ["T9"])], [["T1"]])
    asked = desk.acme.asked("Retrack")
    await desk.deliver(corrected, found.destination_id)
    assert desk.acme.asked("Retrack") == asked  # the same once more is not sent


async def test_other_pieces_after_the_customer_was_told_are_a_persons(desk: Desk) -> None:
    told = a_parcel({desk.lines[0]: 3}, "T1")
    found = await desk.deliver(told)
    fewer = a_parcel({desk.lines[0]: 2}, "T1")
    delivery = Delivery(
        entity="shipments",
        external_id="P1",
        document=desk.destination.to_document("shipments", fewer, {}),
        record=fewer,
        bound=found.destination_id,
        resolved={("orders", "17"): desk.order["id"]},
        settings={},
        previous=desk.destination.to_document("shipments", told, {}),
    )
    with pytest.raises(
        WaitForPerson, match=r"holds 2 x .*; the shop, and its customer, were told 3"
    ):
        desk.destination.plan(delivery)


async def test_a_cancelled_shipment_cancels_the_fulfillment_once(desk: Desk) -> None:
    found = await desk.deliver(a_parcel({desk.lines[0]: 3}, "T1"))
    void = a_parcel({}, status="cancelled")
    await desk.deliver(void, found.destination_id)
    assert desk.made == [("CANCELLED", [3], ["T1"])]
    (again,) = await desk.destination.lookup(desk.calls(void, found.destination_id))
    assert again is not None
    assert desk.calls(void) == []  # never delivered: nothing to take back
    await desk.deliver(a_parcel({desk.lines[0]: 3}, "T2", source_id="P2"))
    assert desk.made[1] == ("SUCCESS", [3], ["T2"])


async def test_a_fulfillment_somebody_cancels_at_the_same_moment_is_no_conflict(desk: Desk) -> None:
    found = await desk.deliver(a_parcel({desk.lines[0]: 3}, "T1"))

    async def by_hand() -> None:
        desk.order["fulfillments"][0]["status"] = "CANCELLED"

    desk.acme.before("CancelFulfillment", by_hand)
    await desk.deliver(a_parcel({}, status="cancelled"), found.destination_id)
    assert desk.acme.asked("CancelFulfillment") == 1


async def test_tracking_of_what_the_shop_cancelled_is_a_persons(desk: Desk) -> None:
    found = await desk.deliver(a_parcel({desk.lines[0]: 3}, "T1"))
    desk.order["fulfillments"][0]["status"] = "CANCELLED"
    calls = desk.calls(a_parcel({desk.lines[0]: 3}, "T9"), found.destination_id)
    (outcome,) = await desk.destination.write(calls)
    assert isinstance(outcome.error, WaitForPerson)


async def test_a_long_order_is_shipped_whole(acme: AtWork) -> None:
    desk = a_desk(acme, [a_line(f"S{i}") for i in range(120)])
    await desk.deliver(a_parcel(dict.fromkeys(desk.lines, 1), "T1"))
    assert desk.made == [("SUCCESS", [1] * 120, ["T1"])]
    found = await desk.destination.lookup(
        desk.calls(a_parcel(dict.fromkeys(desk.lines, 1), "T1"))[:1]
    )
    assert found[0] is not None


async def test_more_parcels_than_are_read_at_once(acme: AtWork) -> None:
    desk = a_desk(acme, [a_line("A", quantity=14)])
    for number in range(13):
        await desk.deliver(a_parcel({desk.lines[0]: 1}, f"T{number}", source_id=f"P{number}"))
    assert len(desk.made) == 13
    first = desk.calls(a_parcel({desk.lines[0]: 1}, "T0", source_id="P0"))[:1]
    assert (await desk.destination.lookup(first))[0] is not None

"""Parcels of the ERP: one shipment, its numbers, one mail; and invoices. Whatever gets lost."""

from decimal import Decimal
from typing import Any

import pytest

from knect.model import Payment, Shipment, ShipmentLine, Tracking
from knect.sdk.contract import Found
from knect.sdk.errors import (
    ConnectorError,
    MissingReference,
    NotForThere,
    Refused,
    RetryLater,
    UnexpectedAnswer,
    WaitForPerson,
)
from knect.sdk.http import decode_json
from knect.sdk.testing import Answer, Fault
from knect_connectors.magento2.simulator import Bought, acts
from knect_connectors.magento2.tests.conftest import AtWork, call_of, open_shop

PREVIOUS = {"lines": [{"sku": "KN-100", "quantity": "3"}], "trackings": [{"number": "T-1"}]}


def parcel(order: dict[str, Any], quantity: int = 3, *, line: int = 0, **more: Any) -> Shipment:
    item = order["items"][line]
    lines = (ShipmentLine(line_id=str(item["item_id"]), sku=item["sku"],
                          quantity=Decimal(quantity)),)  # fmt: skip
    return Shipment(**{"source_id": "p1", "order_id": str(order["entity_id"]), "lines": lines,
                       "trackings": (Tracking(number="T-1", carrier="UPS"),), **more})  # fmt: skip


def mails(acme: AtWork) -> list[list[str]]:
    return [list(mail["tracks"]) for mail in acme.books.mails]


def numbers(shipment: dict[str, Any]) -> list[str]:
    return [one["track_number"] for one in shipment["tracks"]]


async def test_a_parcel_is_one_shipment_with_its_numbers_and_one_mail(acme: AtWork) -> None:
    order = acme.put()
    shipped = parcel(order, trackings=(Tracking(number="T-1", carrier="United Parcel Service"),
                                       Tracking(number="T-2", carrier="Bike")))  # fmt: skip
    effects = await acme.plan("shipments", shipped)
    assert [effect.name for effect in effects] == ["shipment"]
    for _ in range(2):
        (outcome,) = await acme.send(effects)
        assert outcome.found is not None
    (made,) = acme.books.shipments.values()
    found = Found(destination_id=str(made["entity_id"]), number=made["increment_id"])
    assert outcome.found == found
    tracks = [(one["carrier_code"], one["title"], one["track_number"]) for one in made["tracks"]]
    assert tracks == [("ups", "United Parcel Service", "T-1"), ("custom", "Bike", "T-2")]
    assert mails(acme) == [["T-1", "T-2"]]
    assert order["items"][0]["qty_shipped"] == 3
    (comment,) = made["comments"]
    assert (comment["comment"], comment["is_visible_on_front"]) == ("knect:erp:p1", 0)


@pytest.mark.parametrize("fault", [Fault.COMMIT_THEN_DROP, Fault.TRUNCATED, Fault.MALFORMED])
async def test_a_lost_answer_is_no_second_parcel_number_or_mail(acme: AtWork, fault: Fault) -> None:
    (effect,) = await acme.plan("shipments", parcel(acme.put()))
    call = call_of(effect)
    assert await acme.destination.lookup([call]) == [None]
    acme.server.faults.force(None, None, fault)  # the order, its shipments, the shipment
    with pytest.raises(RetryLater) as lost:
        await acme.destination.write([call])
    assert lost.value.could_have_been_seen
    (found,) = await acme.destination.lookup([call])
    (outcome,) = await acme.destination.write([call])
    assert found is not None
    assert outcome.found == found
    (made,) = acme.books.shipments.values()
    assert numbers(made) == ["T-1"]
    assert mails(acme) == [["T-1"]]


async def test_a_parcel_nobody_remembers_gets_the_number_it_lacks(acme: AtWork) -> None:
    """A ledger was lost, and the number corrected since: found by our mark, it is half done."""
    order = acme.put()
    await acme.write("shipments", parcel(order))
    corrected = parcel(order, trackings=(Tracking(number="T-2", carrier="UPS"),))
    (effect,) = await acme.plan("shipments", corrected)
    assert await acme.destination.lookup([call_of(effect)]) == [None]
    await acme.send([effect])
    (made,) = acme.books.shipments.values()
    assert (numbers(made), mails(acme)) == (["T-1", "T-2"], [["T-1"]])
    (found,) = await acme.destination.lookup([call_of(effect)])
    assert found is not None


async def test_our_parcel_is_found_among_more_than_a_page(acme: AtWork) -> None:
    kettles = Bought(sku="KN-100", title="Kettle", price=Decimal("39.90"), quantity=Decimal(120))
    order = acme.put(kettles)
    for _ in range(110):
        acts.ship(acme.books, order, {order["items"][0]["item_id"]: Decimal(1)})
    (effect,) = await acme.plan("shipments", parcel(order))
    for _ in range(2):
        await acme.send([effect])
    assert len(acme.books.shipments) == 111


async def test_comments_a_list_does_not_tell_are_asked_for(acme: AtWork) -> None:
    handle = acme.simulator.handle

    async def without(request: Any) -> Any:
        answer = await handle(request)
        if request.path.endswith(("/shipments", "/invoices")):
            page = decode_json(answer.body)
            for row in page["items"]:
                row["comments"] = []
            return Answer.of_json(page, headers=answer.headers)
        return answer

    acme.simulator.handle = without  # type: ignore[method-assign]
    order = acme.put()
    for entity, record in (("shipments", parcel(order)), ("payments", payment(order))):
        (effect,) = await acme.plan(entity, record)
        first, second = [(await acme.send([effect]))[0] for _ in range(2)]
        assert first.found is not None
        assert second.found is not None
        assert second.found.destination_id == first.found.destination_id
    assert (len(acme.books.shipments), len(acme.books.invoices)) == (1, 1)


@pytest.mark.parametrize("step", [3, 4, 5])
async def test_what_was_shipped_by_hand_is_completed_once_whatever_gets_lost(
    acme: AtWork, step: int
) -> None:
    """Its number, the mail, and our mark last: until that, nothing of it is found."""
    order = acme.put()
    by_hand = await acme.simulator.do("ship", {"number": order["increment_id"]})
    (effect,) = await acme.plan("shipments", parcel(order))
    call = call_of(effect)
    acme.server.faults.force(*[None] * step, Fault.COMMIT_THEN_DROP)
    with pytest.raises(RetryLater):
        await acme.destination.write([call])
    (found,) = await acme.destination.lookup([call])
    assert (found is not None) == (step == 5)
    (outcome,) = await acme.destination.write([call])
    assert outcome.found is not None
    assert outcome.found.destination_id == str(by_hand)
    assert numbers(acme.books.shipments[by_hand]) == ["T-1"]
    assert mails(acme) == [["T-1"]]


async def test_two_parcels_of_one_order_are_two_shipments(acme: AtWork) -> None:
    order = acme.put()
    await acme.write("shipments", parcel(order, 1))
    second = parcel(order, 2, source_id="p2", trackings=(Tracking(number="T-2"),))
    await acme.write("shipments", second)
    assert [one["total_qty"] for one in acme.books.shipments.values()] == [1, 2]
    assert mails(acme) == [["T-1"], ["T-2"]]
    assert order["state"] == "processing"


async def test_a_parcel_of_ours_is_not_taken_for_one_made_by_hand(acme: AtWork) -> None:
    order = acme.put()
    await acme.write("shipments", parcel(order))
    (again,) = await acme.write("shipments", parcel(order, source_id="p2"))
    assert again.error is not None
    assert again.error.code == "OverShipment"


async def test_a_parcel_leaves_from_its_source() -> None:
    async with open_shop(sources=["default", "hamburg", "lyon"]) as acme:
        order = acme.put()
        await acme.write("shipments", parcel(order, 1), settings={"source": "hamburg"})
        mapped = parcel(order, 2, source_id="p2")
        await acme.write("shipments", mapped, set={"source": "lyon"})
        codes = [one["extension_attributes"] for one in acme.books.shipments.values()]
        assert codes == [{"source_code": "hamburg"}, {"source_code": "lyon"}]
        other = parcel(acme.put(), source_id="p3")
        (wrong,) = await acme.write("shipments", other, settings={"source": "moon"})
        assert isinstance(wrong.error, MissingReference)
        assert (wrong.error.path, wrong.error.value) == ("source", "moon")


async def test_a_mapped_carrier_is_a_code_of_the_shop(acme: AtWork) -> None:
    dhl = parcel(acme.put(), trackings=(Tracking(number="1", carrier="DHL Paket"),))
    await acme.write("shipments", dhl, set={"carrier": "dhlde"})
    (made,) = acme.books.shipments.values()
    assert [(one["carrier_code"], one["title"]) for one in made["tracks"]] == [
        ("dhlde", "DHL Paket")]  # fmt: skip


PARTS = (
    Bought(sku="KN-200", title="Teapot", price=Decimal(20)),
    Bought(sku="KN-300", title="Cup", price=Decimal(12), quantity=Decimal(2)),
)
SET = Bought(sku="SET", title="Set", price=Decimal(0), kind="bundle", parts=PARTS)


async def test_pairs_and_bundles_are_shipped_by_the_line_that_counts(acme: AtWork) -> None:
    pair = Bought(sku="KN-300", title="Cup", price=Decimal(12), kind="configurable")
    order = acme.put(pair, SET)
    lines = (ShipmentLine(line_id=str(order["items"][1]["item_id"]), quantity=Decimal(1)),
             ShipmentLine(line_id="", sku="KN-200", quantity=Decimal(1)))  # fmt: skip
    (outcome,) = await acme.write("shipments", parcel(order, lines=lines))
    assert outcome.found is not None
    assert order["items"][0]["qty_shipped"] == order["items"][3]["qty_shipped"] == 1
    assert order["items"][4]["qty_shipped"] == 0


@pytest.mark.parametrize("kind", ["bundle", "fixed"])
async def test_a_bundle_that_leaves_as_a_whole_is_shipped_as_one(acme: AtWork, kind: str) -> None:
    product = acme.books.add_product("SET", "Set", Decimal(0), kind="bundle")
    product["custom_attributes"]["shipment_type"] = "0"
    order = acme.put(Bought(sku="SET", title="Set", price=Decimal(44), kind=kind, parts=PARTS))
    parent, pot, cups = order["items"]
    half = parcel(order, lines=(ShipmentLine(line_id=str(pot["item_id"]), quantity=Decimal(1)),))
    (refused,) = await acme.write("shipments", half)
    assert refused.error is not None
    assert (refused.error.code, refused.error.value) == ("BundleIsWhole", "SET")
    uneven = tuple(
        ShipmentLine(line_id=str(item["item_id"]), quantity=Decimal(1)) for item in (pot, cups)
    )
    (refused,) = await acme.write("shipments", parcel(order, lines=uneven))
    assert refused.error is not None
    lines = tuple(
        ShipmentLine(line_id=str(item["item_id"]), quantity=item["qty_ordered"])
        for item in (pot, cups)
    )
    for _ in range(2):
        (outcome,) = await acme.write("shipments", parcel(order, lines=lines))
        assert outcome.found is not None
    assert len(acme.books.shipments) == 1
    assert [one["qty_shipped"] for one in (parent, pot, cups)] == [1, 1, 2]


async def test_a_bundles_own_line_stands_for_all_its_parts(acme: AtWork) -> None:
    fixed = Bought(sku="SET", title="Set", price=Decimal(44), kind="fixed", parts=PARTS)
    order = acme.put(fixed)
    (outcome,) = await acme.write("shipments", parcel(order, 1))
    assert outcome.found is not None
    (made,) = acme.books.shipments.values()
    assert [(one["sku"], one["qty"]) for one in made["items"]] == [("KN-200", 1), ("KN-300", 2)]


async def test_what_needs_no_shipping_is_passed_over(acme: AtWork) -> None:
    care = Bought(sku="CARE", title="Care", price=Decimal(9), kind="virtual")
    kettle = Bought(sku="KN-100", title="Kettle", price=Decimal(40))
    order = acme.put(kettle, care)
    lines = tuple(
        ShipmentLine(line_id=str(item["item_id"]), quantity=Decimal(1)) for item in order["items"]
    )
    (outcome,) = await acme.write("shipments", parcel(order, lines=lines))
    assert outcome.found is not None
    (nothing,) = await acme.write("shipments", parcel(order, 1, line=1, source_id="p2"))
    assert isinstance(nothing.error, NotForThere)


async def test_a_parcel_of_an_edited_order_leaves_its_last_number(acme: AtWork) -> None:
    order = acme.put()
    edit = {"number": order["increment_id"], "sku": "KN-100", "price": "39.90", "quantity": "2"}
    last = await acme.simulator.do("edit", edit)
    (outcome,) = await acme.write("shipments", parcel(order, 2))  # by the line before the edit
    assert outcome.found is not None
    (made,) = acme.books.shipments.values()
    assert made["order_id"] == acme.books.order(last)["entity_id"]


async def refused(acme: AtWork, shipment: Shipment) -> ConnectorError:
    (outcome,) = await acme.write("shipments", shipment)
    assert outcome.error is not None
    assert not acme.books.mails
    return outcome.error


async def test_what_cannot_be_shipped_says_why(acme: AtWork) -> None:
    order = acme.put()
    more = await refused(acme, parcel(order, 4))
    assert (type(more), more.code, more.value) == (Refused, "OverShipment", "KN-100")
    assert "only 3 are left to ship (3 sold, 0 shipped)" in more.message
    line = (ShipmentLine(line_id="9999", quantity=Decimal(1)),)
    unknown = await refused(acme, parcel(order, lines=line))
    assert (unknown.code, unknown.path, unknown.value) == (
        "UnknownLine", "lines[0].line_id", "9999")  # fmt: skip
    await acme.simulator.do("hold", {"number": order["increment_id"]})
    held = await refused(acme, parcel(order))
    assert isinstance(held, MissingReference)
    assert "on hold" in held.message
    order["state"] = "canceled"
    assert (await refused(acme, parcel(order))).code == "OrderCancelled"
    del acme.books.orders[order["entity_id"]]
    assert isinstance(await refused(acme, parcel(order)), WaitForPerson)
    assert not acme.books.shipments


async def test_the_shops_own_refusal_is_told_in_its_words(acme: AtWork) -> None:
    """It was put on hold between our look and the request."""
    order = acme.put()
    handle = acme.simulator.handle

    async def meanwhile(request: Any) -> Any:
        if request.path.endswith("/ship"):
            order["state"] = order["status"] = "holded"
        return await handle(request)

    acme.simulator.handle = meanwhile  # type: ignore[method-assign]
    error = await refused(acme, parcel(order))
    assert isinstance(error, Refused)
    assert "Shipment Document Validation Error(s): A shipment cannot be created" in error.message


async def test_what_the_shop_only_logs_is_tried_again(acme: AtWork) -> None:
    order = acme.put()
    (effect,) = await acme.plan("shipments", parcel(order))
    handle = acme.simulator.handle

    async def stumbling(request: Any) -> Any:
        if request.path.endswith("/ship"):
            error = {"message": "Could not save a shipment, see error log for details"}
            return Answer.of_json(error, status=400)
        return await handle(request)

    acme.simulator.handle = stumbling  # type: ignore[method-assign]
    with pytest.raises(UnexpectedAnswer, match="see error log"):
        await acme.destination.write([call_of(effect)])


async def test_cancelled_lines_are_left_out_and_named(acme: AtWork) -> None:
    order = acme.put()
    order["items"][0]["qty_canceled"] = Decimal(1)
    (outcome,) = await acme.write("shipments", parcel(order, 3))
    assert outcome.found is not None
    assert outcome.found.remark == "without 1 x Kettle: cancelled in the shop"
    order = acme.put()
    order["items"][0]["qty_canceled"] = Decimal(3)
    (none,) = await acme.write("shipments", parcel(order, source_id="p2"))
    assert none.error is not None
    assert none.error.code == "LineCancelled"


async def test_two_lines_of_one_sku_without_an_id_are_a_persons(acme: AtWork) -> None:
    one = Bought(sku="KN-100", title="Kettle", price=Decimal("39.90"))
    lines = (ShipmentLine(line_id="", sku="KN-100", quantity=Decimal(1)),)
    error = await refused(acme, parcel(acme.put(one, one), lines=lines))
    assert (type(error), error.code) == (WaitForPerson, "AmbiguousMatch")


# ---------------------------------------------------------------- afterwards


async def bound(acme: AtWork, order: dict[str, Any]) -> str:
    (outcome,) = await acme.write("shipments", parcel(order))
    assert outcome.found is not None
    return outcome.found.destination_id


async def test_a_corrected_number_replaces_the_one_before(acme: AtWork) -> None:
    order = acme.put()
    identifier = await bound(acme, order)
    right = parcel(order, trackings=(Tracking(number="T-9"),))
    for _ in range(2):
        await acme.write("shipments", right, bound=identifier, previous=PREVIOUS)
        assert numbers(acme.books.shipments[int(identifier)]) == ["T-9"]
    assert mails(acme) == [["T-1"]], "the customer is not told again"


@pytest.mark.parametrize("step", [1, 2])
async def test_a_lost_answer_to_a_number_is_looked_up(acme: AtWork, step: int) -> None:
    order = acme.put()
    identifier = await bound(acme, order)
    right = parcel(order, trackings=(Tracking(number="T-9"),))
    (effect,) = await acme.plan("shipments", right, bound=identifier, previous=PREVIOUS)
    acme.server.faults.force(*[None] * step, Fault.COMMIT_THEN_DROP)  # added, removed
    with pytest.raises(RetryLater):
        await acme.destination.write([call_of(effect)])
    (found,) = await acme.destination.lookup([call_of(effect)])
    assert (found is not None) == (step == 2)
    (outcome,) = await acme.destination.write([call_of(effect, again=True)])
    assert outcome.found is not None
    assert numbers(acme.books.shipments[int(identifier)]) == ["T-9"]


async def test_a_number_that_came_twice_is_there_once_in_the_end(acme: AtWork) -> None:
    order = acme.put()
    identifier = await bound(acme, order)
    row = acme.books.shipments[int(identifier)]
    late = {"track_number": "T-1", "carrier_code": "custom", "title": "late"}
    acts.add_track(acme.books, row, late)
    await acme.write("shipments", parcel(order), bound=identifier, previous=PREVIOUS)
    assert [one["title"] for one in row["tracks"]] == ["UPS"]


async def test_other_pieces_than_were_told_and_a_parcel_taken_back_are_a_persons(
    acme: AtWork,
) -> None:
    order = acme.put()
    for changed in (parcel(order, 2), parcel(order, status="cancelled")):
        with pytest.raises(WaitForPerson):
            await acme.plan("shipments", changed, bound="1", previous=PREVIOUS)
    assert await acme.plan("shipments", parcel(order, status="cancelled")) == ()


async def test_without_notice_nobody_is_told(acme: AtWork) -> None:
    await acme.write("shipments", parcel(acme.put()), settings={"notify": False})
    assert len(acme.books.shipments) == 1
    assert not acme.books.mails


# ---------------------------------------------------------------- invoices


def payment(order: dict[str, Any], **more: Any) -> Payment:
    return Payment(**{"source_id": "pay1", "order_id": str(order["entity_id"]), "kind": "capture",
                      "status": "success", "amount": order["base_grand_total"],
                      "currency": "EUR", **more})  # fmt: skip


async def test_a_payment_is_one_invoice_and_captured_only_if_told(acme: AtWork) -> None:
    order = acme.put(method="authorizenet")
    effects = await acme.plan("payments", payment(order))
    assert [effect.name for effect in effects] == ["invoice"]
    for _ in range(2):
        await acme.send(effects)
    (made,) = acme.books.invoices.values()
    assert made["state"] == 1
    captured = await acme.plan("payments", payment(order), settings={"capture": "Always"})
    for _ in range(2):
        assert all(one.found for one in await acme.send(captured))
    assert len(acme.books.invoices) == 1
    assert (made["state"], order["base_total_paid"]) == (2, order["base_grand_total"])


@pytest.mark.parametrize("name", ["invoice", "capture"])
async def test_a_lost_answer_is_no_second_invoice_and_no_second_capture(
    acme: AtWork, name: str
) -> None:
    order = acme.put(method="authorizenet")
    effects = await acme.plan("payments", payment(order), settings={"capture": "Always"})
    given: dict[str, str] = {}
    for effect in effects:
        call = call_of(effect, given)
        if effect.name == name:
            steps = 2 if name == "invoice" else 1
            acme.server.faults.force(*[None] * steps, Fault.COMMIT_THEN_DROP)
            with pytest.raises(RetryLater):
                await acme.destination.write([call])
            (found,) = await acme.destination.lookup([call])
            assert found is not None
        (outcome,) = await acme.destination.write([call])
        assert outcome.found is not None
        given[effect.name] = outcome.found.destination_id
    assert len(acme.books.invoices) == 1
    assert order["base_total_paid"] == order["base_grand_total"]


async def test_an_invoice_made_by_hand_is_recognised_and_another_amount_is_refused(
    acme: AtWork,
) -> None:
    order = acme.put()
    await acme.simulator.do("invoice", {"number": order["increment_id"]})
    (found,) = await acme.write("payments", payment(order))
    assert found.found is not None
    assert len(acme.books.invoices) == 1
    (wrong,) = await acme.write("payments", payment(acme.put(), amount=Decimal("1.00")))
    assert isinstance(wrong.error, Refused)
    assert (wrong.error.path, wrong.error.value) == ("amount", "1.00")
    (foreign,) = await acme.write("payments", payment(acme.put(), currency="GBP"))
    assert foreign.error is not None
    assert foreign.error.code == "CurrencyNotSold"
    with pytest.raises(NotForThere):
        await acme.plan("payments", payment(order, kind="refund"))

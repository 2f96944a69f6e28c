"""Parcels of the ERP, told to an order once: meta data, status, and one note to the customer."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs

from knect.model import Shipment, ShipmentLine, Tracking
from knect.sdk.contract import Call, Delivered, Removal
from knect.sdk.errors import BadRecord, Fatal, Refused, Unreachable, WaitForPerson
from knect.sdk.testing import Fault
from knect_connectors.woocommerce.simulator import Bought, merchant
from knect_connectors.woocommerce.tests.conftest import AtWork

KETTLE = Bought(sku="KN-100", title="Kettle", price=Decimal("39.90"), quantity=Decimal(2))
CUP = Bought(sku="KN-300", title="Cup", price=Decimal("12.00"))


def parcel(order: dict[str, Any], *lines: tuple[int, str], **more: Any) -> Shipment:
    """Return a shipment of pieces by the place of their line; without any, of everything."""
    items = order["line_items"]
    wanted = lines or tuple((place, str(one["quantity"])) for place, one in enumerate(items))
    given: dict[str, Any] = {
        "source_id": "OUT-1",
        "order_id": str(order["id"]),
        "lines": tuple(
            ShipmentLine(
                line_id=str(items[place]["id"]), quantity=Decimal(units), sku=items[place]["sku"]
            )
            for place, units in wanted
        ),
        "trackings": (Tracking(number="00340434", carrier="DHL", url="https://t.example/1"),),
    }
    return Shipment(**{**given, **more})


def mails(acme: AtWork, kind: str = "customer_note") -> list[str]:
    return [one["text"] for one in acme.books.mails if one["kind"] == kind]


def entries(order: dict[str, Any]) -> list[dict[str, Any]]:
    return [one for one in order["meta_data"] if one["key"].startswith("_knect_shipment_")]


async def test_a_whole_order_is_completed_and_its_buyer_told_once(acme: AtWork) -> None:
    order = acme.order(KETTLE, CUP)
    outcomes = await acme.written("shipments", parcel(order))
    assert order["status"] == "completed"
    (entry,) = entries(order)
    assert entry["key"] == "_knect_shipment_acme:OUT-1"
    assert entry["value"]["numbers"] == ["00340434"]
    found = outcomes[0].found
    assert found is not None
    assert (found.destination_id, found.number) == (f"{order['id']}-{entry['id']}", "00340434")
    assert mails(acme) == [
        "Shipped: 2 x Kettle, 1 x Cup\nTracking: DHL 00340434 (https://t.example/1)"
    ]
    assert len(mails(acme, "status completed")) == 1


async def test_it_is_told_again_and_nothing_happens(acme: AtWork) -> None:
    order = acme.order(KETTLE)
    effects = await acme.planned("shipments", parcel(order))
    first = await acme.sent(effects)
    before = (dict(order), acme.books.snapshot()["notes"], len(acme.books.mails))
    writes = acme.requests("POST") + acme.requests("PUT")
    again = await acme.sent(effects, again=True)
    assert [one.found for one in again] == [one.found for one in first]
    assert (dict(order), acme.books.snapshot()["notes"], len(acme.books.mails)) == before
    assert acme.requests("POST") + acme.requests("PUT") == writes


@pytest.mark.parametrize("step", [0, 1])
@pytest.mark.parametrize("fault", [Fault.COMMIT_THEN_DROP, Fault.TRUNCATED, Fault.MALFORMED])
async def test_a_lost_answer_is_looked_up_and_no_second_mail(
    acme: AtWork, step: int, fault: Fault
) -> None:
    order = acme.order(KETTLE)
    effects = await acme.planned("shipments", parcel(order))
    given: dict[str, str] = {}
    for number, effect in enumerate(effects):
        call = Call(effect=effect, given=given, idempotency_key="k")
        assert list(await acme.destination.lookup([call])) == [None]
        if number == step:
            reads = [None, None] if effect.name == "notice" else [None]
            acme.server.faults.force(*reads, fault)
            with pytest.raises(Exception, match=r"127\.0\.0\.1"):
                await acme.destination.write([call])
            (found,) = await acme.destination.lookup([call])
            assert found is not None
            (outcome,) = await acme.destination.write([structs.replace(call, again=True)])
            assert outcome.found == found
        else:
            (outcome,) = await acme.destination.write([call])
        assert outcome.found is not None
        given[effect.name] = outcome.found.destination_id
    assert len(entries(order)) == 1
    assert len(mails(acme)) == 1


async def test_what_never_arrived_is_sent_again(acme: AtWork) -> None:
    order = acme.order(KETTLE)
    (effect, _) = await acme.planned("shipments", parcel(order))
    call = Call(effect=effect, given={}, idempotency_key="k")
    acme.server.faults.force(None, Fault.HTML)
    with pytest.raises(Unreachable):
        await acme.destination.write([call])
    assert list(await acme.destination.lookup([call])) == [None]
    assert (await acme.sent([effect]))[0].found is not None


async def test_parts_leave_the_order_as_it_is_until_all_is_shipped(acme: AtWork) -> None:
    order = acme.order(KETTLE, CUP)
    await acme.written("shipments", parcel(order, (0, "1")))
    assert order["status"] == "processing"
    await acme.written("shipments", parcel(order, (0, "1"), source_id="OUT-2"))
    assert order["status"] == "processing"
    await acme.written("shipments", parcel(order, (1, "1"), source_id="OUT-3"))
    assert order["status"] == "completed"
    assert len(entries(order)) == 3
    assert [one.partition("\n")[0] for one in mails(acme)] == [
        "Shipped: 1 x Kettle", "Shipped, parcel 2: 1 x Kettle", "Shipped, parcel 3: 1 x Cup"]  # fmt: skip


async def test_what_was_refunded_needs_no_parcel(acme: AtWork) -> None:
    order = acme.order(KETTLE, CUP)
    merchant.refund(acme.books, order, {str(order["line_items"][1]["id"]): "1"})
    await acme.written("shipments", parcel(order, (0, "2")))
    assert order["status"] == "completed"


async def test_what_is_virtual_never_leaves(acme: AtWork) -> None:
    guide = acme.books.add_product("GUIDE", "Guide", "5.00", stock=None)
    guide["virtual"] = True
    tee = acme.books.add_product("TEE", "Tee", "", kind="variable")
    small = acme.books.add_variation(tee, "TEE-S", {"Size": "S"}, "5.00")
    order = acme.order(
        KETTLE,
        Bought(sku="GUIDE", title="Guide", price=Decimal("5.00"), product=guide["id"]),
        Bought(
            sku="TEE-S",
            title="Tee",
            price=Decimal("5.00"),
            product=tee["id"],
            variation=small["id"],
        ),
    )
    await acme.written("shipments", parcel(order, (0, "1")))
    assert order["status"] == "processing"
    await acme.written("shipments", parcel(order, (0, "1"), source_id="OUT-2"))
    assert order["status"] == "processing"  # the tee
    small["virtual"] = True
    await acme.written("shipments", parcel(order, (0, "0"), source_id="OUT-3"))
    assert order["status"] == "completed"


async def test_the_status_is_the_pipelines_choice(acme: AtWork) -> None:
    order = acme.order(KETTLE)
    outcomes = await acme.written("shipments", parcel(order), settings={"statusWhenShipped": ""})
    assert all(one.found for one in outcomes)
    assert order["status"] == "processing"
    back = acme.order(KETTLE)
    merchant.refund(acme.books, back, {}, amount=back["total"])
    assert (await acme.written("shipments", parcel(back)))[0].found is not None
    assert back["status"] == "refunded"
    other = acme.order(KETTLE)
    await acme.written("shipments", parcel(other), settings={"statusWhenShipped": "on-hold"})
    assert other["status"] == "on-hold"


async def test_whoever_is_not_to_be_told_is_not(acme: AtWork) -> None:
    order = acme.order(KETTLE)
    await acme.written("shipments", parcel(order), settings={"notify": False})
    assert mails(acme) == []
    note = acme.books.notes[order["id"]][-1]
    assert (note["customer_note"], "00340434" in note["note"]) == (False, True)
    told = acme.order(KETTLE)
    shipment = parcel(told, notify_customer=True)
    await acme.written("shipments", shipment, settings={"notify": False})
    assert len(mails(acme)) == 1


async def test_a_pipeline_may_have_words_and_a_carrier_of_its_own(acme: AtWork) -> None:
    order = acme.order(KETTLE)
    more = {"note": "Ihr Paket ist unterwegs: 00340434"}
    await acme.written("shipments", parcel(order), document=more)
    assert mails(acme) == ["Shipped: 2 x Kettle\nIhr Paket ist unterwegs: 00340434"]
    other = acme.order(CUP)
    await acme.written("shipments", parcel(other), document={"carrier": "UPS"})
    assert "UPS 00340434" in mails(acme)[-1]


async def test_a_number_that_was_corrected_is_told_as_a_note_of_its_own(acme: AtWork) -> None:
    order = acme.order(KETTLE)
    shipment = parcel(order)
    outcomes = await acme.written("shipments", shipment)
    assert outcomes[0].found is not None
    bound = outcomes[0].found.destination_id
    before = acme.destination.to_document("shipments", shipment, {})
    corrected = structs.replace(shipment, trackings=(Tracking(number="00999", carrier="DHL"),))
    effects = await acme.planned("shipments", corrected, bound=bound, previous=before)
    assert [one.name for one in effects] == ["tracking", "notice"]
    call = Call(effect=effects[0], given={}, idempotency_key="k")
    assert list(await acme.destination.lookup([call])) == [None]
    outcomes = await acme.sent(effects)
    assert [one.found.destination_id for one in outcomes if one.found] == [bound, bound]
    (entry,) = entries(order)
    assert entry["value"]["numbers"] == ["00999"]
    assert len(mails(acme)) == 2
    await acme.sent(effects)
    assert len(mails(acme)) == 2
    (found,) = await acme.destination.lookup([call])
    assert found is not None


async def test_half_done_is_looked_for_from_its_beginning(acme: AtWork) -> None:
    order = acme.order(KETTLE)
    effects = await acme.planned("shipments", parcel(order))
    (made,) = await acme.sent(effects[:1])
    assert made.found is not None
    bound = made.found.destination_id
    again = await acme.planned("shipments", parcel(order), bound=bound)
    assert [one.name for one in again] == ["shipment", "notice"]
    await acme.sent(again)
    assert (len(entries(order)), len(mails(acme))) == (1, 1)


async def test_lines_are_found_by_sku_where_the_id_is_of_no_line(acme: AtWork) -> None:
    order = acme.order(KETTLE)
    line = ShipmentLine(line_id="1", quantity=Decimal(2), sku="KN-100")
    await acme.written("shipments", parcel(order, lines=(line,)))
    assert order["status"] == "completed"


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (ShipmentLine(line_id="1", quantity=Decimal(1), sku="KN-9"), "UnknownLine"),
        (ShipmentLine(line_id="1", quantity=Decimal(1)), "UnknownLine"),
        (ShipmentLine(line_id="", quantity=Decimal(3), sku="KN-300"), "OverShipment"),
        (ShipmentLine(line_id="", quantity=Decimal(-1), sku="KN-300"), None),
        (ShipmentLine(line_id="", quantity=Decimal(1), sku="KN-100"), "AmbiguousMatch"),
    ],
)
async def test_what_was_not_sold_is_named(
    acme: AtWork, line: ShipmentLine, code: str | None
) -> None:
    order = acme.order(KETTLE, KETTLE, CUP)
    (outcome,) = await acme.written("shipments", parcel(order, lines=(line,)))
    assert isinstance(outcome.error, WaitForPerson if code == "AmbiguousMatch" else Refused)
    assert outcome.error.code == code
    assert entries(order) == []
    assert acme.requests("PUT") == 0


async def test_more_than_is_left_is_refused_and_what_was_refunded_left_out(acme: AtWork) -> None:
    order = acme.order(KETTLE, CUP)
    await acme.written("shipments", parcel(order, (0, "1")))
    again = await acme.written("shipments", parcel(order, (0, "2"), source_id="OUT-2"))
    assert again[0].error is not None
    assert again[0].error.code == "OverShipment"
    merchant.refund(acme.books, order, {str(order["line_items"][1]["id"]): "1"})
    (cups,) = await acme.written("shipments", parcel(order, (1, "1"), source_id="OUT-3"))
    assert cups.error is not None
    assert cups.error.code == "LineCancelled"
    both = await acme.written("shipments", parcel(order, (0, "1"), (1, "1"), source_id="OUT-4"))
    assert both[0].found is not None
    assert both[0].found.remark == "without 1 x Cup: refunded in the shop"


async def test_an_order_that_is_cancelled_or_gone_is_not_shipped(acme: AtWork) -> None:
    order = acme.order(KETTLE)
    merchant.set_status(acme.books, order, "cancelled")
    (outcome,) = await acme.written("shipments", parcel(order))
    assert isinstance(outcome.error, Refused)
    assert outcome.error.code == "OrderCancelled"
    gone = acme.order(KETTLE)
    merchant.trash(acme.books, gone)
    (outcome,) = await acme.written("shipments", parcel(gone))
    assert isinstance(outcome.error, WaitForPerson)


async def test_an_order_completed_by_hand_is_told_all_the_same(acme: AtWork) -> None:
    order = acme.order(KETTLE)
    merchant.set_status(acme.books, order, "completed")
    await acme.written("shipments", parcel(order))
    assert len(mails(acme, "status completed")) == 1
    assert len(mails(acme)) == 1


async def test_what_changed_afterwards_is_a_persons(acme: AtWork) -> None:
    order = acme.order(KETTLE)
    shipment = parcel(order)
    outcomes = await acme.written("shipments", shipment)
    assert outcomes[0].found is not None
    bound = outcomes[0].found.destination_id
    before = acme.destination.to_document("shipments", shipment, {})
    with pytest.raises(WaitForPerson, match="1 x KN-100"):
        await acme.planned("shipments", parcel(order, (0, "1")), bound=bound, previous=before)
    cancelled = structs.replace(shipment, status="cancelled")
    with pytest.raises(WaitForPerson, match="did not leave"):
        await acme.planned("shipments", cancelled, bound=bound)
    assert await acme.planned("shipments", cancelled) == []
    with pytest.raises(WaitForPerson):
        acme.destination.plan_removal(
            Removal(entity="shipments", external_id="x", how="Cancel", bound=bound, settings={})
        )
    with pytest.raises(BadRecord):
        acme.destination.to_document("shipments", structs.replace(shipment, lines=()), {})
    with pytest.raises(Fatal):
        acme.destination.plan_removal(
            Removal(entity="prices", external_id="x", how="Delete", bound="1", settings={})
        )


async def test_an_entry_somebody_took_away_is_missed(acme: AtWork) -> None:
    order = acme.order(KETTLE)
    outcomes = await acme.written("shipments", parcel(order))
    assert outcomes[0].found is not None
    made = Delivered(entity="shipments", external_id="acme:OUT-1",
                     destination_id=outcomes[0].found.destination_id)  # fmt: skip
    assert list(await acme.destination.present([made])) == [True]
    order["meta_data"].clear()
    assert list(await acme.destination.present([made])) == [False]
    effects = await acme.planned("shipments", parcel(order), bound=made.destination_id, previous={})
    (outcome,) = await acme.sent(effects)
    assert isinstance(outcome.error, WaitForPerson)


async def test_an_entry_somebody_spoilt_does_no_harm(acme: AtWork) -> None:
    order = acme.order(KETTLE, CUP)
    order["meta_data"] = [
        {"id": 1, "key": "_knect_shipment_other", "value": "by hand"},
        {"id": 2, "key": "_knect_shipment_more", "value": {"lines": [{"x": 1}], "numbers": None}},
        {"id": 3, "key": "plugin", "value": [1]},
    ]  # fmt: skip
    assert (await acme.written("shipments", parcel(order)))[0].found is not None
    assert order["status"] == "completed"


async def test_a_bundle_is_shipped_when_its_components_are(acme: AtWork) -> None:
    order = acme.order(
        Bought(sku="SET", title="Set", price=Decimal("40.00")),
        structs.replace(CUP, price=Decimal(0), child_of=0),
        KETTLE,
    )
    await acme.written("shipments", parcel(order, (1, "1")))
    assert order["status"] == "processing"
    await acme.written("shipments", parcel(order, (2, "2"), source_id="OUT-2"))
    assert order["status"] == "completed"


async def test_two_requests_that_met_are_one_parcel(acme: AtWork) -> None:
    order = acme.order(KETTLE)
    await acme.written("shipments", parcel(order, (0, "1")))
    order["meta_data"].append({**order["meta_data"][0], "id": 9999})
    again = await acme.written("shipments", parcel(order, (0, "1"), source_id="OUT-2"))
    assert again[0].found is not None
    assert order["status"] == "completed"

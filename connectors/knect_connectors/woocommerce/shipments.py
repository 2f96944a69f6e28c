"""Shipments of the ERP, told to an order: its meta data, a note with the numbers, its status.

    shipment   our entry in the order's meta data and, once all was shipped, the status: one request
    tracking   the entry with the numbers as they are now
    notice     a note, which WooCommerce mails when it is for the customer

Core WooCommerce has no shipments. Each step looks first, so that a lost answer is no second mail.
Must not: tell more than was sold, or trust what was read earlier.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from knect.model import Record, Shipment
from knect.sdk.children import order_of, refuse_other_pieces
from knect.sdk.contract import Call, Delivery, Effect, Found, Operation, Outcome, Reference, Removal
from knect.sdk.errors import BadRecord, Refused, WaitForPerson
from knect.sdk.owned import require_owned
from knect.sdk.parts import Part, Write, one_by_one
from knect_connectors.woocommerce.client import Row, WooClient
from knect_connectors.woocommerce.listing import whole
from knect_connectors.woocommerce.marks import Told, key_of, part_id, told_in, value_of
from knect_connectors.woocommerce.notes import add_note, has_note
from knect_connectors.woocommerce.orders import is_order
from knect_connectors.woocommerce.parcel import Line, allot, left_after, lines_of, pieces_of

__all__ = ["SHIPMENTS"]

_ORDER = "/orders/{id}"
_BY_HAND = "tell the customer what is so by hand"
#: In these an order is not moved on: nothing of it should have left.
_OVER = frozenset({"cancelled", "refunded"})


def _document(record: Record, settings: Mapping[str, Any]) -> dict[str, Any]:
    del settings
    assert isinstance(record, Shipment)
    if not record.lines and record.status != "cancelled":
        raise BadRecord("the shipment holds nothing", path="lines")
    return {
        "lines": [
            {"line_id": line.line_id, "sku": line.sku, "quantity": line.quantity}
            for line in record.lines
        ],
        "trackings": [
            {"number": one.number, "carrier": one.carrier, "url": one.url}
            for one in record.trackings
        ],
        "carrier": None,  # where a pipeline maps it, for all numbers
        "note": None,  # where a pipeline has words of its own
        "notify": record.notify_customer,
        "cancelled": record.status == "cancelled",
    }


def _references(record: Record) -> Sequence[Reference]:
    assert isinstance(record, Shipment)
    return (order_of(record),)


def _plan(delivery: Delivery) -> Sequence[Effect]:
    document, key = delivery.document, delivery.external_id
    if document.get("cancelled"):
        if delivery.bound is None:
            return ()
        raise _not_taken_back(delivery.bound)
    require_owned(document, "a shipment", ("lines", "trackings"))
    record = delivery.record
    assert isinstance(record, Shipment)
    order = delivery.resolved["orders", record.order_id]
    if delivery.bound:
        refuse_other_pieces(delivery, remedy=_BY_HAND)
    # half done is not told yet: until everything of it was written once, all of it is looked for
    corrects = delivery.bound is not None and delivery.previous is not None
    trackings = _trackings(document)
    words = str(document.get("note") or "").strip() or _words(trackings)
    body = {
        "order": order,
        "record": key,
        "lines": [
            {"line_id": line["line_id"], "sku": line["sku"], "quantity": str(line["quantity"])}
            for line in document["lines"]
        ],
        "numbers": [one["number"] for one in trackings],
        "note": words,
        "mails": bool(delivery.settings.get("notify", True) or document.get("notify")),
        "status": str(delivery.settings.get("statusWhenShipped", "completed") or ""),
    }
    first = "tracking" if corrects else "shipment"
    return (
        Effect(
            name=first,
            write=first,
            entity="shipments",
            operation=Operation.UPDATE if corrects else Operation.CREATE,
            key=order,  # two parcels of one order, one after the other
            external_id=key,
            body=body,
            target=delivery.bound if corrects else None,
            primary=True,
        ),
        Effect(
            name="notice",
            write="notice",
            entity="shipments",
            operation=Operation.ENSURE,
            key=order,
            external_id=part_id(key, words),
            body=body,
            needs=() if corrects else ("shipment",),
            target=delivery.bound if corrects else None,
        ),
    )


def _trackings(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "number": str(one["number"]),
            "carrier": document.get("carrier") or one.get("carrier"),
            "url": one.get("url"),
        }
        for one in document.get("trackings") or ()
        if one.get("number")
    ]


def _words(trackings: Sequence[Mapping[str, Any]]) -> str:
    """Return what a customer reads of the numbers; the pieces are put before it."""
    said = []
    for one in trackings:
        parts = (one["carrier"], one["number"], f"({one['url']})" if one["url"] else None)
        said.append(" ".join(str(part) for part in parts if part))
    return f"Tracking: {', '.join(said)}" if said else ""


def _not_taken_back(bound: str) -> WaitForPerson:
    return WaitForPerson(
        f"the ERP says shipment {bound} did not leave, but the customer was told that it did:"
        " settle it by hand, then skip this one",
        code="ChangedAtDestination",
        path="status",
        value=bound,
    )


def _plan_removal(removal: Removal) -> Sequence[Effect]:
    raise _not_taken_back(removal.bound)


# ---------------------------------------------------------------- the shipment


async def _order(client: WooClient, identifier: str) -> Row:
    found = await client.get(f"/orders/{identifier}", template=_ORDER)
    if found is None or not is_order(found):
        raise WaitForPerson(
            f"the shop no longer has the order {identifier} this shipment is of",
            code="ChangedAtDestination",
            path="order_id",
            value=identifier,
        )
    return found


async def _lines(client: WooClient, order: Row, told: Sequence[Told]) -> dict[str, Line]:
    refunds: Sequence[Row] = ()
    if order.get("refunds"):
        path = f"/orders/{order['id']}/refunds"
        refunds = await whole(client, path, {}, template="/orders/{id}/refunds")
    return lines_of(order, refunds, told)


def _ours(order: Row, external_id: str) -> Told | None:
    key = key_of(external_id)
    return next((one for one in told_in(order) if one.key == key), None)


def _found(order: Row, told: Told, remark: str | None = None) -> Found:
    return Found(
        destination_id=f"{order['id']}-{told.id}",
        number=", ".join(told.numbers) or str(order.get("number")),
        remark=remark,
    )


async def _find_shipments(client: WooClient, calls: Sequence[Call]) -> list[Found | None]:
    found: list[Found | None] = []
    for call in calls:
        order = await _order(client, str(call.effect.body["order"]))
        ours = _ours(order, call.effect.external_id)
        found.append(_found(order, ours) if ours else None)
    return found


async def _ship(client: WooClient, call: Call) -> Outcome:
    body = call.effect.body
    order = await _order(client, str(body["order"]))
    if (there := _ours(order, call.effect.external_id)) is not None:
        return Outcome(found=_found(order, there))
    number = str(order.get("number"))
    if order.get("status") == "cancelled":
        raise Refused(
            f"order {number} was cancelled in the shop, but the ERP shipped it: get the parcel"
            " back, or sell it anew",
            code="OrderCancelled",
            path="order_id",
            value=number,
        )
    lines = await _lines(client, order, told_in(order))
    units, remark = allot(number, lines, pieces_of(number, lines, body["lines"]))
    change: Row = {"meta_data": [_entry(call, units)]}
    moves = body["status"] and order.get("status") not in (body["status"], *_OVER)
    if moves and await _is_all(client, left_after(lines, units)):
        change["status"] = body["status"]
    answer = await client.write("PUT", f"/orders/{order['id']}", change, template=_ORDER)
    made = _ours(answer, call.effect.external_id)
    if made is None:
        raise WaitForPerson(
            f"the shop took the shipment of order {number} and did not keep it: a plugin takes meta"
            " data away from orders; let it leave those that begin with _knect_",
            code="ChangedAtDestination",
            path="meta_data",
        )
    return Outcome(found=_found(answer, made, remark))


def _entry(call: Call, units: Mapping[str, Decimal]) -> dict[str, Any]:
    body = call.effect.body
    return {"key": key_of(body["record"]), "value": value_of(units, body["numbers"])}


async def _is_all(client: WooClient, left: Sequence[Line]) -> bool:
    """Tell whether nothing is left that can be shipped: what is virtual never is."""
    for line in left:
        if not line.product:
            return False
        path, template = f"/products/{line.product}", "/products/{id}"
        if line.variation:
            path += f"/variations/{line.variation}"
            template = "/products/{id}/variations/{id}"
        product = await client.get(path, template=template)
        if product is None or product.get("virtual") is not True:
            return False
    return True


# ---------------------------------------------------------------- numbers and notice


def _named(call: Call) -> str:
    return str(call.effect.target or call.given["shipment"])


async def _told(client: WooClient, call: Call) -> tuple[Row, Told]:
    """Return the order and our entry in it."""
    order = await _order(client, _named(call).partition("-")[0])
    there = _ours(order, str(call.effect.body["record"]))
    if there is None:
        raise WaitForPerson(
            f"somebody took shipment {_named(call)} out of the order's meta data, but the ERP still"
            " says it left; settle it by hand, then skip this one",
            code="ChangedAtDestination",
            value=_named(call),
        )
    return order, there


async def _track(client: WooClient, call: Call) -> Outcome:
    order, there = await _told(client, call)
    if list(there.numbers) != call.effect.body["numbers"]:
        change = {"meta_data": [_entry(call, there.lines)]}
        order = await client.write("PUT", f"/orders/{order['id']}", change, template=_ORDER)
        there = _ours(order, str(call.effect.body["record"])) or there
    return Outcome(found=_found(order, there))


async def _find_tracks(client: WooClient, calls: Sequence[Call]) -> list[Found | None]:
    found: list[Found | None] = []
    for call in calls:
        order, there = await _told(client, call)
        is_same = list(there.numbers) == call.effect.body["numbers"]
        found.append(_found(order, there) if is_same else None)
    return found


def _note(order: Row, told: Told, body: Mapping[str, Any]) -> str:
    """Return the note about a parcel: what it holds, and how it is followed.

    A later parcel says which one it is, so that two that are alike are two notes.
    """
    names = {str(one["id"]): str(one.get("name") or one["id"]) for one in order["line_items"]}
    held = ", ".join(f"{units:f} x {names.get(line, line)}" for line, units in told.lines.items())
    place = [one.id for one in told_in(order)].index(told.id)
    first = "Shipped" if not place else f"Shipped, parcel {place + 1}"
    return "\n".join(filter(None, (f"{first}: {held}" if held else first, body["note"])))


async def _find_notices(client: WooClient, calls: Sequence[Call]) -> list[Found | None]:
    found: list[Found | None] = []
    for call in calls:
        order, told = await _told(client, call)
        is_told = await has_note(client, order, _note(order, told, call.effect.body))
        found.append(_found(order, told) if is_told else None)
    return found


async def _tell(client: WooClient, call: Call) -> Outcome:
    order, told = await _told(client, call)
    text = _note(order, told, call.effect.body)
    await add_note(client, order, text, mails=call.effect.body["mails"])
    return Outcome(found=_found(order, told))


SHIPMENTS = Part(
    rights=("/orders",),
    document=_document,
    references=_references,
    plan=_plan,
    removal=_plan_removal,
    writes={
        "shipment": Write(send=one_by_one(_ship), find=_find_shipments),
        "tracking": Write(send=one_by_one(_track), find=_find_tracks),
        "notice": Write(send=one_by_one(_tell), find=_find_notices),
    },
)

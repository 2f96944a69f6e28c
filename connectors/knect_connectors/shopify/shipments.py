"""Shipments of the ERP as fulfillments: one per parcel and location, the customer told once.

    fulfillment   found by tracking numbers and pieces, or by hand meanwhile; else created
    tracking     brought to what the ERP says now; the customer is not told again

Why found first: the platform has no key of ours on a fulfillment. A lost answer is looked up, so
there is one fulfillment and one e-mail.
Must not: ship what was not sold, or trust what was read earlier.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from knect.model import Record, Shipment
from knect.sdk.children import order_of, refuse_other_pieces
from knect.sdk.contract import Call, Delivery, Effect, Found, Operation, Outcome, Reference, Removal
from knect.sdk.errors import BadRecord, ConnectorError, Fatal, Refused, WaitForPerson
from knect.sdk.owned import require_owned
from knect.sdk.parts import Part, Write, find_nothing
from knect_connectors.shopify import order_queries as q
from knect_connectors.shopify.client import ShopifyClient
from knect_connectors.shopify.parcel import allot, already_made, pieces_of, same_without_number
from knect_connectors.shopify.shelf import Made, read_shelf
from knect_connectors.shopify.tracking import (
    find_cancelled,
    found_of,
    problem_of,
    send_cancels,
    send_tracking,
    tracking_input,
)

__all__ = ["SHIPMENTS"]

_TRIES = 2


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
            {"number": one.number, "company": one.carrier, "url": one.url}
            for one in record.trackings
        ],
        "carrier": next((one.carrier for one in record.trackings if one.carrier), None),
        "location": record.location,
        "notify": record.notify_customer,
        "cancelled": record.status == "cancelled",
    }


def _references(record: Record) -> Sequence[Reference]:
    assert isinstance(record, Shipment)
    return (order_of(record),)


def _plan(delivery: Delivery) -> Sequence[Effect]:
    document, key = delivery.document, delivery.external_id
    if document.get("cancelled"):
        return (_cancel(key, delivery.bound),) if delivery.bound else ()
    require_owned(document, "a shipment", ("lines", "trackings"))
    record = delivery.record
    assert isinstance(record, Shipment)
    order = delivery.resolved["orders", record.order_id]
    trackings = _trackings(document)
    tracking = Effect(
        name="tracking",
        write="tracking",
        entity="shipments",
        operation=Operation.UPDATE,
        key=order,
        external_id=key,
        body={"trackings": trackings, "notify": delivery.settings.get("notifyUpdates", False)},
        needs=() if delivery.bound else ("fulfillment",),
        target=delivery.bound,
        primary=True,
    )
    if delivery.bound:
        refuse_other_pieces(delivery, remedy="correct the fulfillment in the shop")
        return (tracking,)
    lines = [
        {"line_id": line["line_id"], "sku": line["sku"], "quantity": str(line["quantity"])}
        for line in document["lines"]
    ]
    fulfillment = Effect(
        name="fulfillment",
        write="fulfillment",
        entity="shipments",
        # Without a number two parcels of the same pieces look alike: only a lost one is looked up.
        operation=Operation.ENSURE if trackings else Operation.CREATE,
        key=order,  # two parcels of one order, one after the other
        external_id=key,
        body={
            "order": order,
            "lines": lines,
            "trackings": trackings,
            "location": document.get("location"),
            "notify": bool(delivery.settings.get("notify", True) or document.get("notify")),
        },
        primary=not trackings,
    )
    return (fulfillment, tracking) if trackings else (fulfillment,)


def _trackings(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {**one, "company": document.get("carrier") or one.get("company")}
        for one in document["trackings"]
        if one.get("number")
    ]


def _cancel(key: str, target: str) -> Effect:
    return Effect(
        name="cancel",
        write="fulfillment-cancel",
        entity="shipments",
        operation=Operation.ACT,
        key=key,
        external_id=key,
        body={},
        target=target,
        primary=True,
    )


def _plan_removal(removal: Removal) -> Sequence[Effect]:
    if removal.how != "Cancel":
        raise Fatal(
            f"Shopify's connector cannot {removal.how} a shipment; set"
            " destination.onSourceDelete to Cancel or Ignore",
            path="destination.onSourceDelete",
        )
    return (_cancel(removal.external_id, removal.bound),)


# ---------------------------------------------------------------- the fulfillment


async def _find(client: ShopifyClient, calls: Sequence[Call]) -> list[Found | None]:
    """Return the fulfillments that stand for the whole of each parcel."""
    return [await _find_one(client, call) for call in calls]


async def _find_one(client: ShopifyClient, call: Call) -> Found | None:
    body = call.effect.body
    shelf = await read_shelf(client, body["order"])
    if shelf is None:
        return None
    try:
        pieces = pieces_of(shelf, _lines(body))
    except ConnectorError:
        return None  # sending says why
    made, rest = already_made(shelf, pieces, _numbers(body))
    if not made and not _numbers(body) and (same := same_without_number(shelf, pieces)):
        return found_of([same])
    return found_of(made) if made and not rest else None


async def _send(client: ShopifyClient, calls: Sequence[Call]) -> list[Outcome]:
    """Ship parcel by parcel; each is judged on its own."""
    outcomes = []
    for call in calls:
        try:
            outcomes.append(await _ship(client, call.effect.body))
        except (Refused, WaitForPerson) as error:
            outcomes.append(Outcome(error=error))
        except ConnectorError as error:
            if len(calls) == 1:
                raise
            outcomes.append(Outcome(error=error))
    return outcomes


async def _ship(client: ShopifyClient, body: Mapping[str, Any]) -> Outcome:
    for attempt in range(_TRIES):
        shelf = await read_shelf(client, body["order"])
        if shelf is None:
            return Outcome(
                error=WaitForPerson(
                    f"the shop no longer has the order {body['order']} this shipment is of",
                    code="ChangedAtDestination",
                    path="order_id",
                    value=body["order"],
                )
            )
        pieces = pieces_of(shelf, _lines(body))
        made, rest = already_made(shelf, pieces, _numbers(body))
        if not rest:
            return Outcome(found=found_of(made))
        allotment = allot(shelf, rest, body.get("location"))
        done = list(made)
        problem = None
        for units in allotment.calls:
            fulfillment, problem = await _create(client, units, body)
            if fulfillment is None:
                break
            done.append(fulfillment)
        if problem is None:
            return Outcome(found=found_of(done, allotment.remark))
        if attempt + 1 == _TRIES:  # it changed between reading and writing, and then it did not
            raise Refused(
                f"{shelf.name} cannot be shipped: Shopify says {problem}",
                path="lines",
                value=shelf.name,
            )
    raise AssertionError


async def _create(
    client: ShopifyClient, units: Mapping[str, Mapping[str, int]], body: Mapping[str, Any]
) -> tuple[Made | None, str | None]:
    fulfillment: dict[str, Any] = {
        "notifyCustomer": body["notify"],
        "lineItemsByFulfillmentOrder": [
            {
                "fulfillmentOrderId": order,
                "fulfillmentOrderLineItems": [
                    {"id": item, "quantity": quantity} for item, quantity in items.items()
                ],
            }
            for order, items in units.items()
        ],
    }
    if body["trackings"]:
        fulfillment["trackingInfo"] = tracking_input(body["trackings"])
    data = await client.write(q.FULFILL, operation="Fulfill", fulfillment=fulfillment)
    payload = data.get("fulfillmentCreate") or {}
    if problem := problem_of(payload):
        return None, problem
    node = payload["fulfillment"]
    made = Made(
        id=node["id"],
        name=node["name"],
        status="SUCCESS",
        numbers=_numbers(body),
        trackings=(),
        lines={},
    )
    return made, None


def _lines(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{**line, "quantity": Decimal(line["quantity"])} for line in body["lines"]]


def _numbers(body: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(one["number"] for one in body["trackings"])


SHIPMENTS = Part(
    document=_document,
    references=_references,
    plan=_plan,
    removal=_plan_removal,
    writes={
        "fulfillment": Write(send=_send, find=_find),
        "tracking": Write(send=send_tracking, find=find_nothing),
        "fulfillment-cancel": Write(send=send_cancels, find=find_cancelled),
    },
    rights=(
        "read_merchant_managed_fulfillment_orders",
        "write_merchant_managed_fulfillment_orders",
    ),
)

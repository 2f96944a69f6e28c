"""Shipments of the ERP as the store's: one per parcel and address, its number with it.

    shipment         made with our mark in its comments, or found by it, or by hand meanwhile
    tracking         brought to what the ERP says now
    shipment-delete  taken back; the order's state stays, as the platform leaves it

Whether the customer is told is the store's setting (order notifications), not the request's: it is
told by making a shipment, so none is made twice. Must not: ship what was not sold, or trust what
was read earlier.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from knect.model import Record, Shipment
from knect.sdk.children import order_of as order_reference
from knect.sdk.children import refuse_other_pieces
from knect.sdk.contract import Call, Delivery, Effect, Found, Operation, Outcome, Reference, Removal
from knect.sdk.errors import BadRecord, ConnectorError, Fatal, UnexpectedAnswer, WaitForPerson
from knect.sdk.owned import require_owned
from knect.sdk.parts import Part, Write, one_by_one
from knect_connectors.bigcommerce.client import BigCommerceClient
from knect_connectors.bigcommerce.listing import Row, all_of
from knect_connectors.bigcommerce.marker import marked
from knect_connectors.bigcommerce.orders import is_order, order_of, parts_of
from knect_connectors.bigcommerce.parcel import (
    Made,
    Ordered,
    allot,
    made_by_hand,
    pieces_of,
    read_order,
)

__all__ = ["SHIPMENTS"]

_LIST, _ONE = "/v2/orders/{id}/shipments", "/v2/orders/{id}/shipments/{id}"
#: The platform's own carriers; any other is told in words.
_PROVIDERS = frozenset(
    ("auspost", "canadapost", "endicia", "usps", "fedex", "royalmail", "ups", "upsready",
     "shipperhq")
)  # fmt: skip


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
        "carrier": next((one.carrier for one in record.trackings if one.carrier), None),
        "tracking_carrier": None,
        "cancelled": record.status == "cancelled",
    }


def _references(record: Record) -> Sequence[Reference]:
    assert isinstance(record, Shipment)
    return (order_reference(record),)


def _plan(delivery: Delivery) -> Sequence[Effect]:
    document, key = delivery.document, delivery.external_id
    if document.get("cancelled"):
        return (_delete(key, delivery.bound),) if delivery.bound else ()
    require_owned(document, "a shipment", ("lines", "trackings"))
    record = delivery.record
    assert isinstance(record, Shipment)
    order = delivery.resolved["orders", record.order_id]
    body: dict[str, Any] = {"order": order, "tracking": _tracking(document)}
    if delivery.bound:
        refuse_other_pieces(delivery, remedy="correct the shipment in the store")
        operation, name = Operation.UPDATE, "tracking"
    else:
        operation, name = Operation.CREATE, "shipment"
        body["lines"] = [
            {"line_id": line["line_id"], "sku": line["sku"], "quantity": str(line["quantity"])}
            for line in document["lines"]
        ]
    return (
        Effect(
            name=name,
            write=name,
            entity="shipments",
            operation=operation,
            key=order,  # two parcels of one order, one after the other
            external_id=key,
            body=body,
            target=delivery.bound,
            primary=True,
        ),
    )


def _tracking(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the store has fields for, and the numbers it has none for."""
    trackings = [one for one in document.get("trackings") or () if one.get("number")]
    first = trackings[0] if trackings else {}
    carrier = str(document.get("carrier") or first.get("carrier") or "").strip()
    provider = carrier.casefold()
    known = provider in _PROVIDERS or provider.startswith("carrier_")
    return {
        "tracking_number": str(first.get("number") or ""),
        "tracking_link": str(first.get("url") or ""),
        "tracking_carrier": str(document.get("tracking_carrier") or ""),
        "shipping_provider": provider if known else "",
        "shipping_method": "" if known else carrier,
        "more": [str(one["number"]) for one in trackings[1:]],
    }


def _delete(key: str, target: str) -> Effect:
    return Effect(
        name="delete",
        write="shipment-delete",
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
            f"BigCommerce's connector cannot {removal.how} a shipment; set"
            " destination.onSourceDelete to Cancel or Ignore",
            path="destination.onSourceDelete",
        )
    return (_delete(removal.external_id, removal.bound),)


# ---------------------------------------------------------------- the shipment


async def _order(client: BigCommerceClient, number: str) -> Ordered:
    row = await order_of(client, number)
    if row is None or not is_order(row):
        raise WaitForPerson(
            f"the store no longer has the order {number} this shipment is of",
            code="ChangedAtDestination",
            path="order_id",
            value=number,
        )
    lines = (await parts_of(client, row))["products"]
    return read_order(row, lines, await _made(client, number) or [])


async def _made(client: BigCommerceClient, order: str) -> list[Row] | None:
    path = f"/v2/orders/{order}/shipments"
    return await all_of(client, path, template=_LIST, may_miss=True)


def _rest(pieces: Mapping[str, int], made: Sequence[Made]) -> dict[str, int]:
    """Return what of a parcel's pieces is not in these shipments."""
    there: dict[str, int] = {}
    for one in made:
        for line, units in one.lines.items():
            there[line] = there.get(line, 0) + units
    rest = {line: units - there.get(line, 0) for line, units in pieces.items()}
    return {line: units for line, units in rest.items() if units > 0}


async def _find_shipments(client: BigCommerceClient, calls: Sequence[Call]) -> list[Found | None]:
    """Return the shipments that stand for the whole of each parcel."""
    found: list[Found | None] = []
    for call in calls:
        order = await _order(client, call.effect.body["order"])
        ours = order.ours(call.effect.external_id)
        whole = bool(ours) and not _is_partly(order, call, ours)
        found.append(_found(order.id, [one.id for one in ours]) if whole else None)
    return found


def _is_partly(order: Ordered, call: Call, ours: Sequence[Made]) -> bool:
    """Tell whether something of a parcel still can be shipped that is in none of our shipments."""
    try:
        rest = _rest(pieces_of(order, call.effect.body["lines"]), ours)
        return bool(rest) and bool(allot(order, rest)[0])
    except ConnectorError:
        return False  # it cannot be shipped; what there is of it is all there will be


async def _ship(client: BigCommerceClient, call: Call) -> Outcome:
    body = call.effect.body
    order = await _order(client, body["order"])
    pieces = pieces_of(order, body["lines"])
    tracking = body["tracking"]
    made = order.ours(call.effect.external_id)
    if not made:
        numbers = frozenset((tracking["tracking_number"], *tracking["more"]))
        made = made_by_hand(order, pieces, numbers)
        for one in made:
            await _bring(client, order.id, one, tracking)
    ids = [one.id for one in made]
    if made and not _is_partly(order, call, made):
        return Outcome(found=_found(order.id, ids))
    units, remark = allot(order, _rest(pieces, made))
    for address, lines in units.items():
        ids.append(await _create(client, order.id, address, lines, call))
    return Outcome(found=_found(order.id, ids, remark))


async def _create(
    client: BigCommerceClient, order: str, address: str, lines: Mapping[str, int], call: Call
) -> str:
    tracking = dict(call.effect.body["tracking"])
    more = tracking.pop("more")
    response = await client.write(
        "POST",
        f"/v2/orders/{order}/shipments",
        template=_LIST,
        may_miss=True,
        json={
            "order_address_id": int(address),
            "items": [
                {"order_product_id": int(line), "quantity": units} for line, units in lines.items()
            ],
            "comments": marked("", more, call.effect.external_id),
            **tracking,
        },
    )
    made = response.data if isinstance(response.data, dict) else {}
    if response.status == 404:
        raise WaitForPerson(f"the store no longer has the order {order} this shipment is of",
                            code="ChangedAtDestination", path="order_id", value=order)  # fmt: skip
    if not made.get("id"):
        raise UnexpectedAnswer(f"a shipment of order {order} was answered without an id")
    return str(made["id"])


def _found(order: str, ids: Sequence[str], remark: str | None = None) -> Found:
    destination = ",".join(f"{order}/{one}" for one in ids)
    return Found(destination_id=destination, number=", ".join(ids), remark=remark)


# ---------------------------------------------------------------- afterwards


def _targets(target: str) -> tuple[str, list[str]]:
    """Return the order and the shipments of a destination id: `251/12,251/13`."""
    order = target.partition("/")[0]
    return order, [one.partition("/")[2] for one in target.split(",")]


async def _there(client: BigCommerceClient, target: str) -> tuple[str, dict[str, Made]]:
    order, ids = _targets(target)
    rows = await _made(client, order) or []
    made = read_order({"id": int(order), "status_id": 1}, [], rows).made
    return order, {one.id: one for one in made if one.id in ids}


async def _track(client: BigCommerceClient, call: Call) -> Outcome:
    target = str(call.effect.target)
    order, there = await _there(client, target)
    _, ids = _targets(target)
    for identifier in ids:
        made = there.get(identifier)
        if made is None:
            raise WaitForPerson(
                f"shipment {identifier} of order {order} was deleted in the store, but the ERP"
                " still says it left; settle it by hand, then skip this one",
                code="ChangedAtDestination",
                path="status",
                value=identifier,
            )
        await _bring(client, order, made, call.effect.body["tracking"])
    return Outcome(found=Found(destination_id=target, number=", ".join(ids)))


async def _bring(
    client: BigCommerceClient, order: str, made: Made, tracking: Mapping[str, Any]
) -> None:
    """Bring a shipment's number and carrier to what the ERP says; what is the same stays."""
    changed = _changes(made, tracking)
    if changed and tracking["tracking_number"]:
        path = f"/v2/orders/{order}/shipments/{made.id}"
        await client.write("PUT", path, template=_ONE, json=changed)


def _changes(made: Made, tracking: Mapping[str, Any]) -> Row:
    """Return what differs. What the ERP does not say is the store's own."""
    fields = ("tracking_number", "tracking_link", "tracking_carrier", "shipping_provider",
              "shipping_method")  # fmt: skip
    changed = {
        name: tracking[name]
        for name in fields
        if tracking[name] and tracking[name] != (made.row.get(name) or "")
    }
    comments = marked(made.comments, tracking["more"])
    return changed | ({"comments": comments} if comments != made.comments else {})


async def _find_tracking(client: BigCommerceClient, calls: Sequence[Call]) -> list[Found | None]:
    found: list[Found | None] = []
    for call in calls:
        target = str(call.effect.target)
        _, there = await _there(client, target)
        _, ids = _targets(target)
        same = all(
            one in there and not _changes(there[one], call.effect.body["tracking"]) for one in ids
        )
        found.append(Found(destination_id=target, number=", ".join(ids)) if same else None)
    return found


async def _take_back(client: BigCommerceClient, call: Call) -> Outcome:
    target = str(call.effect.target)
    order, there = await _there(client, target)
    for identifier in there:
        path = f"/v2/orders/{order}/shipments/{identifier}"
        await client.write("DELETE", path, template=_ONE, may_miss=True)
    remark = f"the state of order {order} is as before; set it by hand" if there else None
    return Outcome(found=Found(destination_id=target, remark=remark))


async def _find_gone(client: BigCommerceClient, calls: Sequence[Call]) -> list[Found | None]:
    found: list[Found | None] = []
    for call in calls:
        _, there = await _there(client, str(call.effect.target))
        found.append(None if there else Found(destination_id=str(call.effect.target)))
    return found


SHIPMENTS = Part(
    rights=("Orders",),
    document=_document,
    references=_references,
    plan=_plan,
    removal=_plan_removal,
    writes={
        "shipment": Write(send=one_by_one(_ship), find=_find_shipments),
        "tracking": Write(send=one_by_one(_track), find=_find_tracking),
        "shipment-delete": Write(send=one_by_one(_take_back), find=_find_gone),
    },
)

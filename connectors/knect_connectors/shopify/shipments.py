"""Shipments of the ERP as fulfillments: one per parcel and location, the customer told once.

    fulfilment   found by tracking numbers and pieces, or by hand meanwhile; else created
    tracking     brought to what the ERP says now; the customer is not told again

Why found first: the platform has no key of ours on a fulfillment. A lost answer is looked up, so
there is one fulfillment and one e-mail.
Must not: ship what was not sold, or trust what was read earlier.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from knect.model import Record, Shipment
from knect.sdk.contract import Call, Delivery, Effect, Found, Operation, Outcome, Reference, Removal
from knect.sdk.errors import BadRecord, ConnectorError, Fatal, Refused, WaitForPerson
from knect_connectors.shopify import order_queries as q
from knect_connectors.shopify.client import ShopifyClient
from knect_connectors.shopify.parcel import allot, already_made, pieces_of, same_without_number
from knect_connectors.shopify.part import Part, Write
from knect_connectors.shopify.shelf import Made, made_by_id, read_shelf

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
    return (Reference(kind="orders", value=record.order_id, path="order_id"),)


def _plan(delivery: Delivery) -> Sequence[Effect]:
    document, key = delivery.document, delivery.external_id
    if document.get("cancelled"):
        return (_cancel(key, delivery.bound),) if delivery.bound else ()
    for name in ("lines", "trackings"):
        if name not in document:
            raise Fatal(
                f"a shipment cannot be written without {name}; add it to mapping.owns",
                path=f"mapping.owns.{name}",
            )
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
        needs=() if delivery.bound else ("fulfilment",),
        target=delivery.bound,
        primary=True,
    )
    if delivery.bound:
        _check_pieces(delivery)
        return (tracking,)
    lines = [
        {"line_id": line["line_id"], "sku": line["sku"], "quantity": str(line["quantity"])}
        for line in document["lines"]
    ]
    fulfilment = Effect(
        name="fulfilment",
        write="fulfilment",
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
    return (fulfilment, tracking) if trackings else (fulfilment,)


def _check_pieces(delivery: Delivery) -> None:
    """Refuse to tell of a parcel that has other pieces now: the customer was told already."""
    before = _pieces((delivery.previous or delivery.document).get("lines") or ())
    now = _pieces(delivery.document["lines"])
    if before != now:
        raise WaitForPerson(
            f"the ERP says now that the parcel holds {_said(now)}; the shop, and its customer, were"
            f" told {_said(before)}: correct the fulfilment in the shop, then skip this one",
            code="ChangedAtDestination",
            path="lines",
            value=_said(now),
        )


def _pieces(lines: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str], Decimal]:
    found: dict[tuple[str, str], Decimal] = {}
    for line in lines:
        name = (str(line.get("line_id") or ""), str(line.get("sku") or ""))
        found[name] = found.get(name, Decimal(0)) + Decimal(str(line["quantity"]))
    return found


def _said(pieces: Mapping[tuple[str, str], Decimal]) -> str:
    return ", ".join(f"{units:f} x {sku or line}" for (line, sku), units in pieces.items())


def _trackings(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {**one, "company": document.get("carrier") or one.get("company")}
        for one in document["trackings"]
        if one.get("number")
    ]


def _cancel(key: str, target: str) -> Effect:
    return Effect(
        name="cancel",
        write="fulfilment-cancel",
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


# ---------------------------------------------------------------- the fulfilment


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
        return _found([same])
    return _found(made) if made and not rest else None


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
            return Outcome(found=_found(made))
        allotment = allot(shelf, rest, body.get("location"))
        done = list(made)
        problem = None
        for units in allotment.calls:
            fulfilment, problem = await _create(client, units, body)
            if fulfilment is None:
                break
            done.append(fulfilment)
        if problem is None:
            return Outcome(found=_found(done, allotment.remark))
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
        fulfillment["trackingInfo"] = _tracking_input(body["trackings"])
    data = await client.write(q.FULFILL, operation="Fulfill", fulfillment=fulfillment)
    payload = data.get("fulfillmentCreate") or {}
    if problem := _problem(payload):
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


def _found(made: Sequence[Made], remark: str | None = None) -> Found:
    return Found(
        destination_id=",".join(one.id for one in made),
        number=", ".join(one.name for one in made),
        remark=remark,
    )


def _tracking_input(trackings: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    company = next((one["company"] for one in trackings if one.get("company")), None)
    urls = [one["url"] for one in trackings if one.get("url")]
    if len(trackings) == 1:
        given = {"number": trackings[0]["number"], "url": urls[0] if urls else None}
    else:
        given = {"numbers": [one["number"] for one in trackings], "urls": urls or None}
    given["company"] = company
    return {name: value for name, value in given.items() if value is not None}


def _problem(payload: Mapping[str, Any]) -> str | None:
    words = [str(error.get("message")) for error in payload.get("userErrors") or ()]
    return "; ".join(words) or None


# ---------------------------------------------------------------- tracking, cancelling


async def _find_nothing(client: ShopifyClient, calls: Sequence[Call]) -> list[Found | None]:
    """Find nothing: sending once more brings the same content."""
    del client
    return [None] * len(calls)


async def _send_tracking(client: ShopifyClient, calls: Sequence[Call]) -> list[Outcome]:
    """Bring the tracking of each parcel to what the ERP says."""
    return [await _retrack(client, call) for call in calls]


async def _retrack(client: ShopifyClient, call: Call) -> Outcome:
    ids = (call.effect.target or call.given["fulfilment"]).split(",")
    there = await made_by_id(client, ids)
    wanted = call.effect.body["trackings"]
    for identifier in ids:
        made = there.get(identifier)
        if made is None or not made.is_valid:
            name = made.name if made else identifier
            return Outcome(
                error=WaitForPerson(
                    f"fulfilment {name} was cancelled in the shop, but the ERP still says it left;"
                    " settle it by hand, then skip this one",
                    code="ChangedAtDestination",
                    path="status",
                    value=name,
                )
            )
        if not wanted or _same_tracking(made, wanted):
            continue
        data = await client.write(
            q.RETRACK,
            operation="Retrack",
            id=identifier,
            tracking=_tracking_input(wanted),
            notify=bool(call.effect.body["notify"]),
        )
        if problem := _problem(data.get("fulfillmentTrackingInfoUpdate") or {}):
            error = Refused(f"Shopify does not take the tracking of {made.name}: {problem}")
            return Outcome(error=error)
    return Outcome(found=_found([there[identifier] for identifier in ids]))


def _same_tracking(made: Made, wanted: Sequence[Mapping[str, Any]]) -> bool:
    """Compare what the ERP knows: a company or address the shop worked out itself is its own."""
    if made.numbers != {one["number"] for one in wanted}:
        return False
    there = {number: (company, url) for number, company, url in made.trackings}
    first = next((one["company"] for one in wanted if one.get("company")), None)
    for one in wanted:
        company, url = there[one["number"]]
        if first not in (None, company) or one.get("url") not in (None, "", url):
            return False
    return True


async def _find_cancelled(client: ShopifyClient, calls: Sequence[Call]) -> list[Found | None]:
    """Return the fulfillments that are all cancelled."""
    answers: list[Found | None] = []
    for call in calls:
        ids = str(call.effect.target).split(",")
        there = await made_by_id(client, ids)
        valid = any(made.is_valid for made in there.values())
        answers.append(None if valid else Found(destination_id=str(call.effect.target)))
    return answers


async def _send_cancel(client: ShopifyClient, calls: Sequence[Call]) -> list[Outcome]:
    """Take each parcel's fulfillments back."""
    outcomes = []
    for call in calls:
        target = str(call.effect.target)
        there = await made_by_id(client, target.split(","))
        error: ConnectorError | None = None
        for made in there.values():
            if made.is_valid:
                data = await client.write(
                    q.CANCEL_FULFILLMENT, operation="CancelFulfillment", id=made.id
                )
                if problem := _problem(data.get("fulfillmentCancel") or {}):
                    error = WaitForPerson(
                        f"Shopify does not cancel fulfilment {made.name}: {problem}",
                        code="ChangedAtDestination",
                    )
        found = Found(destination_id=target)
        outcomes.append(Outcome(error=error) if error else Outcome(found=found))
    return outcomes


SHIPMENTS = Part(
    document=_document,
    references=_references,
    plan=_plan,
    removal=_plan_removal,
    writes={
        "fulfilment": Write(send=_send, find=_find),
        "tracking": Write(send=_send_tracking, find=_find_nothing),
        "fulfilment-cancel": Write(send=_send_cancel, find=_find_cancelled),
    },
    scopes=(
        "read_merchant_managed_fulfillment_orders",
        "write_merchant_managed_fulfillment_orders",
    ),
)

"""Shipments of the ERP as Magento's: one per parcel, its numbers, the customer told once.

    shipment   made with lines, numbers, mail and our mark in one call; or found by the mark, or
               by hand meanwhile: then completed, and marked last
    tracking   later: the numbers it lacks are added, those the ERP took back are removed

Each looks first, so that a lost answer is no second parcel and no second mail.
Must not: ship what was not sold, or trust what was read earlier.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from knect.model import Record, Shipment
from knect.sdk.children import order_of, refuse_other_pieces
from knect.sdk.contract import Call, Delivery, Effect, Found, Operation, Outcome, Reference, Removal
from knect.sdk.errors import BadRecord, ConnectorError, Refused, UnexpectedAnswer, WaitForPerson
from knect.sdk.owned import require_owned
from knect.sdk.part_ids import part_id
from knect.sdk.parts import Part, Write, one_by_one
from knect_connectors.magento2.client import MagentoClient
from knect_connectors.magento2.comments import documents_of
from knect_connectors.magento2.goods import custom
from knect_connectors.magento2.marker import is_marked, mark
from knect_connectors.magento2.orders import head_of
from knect_connectors.magento2.parcel import (
    Ordered,
    allot,
    bundles_of,
    made_by_hand,
    pieces_of,
    read_order,
)
from knect_connectors.magento2.refusals import is_gone
from knect_connectors.magento2.stock import find_sources

__all__ = ["SHIPMENTS"]

_PATH = "shipments"
_CUSTOM = "custom"
#: What Magento itself knows how to track, by the names people use.
_CARRIERS = {
    "dhl": "dhl",
    "federal express": "fedex",
    "fedex": "fedex",
    "united parcel service": "ups",
    "united states postal service": "usps",
    "ups": "ups",
    "usps": "usps",
}
_TOGETHER = "0"
_BY_HAND = "Magento's API changes no shipment: settle it by hand"


def _document(record: Record, settings: Mapping[str, Any]) -> dict[str, Any]:
    assert isinstance(record, Shipment)
    if not record.lines and record.status != "cancelled":
        raise BadRecord("the shipment holds nothing", path="lines")
    return {
        "lines": [
            {"line_id": line.line_id, "sku": line.sku, "quantity": line.quantity}
            for line in record.lines
        ],
        "trackings": [{"number": one.number, "carrier": one.carrier} for one in record.trackings],
        "carrier": None,  # where a pipeline maps it, for all numbers
        "source": settings.get("source"),
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
    tracks = _tracks(document)
    before = {one["number"] for told in delivery.before for one in _tracks(told)}
    # half done is not told yet: until everything of it was written once, all of it is looked for
    corrects = delivery.bound is not None and delivery.previous is not None
    if corrects and not tracks and not before:
        return ()
    numbers = " ".join(one["number"] for one in tracks)
    body = {
        "order": order,
        "lines": [
            {"line_id": line["line_id"], "sku": line["sku"], "quantity": str(line["quantity"])}
            for line in document["lines"]
        ],
        "tracks": tracks,
        "taken_back": sorted(before - {one["number"] for one in tracks}),
        "source": document.get("source"),
        "notify": bool(delivery.settings.get("notify", True) or document.get("notify")),
    }
    name = "tracking" if corrects else "shipment"
    return (
        Effect(
            name=name,
            write=name,
            entity="shipments",
            operation=Operation.UPDATE if corrects else Operation.CREATE,
            key=order,  # two parcels of one order, one after the other
            external_id=part_id(key, numbers) if corrects else key,
            body=body,
            target=delivery.bound if corrects else None,
            primary=True,
        ),
    )


def _tracks(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the numbers as Magento takes them; a mapped carrier is a code of the shop's."""
    mapped = document.get("carrier")
    found = []
    for one in document.get("trackings") or ():
        if not one.get("number"):
            continue
        name = str(one.get("carrier") or "").strip()
        code = str(mapped) if mapped else _CARRIERS.get(name.casefold(), _CUSTOM)
        found.append({"number": str(one["number"]), "code": code, "title": name or code})
    return found


def _not_taken_back(bound: str) -> WaitForPerson:
    return WaitForPerson(
        f"the ERP says shipment {bound} did not leave, but Magento's API takes no shipment back:"
        " settle it by hand, then skip this one",
        code="ChangedAtDestination",
        path="status",
        value=bound,
    )


def _plan_removal(removal: Removal) -> Sequence[Effect]:
    raise _not_taken_back(removal.bound)


# ---------------------------------------------------------------- the shipment


async def _order(client: MagentoClient, identifier: str) -> Ordered:
    raw = await head_of(client, identifier)
    if raw is None:
        raise WaitForPerson(
            f"the shop no longer has the order {identifier} this shipment is of",
            code="ChangedAtDestination",
            path="order_id",
            value=identifier,
        )
    bundles = bundles_of(raw)
    products = await client.by_ids("products", "entity_id", bundles) if bundles else []
    whole = {str(one["id"]) for one in products if _leaves_together(one)}
    return read_order(raw, frozenset(whole))


def _leaves_together(product: Mapping[str, Any]) -> bool:
    return str(custom(product).get("shipment_type", "")) == _TOGETHER


def _ours(made: Sequence[dict[str, Any]], external_id: str) -> dict[str, Any] | None:
    return next((one for one in made if is_marked(one, external_id)), None)


async def _find_shipments(client: MagentoClient, calls: Sequence[Call]) -> list[Found | None]:
    """Return the parcels that are all they should be: one without a number is not."""
    found: list[Found | None] = []
    for call in calls:
        order = await _order(client, call.effect.body["order"])
        ours = _ours(await documents_of(client, _PATH, order.id), call.effect.external_id)
        found.append(_found(ours) if ours and _has_numbers(ours, call.effect.body) else None)
    return found


async def _ship(client: MagentoClient, call: Call) -> Outcome:
    body = call.effect.body
    order = await _order(client, body["order"])
    made = await documents_of(client, _PATH, order.id)
    if ours := _ours(made, call.effect.external_id):  # its numbers may be others by now
        await _bring_numbers(client, ours, body)
        return Outcome(found=_found(ours))
    pieces = pieces_of(order, body["lines"])
    free = [one for one in made if not is_marked(one)]
    numbers = frozenset(one["number"] for one in body["tracks"])
    if by_hand := made_by_hand(order, free, pieces, numbers):
        await _adopt(client, call, by_hand)
        return Outcome(found=_found(by_hand))
    units, remark = allot(order, pieces)
    await _check_source(client, body["source"])
    answer = await client.write(
        "POST", f"order/{order.id}/ship", _shipped(call, units), template="order/{id}/ship"
    )
    if not isinstance(answer, int | str) or not str(answer).isdecimal():
        raise UnexpectedAnswer(f"shipping order {order.number} was answered without an id")
    number = None
    with suppress(ConnectorError):  # it is made; how people call it can be told later
        rows = await client.by_ids(_PATH, "entity_id", [str(answer)])
        number = str(rows[0]["increment_id"]) if rows else None
    return Outcome(found=Found(destination_id=str(answer), number=number, remark=remark))


async def _check_source(client: MagentoClient, source: str | None) -> None:
    """Raise what is wrong with a source: of one it does not know the shop says only "see log"."""
    if source:
        answer = (await find_sources(client, [source]))[source]
        if isinstance(answer, ConnectorError):
            answer.path = "source"
            raise answer


def _shipped(call: Call, units: Mapping[str, Any]) -> dict[str, Any]:
    """Return the request that makes a shipment: all of it at once, our mark not in the mail."""
    body = call.effect.body
    request: dict[str, Any] = {
        "items": [{"order_item_id": int(one), "qty": units[one]} for one in units],
        "notify": body["notify"],
        "appendComment": False,
        "comment": {"comment": mark(call.effect.external_id), "is_visible_on_front": 0},
        "tracks": [
            {"track_number": one["number"], "title": one["title"], "carrier_code": one["code"]}
            for one in body["tracks"]
        ],
    }
    if body["source"]:
        request["arguments"] = {"extension_attributes": {"source_code": body["source"]}}
    return request


async def _adopt(client: MagentoClient, call: Call, made: Mapping[str, Any]) -> None:
    """Complete what was shipped by hand; it is marked once all of it is done."""
    identifier, body = str(made["entity_id"]), call.effect.body
    await _bring_numbers(client, made, body)
    if body["notify"] and not made.get("email_sent"):
        await client.write("POST", f"shipment/{identifier}/emails", template="shipment/{id}/emails")
    comment = {
        "parent_id": int(identifier),
        "comment": mark(call.effect.external_id),
        "is_customer_notified": 0,
        "is_visible_on_front": 0,
    }
    await client.write(
        "POST",
        f"shipment/{identifier}/comments",
        {"entity": comment},
        template="shipment/{id}/comments",
    )


def _found(made: Mapping[str, Any]) -> Found:
    return Found(destination_id=str(made["entity_id"]), number=str(made["increment_id"]))


# ---------------------------------------------------------------- numbers


async def _shipment(client: MagentoClient, identifier: str) -> dict[str, Any]:
    rows = await client.by_ids(_PATH, "entity_id", [identifier])
    if not rows:
        raise WaitForPerson(
            f"the shop no longer has the shipment {identifier}, but the ERP still says it left;"
            " settle it by hand, then skip this one",
            code="ChangedAtDestination",
            value=identifier,
        )
    return rows[0]


async def _track(client: MagentoClient, call: Call) -> Outcome:
    identifier = str(call.effect.target)
    if call.again:  # the earlier try may be carried out in between: look once more
        with suppress(Refused):
            await _bring_numbers(client, await _shipment(client, identifier), call.effect.body)
    made = await _shipment(client, identifier)
    await _bring_numbers(client, made, call.effect.body)
    return Outcome(found=_found(made))


async def _bring_numbers(
    client: MagentoClient, made: Mapping[str, Any], body: Mapping[str, Any]
) -> None:
    """Add the numbers that are missing, remove what is wrong or there twice."""
    there: dict[str, list[str]] = {}
    for one in made.get("tracks") or ():
        there.setdefault(str(one.get("track_number")), []).append(str(one.get("entity_id")))
    for one in body["tracks"]:
        if one["number"] not in there:
            track = {
                "order_id": int(made["order_id"]), "parent_id": int(made["entity_id"]),
                "track_number": one["number"], "title": one["title"],
                "carrier_code": one["code"], "weight": 0, "qty": 0, "description": "",
            }  # fmt: skip
            await client.write("POST", "shipment/track", {"entity": track})
    wrong = [track for one in body["taken_back"] for track in there.get(one, ())]
    twice = [track for one in body["tracks"] for track in there.get(one["number"], ())[1:]]
    for known in (*wrong, *twice):
        try:
            await client.write("DELETE", f"shipment/track/{known}", template="shipment/track/{id}")
        except Refused as error:
            if not is_gone(error):
                raise


async def _find_tracks(client: MagentoClient, calls: Sequence[Call]) -> list[Found | None]:
    found: list[Found | None] = []
    for call in calls:
        made = await _shipment(client, str(call.effect.target))
        found.append(_found(made) if _has_numbers(made, call.effect.body) else None)
    return found


def _has_numbers(made: Mapping[str, Any], body: Mapping[str, Any]) -> bool:
    there = {str(one.get("track_number")) for one in made.get("tracks") or ()}
    wanted = {one["number"] for one in body["tracks"]}
    return wanted <= there and not there & set(body["taken_back"])


SHIPMENTS = Part(
    document=_document,
    references=_references,
    plan=_plan,
    removal=_plan_removal,
    writes={
        "shipment": Write(send=one_by_one(_ship), find=_find_shipments),
        "tracking": Write(send=one_by_one(_track), find=_find_tracks),
    },
)

"""Shipments of the ERP as Magento's: one per parcel, its numbers, the customer told once.

    shipment   made with our mark in its comment, or found by it, or by hand meanwhile
    tracking   the numbers it lacks are added, those the ERP took back are removed
    notice     the mail with the numbers, unless the shop says that it was sent

Three steps because the shop mails when it makes a shipment, before that can have a number. Each
looks first, so that a lost answer is no second parcel and no second mail.
Must not: ship what was not sold, or trust what was read earlier.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from knect.model import Record, Shipment
from knect.sdk.children import order_of, refuse_other_pieces
from knect.sdk.contract import Call, Delivery, Effect, Found, Operation, Outcome, Reference, Removal
from knect.sdk.errors import BadRecord, Refused, UnexpectedAnswer, WaitForPerson
from knect.sdk.owned import require_owned
from knect.sdk.part_ids import part_id
from knect.sdk.parts import Part, Write, one_by_one
from knect_connectors.magento1.client import Ask, MagentoClient
from knect_connectors.magento1.listing import rows_of
from knect_connectors.magento1.marker import is_marked, mark
from knect_connectors.magento1.orders import GONE, head_of, infos
from knect_connectors.magento1.parcel import (
    Made,
    Ordered,
    allot,
    made_by_hand,
    pieces_of,
    read_made,
    read_order,
)

__all__ = ["SHIPMENTS"]

_RESOURCE = "sales_order_shipment"
_LIST, _INFO, _CREATE = f"{_RESOURCE}.list", f"{_RESOURCE}.info", f"{_RESOURCE}.create"
_ADD, _REMOVE = f"{_RESOURCE}.addTrack", f"{_RESOURCE}.removeTrack"
_SEND, _CARRIERS = f"{_RESOURCE}.sendInfo", f"{_RESOURCE}.getCarriers"
_CUSTOM = "custom"
_BY_HAND = "Magento's API changes no shipment: settle it by hand"


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
        "trackings": [{"number": one.number, "carrier": one.carrier} for one in record.trackings],
        "carrier": None,  # where a pipeline maps it, for all numbers
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
    trackings = _trackings(document)
    before = {one["number"] for told in delivery.before for one in _trackings(told)}
    # half done is not told yet: until everything of it was written once, all of it is looked for
    corrects = delivery.bound is not None and delivery.previous is not None
    corrects = corrects and bool(trackings or before)
    tells = bool(delivery.settings.get("notify", True) or document.get("notify"))
    names = [] if corrects else ["shipment"]
    names += ["tracking"] if trackings or corrects else []
    names += ["notice"] if tells else []
    body = {
        "order": order,
        "lines": [
            {"line_id": line["line_id"], "sku": line["sku"], "quantity": str(line["quantity"])}
            for line in document["lines"]
        ],
        "trackings": trackings,
        "taken_back": sorted(before - {one["number"] for one in trackings}),
    }
    numbers = " ".join(one["number"] for one in trackings)
    # what is sent with the shipment is a part of its own, looked for before it is sent again;
    # later it is the record itself that is brought to what the ERP says
    ids = {"shipment": key, "tracking": part_id(key, numbers), "notice": part_id(key, "notice")}
    return tuple(
        Effect(
            name=name,
            write=name,
            entity="shipments",
            operation=_operation(name, corrects=corrects),
            key=order,  # two parcels of one order, one after the other
            external_id=key if name == names[0] else ids[name],
            body=body,
            needs=("shipment",) if name != "shipment" and not corrects else (),
            target=delivery.bound if corrects else None,
            primary=name == names[0],
        )
        for name in names
    )


def _operation(name: str, *, corrects: bool) -> Operation:
    """Return what an effect does; a shipment that is bound is not made again."""
    if name == "shipment":
        return Operation.CREATE
    if name == "tracking" and corrects:
        return Operation.UPDATE
    return Operation.ENSURE


def _trackings(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {"number": str(one["number"]), "carrier": document.get("carrier") or one.get("carrier")}
        for one in document.get("trackings") or ()
        if one.get("number")
    ]


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


async def _order(client: MagentoClient, number: str) -> Ordered:
    raw = await head_of(client, number)
    if raw is None:
        raise WaitForPerson(
            f"the shop no longer has the order {number} this shipment is of",
            code="ChangedAtDestination",
            path="order_id",
            value=number,
        )
    return read_order(raw)


async def _made(client: MagentoClient, order: Ordered) -> list[Made]:
    if not order.has_shipments:
        return []
    rows = rows_of(client, _LIST, await client.read(_LIST, {"order_id": order.id}))
    told = await infos(client, _INFO, [str(row["increment_id"]) for row in rows])
    return [read_made(raw, order) for raw in told.values() if raw]


def _ours(made: Sequence[Made], external_id: str) -> Made | None:
    return next((one for one in made if is_marked(one.comments, external_id)), None)


async def _find_shipments(client: MagentoClient, calls: Sequence[Call]) -> list[Found | None]:
    found: list[Found | None] = []
    for call in calls:
        order = await _order(client, call.effect.body["order"])
        ours = _ours(await _made(client, order), call.effect.external_id)
        found.append(_found(ours.number) if ours else None)
    return found


async def _ship(client: MagentoClient, call: Call) -> Outcome:
    body = call.effect.body
    order = await _order(client, body["order"])
    made = await _made(client, order)
    pieces = pieces_of(order, body["lines"])
    numbers = frozenset(one["number"] for one in body["trackings"])
    there = _ours(made, call.effect.external_id)
    if there is None:
        free = [one for one in made if not is_marked(one.comments)]
        there = made_by_hand(order, free, pieces, numbers)
    if there is not None:
        return Outcome(found=_found(there.number))
    units, remark = allot(order, pieces)
    # told without a mail: it has no number yet
    number = await client.write(
        _CREATE,
        order.number,
        {line: f"{quantity:f}" for line, quantity in units.items()},
        mark(call.effect.external_id),
        0,
        0,
    )
    if not number:
        raise UnexpectedAnswer(f"{_CREATE} of order {order.number} was answered without a number")
    return Outcome(found=_found(str(number), remark))


def _found(number: str, remark: str | None = None) -> Found:
    return Found(destination_id=number, number=number, remark=remark)


# ---------------------------------------------------------------- numbers and notice


def _number(call: Call) -> str:
    return str(call.effect.target or call.given["shipment"])


async def _shipment(client: MagentoClient, number: str) -> dict[str, Any]:
    raw = (await infos(client, _INFO, [number]))[number]
    if raw is None:
        raise WaitForPerson(
            f"the shop no longer has the shipment {number}, but the ERP still says it left; settle"
            " it by hand, then skip this one",
            code="ChangedAtDestination",
            value=number,
        )
    return raw


async def _track(client: MagentoClient, call: Call) -> Outcome:
    number = _number(call)
    if call.again:  # the earlier try may be carried out in between: look once more
        with suppress(Refused):
            await _bring_numbers(client, call)
    await _bring_numbers(client, call)
    return Outcome(found=_found(number))


async def _bring_numbers(client: MagentoClient, call: Call) -> None:
    """Add the numbers that are missing, remove what is wrong or there twice."""
    number, body = _number(call), call.effect.body
    raw = await _shipment(client, number)
    there: dict[str, list[str]] = {}
    for one in raw.get("tracks") or ():
        there.setdefault(str(one.get("number")), []).append(str(one.get("track_id")))
    missing = [one for one in body["trackings"] if one["number"] not in there]
    named = any(one["carrier"] for one in missing)
    carriers = await _carriers(client, str(body["order"])) if named else {}
    asks: list[Ask] = []
    for one in missing:
        code, title = _carrier(carriers, one["carrier"])
        asks.append((_ADD, [number, code, title, one["number"]]))
    wrong = [track for one in body["taken_back"] for track in there.get(one, ())]
    twice = [track for one in body["trackings"] for track in there.get(one["number"], ())[1:]]
    asks += [(_REMOVE, [number, track]) for track in (*wrong, *twice)]
    for answer in await client.write_all(asks) if asks else ():
        if isinstance(answer, Exception):
            raise answer


async def _carriers(client: MagentoClient, order: str) -> dict[str, str]:
    """Return code -> title of the carriers the shop tracks in an order's store."""
    answer = await client.read(_CARRIERS, order)
    return {str(code): str(title) for code, title in answer.items()} if answer else {}


def _carrier(carriers: Mapping[str, str], name: str | None) -> tuple[str, str]:
    wanted = (name or "").strip().casefold()
    for code, title in carriers.items():
        if wanted and wanted in (code.casefold(), title.casefold()):
            return code, title
    return _CUSTOM, name or ""


async def _find_tracks(client: MagentoClient, calls: Sequence[Call]) -> list[Found | None]:
    found: list[Found | None] = []
    for call in calls:
        raw = await _shipment(client, _number(call))
        there = {str(one.get("number")) for one in raw.get("tracks") or ()}
        wanted = {one["number"] for one in call.effect.body["trackings"]}
        is_same = wanted <= there and not there & set(call.effect.body["taken_back"])
        found.append(_found(_number(call)) if is_same else None)
    return found


async def _find_notices(client: MagentoClient, calls: Sequence[Call]) -> list[Found | None]:
    found: list[Found | None] = []
    for call in calls:
        raw = await _shipment(client, _number(call))
        told = str(raw.get("email_sent") or "0") != "0"
        found.append(_found(_number(call)) if told else None)
    return found


async def _tell(client: MagentoClient, call: Call) -> Outcome:
    (told,) = await _find_notices(client, [call])
    if told is None:
        try:
            await client.write(_SEND, _number(call), "")
        except Refused as error:
            if error.code == str(GONE):
                raise _not_taken_back(_number(call)) from None
            raise
    return Outcome(found=_found(_number(call)))


SHIPMENTS = Part(
    rights=("sales_order.info", _LIST, _INFO, _CREATE, _ADD, _REMOVE, _SEND, _CARRIERS),
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

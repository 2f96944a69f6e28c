"""Orders of the ERP, as far as they go back to the store: cancelled, moved to a state, noted.

Must not: change what was sold; the store owns its orders. Nor cancel what was shipped: shipped
wins, and the conflict is a person's. Nor give money back.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from knect.model import Order, Record
from knect.sdk.contract import Call, Delivery, Effect, Found, Operation, Outcome, Reference
from knect.sdk.errors import Refused, WaitForPerson
from knect.sdk.parts import Part, Write, one_by_one
from knect.sdk.restored import require_not_restored
from knect_connectors.bigcommerce.client import BigCommerceClient
from knect_connectors.bigcommerce.listing import Row, mark_of
from knect_connectors.bigcommerce.marker import part_id
from knect_connectors.bigcommerce.orders import order_of
from knect_connectors.bigcommerce.payload import token_of
from knect_connectors.bigcommerce.statuses import CANCELLED, ENDED, NAMES, status_id

__all__ = ["ORDERS"]

_ONE = "/v2/orders/{id}"
#: Fields of the document that bring the order to something.
_FIELDS = ("status", "note", "external_order_id")


def _document(record: Record, settings: Mapping[str, Any]) -> dict[str, Any]:
    del settings
    assert isinstance(record, Order)
    return {"cancelled": record.cancelled_at is not None}


def _references(record: Record) -> Sequence[Reference]:
    del record
    return ()


def _plan(delivery: Delivery) -> Sequence[Effect]:
    require_not_restored(delivery)
    if delivery.bound is None:
        return ()
    document, previous = delivery.document, delivery.previous or {}
    cancels = bool(document.get("cancelled"))
    told = {name: document.get(name) for name in _FIELDS if document.get(name)}
    brings = bool(told) and told != {name: previous.get(name) for name in told}
    body = _body(told)
    effects: list[Effect] = []
    if brings and (not cancels or set(body) - {"status_id"}):
        if cancels:
            body.pop("status_id", None)
        effects.append(_effect("state", "order-state", delivery, body, primary=not cancels))
    if cancels:
        effects.append(_effect("cancel", "order-cancel", delivery, {}, primary=True))
    return tuple(effects)


def _effect(
    name: str, write: str, delivery: Delivery, body: Mapping[str, Any], *, primary: bool
) -> Effect:
    return Effect(
        name=name,
        write=write,
        entity="orders",
        operation=Operation.ACT if name == "cancel" else Operation.ENSURE,
        key=str(delivery.bound),
        external_id=part_id(delivery.external_id, f"{name} {sorted(body.items())}"),
        body=body,
        target=delivery.bound,
        primary=primary,
    )


def _body(told: Mapping[str, Any]) -> dict[str, Any]:
    body: dict[str, Any] = {}
    if "status" in told:
        status = status_id(told["status"])
        if status is None or status == CANCELLED:
            names = ", ".join(
                repr(name) for key, name in NAMES.items() if key not in (0, CANCELLED)
            )
            raise Refused(
                f"{told['status']!r} is no state an order is moved to; it is one of {names}, or its"
                " id; a cancellation is `cancelled`",
                path="status",
                value=told["status"],
            )
        body["status_id"] = status
    if "note" in told:
        body["note"] = " ".join(str(told["note"]).split())
    if "external_order_id" in told:
        body["external_order_id"] = str(told["external_order_id"])
    return body


# ---------------------------------------------------------------- at the store


async def _row(client: BigCommerceClient, call: Call) -> Row:
    row = await order_of(client, str(call.effect.target))
    if row is None:
        raise WaitForPerson(
            f"the store no longer has the order {call.effect.target}",
            code="ChangedAtDestination",
            value=str(call.effect.target),
        )
    return row


def _found(call: Call, row: Row, before: Row | None = None) -> Found:
    return Found(
        destination_id=str(call.effect.target),
        number=str(row["id"]),
        token=token_of(mark_of(row)),
        over=token_of(mark_of(before or row)),
    )


async def _put(client: BigCommerceClient, call: Call, body: Mapping[str, Any]) -> Row:
    path = f"/v2/orders/{call.effect.target}"
    await client.write("PUT", path, template=_ONE, json=body, may_miss=True)
    return await _row(client, call)


def _lacks(row: Row, body: Mapping[str, Any]) -> dict[str, Any]:
    """Return what of the body the order is not yet, as the store takes it."""
    lacks: dict[str, Any] = {}
    if "status_id" in body and row.get("status_id") != body["status_id"]:
        lacks["status_id"] = body["status_id"]
    notes = str(row.get("staff_notes") or "")
    if "note" in body and body["note"] not in notes.splitlines():
        lacks["staff_notes"] = f"{notes}\n{body['note']}".strip()
    number = body.get("external_order_id")
    if number is not None and (row.get("external_order_id") or "") != number:
        lacks["external_order_id"] = number
    return lacks


async def _bring(client: BigCommerceClient, call: Call) -> Outcome:
    before = row = await _row(client, call)
    lacks = _lacks(row, call.effect.body)
    if "status_id" in lacks and row.get("status_id") in ENDED:
        raise WaitForPerson(
            f"order {row['id']} is {NAMES.get(row['status_id'], row['status_id'])} in the store,"
            f" but the ERP says {NAMES[lacks['status_id']]}; settle it by hand, then skip this one",
            code="ChangedAtDestination",
            path="status",
            value=row["status_id"],
        )
    if lacks:
        row = await _put(client, call, lacks)
    return Outcome(found=_found(call, row, before))


async def _find_state(client: BigCommerceClient, calls: Sequence[Call]) -> list[Found | None]:
    found: list[Found | None] = []
    for call in calls:
        row = await _row(client, call)
        found.append(None if _lacks(row, call.effect.body) else _found(call, row))
    return found


async def _cancel(client: BigCommerceClient, call: Call) -> Outcome:
    before = row = await _row(client, call)
    if row.get("status_id") not in ENDED:
        if row.get("items_shipped"):
            raise WaitForPerson(
                f"the sale was cancelled in the ERP, but of order {row['id']} something was shipped"
                " in the store; what was shipped wins: take it back by hand, or restore the sale in"
                " the ERP",
                code="ChangedAtDestination",
                path="cancelled_at",
                value=row["id"],
            )
        row = await _put(client, call, {"status_id": CANCELLED})
    return Outcome(found=_found(call, row, before))


async def _find_cancelled(client: BigCommerceClient, calls: Sequence[Call]) -> list[Found | None]:
    found: list[Found | None] = []
    for call in calls:
        row = await _row(client, call)
        found.append(_found(call, row) if row.get("status_id") in ENDED else None)
    return found


ORDERS = Part(
    rights=("Orders",),
    document=_document,
    references=_references,
    plan=_plan,
    writes={
        "order-state": Write(send=one_by_one(_bring), find=_find_state),
        "order-cancel": Write(send=one_by_one(_cancel), find=_find_cancelled),
    },
)

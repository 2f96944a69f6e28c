"""Orders of the ERP, as far as they go back to the shop: a status, a note, or cancelled.

Must not: change what was sold; the shop owns its orders. Nor cancel what was shipped: what left the
house wins, and the conflict is a person's.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from knect.model import Order, Record
from knect.sdk.contract import Call, Delivery, Effect, Found, Operation, Outcome, Reference
from knect.sdk.errors import WaitForPerson
from knect.sdk.parts import Part, Write, one_by_one
from knect.sdk.restored import require_not_restored
from knect_connectors.woocommerce.client import Row, WooClient
from knect_connectors.woocommerce.marks import part_id, told_in
from knect_connectors.woocommerce.notes import add_note, has_note
from knect_connectors.woocommerce.orders import is_order
from knect_connectors.woocommerce.payload import token_of
from knect_connectors.woocommerce.reader import mark_of

__all__ = ["ORDERS"]

_ORDER = "/orders/{id}"


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
    status, note = document.get("status"), document.get("note")
    mails = bool(document.get("notify", delivery.settings.get("notify", False)))
    wanted: list[tuple[str, dict[str, Any], str]] = []
    if note and note != previous.get("note"):
        body = {"note": str(note), "mails": mails}
        wanted.append(("order-note", body, part_id(delivery.external_id, str(note))))
    if status and not cancels and status != previous.get("status"):
        wanted.append(("order-status", {"status": str(status)}, delivery.external_id))
    if cancels:
        wanted.append(("order-cancel", {}, delivery.external_id))
    return tuple(
        Effect(
            name=write,
            write=write,
            entity="orders",
            operation=Operation.ENSURE if write == "order-note" else Operation.ACT,
            key=delivery.bound,
            external_id=external_id,
            body=body,
            target=delivery.bound,
            primary=number == len(wanted),
        )
        for number, (write, body, external_id) in enumerate(wanted, 1)
    )


# ---------------------------------------------------------------- at the shop


async def _head(client: WooClient, call: Call) -> Row:
    row = await client.get(f"/orders/{call.effect.target}", template=_ORDER)
    if row is None or not is_order(row):
        raise WaitForPerson(
            f"the shop no longer has the order {call.effect.target}",
            code="ChangedAtDestination",
            value=str(call.effect.target),
        )
    return row


def _found(row: Row, before: Row | None = None, remark: str | None = None) -> Found:
    return Found(
        destination_id=str(row["id"]),
        number=str(row.get("number")),
        token=token_of(mark_of(row)),
        over=token_of(mark_of(before or row)),
        remark=remark,
    )


async def _move(client: WooClient, row: Row, status: str) -> Row:
    return await client.write("PUT", f"/orders/{row['id']}", {"status": status}, template=_ORDER)


async def _cancel(client: WooClient, call: Call) -> Outcome:
    row = await _head(client, call)
    if row.get("status") == "cancelled":
        return Outcome(found=_found(row))
    if row.get("status") == "completed" or told_in(row):
        number = str(row.get("number"))
        raise WaitForPerson(
            f"the sale was cancelled in the ERP, but order {number} was shipped, as the shop knows;"
            " what left the house wins: take it back by hand, or restore the sale in the ERP",
            code="ChangedAtDestination",
            path="cancelled_at",
            value=number,
        )
    paid = row.get("date_paid_gmt") and row.get("status") != "refunded"
    remark = "it was paid: give the money back in the shop" if paid else None
    return Outcome(found=_found(await _move(client, row, "cancelled"), row, remark))


async def _set(client: WooClient, call: Call) -> Outcome:
    row, status = await _head(client, call), str(call.effect.body["status"])
    if row.get("status") == status:
        return Outcome(found=_found(row))
    return Outcome(found=_found(await _move(client, row, status), row))


async def _note(client: WooClient, call: Call) -> Outcome:
    row, body = await _head(client, call), call.effect.body
    await add_note(client, row, body["note"], mails=body["mails"])
    return Outcome(found=_found(row))


async def _find_cancelled(client: WooClient, calls: Sequence[Call]) -> list[Found | None]:
    rows = [await _head(client, call) for call in calls]
    return [_found(row) if row.get("status") == "cancelled" else None for row in rows]


async def _find_set(client: WooClient, calls: Sequence[Call]) -> list[Found | None]:
    found: list[Found | None] = []
    for call in calls:
        row = await _head(client, call)
        found.append(_found(row) if row.get("status") == call.effect.body["status"] else None)
    return found


async def _find_notes(client: WooClient, calls: Sequence[Call]) -> list[Found | None]:
    found: list[Found | None] = []
    for call in calls:
        row = await _head(client, call)
        is_there = await has_note(client, row, call.effect.body["note"])
        found.append(_found(row) if is_there else None)
    return found


ORDERS = Part(
    rights=("/orders",),
    document=_document,
    references=_references,
    plan=_plan,
    writes={
        "order-cancel": Write(send=one_by_one(_cancel), find=_find_cancelled),
        "order-note": Write(send=one_by_one(_note), find=_find_notes),
        "order-status": Write(send=one_by_one(_set), find=_find_set),
    },
)

"""Orders of the ERP, as far as they go back to the shop: a cancelled one is cancelled here.

Must not: change what was sold; the shop owns its orders. Nor cancel what was shipped: shipped wins,
and the conflict is a person's.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from knect.model import Order, Record
from knect.sdk.contract import Call, Delivery, Effect, Found, Operation, Outcome, Reference
from knect.sdk.errors import ConnectorError, RetryLater, WaitForPerson
from knect.sdk.parts import Part, Write
from knect.sdk.restored import require_not_restored
from knect_connectors.shopify import order_queries as q
from knect_connectors.shopify.client import ShopifyClient
from knect_connectors.shopify.entities import token_of
from knect_connectors.shopify.payload import read_instant

__all__ = ["ORDERS"]

_REASONS = frozenset({"CUSTOMER", "DECLINED", "FRAUD", "INVENTORY", "OTHER", "STAFF"})
_LOOKS = 20
_PAUSE = 0.1  # seconds between two looks at a job, growing


def _document(record: Record, settings: Mapping[str, Any]) -> dict[str, Any]:
    assert isinstance(record, Order)
    reason = (record.cancel_reason or str(settings.get("cancelReason", "Inventory"))).upper()
    return {
        "cancelled": record.cancelled_at is not None,
        "reason": reason if reason in _REASONS else "OTHER",
    }


def _references(record: Record) -> Sequence[Reference]:
    del record
    return ()


def _plan(delivery: Delivery) -> Sequence[Effect]:
    require_not_restored(delivery)
    if not delivery.document.get("cancelled") or delivery.bound is None:
        return ()
    settings = delivery.settings
    cancel = Effect(
        name="cancel",
        write="order-cancel",
        entity="orders",
        operation=Operation.ENSURE,
        key=delivery.bound,
        external_id=delivery.external_id,
        body={
            "reason": delivery.document.get("reason", "OTHER"),
            "restock": bool(settings.get("restock", True)),
            "notify": bool(settings.get("notify", True)),
            "refund": bool(settings.get("refund", False)),
        },
        target=delivery.bound,
        primary=True,
    )
    return (cancel,)


async def _state(client: ShopifyClient, order: str) -> dict[str, Any] | None:
    data = await client.read(q.CANCEL_STATE, operation="CancelState", id=order)
    state: dict[str, Any] | None = data.get("order")
    return state


def _found(state: Mapping[str, Any], before: Mapping[str, Any] | None = None) -> Found:
    over = _token((before or state)["updatedAt"])
    return Found(
        destination_id=str(state["id"]),
        number=state["name"],
        token=_token(state["updatedAt"]),
        over=over,
    )


def _token(instant: str) -> str:
    return token_of(read_instant(instant))


async def _find(client: ShopifyClient, calls: Sequence[Call]) -> list[Found | None]:
    """Return the orders that are cancelled."""
    states = [await _state(client, str(call.effect.target)) for call in calls]
    return [_found(one) if one and one["cancelledAt"] else None for one in states]


async def _send(client: ShopifyClient, calls: Sequence[Call]) -> list[Outcome]:
    """Cancel each order that is not cancelled yet, and wait until the shop has done it."""
    return [await _cancel(client, call) for call in calls]


async def _cancel(client: ShopifyClient, call: Call) -> Outcome:
    target, body = str(call.effect.target), call.effect.body
    state = await _state(client, target)
    if state is None:
        return Outcome(found=Found(destination_id=target))  # gone at both ends
    if state["cancelledAt"]:
        return Outcome(found=_found(state))
    if state["displayFulfillmentStatus"] in ("FULFILLED", "PARTIALLY_FULFILLED"):
        return Outcome(error=_shipped(state, state["displayFulfillmentStatus"].lower()))
    data = await client.write(
        q.CANCEL_ORDER,
        operation="CancelOrder",
        id=target,
        reason=body["reason"],
        restock=body["restock"],
        notify=body["notify"],
        refund={"originalPaymentMethodsRefund": True} if body["refund"] else None,
        note="cancelled in the ERP",
    )
    payload = data.get("orderCancel") or {}
    if problems := payload.get("orderCancelUserErrors"):
        there = await _state(client, target)  # an earlier try, or somebody, may have done it
        if there is not None and there["cancelledAt"]:
            return Outcome(found=_found(there, state))
        return Outcome(error=_shipped(state, "; ".join(str(one["message"]) for one in problems)))
    return await _done(client, state, str(payload["job"]["id"]))


async def _done(client: ShopifyClient, before: Mapping[str, Any], job: str) -> Outcome:
    for look in range(_LOOKS):
        data = await client.read(q.JOB, operation="Job", id=job)
        if (data.get("job") or {}).get("done"):
            break
        await client.pause(_PAUSE * (1 + look / 4))
    state = await _state(client, before["id"])
    if state and state["cancelledAt"]:
        return Outcome(found=_found(state, before))
    error: ConnectorError = RetryLater("the shop has not finished cancelling the order yet")
    return Outcome(error=error)


def _shipped(state: Mapping[str, Any], words: str) -> WaitForPerson:
    return WaitForPerson(
        f"the sale was cancelled in the ERP, but Shopify does not cancel order {state['name']}:"
        f" {words}; what was shipped wins: take it back by hand, or restore the sale in the ERP",
        code="ChangedAtDestination",
        path="cancelled_at",
        value=state["name"],
    )


ORDERS = Part(
    document=_document,
    references=_references,
    plan=_plan,
    writes={"order-cancel": Write(send=_send, find=_find)},
    rights=("write_orders",),
)

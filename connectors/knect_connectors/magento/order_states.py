"""Orders of the ERP in a Magento, as far as they go back to it: cancelled, or told of in a comment.

Must not: change what was sold; the shop owns its orders.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from knect.model import Order, Record
from knect.sdk.contract import Delivery, Effect, Operation, Reference
from knect.sdk.part_ids import part_id
from knect.sdk.restored import require_not_restored

__all__ = ["order_document", "order_references", "plan_order"]


def order_document(record: Record, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is told of an order: whether it is over."""
    del settings
    assert isinstance(record, Order)
    return {"cancelled": record.cancelled_at is not None}


def order_references(record: Record) -> Sequence[Reference]:
    """Return nothing: an order of the shop is there."""
    del record
    return ()


def plan_order(delivery: Delivery) -> Sequence[Effect]:
    """Return the comment and the cancellation of an order; an order is never made."""
    require_not_restored(delivery)
    if delivery.bound is None:
        return ()
    document, previous = delivery.document, delivery.previous or {}
    cancels = bool(document.get("cancelled"))
    told = {name: document.get(name) for name in ("status", "comment")}
    comments = any(told.values()) and told != {name: previous.get(name) for name in told}
    effects: list[Effect] = []
    if comments:
        effects.append(
            Effect(
                name="comment",
                write="order-comment",
                entity="orders",
                operation=Operation.ENSURE,
                key=delivery.bound,
                external_id=part_id(delivery.external_id, f"{told['status']} {told['comment']}"),
                body={
                    "status": told["status"],
                    "comment": str(told["comment"] or ""),
                    "notify": bool(document.get("notify", delivery.settings.get("notify", False))),
                },
                target=delivery.bound,
                primary=not cancels,
            )
        )
    if cancels:
        effects.append(
            Effect(
                name="cancel",
                write="order-cancel",
                entity="orders",
                operation=Operation.ACT,
                key=delivery.bound,
                external_id=delivery.external_id,
                body={},
                target=delivery.bound,
                primary=True,
            )
        )
    return tuple(effects)

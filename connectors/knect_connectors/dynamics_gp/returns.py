"""Refunds as returns (SOPTYPE 4): planned from the record, priced, and told by the order's taxes.

    return   one document in one transaction, with our mark; never more than the order came to

Goods that come back (`restock: return`) are lines of their item, on hand again once GP posts the
return. What is given back without goods is a line of the item `config.items.refund`, a service, so
that no stock moves. Shipping is freight.
Must not: touch the order, credit twice, or guess which tax detail a refund belongs to.
"""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Any

from knect.model import Refund
from knect.sdk.children import order_of, refuse_other_money, require_settled
from knect.sdk.contract import Call, Delivery, Effect, Found, Operation, Outcome, Reference
from knect_connectors.dynamics_gp.client import GpClient
from knect_connectors.dynamics_gp.config import Config
from knect_connectors.dynamics_gp.return_writing import write_return
from knect_connectors.dynamics_gp.sales import find_orders
from knect_connectors.dynamics_gp.transaction import outcome_of

__all__ = ["find_returns", "plan_refund", "refund_document", "refund_references", "write_returns"]

_ZERO = Decimal(0)


def refund_document(refund: Refund) -> dict[str, Any]:
    """Return the fields of a return."""
    included = refund.taxes_included
    return {
        "date": refund.created_at.date().isoformat(),
        "currency": refund.currency,
        "customer_order": refund.order_number or "",
        "lines": [
            {
                "path": f"lines[{i}]",
                "line": line.line_id,
                "sku": line.sku or "",
                "quantity": line.quantity,
                "net": line.amount - (line.tax if included else _ZERO),
                "tax": line.tax,
                "restock": line.restock,
            }
            for i, line in enumerate(refund.lines)
        ],
        "freight": refund.shipping - (refund.shipping_tax if included else _ZERO),
        "freight_tax": refund.shipping_tax,
        "adjustment": refund.adjustment,
        "total": refund.total,
        "comment": refund.note or "",
        "order_cancelled": refund.order_cancelled,
    }


def refund_references(config: Config, refund: Refund) -> tuple[Reference, ...]:
    """Return the order, and the item that stands for what is no goods."""
    return (
        order_of(refund),
        Reference(kind="sku", value=config.items.refund, path="lines"),
    )


def plan_refund(config: Config, delivery: Delivery) -> Sequence[Effect]:
    """Return the effects of a refund. Raises MissingReference while its money is on the way."""
    refund, document = delivery.record, delivery.document
    assert isinstance(refund, Refund)
    require_settled(refund)
    refuse_other_money(delivery, field="total")
    if delivery.bound is not None or not (document["lines"] or document["total"]):
        return ()  # made once, never changed; or nothing to credit
    order = delivery.resolved["orders", refund.order_id]
    body = {
        **{name: document[name] for name in ("comment", "customer_order", "order_cancelled")},
        "lines": [
            {**line, **{name: str(line[name]) for name in ("quantity", "net", "tax")}}
            for line in document["lines"]
        ],
        **{name: str(document[name]) for name in ("freight", "freight_tax", "adjustment", "total")},
        "date": date.fromisoformat(str(document["date"])[:10]).isoformat(),
        "currency": str(document["currency"]),
        "order": order,
        "refund_item": delivery.resolved["sku", config.items.refund],
    }
    made = Effect(
        name="return",
        write="return",
        entity="refunds",
        operation=Operation.CREATE,
        key=f"order:{order}",  # two refunds of one order, one after the other
        external_id=delivery.external_id,
        body=body,
        primary=True,
    )
    return (made,)


async def find_returns(client: GpClient, calls: Sequence[Call]) -> list[Found | None]:
    """Return the return each call made, by our mark."""
    return await find_orders(client, calls)


async def write_returns(client: GpClient, calls: Sequence[Call]) -> list[Outcome]:
    """Make each return; one that is there already by our mark is adopted."""
    return [
        await outcome_of(write_return(client, one), partial(_there, client, one)) for one in calls
    ]


async def _there(client: GpClient, one: Call) -> Found | None:
    return (await find_returns(client, [one]))[0]

"""Payments of the ERP as invoices of a Magento: one for what is left to invoice, captured if told.

Must not: capture unless the pipeline says so.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from knect.model import Payment, Record
from knect.sdk.children import order_of, refuse_other_money
from knect.sdk.contract import Delivery, Effect, Operation, Reference
from knect.sdk.errors import NotForThere
from knect.sdk.part_ids import part_id

__all__ = ["payment_document", "payment_references", "plan_payment"]


def _payment(record: Record) -> Payment:
    assert isinstance(record, Payment)
    return record


def _is_invoice(payment: Payment) -> bool:
    return payment.kind in ("sale", "capture") and payment.status == "success"


def payment_document(record: Record, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is invoiced, nothing of what is no money taken."""
    payment = _payment(record)
    return {
        "amount": payment.amount if _is_invoice(payment) else None,
        "currency": payment.currency,
        "capture": settings.get("capture", "Never") == "Always",
    }


def payment_references(record: Record) -> Sequence[Reference]:
    """Return the order it pays."""
    return (order_of(_payment(record)),)


def plan_payment(delivery: Delivery) -> Sequence[Effect]:
    """Return the invoice, and its capture if the pipeline says so."""
    payment = _payment(delivery.record)
    is_invoice = _is_invoice(payment)
    refuse_other_money(delivery, field="amount", is_money=is_invoice)
    if not is_invoice:
        raise NotForThere(
            f"a {payment.kind} that is {payment.status} is no invoice", code="NotTracked"
        )
    document, order = delivery.document, delivery.resolved["orders", payment.order_id]
    body = {
        "order": order,
        "amount": str(document.get("amount", payment.amount)),
        "currency": str(document.get("currency", payment.currency)),
    }
    common: dict[str, Any] = {"entity": "payments", "key": order, "body": body}
    key = delivery.external_id
    invoice = Effect(
        name="invoice",
        write="invoice",
        operation=Operation.CREATE,  # one that is bound is not made again
        external_id=key,
        primary=True,
        **common,
    )
    if not document.get("capture"):
        return (invoice,) if delivery.bound is None else ()
    capture = Effect(
        name="capture",
        write="capture",
        # money: not asked for again before a look-up proved that an earlier try did not take it
        operation=Operation.ENSURE,
        external_id=part_id(key, "capture"),
        needs=("invoice",),
        **common,
    )
    return (invoice, capture)

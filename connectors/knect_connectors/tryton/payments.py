"""Payments of the shop as Tryton's payments (module account_payment): one per transaction.

Why no link to the sale: the module sale_payment would give one, and then refuse to change or cancel
any sale that has a payment, so that no edit of a paid order could be brought in. The reference
names order and transaction; accounting reconciles by it.
Money received is `receivable`, money given back is `payable`; both are submitted, and processed by
who keeps the books. A promise (an authorisation, a pending transfer) is no payment yet.
Must not: post or reconcile anything.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from knect.model import Payment
from knect.sdk.children import order_of, refuse_other_money
from knect.sdk.contract import Call, Delivery, Effect, Found, Operation, Outcome, Reference
from knect.sdk.errors import WaitForPerson
from knect_connectors.tryton.client import TrytonClient
from knect_connectors.tryton.wire import money

__all__ = [
    "find_payments",
    "payment_document",
    "payment_references",
    "plan_payment",
    "write_payments",
]

_PAYMENT = ("number", "state")
_KINDS = {"sale": "receivable", "capture": "receivable", "refund": "payable"}


def payment_document(payment: Payment) -> dict[str, Any]:
    """Return the fields of a payment."""
    at = payment.processed_at
    return {
        "reference": " ".join(filter(None, (payment.order_number, payment.gateway))),
        "kind": _KINDS.get(payment.kind) if payment.status == "success" else None,
        "date": at.date().isoformat() if at else None,
        "amount": payment.amount,
        "currency": payment.currency,
    }


def payment_references(payment: Payment) -> tuple[Reference, ...]:
    """Return the order and the journal of the currency, for what is money at all."""
    if payment.kind not in _KINDS or payment.status != "success" or not payment.amount:
        return ()
    return (
        order_of(payment),
        Reference(kind="payment_journal", value=payment.currency, path="currency"),
    )


def plan_payment(delivery: Delivery) -> Sequence[Effect]:
    """Return the effects of a payment: none of a promise, none of one that is there."""
    payment, document = delivery.record, delivery.document
    assert isinstance(payment, Payment)
    refuse_other_money(delivery, field="amount", is_money=bool(payment_references(payment)))
    if delivery.bound is not None or not payment_references(payment):
        return ()
    key = delivery.external_id
    made = Effect(
        name="payment",
        write="payment",
        entity="payments",
        operation=Operation.CREATE,
        key=key,
        external_id=key,
        body={
            "reference": f"{document['reference']} {key}",
            "kind": document["kind"],
            "date": document["date"],
            "amount": str(document["amount"]),
            "sale": delivery.resolved["orders", payment.order_id],
            "journal": delivery.resolved["payment_journal", payment.currency],
        },
        primary=True,
    )
    return (made,)


async def find_payments(client: TrytonClient, calls: Sequence[Call]) -> list[Found | None]:
    """Return the payment of each call, by its reference, if it was submitted: one that was only
    made is not done.
    """
    known = await _known(client, calls)
    rows = [known.get(call.effect.body["reference"]) for call in calls]
    return [_found(row) if row and row["state"] != "draft" else None for row in rows]


async def _known(client: TrytonClient, calls: Sequence[Call]) -> dict[str, dict[str, Any]]:
    """Return the payments there are by their references."""
    references = [call.effect.body["reference"] for call in calls]
    facts = await client.facts()
    domain = [["company", "=", facts.company], ["reference", "in", references]]
    rows = await client.search_read("account.payment", domain, ["reference", *_PAYMENT])
    return {row["reference"]: row for row in rows}


async def write_payments(client: TrytonClient, calls: Sequence[Call]) -> list[Outcome]:
    """Make the payments that are not there yet, and submit them; new ones in one request."""
    facts = await client.facts()
    known = await _known(client, calls)
    sales = await client.read(
        "sale.sale",
        [int(call.effect.body["sale"]) for call in calls],
        ["party", "invoice_party"],
    )
    outcomes: dict[int, Outcome] = {}
    ids: dict[int, int] = {}  # of what is to be submitted
    new: dict[int, dict[str, Any]] = {}
    for i, call in enumerate(calls):
        row = known.get(call.effect.body["reference"])
        sale = sales.get(int(call.effect.body["sale"]))
        if row is not None and row["state"] == "draft":
            ids[i] = row["id"]  # made by an earlier try, and no more than that
        elif row is not None:
            outcomes[i] = Outcome(found=_found(row))
        elif sale is None:
            outcomes[i] = Outcome(error=_gone(call))
        else:
            new[i] = _values(facts.company, sale, call.effect.body)
    if new:
        made = await client.write("model.account.payment.create", list(new.values()))
        ids |= dict(zip(new, made, strict=True))
    if ids:
        await client.write("model.account.payment.submit", list(ids.values()))
        rows = await client.read("account.payment", list(ids.values()), _PAYMENT)
        outcomes |= {i: Outcome(found=_found(rows[one])) for i, one in ids.items()}
    return [outcomes[i] for i in range(len(calls))]


def _values(company: int, sale: Mapping[str, Any], body: Mapping[str, Any]) -> dict[str, Any]:
    values = {
        "company": company,
        "journal": int(body["journal"]),
        "kind": body["kind"],
        "party": sale["invoice_party"] or sale["party"],
        "amount": money(Decimal(body["amount"])),
        "reference": body["reference"],
    }
    if body["date"]:
        values["date"] = date.fromisoformat(body["date"])
    return values


def _found(row: Mapping[str, Any]) -> Found:
    return Found(destination_id=str(row["id"]), number=row["number"])


def _gone(call: Call) -> WaitForPerson:
    return WaitForPerson(
        f"the sale with id {call.effect.body['sale']} this payment is of is no longer in Tryton",
        code="ChangedAtDestination",
        path="order_id",
    )

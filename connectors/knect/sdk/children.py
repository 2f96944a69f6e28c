"""What is asked of records that hang on an order, before a connector plans to write one.

Why: a parcel that holds other pieces now, or a refund without its money, is the same trouble in
whichever system it is to be written. Must not: know a system, or repair a document.
"""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from knect.model import Payment, Refund, Shipment
from knect.sdk.contract import Delivery, Reference
from knect.sdk.errors import MissingReference, WaitForPerson

__all__ = ["order_of", "refuse_other_money", "refuse_other_pieces", "require_settled"]


def order_of(child: Payment | Refund | Shipment) -> Reference:
    """Return the reference to the order; until it is resolved the record waits."""
    return Reference(kind="orders", value=child.order_id, path="order_id")


def require_settled(refund: Refund) -> None:
    """Raise MissingReference while the money of a refund is on the way."""
    if refund.pending:
        raise MissingReference(
            f"the refund of {refund.total} {refund.currency} is not settled yet; it is credited"
            " when its money has arrived",
            kind="settlement",
            value=refund.source_id,
            path="pending",
        )


def refuse_other_money(delivery: Delivery, *, field: str, is_money: bool = True) -> None:
    """Raise WaitForPerson where money that is booked is of another amount now, or none at all.

    It is booked once and never changed. `field` is the document's amount, beside `currency`; of
    what nobody remembers having booked nothing is said.
    """
    before, now = delivery.previous or {}, delivery.document
    if delivery.bound is None or not {field, "currency"} <= before.keys() & now.keys():
        return
    booked, says = _money(before, field), _money(now, field) if is_money else "none"
    if booked == says:
        return
    raise WaitForPerson(
        f"{booked} were booked for it as {delivery.bound}, and it is {says} now: what is booked is"
        " not changed; correct it by hand, then skip this one",
        code="ChangedAtDestination",
        path=field,
        value=says,
    )


def _money(document: Mapping[str, Any], field: str) -> str:
    return f"{Decimal(str(document[field])).normalize():f} {document['currency']}"


def refuse_other_pieces(delivery: Delivery, *, remedy: str) -> None:
    """Raise WaitForPerson where a parcel the shop was told of has other pieces now.

    Each line of the document has `quantity`, and `line_id` or `sku`. `remedy` says what a person
    does about it. A line of the order that only one of the two documents names tells nothing.
    """
    before = (delivery.previous or delivery.document).get("lines") or ()
    now = delivery.document["lines"]
    told, says = _pieces(before, _by_goods), _pieces(now, _by_goods)
    if told == says and all(line.get("line_id") for line in (*before, *now)):
        told, says = _pieces(before, _by_line), _pieces(now, _by_line)
    if told == says:
        return
    raise WaitForPerson(
        f"the ERP says now that the parcel holds {says}; the shop, and its customer, were told"
        f" {told}; {remedy}, then skip this one",
        code="ChangedAtDestination",
        path="lines",
        value=says,
    )


def _by_goods(line: Mapping[str, Any]) -> str:
    return str(line.get("sku") or line.get("line_id") or "")


def _by_line(line: Mapping[str, Any]) -> str:
    return f"{_by_goods(line)} of line {line['line_id']}"


def _pieces(lines: Sequence[Mapping[str, Any]], name: Callable[[Mapping[str, Any]], str]) -> str:
    found: dict[str, Decimal] = {}
    for line in lines:
        found[name(line)] = found.get(name(line), Decimal(0)) + Decimal(str(line["quantity"]))
    return ", ".join(f"{units.normalize():f} x {what}" for what, units in sorted(found.items()))

"""From BigCommerce's JSON to payments, refunds and shipments. Pure.

A refund says what was given back for which item with the tax in it, and one figure for all of the
tax. How much of that is which line's follows from the tax of the line that was sold; where that
does not make the figure to the coin, it is refused and not guessed.
"""

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from msgspec import structs

from knect.model import Payment, Refund, RefundLine, Shipment, ShipmentLine, Tracking
from knect.sdk.errors import BadRecord
from knect_connectors.bigcommerce.money import coin_of
from knect_connectors.bigcommerce.payload import Node

__all__ = ["to_payment", "to_refund", "to_shipment"]

_ZERO = Decimal(0)
_HALF = Decimal("0.5")
#: What a transaction is -> kind, and what its status means while it is none of success.
_EVENTS = {
    "purchase": ("sale", "success"),
    "authorization": ("authorization", "success"),
    "capture": ("capture", "success"),
    "settled": ("capture", "success"),
    "pending": ("sale", "pending"),
    "refund": ("refund", "success"),
    "void": ("void", "success"),
}
#: Tender that is no money of a bank.
_METHODS = {"gift_certificate": "gift_card", "store_credit": "store_credit"}


def to_payment(raw: Mapping[str, Any]) -> Payment:
    """Return one transaction of an order."""
    node = Node(raw)
    order, identifier = node["order_id"].identifier(), node["id"].identifier()
    event = node["event"].text()
    kind, status = _EVENTS.get(event, (event, "unknown"))
    said = node.optional("status")
    if said is not None and said.text() == "error":
        status = "failure"
    parent = node.optional("reference_transaction_id")
    number = parent.identifier_or_none() if parent else None
    test = node.optional("test")
    return Payment(
        source_id=f"{order}/{identifier}",
        order_id=order,
        order_number=order,
        kind=kind,
        status=status,
        amount=node["amount"].decimal(),
        currency=node["currency"].text(),
        gateway=_METHODS.get(node["method"].text()) or node["gateway"].text_or_none(),
        reference=node.text_at("gateway_transaction_id"),
        parent_id=f"{order}/{number}" if number else None,
        processed_at=node["date_created"].instant(),
        test=test.flag() if test else False,
    )


def to_shipment(raw: Mapping[str, Any]) -> Shipment:
    """Return a parcel. One that is deleted is gone: there is none that is cancelled."""
    node = Node(raw)
    order = node["order_id"].identifier()
    number = node.text_at("tracking_number")
    carrier = node.text_at("tracking_carrier") or node.text_at("shipping_provider")
    url = node.text_at("tracking_link") or node.text_at("generated_tracking_link")
    return Shipment(
        source_id=f"{order}/{node['id'].identifier()}",
        order_id=order,
        order_number=order,
        lines=tuple(
            ShipmentLine(
                line_id=item["order_product_id"].identifier(),
                sku=item["sku"].text_or_none(),
                quantity=item["quantity"].decimal(),
            )
            for item in node["items"].items()
        ),
        trackings=(Tracking(number=number, carrier=carrier, url=url),) if number else (),
        shipped_at=node["date_created"].instant(),
        updated_at=node["date_created"].instant(),
    )


def to_refund(raw: Mapping[str, Any], *, restocks: bool = False) -> Refund:
    """Return the refund. Raises BadRecord where its parts do not explain the money."""
    node = Node(raw)
    order = node["order"]
    currency = order["default_currency_code"].text()
    total = node["total_amount"].decimal()
    lines, shipping, adjustment = _parts(node, order, "return" if restocks else "none")
    lines, shipping_tax = _taxed(node, order, lines, shipping, currency)
    given = sum((line.amount for line in lines), shipping) + adjustment
    if given != total:
        raise BadRecord(
            f"the items of the refund add up to {given}, but it says {total}",
            path="total_amount",
            value=total,
        )
    payments = _payments(node, currency)
    number = order["id"].identifier()
    return Refund(
        source_id=node["id"].identifier(),
        order_id=number,
        order_number=number,
        order_cancelled=order["cancelled"].flag(),
        currency=currency,
        total=total,
        created_at=node["created"].instant(),
        lines=tuple(lines),
        shipping=shipping,
        shipping_tax=shipping_tax,
        adjustment=adjustment,
        taxes_included=True,
        payments=payments,
        pending=bool(payments) and all(one.status != "success" for one in payments),
        note=node.text_at("reason"),
    )


def _parts(node: Node, order: Node, restock: str) -> tuple[list[RefundLine], Decimal, Decimal]:
    """Return what was given back for lines, for shipping, and for nothing of both."""
    sold = {line["id"].identifier(): line for line in order["products"].items()}
    lines: list[RefundLine] = []
    shipping = adjustment = _ZERO
    for item in node["items"].items():
        kind = item["item_type"].text()
        amount = item["requested_amount"]
        if kind == "PRODUCT":
            identifier = item["item_id"].identifier()
            line = sold.get(identifier)
            quantity = item["quantity"].decimal()
            lines.append(
                RefundLine(
                    line_id=identifier,
                    quantity=quantity,
                    amount=amount.decimal()
                    if amount.value is not None
                    else _value_of(line, quantity, amount.path),
                    sku=line["sku"].text_or_none() if line else None,
                    restock=restock,
                )
            )
        elif kind == "SHIPPING":
            shipping += amount.decimal()
        else:
            adjustment += amount.decimal()
    return lines, shipping, adjustment


def _value_of(line: Node | None, quantity: Decimal, path: str) -> Decimal:
    """Return what pieces of a line were paid with, where nobody says what was given back."""
    if line is not None:
        total, sold = line["discounted_total_inc_tax"].decimal(), line["quantity"].decimal()
        if quantity == sold:
            return total
        if sold and (total * quantity) % sold == 0:
            return total * quantity / sold
    raise BadRecord(
        "the refund does not say what was given back for the item, and it cannot be divided",
        path=path,
    )


def _taxed(
    node: Node, order: Node, lines: list[RefundLine], shipping: Decimal, currency: str
) -> tuple[list[RefundLine], Decimal]:
    """Return the lines with their taxes, and the tax of shipping."""
    total = node["total_tax"].decimal()
    if not total:
        return lines, _ZERO
    coin = coin_of(currency)
    sold = {line["id"].identifier(): line for line in order["products"].items()}
    taxes = [_share(sold.get(line.line_id), line, coin) for line in lines]
    cost, cost_tax = order["shipping_cost_inc_tax"].decimal(), order["shipping_cost_tax"].decimal()
    if shipping and cost:
        taxes.append((cost_tax * shipping / cost).quantize(coin, ROUND_HALF_UP))
    rest = total - sum(taxes)
    others = {"HANDLING", "GIFT_WRAPPING", "FEE"} & {
        item["item_type"].text() for item in node["items"].items()
    }
    if rest and taxes and not others:
        if abs(rest) > coin * _HALF * len(taxes) and len(taxes) > 1:
            raise BadRecord(
                f"the refund has {total} of tax, but by the taxes of what was sold it is"
                f" {sum(taxes)}: it cannot be divided over its items",
                path="total_tax",
                value=total,
            )
        largest = max(range(len(taxes)), key=lambda index: taxes[index])
        taxes[largest] += rest
    taxed = [structs.replace(line, tax=tax) for line, tax in zip(lines, taxes, strict=False)]
    return taxed, taxes[-1] if len(taxes) > len(lines) else _ZERO


def _share(line: Node | None, refunded: RefundLine, coin: Decimal) -> Decimal:
    """Return how much tax is in what was given back, by the line that was sold."""
    if line is None:
        return _ZERO
    paid, tax = line["discounted_total_inc_tax"].decimal(), line["total_tax"].decimal()
    if not paid:
        return _ZERO
    return (tax * refunded.amount / paid).quantize(coin, ROUND_HALF_UP)


def _payments(node: Node, currency: str) -> tuple[Payment, ...]:
    order = node["order"]["id"].identifier()
    found = []
    for one in node["payments"].items():
        declined = one.optional("is_declined")
        found.append(
            Payment(
                source_id=f"{node['id'].identifier()}/{one['id'].identifier()}",
                order_id=order,
                order_number=order,
                kind="refund",
                status="failure" if declined and declined.flag() else "success",
                amount=one["amount"].decimal(),
                currency=currency,
                gateway=one.text_at("provider_id"),
                reference=one.text_at("transaction_id"),
                processed_at=node["created"].instant(),
            )
        )
    return tuple(found)

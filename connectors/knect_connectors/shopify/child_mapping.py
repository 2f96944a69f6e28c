"""From Shopify's JSON to payments, refunds and shipments. Pure.

What a refund credits is what its lines, its shipping and its order adjustments say. Money beyond
that settles a balance (of an edit that made the order cheaper): it is a payment back, no credit.
Lines without any money are an edit's: the order itself tells of it.
Must not: guess. What does not add up is a BadRecord with both sums.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from knect.model import Payment, Refund, RefundLine, Shipment, ShipmentLine, Tracking
from knect.sdk.errors import BadRecord
from knect_connectors.shopify.payload import Node

__all__ = ["to_payment", "to_refund", "to_shipment"]

_ZERO = Decimal(0)
_RESTOCK = {"RETURN": "return", "LEGACY_RESTOCK": "return", "CANCEL": "cancel"}
_OPEN = frozenset({"PENDING", "AWAITING_RESPONSE", "UNKNOWN"})


def to_payment(raw: Mapping[str, Any], side: str) -> Payment:
    """Return one transaction of an order."""
    node = Node(raw)
    return _payment(node, node["order"], side)


def to_refund(raw: Mapping[str, Any], side: str) -> Refund:
    """Return the refund. Raises BadRecord when its parts do not explain the money."""
    node = Node(raw)
    order = node["order"]
    included = order["taxesIncluded"].flag()
    lines = tuple(_refund_line(line, side) for line in node["refundLineItems"].items())
    shipping = sum((_amount(x, "subtotalAmountSet", side) for x in _shipping(node)), _ZERO)
    shipping_tax = sum((_amount(x, "taxAmountSet", side) for x in _shipping(node)), _ZERO)
    payments = tuple(_payment(one, order, side) for one in node["transactions"].items())
    money = _amount(node, "totalRefundedSet", side)
    parts = sum((line.amount for line in lines), shipping)
    if not included:
        parts += sum((line.tax for line in lines), shipping_tax)
    adjusted = any(True for _ in node["orderAdjustments"].items())
    pending = any(
        one["status"].text() in _OPEN and one["kind"].text() == "REFUND"
        for one in node["transactions"].items()
    )
    if not pending and not money and not adjusted and not payments:
        lines, shipping, shipping_tax, parts = (), _ZERO, _ZERO, _ZERO  # by an edit
    if not adjusted and not pending and money < parts:
        raise BadRecord(
            f"the refund's lines and shipping come to {parts}, but {money} was given back and no"
            " adjustment explains the difference; correct the refund in the shop",
            path="totalRefundedSet",
            value=str(money),
        )
    adjustment = money - parts if adjusted else _ZERO
    return Refund(
        source_id=node["id"].text(),
        order_id=order["id"].text(),
        order_number=order["name"].text().lstrip("#"),
        order_cancelled=order["cancelledAt"].value is not None,
        currency=node["totalRefundedSet"][side]["currencyCode"].text(),
        total=parts + adjustment,
        created_at=(node.optional("createdAt") or node["processedAt"]).instant(),
        lines=lines,
        shipping=shipping,
        shipping_tax=shipping_tax,
        adjustment=adjustment,
        taxes_included=included,
        payments=payments,
        pending=pending,
        note=node["note"].text_or_none(),
    )


def to_shipment(raw: Mapping[str, Any], side: str) -> Shipment:
    """Return a fulfillment as a shipment."""
    del side  # it holds no money
    node = Node(raw)
    place = node.optional("location")
    status = node["status"].text()
    return Shipment(
        source_id=node["id"].text(),
        order_id=node["order"]["id"].text(),
        order_number=node["order"]["name"].text().lstrip("#"),
        location=place["name"].text() if place else None,
        lines=tuple(
            ShipmentLine(
                line_id=piece["lineItem"]["id"].text(),
                sku=piece["lineItem"]["sku"].text_or_none(),
                quantity=piece["quantity"].decimal(),
            )
            for piece in node["fulfillmentLineItems"].items()
        ),
        trackings=tuple(
            Tracking(
                number=number,
                carrier=one["company"].text_or_none(),
                url=one["url"].text_or_none(),
            )
            for one in node["trackingInfo"].items()
            if (number := one["number"].text_or_none())
        ),
        status="cancelled" if status == "CANCELLED" else "shipped",
        shipped_at=node["createdAt"].instant(),
        updated_at=node["updatedAt"].instant(),
    )


def _payment(node: Node, order: Node, side: str) -> Payment:
    parent = node.optional("parentTransaction")
    processed = node.optional("processedAt")
    return Payment(
        source_id=node["id"].text(),
        order_id=order["id"].text(),
        order_number=order["name"].text().lstrip("#"),
        kind=node["kind"].text().lower(),
        status=node["status"].text().lower(),
        amount=_amount(node, "amountSet", side),
        currency=node["amountSet"][side]["currencyCode"].text(),
        gateway=node["gateway"].text_or_none(),
        reference=node["paymentId"].text_or_none(),
        parent_id=parent["id"].text() if parent else None,
        processed_at=processed.instant() if processed else None,
        test=node["test"].flag(),
    )


def _refund_line(line: Node, side: str) -> RefundLine:
    place = line.optional("location")
    return RefundLine(
        line_id=line["lineItem"]["id"].text(),
        sku=line["lineItem"]["sku"].text_or_none(),
        quantity=line["quantity"].decimal(),
        amount=_amount(line, "subtotalSet", side),
        tax=_amount(line, "totalTaxSet", side),
        restock=_RESTOCK.get(line["restockType"].text(), "none"),
        location=place["id"].text() if place else None,
    )


def _shipping(node: Node) -> list[Node]:
    return list(node["refundShippingLines"].items())


def _amount(node: Node, name: str, side: str) -> Decimal:
    return node[name][side]["amount"].decimal()

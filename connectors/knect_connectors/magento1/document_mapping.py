"""From invoices, credit memos and shipments to payments, refunds and shipments. Pure.

An invoice is what money was asked for, and paid once its state says so. A credit memo credits what
its lines, its shipping and its adjustment say; what does not add up is a BadRecord with both sums.
Whether pieces went back on the shelf the API does not tell: the Connection says it once.
Must not: guess.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from knect.model import Payment, Refund, RefundLine, Shipment, ShipmentLine, Tracking
from knect.sdk.errors import BadRecord
from knect_connectors.magento1.config import Config
from knect_connectors.magento1.documents import ORDER
from knect_connectors.magento1.lines import tidy_quantity
from knect_connectors.magento1.payload import Node, tidy

__all__ = ["to_payment", "to_refund", "to_shipment"]

_ZERO = Decimal(0)
#: The column's name is cut short for the one, as databases once needed it.
_HIDDEN_TAX = {"": "shipping_hidden_tax_amount", "base_": "base_shipping_hidden_tax_amnt"}
_PAYMENT_STATES = {"1": "pending", "2": "success", "3": "failure"}


def to_payment(raw: Mapping[str, Any], config: Config) -> Payment:
    """Return an invoice as the payment it asks for."""
    node, side = Node(raw), config.side
    order = node[ORDER]
    state = node["state"].text_or_none() or "1"
    return Payment(
        source_id=node["increment_id"].text(),
        order_id=order["root"].text(),
        order_number=order["root"].text(),
        kind="void" if state == "3" else "capture",
        status=_PAYMENT_STATES.get(state, "pending"),
        amount=node[f"{side}grand_total"].money(),
        currency=node["base_currency_code" if side else "order_currency_code"].text(),
        gateway=order.get("method").text_or_none(),
        reference=node.get("transaction_id").text_or_none(),
        processed_at=node["created_at"].instant(),
    )


def to_refund(raw: Mapping[str, Any], config: Config) -> Refund:
    """Return a credit memo as a refund. Raises BadRecord when its parts are not its total."""
    node, side = Node(raw), config.side
    order = node[ORDER]
    number, root = node["increment_id"].text(), order["root"].text()
    currency = node["base_currency_code" if side else "order_currency_code"].text()
    lines = tuple(
        line for item in node["items"].items() if (line := _refund_line(item, order, config))
    )
    shipping = node.get(f"{side}shipping_amount").money()
    shipping_tax = node.get(f"{side}shipping_tax_amount").money()
    hidden = node.get(_HIDDEN_TAX[side]).money()
    line_discounts = sum(
        (item.get(f"{side}discount_amount").money() for item in node["items"].items()), _ZERO
    )
    # what of the discount no line has was on the shipping
    shipping += hidden - (abs(node.get(f"{side}discount_amount").money()) - line_discounts)
    adjustment = tidy(
        node.get(f"{side}adjustment_positive").money()
        - node.get(f"{side}adjustment_negative").money()
    )
    total = node[f"{side}grand_total"].money()
    parts = sum((line.amount + line.tax for line in lines), shipping + shipping_tax + adjustment)
    if parts != total:
        raise BadRecord(
            f"the credit memo's lines, shipping and adjustment come to {tidy(parts)}, but it says"
            f" {total}; correct it in the shop",
            path=f"{side}grand_total",
            value=str(total),
        )
    state = node.get("state").text_or_none() or "2"
    payment = Payment(
        source_id=f"{number}-refund",
        order_id=root,
        order_number=root,
        kind="refund",
        status="success" if state == "2" else "pending",
        amount=total,
        currency=currency,
        gateway=order.get("method").text_or_none(),
        reference=node.get("transaction_id").text_or_none(),
        processed_at=node["created_at"].instant(),
    )
    return Refund(
        source_id=number,
        order_id=root,
        order_number=root,
        currency=currency,
        total=total,
        created_at=node["created_at"].instant(),
        lines=lines,
        shipping=tidy(shipping),
        shipping_tax=shipping_tax,
        adjustment=adjustment,
        payments=(payment,) if total else (),
        pending=state == "1",
    )


def _refund_line(item: Node, order: Node, config: Config) -> RefundLine | None:
    side = config.side
    identifier = item["order_item_id"].text()
    own = order.get("own")
    if own.value and own.value.get(identifier) != identifier:
        return None  # the product's twin of a pair, or a bundle's own line
    discount = item.get(f"{side}discount_amount").money()
    hidden = item.get(f"{side}hidden_tax_amount").money()
    return RefundLine(
        line_id=identifier,
        sku=item.get("sku").text_or_none(),
        quantity=tidy_quantity(item["qty"].number()),
        amount=tidy(item.get(f"{side}row_total").money() - discount + hidden),
        tax=item.get(f"{side}tax_amount").money(),
        restock="return" if config.restocks else "none",
    )


def to_shipment(raw: Mapping[str, Any], config: Config) -> Shipment:
    """Return a shipment."""
    del config
    node = Node(raw)
    order = node[ORDER]
    own = order.get("own").value or {}
    lines = []
    for item in node["items"].items():
        identifier = item["order_item_id"].text()
        if not own or own.get(identifier) == identifier:
            lines.append(
                ShipmentLine(
                    line_id=identifier,
                    quantity=tidy_quantity(item["qty"].number()),
                    sku=item.get("sku").text_or_none(),
                )
            )
    return Shipment(
        source_id=node["increment_id"].text(),
        order_id=order["root"].text(),
        order_number=order["root"].text(),
        lines=tuple(lines),
        trackings=tuple(
            Tracking(
                number=number,
                carrier=one.get("title").text_or_none() or one.get("carrier_code").text_or_none(),
            )
            for one in node["tracks"].items()
            if (number := one.get("number").text_or_none())
        ),
        shipped_at=node["created_at"].instant(),
        updated_at=(node.get("updated_at").instant_or_none() or node["created_at"].instant()),
        notify_customer=node.get("email_sent").flag(),
    )

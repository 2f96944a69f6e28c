"""From invoices, credit memos and shipments to payments, refunds and shipments. Pure.

An invoice is what money was asked for, and paid once its state says so. A credit memo credits what
its lines, its shipping and its adjustment say; what does not add up is a BadRecord with both sums.
Whether pieces went back on the shelf the API does not tell: the Connection says it once.
Must not: guess.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from knect.model import Payment, Refund, RefundLine, Shipment, ShipmentLine, Tracking
from knect.sdk.errors import BadRecord
from knect_connectors.magento2.config import Config
from knect_connectors.magento2.documents import ORDER
from knect_connectors.magento2.lines import FEES
from knect_connectors.magento2.mapping import SHIPPING_COMPENSATION, TENDERS
from knect_connectors.magento2.payload import Node, tidy, tidy_quantity

__all__ = ["to_payment", "to_refund", "to_shipment"]

_ZERO = Decimal(0)
_PAYMENT_STATES = {"1": "pending", "2": "success", "3": "failure"}
_VOID, _OPEN, _REFUNDED = "3", "1", "2"


def _order_of(node: Node) -> Node:
    order = node.get(ORDER)
    if order.is_nothing:
        number = node.get("increment_id").text_or_none()
        raise BadRecord(
            f"{number} is of order {node.get('order_id').value}, which the shop does not have",
            path="order_id",
            value=node.get("order_id").value,
        )
    return order


def to_payment(raw: Mapping[str, Any], config: Config) -> Payment:
    """Return an invoice as the payment it asks for."""
    node, side = Node(raw), config.side
    order = _order_of(node)
    state = node.get("state").text_or_none() or _OPEN
    return Payment(
        source_id=node["entity_id"].text(),
        order_id=order["root"].text(),
        order_number=order["number"].text(),
        kind="void" if state == _VOID else "capture",
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
    order = _order_of(node)
    identifier, root = node["entity_id"].text(), order["root"].text()
    currency = node["base_currency_code" if side else "order_currency_code"].text()
    items = [item for item in node["items"].objects() if _is_own(item, order)]
    lines = tuple(_refund_line(item, order, config) for item in items)
    shipping = node.get(f"{side}shipping_amount").money()
    shipping_tax = node.get(f"{side}shipping_tax_amount").money()
    on_lines = sum((item.get(f"{side}discount_amount").money() for item in items), _ZERO)
    # what of the discount no line has was on the shipping
    shipping += node.get(SHIPPING_COMPENSATION[side]).money()
    shipping -= abs(node.get(f"{side}discount_amount").money()) - on_lines
    adjustment = node.get(f"{side}adjustment_positive").money()
    adjustment -= node.get(f"{side}adjustment_negative").money()
    money = node[f"{side}grand_total"].money()
    tenders = {
        gateway: amount
        for name, gateway in TENDERS.items()
        if (amount := node.more.get(side + name).money())
    }
    total = tidy(money + sum(tenders.values(), _ZERO))
    parts = sum((line.amount + line.tax for line in lines), shipping + shipping_tax + adjustment)
    if parts != total:
        raise BadRecord(
            f"the credit memo's lines, shipping and adjustment come to {tidy(parts)}, but it says"
            f" {total}; correct it in the shop",
            path=f"{side}grand_total",
            value=str(total),
        )
    state = node.get("state").text_or_none() or _REFUNDED

    def given_back(gateway: str | None, amount: Decimal, suffix: str) -> Payment:
        return Payment(
            source_id=f"{identifier}-{suffix}",
            order_id=root,
            order_number=order["number"].text(),
            kind="refund",
            status="success" if state == _REFUNDED else "pending",
            amount=amount,
            currency=currency,
            gateway=gateway,
            reference=node.get("transaction_id").text_or_none(),
            processed_at=node["created_at"].instant(),
        )

    method = order.get("method").text_or_none()
    return Refund(
        source_id=identifier,
        order_id=root,
        order_number=order["number"].text(),
        currency=currency,
        total=total,
        created_at=node["created_at"].instant(),
        lines=lines,
        shipping=tidy(shipping),
        shipping_tax=shipping_tax,
        adjustment=tidy(adjustment),
        payments=(
            *((given_back(method, money, "refund"),) if money else ()),
            *(given_back(gateway, amount, gateway) for gateway, amount in tenders.items()),
        ),
        pending=state != _REFUNDED,
    )


def _is_own(item: Node, order: Node) -> bool:
    """Tell whether it is a line here, and not a pair's twin or a bundle's own without money."""
    own = order.get("own").value or {}
    identifier = item["order_item_id"].text()
    return bool(own.get(identifier) == identifier)


def _sku(item: Node, order: Node) -> str | None:
    known = order.get("skus").value or {}
    return known.get(item["order_item_id"].text()) or item.get("sku").text_or_none()


def _refund_line(item: Node, order: Node, config: Config) -> RefundLine:
    side = config.side
    amount = item.get(f"{side}row_total").money() - item.get(f"{side}discount_amount").money()
    amount += item.get(f"{side}discount_tax_compensation_amount").money()
    amount += item.get(FEES[side]).money()
    return RefundLine(
        line_id=item["order_item_id"].text(),
        sku=_sku(item, order),
        quantity=tidy_quantity(item["qty"].number()),
        amount=tidy(amount),
        tax=item.get(f"{side}tax_amount").money(),
        restock="return" if config.restocks else "none",
    )


def to_shipment(raw: Mapping[str, Any], config: Config) -> Shipment:
    """Return a shipment."""
    del config
    node = Node(raw)
    order = _order_of(node)
    return Shipment(
        source_id=node["entity_id"].text(),
        order_id=order["root"].text(),
        order_number=order["number"].text(),
        location=node.more.get("source_code").text_or_none(),
        lines=tuple(_shipped(node, order)),
        trackings=tuple(
            Tracking(
                number=number,
                carrier=one.get("title").text_or_none() or one.get("carrier_code").text_or_none(),
            )
            for one in node.get("tracks").objects()
            if (number := one.get("track_number").text_or_none())
        ),
        shipped_at=node["created_at"].instant(),
        updated_at=node["updated_at"].instant(),
        notify_customer=node.get("email_sent").flag(),
    )


def _shipped(node: Node, order: Node) -> Iterator[ShipmentLine]:
    for item in node["items"].objects():
        if _is_own(item, order):
            yield ShipmentLine(
                line_id=item["order_item_id"].text(),
                quantity=tidy_quantity(item["qty"].number()),
                sku=_sku(item, order),
            )

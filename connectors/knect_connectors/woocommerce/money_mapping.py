"""From WooCommerce's orders and refunds to canonical payments and refunds. Pure.

A refund's lines are below zero in the shop, and say in their meta data which line they give back.
Must not: guess. A field that is gone or of another type is a BadRecord with its path.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from knect.model import Payment, Refund, RefundLine
from knect_connectors.woocommerce.amounts import Coins
from knect_connectors.woocommerce.config import Config
from knect_connectors.woocommerce.orders import CARD, ORDER
from knect_connectors.woocommerce.payload import Node

__all__ = ["cards_of", "payments_of", "to_payment", "to_refund"]

_ZERO = Decimal(0)
_REFUNDED_LINE = "_refunded_item_id"


def cards_of(node: Node, coins: Coins) -> tuple[Payment, ...]:
    """Return the gift cards an order was paid with, as the Gift Cards extension tells them."""
    return tuple(_card(node, one, coins) for one in node.get("gift_cards").items())


def _card(node: Node, card: Node, coins: Coins) -> Payment:
    identifier = node["id"].text()
    return Payment(
        source_id=f"{identifier}-{card['id'].text()}",
        order_id=identifier,
        order_number=node["number"].text(),
        kind="sale",
        status="success",
        amount=coins.round(card["amount"].number()),
        currency=node["currency"].text(),
        gateway="gift_card",
        reference=card.get("code").text_or_none(),
        processed_at=node.get("date_paid_gmt").instant_or_none(),
    )


def payments_of(node: Node, due: Decimal) -> tuple[Payment, ...]:
    """Return the one payment of an order beside its gift cards, if it has a way to be paid."""
    identifier = node["id"].text()
    at = node.get("date_paid_gmt").instant_or_none()
    if node.get("payment_method").is_nothing and at is None:
        return ()
    return (
        Payment(
            source_id=identifier,
            order_id=identifier,
            order_number=node["number"].text(),
            kind="sale",
            status="success" if at else "pending",
            amount=due,
            currency=node["currency"].text(),
            gateway=node.get("payment_method").text_or_none(),
            reference=node.get("transaction_id").text_or_none(),
            processed_at=at,
        ),
    )


def to_payment(raw: Mapping[str, Any], config: Config) -> Payment:
    """Return the payment of an order that is paid, or of a gift card. Raises BadRecord."""
    del config
    node = Node(raw)
    coins = Coins(node["currency"].text(), ())
    node["date_paid_gmt"].instant()
    if CARD in raw:
        return _card(node, node[CARD], coins)
    (payment,) = payments_of(node, coins.round(node["total"].number()))
    return payment


def to_refund(raw: Mapping[str, Any], config: Config) -> Refund:
    """Return the refund; what of it stands on no line is its adjustment. Raises BadRecord."""
    node = Node(raw)
    order = node[ORDER]
    currency = order["currency"].text()
    coins = Coins(currency, ())
    included = order["prices_include_tax"].value is True
    total = coins.round(node["amount"].number())
    lines = tuple(
        line
        for item in node["line_items"].items()
        if (line := _refund_line(item, coins, config, included=included)) is not None
    )
    shipping = shipping_tax = _ZERO
    for one in node.get("shipping_lines").items():
        shipping -= coins.round(one["total"].number_or_zero())
        shipping_tax -= coins.round(one.get("total_tax").number_or_zero())
    if included:
        shipping += shipping_tax
    told = sum((line.amount if included else line.amount + line.tax for line in lines), _ZERO)
    told += shipping if included else shipping + shipping_tax
    identifier = order["id"].text()
    return Refund(
        source_id=f"{identifier}-{node['id'].text()}",
        order_id=identifier,
        order_number=order["number"].text_or_none(),
        order_cancelled=order["cancelled"].value is True,
        currency=currency,
        total=total,
        created_at=node["date_created_gmt"].instant(),
        lines=lines,
        shipping=shipping,
        shipping_tax=shipping_tax,
        adjustment=total - told,
        taxes_included=included,
        payments=(
            Payment(
                source_id=f"{identifier}-{node['id'].text()}",
                order_id=identifier,
                order_number=order["number"].text_or_none(),
                kind="refund",
                status="success",
                amount=total,
                currency=currency,
                gateway=order.get("payment_method").text_or_none(),
                processed_at=node["date_created_gmt"].instant(),
            ),
        ),
        note=node.get("reason").text_or_none(),
    )


def _refund_line(item: Node, coins: Coins, config: Config, *, included: bool) -> RefundLine | None:
    """Return a line, whose quantity and amounts the shop has below zero."""
    quantity = -item["quantity"].number()
    tax = -coins.round(item.get("total_tax").number_or_zero())
    amount = -coins.round(item["total"].number_or_zero())
    if not quantity and not amount and not tax:
        return None
    return RefundLine(
        line_id=_refunded(item),
        quantity=quantity,
        amount=amount + tax if included else amount,
        tax=tax,
        restock="return" if config.restocks and quantity else "none",
        sku=item.get("sku").text_or_none(),
    )


def _refunded(item: Node) -> str:
    """Return the order line that was given back: it is told in the refund line's meta data."""
    for one in item.get("meta_data").items():
        if one.get("key").value == _REFUNDED_LINE:
            return one["value"].text()
    raise item.bad(
        f"line {item['id'].text()} of the refund does not say which line of the order it gives back"
        f" ({_REFUNDED_LINE}): make the refund on the order's lines"
    )

"""Reads orders, and what belongs to one: its payment and its refunds.

An order in the trash is gone until it is taken out again; a cart somebody is still filling in
(`checkout-draft`, `auto-draft`) is none yet. A refund is named `ORDER-REFUND`, for the API finds it
by both. Must not: put into a payment or a refund what else of its order changes.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from knect_connectors.woocommerce.client import Row, WooClient
from knect_connectors.woocommerce.listing import side_by_side, whole
from knect_connectors.woocommerce.reader import Kind, Parts

__all__ = ["CARD", "CARTS", "DECIMALS", "ORDER", "ORDERS", "PAYMENTS", "REFUNDS", "is_order"]

#: Where the reader puts what it knows of the order of a refund.
ORDER = "knect_order"
#: Where it puts the gift card a payment was made with.
CARD = "knect_gift_card"
#: More than any currency has: what the shop worked out is not rounded on the way.
DECIMALS = {"dp": "6"}

#: What somebody is still filling in.
CARTS = frozenset({"auto-draft", "checkout-draft", "draft", "new"})
_NO_ORDERS = CARTS | {"trash"}
_OF_PAYMENTS = (
    "id", "number", "currency", "total", "payment_method", "payment_method_title",
    "transaction_id", "date_paid_gmt",
)  # fmt: skip


def is_order(row: Mapping[str, Any]) -> bool:
    """Tell whether a row is an order: placed, and not in the trash."""
    return row.get("status") not in _NO_ORDERS


async def _orders(client: WooClient, rows: Sequence[Row]) -> Sequence[Parts]:
    del client
    return [{str(row["id"]): _without_links(row)} for row in rows]


async def _payments(client: WooClient, rows: Sequence[Row]) -> Sequence[Parts]:
    """Return what each order that is paid was paid with: one payment, and the gift cards used."""
    del client
    found: list[Parts] = []
    for row in rows:
        kept = {name: row[name] for name in _OF_PAYMENTS if name in row}
        parts = {str(row["id"]): kept}
        for card in row.get("gift_cards") or ():
            parts[f"{row['id']}-{card['id']}"] = {**kept, CARD: card}
        found.append(parts if row.get("date_paid_gmt") else {})
    return found


async def _refunds(client: WooClient, rows: Sequence[Row]) -> Sequence[Parts]:
    async def of(row: Row) -> Parts:
        if not row.get("refunds"):
            return {}
        refunds = await whole(
            client, f"/orders/{row['id']}/refunds", DECIMALS, template="/orders/{id}/refunds"
        )
        kept = _kept(row)
        return {f"{row['id']}-{one['id']}": {**_without_links(one), ORDER: kept} for one in refunds}

    return await side_by_side(rows, of)


def _kept(order: Row) -> Row:
    return {
        "id": order["id"],
        "number": order.get("number"),
        "currency": order.get("currency"),
        "prices_include_tax": order.get("prices_include_tax"),
        "cancelled": order.get("status") == "cancelled",
        "payment_method": order.get("payment_method"),
    }


def _without_links(row: Row) -> Row:
    return {name: value for name, value in row.items() if name != "_links"}


def _order_of(identifier: str) -> str:
    return identifier.partition("-")[0]


ORDERS = Kind(path="/orders", params=DECIMALS, load=_orders, is_there=is_order)
PAYMENTS = Kind(
    path="/orders", params=DECIMALS, load=_payments, is_there=is_order, row_id=_order_of
)
REFUNDS = Kind(path="/orders", params=DECIMALS, load=_refunds, is_there=is_order, row_id=_order_of)

"""Parts of an order: which lines and how many pieces are left to ship, invoice, refund.

Must not: know a wire format; a refusal is an ActError with Magento's words.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from knect_connectors.magento1.simulator.books import Books, Row
from knect_connectors.magento1.simulator.money import stored, text_of

__all__ = ["SIDES", "ZERO", "ActError", "Pieces", "add", "as_pieces", "chosen", "comment_row",
           "dummies", "head", "left_to", "money_head", "number", "own_rows", "part_row", "settle",
           "touch"]  # fmt: skip

ZERO = Decimal(0)
SIDES = ("", "base_")

Pieces = Mapping[str, Decimal]


class ActError(Exception):
    """The shop refuses; the text is what it says."""


def number(row: Row, name: str) -> Decimal:
    """Return a column as a number; nothing is zero."""
    return Decimal(row.get(name) or 0)


def touch(books: Books, row: Row, at: datetime | None = None) -> None:
    """Move a row's mark of change."""
    row["updated_at"] = text_of(at) if at else books.marked()


def comment_row(books: Books, text: str | None, *, notified: bool) -> Row:
    """Return a comment as shipments, invoices and credit memos have them."""
    at = books.marked()
    return {
        "comment_id": str(books.next("comment")), "increment_id": None, "parent_id": None,
        "created_at": at, "updated_at": None, "is_active": None, "comment": text,
        "is_customer_notified": "1" if notified else "0", "is_visible_on_front": "0",
    }  # fmt: skip


def left_to(what: str, item: Row) -> Decimal:
    """Return how many pieces are left to ship, invoice or refund."""
    ordered, gone = number(item, "qty_ordered"), number(item, "qty_canceled")
    if what == "ship":
        return max(
            ZERO, ordered - number(item, "qty_shipped") - number(item, "qty_refunded") - gone
        )
    if what == "invoice":
        return max(ZERO, ordered - number(item, "qty_invoiced") - gone)
    return max(ZERO, number(item, "qty_invoiced") - number(item, "qty_refunded"))


def own_rows(order: Row) -> list[Row]:
    """Return the lines that count: those of bundles by their parts, of configurables by parents."""
    kinds = {item["item_id"]: item["product_type"] for item in order["items"]}
    return [
        item
        for item in order["items"]
        if item["product_type"] != "bundle"
        and (item["parent_item_id"] is None or kinds[item["parent_item_id"]] == "bundle")
    ]


def chosen(order: Row, pieces: Pieces, what: str) -> list[tuple[Row, Decimal]]:
    """Return lines and pieces; like the shop, never more than are left."""
    found = []
    for item in own_rows(order):
        left = left_to(what, item)
        wanted = left if not pieces else min(left, pieces.get(item["item_id"], ZERO))
        if wanted > 0:
            found.append((item, wanted))
    return found


def add(row: Row, name: str, amount: Decimal) -> None:
    """Add to a column."""
    row[name] = stored(number(row, name) + amount)


def part_row(item: Row, quantity: Decimal, identifier: int) -> Row:
    """Return a line of a shipment, invoice or credit memo."""
    return {
        "item_id": str(identifier), "parent_id": None, "order_item_id": item["item_id"],
        "product_id": item["product_id"], "sku": item["sku"], "name": item["name"],
        "qty": stored(quantity), "price": item["price"],
    }  # fmt: skip


def dummies(order: Row, item: Row) -> list[Row]:
    """Return the lines that only say which product was chosen."""
    return [one for one in order["items"] if one["parent_item_id"] == item["item_id"]]


def settle(books: Books, order: Row, at: datetime | None) -> None:
    """Work out an order's state from its lines, and mark it as changed."""
    lines = own_rows(order)
    before = order["state"]
    shipped = all(left_to("ship", one) == 0 for one in lines)
    invoiced = all(left_to("invoice", one) == 0 for one in lines)
    refunded = number(order, "base_total_refunded")
    if refunded and refunded >= number(order, "base_total_paid"):
        order["state"] = order["status"] = "closed"
    elif shipped and invoiced:
        order["state"] = order["status"] = "complete"
    else:
        order["state"] = order["status"] = "processing"
    touch(books, order, at)
    if order["state"] != before:
        order["status_history"].insert(0, {
            "increment_id": None, "parent_id": None, "created_at": order["updated_at"],
            "updated_at": None, "is_active": None, "is_customer_notified": "0",
            "status": order["status"], "comment": None, "entity_name": "order",
        })  # fmt: skip


def head(books: Books, order: Row, kind: str, at: datetime | None) -> Row:
    """Return what shipments, invoices and credit memos have in common."""
    entity = books.next(kind)
    now = text_of(at) if at else books.marked()
    return {
        f"{kind}_id": str(entity), "increment_id": str(100_000_000 + entity), "parent_id": None,
        "store_id": order["store_id"], "created_at": now, "updated_at": now, "is_active": None,
        "order_id": order["order_id"], "order_increment_id": order["increment_id"],
        "order_created_at": order["created_at"], "email_sent": None,
        "shipping_address_id": order["shipping_address_id"],
        "billing_address_id": order["billing_address_id"], "items": [], "comments": [],
    }  # fmt: skip


def money_head(order: Row) -> Row:
    """Return the currencies of an order, as its documents repeat them."""
    names = ("global_currency_code", "base_currency_code", "store_currency_code",
             "order_currency_code", "store_to_base_rate", "store_to_order_rate",
             "base_to_global_rate", "base_to_order_rate", "billing_firstname",
             "billing_lastname")  # fmt: skip
    return {name: order[name] for name in names}


def as_pieces(given: Any) -> dict[str, Decimal]:
    """Return item id -> pieces from what a call names, in either of its two forms."""
    if isinstance(given, Mapping):
        return {str(name): Decimal(str(value)) for name, value in given.items()}
    return {
        str(one["order_item_id"]): Decimal(str(one["qty"]))
        for one in given or ()
        if isinstance(one, Mapping)
    }

"""Parts of an order: which lines and how many pieces are left to ship, invoice, refund.

Must not: know a route.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from knect_connectors.magento2.simulator.books import Books, Row
from knect_connectors.magento2.simulator.money import number, text_of

__all__ = ["ZERO", "Pieces", "add", "as_pieces", "chosen", "head", "is_together", "left_to",
           "moneyed", "note", "part_row", "settle", "shippable", "touch", "twins"]  # fmt: skip

ZERO = Decimal(0)

#: Item id -> pieces.
Pieces = Mapping[int, Decimal]


def touch(books: Books, row: Row, at: datetime | None = None) -> None:
    """Move a row's mark of change."""
    row["updated_at"] = text_of(at) if at else books.marked()


def left_to(what: str, item: Row) -> Decimal:
    """Return how many pieces are left to ship, invoice or refund."""
    ordered, gone = number(item["qty_ordered"]), number(item["qty_canceled"])
    if what == "ship":
        shipped = number(item["qty_shipped"]) + number(item["qty_refunded"])
        return max(ZERO, ordered - shipped - gone)
    if what == "invoice":
        return max(ZERO, ordered - number(item["qty_invoiced"]) - gone)
    return max(ZERO, number(item["qty_invoiced"]) - number(item["qty_refunded"]))


def _bundles(order: Row) -> dict[int, bool]:
    """Return id of each bundle's own item -> whether its parts have the money."""
    found = {item["item_id"]: False for item in order["items"] if item["product_type"] == "bundle"}
    for item in order["items"]:
        if item["parent_item_id"] in found and item["base_row_total"]:
            found[item["parent_item_id"]] = True
    return found


def moneyed(order: Row) -> list[Row]:
    """Return the items invoices and credit memos count: those with the money."""
    dynamic = _bundles(order)
    return [
        item
        for item in order["items"]
        if (item["parent_item_id"] is None and not dynamic.get(item["item_id"]))
        or dynamic.get(item["parent_item_id"] or 0)
    ]


def is_together(books: Books, order: Row, identifier: int) -> bool:
    """Tell whether a bundle leaves as a whole: its product says so."""
    item = next(one for one in order["items"] if one["item_id"] == identifier)
    product = books.products.get(item["product_id"] or 0)
    if product is None:
        return False
    return str(product["custom_attributes"].get("shipment_type", "1")) == "0"


def shippable(books: Books, order: Row) -> list[Row]:
    """Return the items a shipment may name."""
    whole = {one: is_together(books, order, one) for one in _bundles(order)}
    return [
        item
        for item in order["items"]
        if not item["is_virtual"]
        and (
            (item["parent_item_id"] is None and whole.get(item["item_id"], True))
            or whole.get(item["parent_item_id"] or 0) is False
        )
    ]


def chosen(items: list[Row], pieces: Pieces, what: str) -> list[tuple[Row, Decimal]]:
    """Return lines and pieces; all that is left where none are named."""
    found = []
    for item in items:
        left = left_to(what, item)
        wanted = left if not pieces else min(left, pieces.get(item["item_id"], ZERO))
        if wanted > 0:
            found.append((item, wanted))
    return found


def add(row: Row, name: str, amount: Decimal) -> None:
    """Add to a column."""
    row[name] = number(row.get(name)) + amount


def twins(order: Row, item: Row) -> list[Row]:
    """Return the parts of an item, which do as it does."""
    return [one for one in order["items"] if one["parent_item_id"] == item["item_id"]]


def part_row(item: Row, quantity: Decimal, identifier: int, parent: int) -> Row:
    """Return a line of a shipment, invoice or credit memo."""
    return {
        "entity_id": identifier, "parent_id": parent, "order_item_id": item["item_id"],
        "product_id": item["product_id"], "sku": item["sku"], "name": item["name"],
        "qty": quantity, "price": item["price"],
    }  # fmt: skip


def note(books: Books, parent: int, text: str, *, told: bool = False, seen: int = 0) -> Row:
    """Return a comment as shipments and invoices have them."""
    return {
        "comment": text, "is_customer_notified": int(told), "is_visible_on_front": seen,
        "created_at": books.marked(), "entity_id": books.next("comment"), "parent_id": parent,
    }  # fmt: skip


def head(books: Books, order: Row, kind: str, at: datetime | None) -> Row:
    """Return what shipments, invoices and credit memos have in common."""
    entity = books.next(kind)
    now = text_of(at) if at else books.marked()
    return {
        "entity_id": entity, "increment_id": f"{entity:09d}", "store_id": order["store_id"],
        "order_id": order["entity_id"], "created_at": now, "updated_at": now, "email_sent": None,
        "billing_address_id": order["billing_address_id"], "items": [], "comments": [],
        "extension_attributes": {},
    }  # fmt: skip


def settle(books: Books, order: Row, at: datetime | None) -> None:
    """Work out an order's state from its lines, and mark it as changed."""
    shipped = all(left_to("ship", one) == 0 for one in shippable(books, order))
    invoiced = all(left_to("invoice", one) == 0 for one in moneyed(order))
    refunded = number(order["base_total_refunded"])
    if refunded and refunded >= number(order["base_total_paid"]):
        order["state"] = order["status"] = "closed"
    elif shipped and invoiced:
        order["state"] = order["status"] = "complete"
    else:
        order["state"] = order["status"] = "processing"
    touch(books, order, at)


def as_pieces(given: Any) -> dict[int, Decimal]:
    """Return item id -> pieces from what a call names."""
    return {int(one["order_item_id"]): Decimal(str(one["qty"])) for one in given or ()}

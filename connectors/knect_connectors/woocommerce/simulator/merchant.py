"""What happens to orders: paid, completed, cancelled, given back, edited, put into the trash.

Each act leaves the order as WooCommerce does, notes and mails included. Must not: know a route.
"""

from decimal import Decimal
from typing import Any

from knect_connectors.woocommerce.payload import instant_text
from knect_connectors.woocommerce.simulator.books import Books, Row
from knect_connectors.woocommerce.simulator.builder import totalled

__all__ = ["edit_quantity", "refund", "restore", "set_status", "trash"]

_PAID = frozenset({"processing", "completed"})
_RESTOCKING = frozenset({"cancelled", "refunded"})
#: Statuses the shop mails the customer about.
_MAILED = frozenset({"processing", "completed", "on-hold", "refunded"})


def set_status(books: Books, order: Row, status: str) -> None:
    """Move an order to a status; to the one it has already, nothing happens."""
    before = order["status"]
    if before == status:
        return
    order["status"] = status
    now = instant_text(books.now())
    if status in _PAID and not order["date_paid_gmt"] and order["payment_method"] != "cod":
        order["date_paid_gmt"] = now
    order["date_completed_gmt"] = now if status == "completed" else order["date_completed_gmt"]
    books.note(order["id"], f"Order status changed from {before} to {status}.")
    if status in _MAILED:
        books.mails.append({"order": order["id"], "kind": f"status {status}", "text": ""})
    if status in _RESTOCKING and before not in _RESTOCKING:
        _restock(books, order)
    books.touch(order, "order.updated")


def _restock(books: Books, order: Row) -> None:
    for item in order["line_items"]:
        row = books.by_sku(item["sku"]) if item["sku"] else None
        if row is not None and row["manage_stock"] is True:
            row["stock_quantity"] = int(row["stock_quantity"] or 0) + int(item["quantity"])


def refund(
    books: Books,
    order: Row,
    lines: dict[str, str],
    *,
    amount: str = "",
    reason: str = "",
    shipping: bool = False,
) -> Row:
    """Give back pieces by line id, the shipping, or just an amount; the order is touched."""
    items: list[Row] = []
    for item in order["line_items"]:
        pieces = Decimal(lines.get(str(item["id"]), "0"))
        if pieces:
            items.append(_given_back(books, item, pieces / Decimal(str(item["quantity"])), -pieces))
    charges = [_given_back(books, one, Decimal(1), None) for one in order["shipping_lines"]]
    charges = charges if shipping else []
    worth = -sum(
        (Decimal(one["total"]) + Decimal(one["total_tax"]) for one in (*items, *charges)),
        Decimal(0),
    )
    total = Decimal(amount) if amount else worth.quantize(Decimal("0.01"))
    row: Row = {
        "id": books.next("post", 90), "parent_id_of": order["id"],
        "date_created_gmt": instant_text(books.now()), "amount": str(total), "reason": reason,
        "refunded_by": 1, "refunded_payment": False, "meta_data": [], "line_items": items,
        "shipping_lines": charges, "tax_lines": [], "fee_lines": [],
    }  # fmt: skip
    books.refunds.setdefault(order["id"], []).append(row)
    order["refunds"].append({"id": row["id"], "reason": reason, "total": str(-total)})
    back = -sum((Decimal(one["total"]) for one in order["refunds"]), Decimal(0))
    if back >= Decimal(order["total"]):
        set_status(books, order, "refunded")
    books.touch(order, "order.updated")
    return row


def _given_back(books: Books, one: Row, share: Decimal, quantity: Decimal | None) -> Row:
    row: dict[str, Any] = {name: one[name] for name in one if name not in ("meta_data", "taxes")}
    for name in ("subtotal", "subtotal_tax", "total", "total_tax"):
        if name in one:
            row[name] = str(-(Decimal(one[name]) * share).quantize(Decimal("0.01")))
    if quantity is not None:
        row["quantity"] = int(quantity) if quantity == int(quantity) else quantity
    meta = {"id": books.next("meta", 2000), "key": "_refunded_item_id", "value": str(one["id"])}
    return {**row, "id": books.next("item", 300), "taxes": [], "meta_data": [meta]}


def edit_quantity(books: Books, order: Row, line: str, quantity: str) -> None:
    """Change how many of a line were sold, as in the admin panel of an unpaid order."""
    for item in order["line_items"]:
        if str(item["id"]) == line:
            share = Decimal(quantity) / Decimal(str(item["quantity"]))
            for name in ("subtotal", "subtotal_tax", "total", "total_tax"):
                item[name] = str((Decimal(item[name]) * share).quantize(Decimal("0.01")))
            for tax in item["taxes"]:
                tax |= {"total": item["total_tax"], "subtotal": item["subtotal_tax"]}
            item["quantity"] = int(quantity)
    totalled(books, order)
    books.touch(order, "order.updated")


def trash(books: Books, order: Row) -> None:
    """Put an order into the trash."""
    order["status_before"] = order["status"]
    order["status"] = "trash"
    books.touch(order, "order.deleted")


def restore(books: Books, order: Row) -> None:
    """Take an order out of the trash."""
    order["status"] = order.pop("status_before", "pending")
    books.touch(order, "order.restored")

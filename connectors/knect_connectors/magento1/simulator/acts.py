"""What else happens to an order: shipped, told of, cancelled, edited.

Must not: know a wire format; a refusal is an ActError with Magento's words.
"""

from datetime import datetime

from knect_connectors.magento1.simulator.books import Books, Row
from knect_connectors.magento1.simulator.money import stored
from knect_connectors.magento1.simulator.parts import (
    SIDES,
    ZERO,
    ActError,
    Pieces,
    add,
    chosen,
    comment_row,
    dummies,
    head,
    left_to,
    number,
    part_row,
    settle,
    touch,
)

__all__ = ["cancel", "edit", "ship", "tell"]


def ship(
    books: Books,
    order: Row,
    pieces: Pieces | None = None,
    *,
    comment: str | None = None,
    at: datetime | None = None,
    email: bool = False,
) -> Row:
    """Ship what is left, or some of it."""
    found = chosen(order, {}, "ship")
    if order["state"] in ("canceled", "holded", "closed", "payment_review") or not found:
        raise ActError("Cannot do shipment for order.")
    row = head(books, order, "shipment", at)
    row |= {"shipping_firstname": order["shipping_firstname"], "tracks": [],
            "shipping_lastname": order["shipping_lastname"], "shipment_status": None}  # fmt: skip
    total = ZERO
    for item, quantity in chosen(order, pieces or {}, "ship"):
        row["items"].append(part_row(item, quantity, books.next("shipment_item")))
        add(item, "qty_shipped", quantity)
        total += quantity
        for child in dummies(order, item):
            row["items"].append(part_row(child, quantity, books.next("shipment_item")))
            add(child, "qty_shipped", quantity)
    row["total_qty"] = stored(total)
    row["comments"].append(comment_row(books, comment, notified=False))
    books.shipments[row["increment_id"]] = row
    if email:
        tell(books, row, order, comment)
    settle(books, order, at)
    return row


def tell(books: Books, shipment: Row, order: Row, comment: str | None) -> None:
    """Mail the customer about a shipment."""
    books.mails.append(
        {
            "kind": "shipment",
            "to": order["customer_email"],
            "order": order["increment_id"],
            "shipment": shipment["increment_id"],
            "tracks": [one["number"] for one in shipment["tracks"]],
            "comment": comment or "",
        }
    )
    shipment["email_sent"] = "1"
    touch(books, shipment)


def cancel(books: Books, order: Row, *, at: datetime | None = None) -> None:
    """Cancel what is neither invoiced nor shipped; all of it, and the order is cancelled."""
    if order["state"] in ("canceled", "complete", "closed", "holded"):
        raise ActError("Order status not changed. Details in error message.")
    for item in order["items"]:
        gone = min(left_to("invoice", item), left_to("ship", item))
        add(item, "qty_canceled", gone)
    touch(books, order, at)
    if number(order, "base_total_invoiced"):
        for side in SIDES:
            invoiced = number(order, side + "total_invoiced")
            order[side + "total_canceled"] = stored(number(order, side + "grand_total") - invoiced)
        settle(books, order, at)
        return
    for side in SIDES:
        order[side + "total_canceled"] = order[side + "grand_total"]
    order["state"] = order["status"] = "canceled"
    order["status_history"].insert(0, {
        "increment_id": None, "parent_id": None, "created_at": order["updated_at"],
        "updated_at": None, "is_active": None, "is_customer_notified": "0", "status": "canceled",
        "comment": "", "entity_name": "order",
    })  # fmt: skip


def edit(books: Books, order: Row, replacement: Row) -> Row:
    """Put a new order in the place of one, as the admin panel does; return the new one."""
    root = order["original_increment_id"] or order["increment_id"]
    count = int(order["edit_increment"] or 0) + 1
    replacement |= {
        "increment_id": f"{root}-{count}", "original_increment_id": root,
        "edit_increment": str(count), "relation_parent_id": order["order_id"],
        "relation_parent_real_id": order["increment_id"],
    }  # fmt: skip
    books.orders[replacement["increment_id"]] = replacement
    order |= {
        "relation_child_id": replacement["order_id"],
        "relation_child_real_id": replacement["increment_id"],
    }
    at = datetime.fromisoformat(replacement["updated_at"] + "+00:00")
    cancel(books, order, at=at)
    return replacement

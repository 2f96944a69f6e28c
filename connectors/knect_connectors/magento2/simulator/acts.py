"""What happens to an order beside money: shipped, told of, cancelled, edited.

Must not: know a route; a refusal is an ApiError with Magento's words.
"""

from datetime import datetime
from decimal import Decimal
from typing import Any

from knect_connectors.magento2.simulator.books import Books, Row
from knect_connectors.magento2.simulator.builder import SIDES
from knect_connectors.magento2.simulator.errors import ApiError
from knect_connectors.magento2.simulator.money import number
from knect_connectors.magento2.simulator.parts import (
    ZERO,
    Pieces,
    add,
    chosen,
    head,
    left_to,
    moneyed,
    note,
    part_row,
    settle,
    shippable,
    touch,
    twins,
)

__all__ = ["add_track", "cancel", "edit", "history", "ship", "tell"]

_NOT_SHIPPED = "Shipment Document Validation Error(s):\n{}"


def ship(
    books: Books,
    order: Row,
    pieces: Pieces | None = None,
    *,
    comment: str | None = None,
    tracks: list[Row] | None = None,
    source: str | None = None,
    at: datetime | None = None,
    notify: bool = False,
) -> Row:
    """Ship what is left, or some of it."""
    items = shippable(books, order)
    if order["state"] in ("canceled", "holded", "closed", "payment_review", "complete"):
        raise ApiError(_NOT_SHIPPED.format("A shipment cannot be created when an order has a"
                                           f" status of {order['status']}"))  # fmt: skip
    known = {item["item_id"] for item in order["items"]}
    for identifier, quantity in (pieces or {}).items():
        if identifier not in known:
            raise ApiError(_NOT_SHIPPED.format(
                f'The shipment contains product item "{identifier}" that is not part of the'
                " original order."))  # fmt: skip
        item = next(one for one in order["items"] if one["item_id"] == identifier)
        if item in items and quantity > left_to("ship", item):
            raise ApiError(_NOT_SHIPPED.format(
                f'The quantity to ship must not be greater than the unshipped quantity for product'
                f' SKU "{item["sku"]}".'))  # fmt: skip
    found = chosen(items, pieces or {}, "ship")
    if not found:
        raise ApiError(_NOT_SHIPPED.format("You can't create a shipment without products."))
    if source is not None and books.sources is not None and source not in books.sources:
        raise ApiError("Could not save a shipment, see error log for details")
    row = head(books, order, "shipment", at)
    row |= {"tracks": [], "packages": [], "shipment_status": None, "total_qty": ZERO}
    if books.sources:
        row["extension_attributes"] = {"source_code": source or books.sources[0]}
    for item, quantity in found:
        _ship_item(books, order, row, item, quantity)
    _deduct(books, row)
    if comment is not None:
        row["comments"].append(note(books, row["entity_id"], comment))
    books.shipments[row["entity_id"]] = row
    for track in tracks or ():
        add_track(books, row, track)
    row["updated_at"] = row["created_at"]
    if notify:
        tell(books, row, order)
    settle(books, order, at)
    return row


def _ship_item(books: Books, order: Row, row: Row, item: Row, quantity: Decimal) -> None:
    parent = row["entity_id"]
    row["items"].append(part_row(item, quantity, books.next("shipment_item"), parent))
    add(item, "qty_shipped", quantity)
    row["total_qty"] += quantity
    for part in twins(order, item):
        share = quantity * part["qty_ordered"] / item["qty_ordered"]
        row["items"].append(part_row(part, share, books.next("shipment_item"), parent))
        add(part, "qty_shipped", share)


def _deduct(books: Books, row: Row) -> None:
    """Take what leaves from its source, as the inventory modules do with a shipment."""
    source = row["extension_attributes"].get("source_code")
    for part in row["items"] if books.deducts else ():
        if level := books.source_items.get((part["sku"], source)):
            level["quantity"] -= part["qty"]


def add_track(books: Books, row: Row, given: Row) -> Row:
    """Add a tracking number."""
    now = books.marked()
    track = {
        "order_id": row["order_id"], "created_at": now, "entity_id": books.next("track"),
        "parent_id": row["entity_id"], "updated_at": now, "weight": None, "qty": None,
        "description": None, "track_number": str(given["track_number"]),
        "title": str(given.get("title") or ""), "carrier_code": str(given["carrier_code"]),
    }  # fmt: skip
    row["tracks"].append(track)
    touch(books, row)
    return track


def tell(books: Books, shipment: Row, order: Row) -> None:
    """Mail the customer about a shipment."""
    books.mails.append({
        "kind": "shipment", "to": order["customer_email"], "order": order["increment_id"],
        "shipment": shipment["increment_id"],
        "tracks": [one["track_number"] for one in shipment["tracks"]],
    })  # fmt: skip
    shipment["email_sent"] = 1


def cancel(books: Books, order: Row, *, at: datetime | None = None) -> bool:
    """Cancel what is neither invoiced nor shipped; all of it, and the order is cancelled."""
    if order["state"] in ("canceled", "complete", "closed", "holded", "payment_review"):
        return False
    if all(left_to("invoice", one) == 0 for one in moneyed(order)):
        return False
    for item in order["items"]:
        add(item, "qty_canceled", min(left_to("invoice", item), left_to("ship", item)))
    touch(books, order, at)
    for side in SIDES:
        left = number(order[f"{side}grand_total"]) - number(order[f"{side}total_invoiced"])
        order[f"{side}total_canceled"] = left
    if number(order["base_total_invoiced"]):
        settle(books, order, at)
        return True
    order["state"] = order["status"] = "canceled"
    order["status_histories"].insert(0, history(books, order, None))
    return True


def history(
    books: Books, order: Row, comment: str | None, *, told: bool = False, seen: int = 0
) -> dict[str, Any]:
    """Return an entry of an order's history."""
    return {
        "comment": comment, "created_at": order["updated_at"],
        "entity_id": books.next("history"), "entity_name": "order",
        "is_customer_notified": int(told), "is_visible_on_front": seen,
        "parent_id": order["entity_id"], "status": order["status"],
    }  # fmt: skip


def edit(books: Books, order: Row, replacement: Row) -> Row:
    """Put a new order in the place of one, as the admin panel does; return the new one."""
    root = order["original_increment_id"] or order["increment_id"]
    count = int(order["edit_increment"] or 0) + 1
    replacement |= {
        "increment_id": f"{root}-{count}", "original_increment_id": root,
        "edit_increment": count, "relation_parent_id": str(order["entity_id"]),
        "relation_parent_real_id": order["increment_id"],
    }  # fmt: skip
    order |= {
        "relation_child_id": str(replacement["entity_id"]),
        "relation_child_real_id": replacement["increment_id"],
    }
    cancel(books, order, at=datetime.fromisoformat(replacement["updated_at"] + "+00:00"))
    return replacement

"""What happens to an order afterwards: invoiced, shipped, refunded, cancelled, edited.

Amounts of a part are a share of the line's, and the last part gets what is left, so that all
parts sum to the line. Must not: know a wire format; a refusal is an ActError with Magento's words.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from knect_connectors.magento1.simulator.books import Books, Row
from knect_connectors.magento1.simulator.money import cents, stored, text_of

__all__ = ["ActError", "cancel", "comment_row", "edit", "invoice", "left_to", "refund", "ship",
           "touch"]  # fmt: skip

_ZERO = Decimal(0)
_SIDES = ("", "base_")

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
        return max(_ZERO, ordered - number(item, "qty_shipped") - number(item, "qty_refunded") - gone)
    if what == "invoice":
        return max(_ZERO, ordered - number(item, "qty_invoiced") - gone)
    return max(_ZERO, number(item, "qty_invoiced") - number(item, "qty_refunded"))


def _own(order: Row) -> list[Row]:
    """Return the lines that count: those of bundles by their parts, of configurables by parents."""
    kinds = {item["item_id"]: item["product_type"] for item in order["items"]}
    return [
        item
        for item in order["items"]
        if item["product_type"] != "bundle"
        and (item["parent_item_id"] is None or kinds[item["parent_item_id"]] == "bundle")
    ]


def _chosen(order: Row, pieces: Pieces, what: str) -> list[tuple[Row, Decimal]]:
    """Return lines and pieces; like the shop, never more than are left."""
    found = []
    for item in _own(order):
        left = left_to(what, item)
        wanted = left if not pieces else min(left, pieces.get(item["item_id"], _ZERO))
        if wanted > 0:
            found.append((item, wanted))
    return found


def _add(row: Row, name: str, amount: Decimal) -> None:
    row[name] = stored(number(row, name) + amount)


def _part_row(item: Row, quantity: Decimal, identifier: int) -> Row:
    return {
        "item_id": str(identifier), "parent_id": None, "order_item_id": item["item_id"],
        "product_id": item["product_id"], "sku": item["sku"], "name": item["name"],
        "qty": stored(quantity), "price": item["price"],
    }  # fmt: skip


def _dummies(order: Row, item: Row) -> list[Row]:
    return [one for one in order["items"] if one["parent_item_id"] == item["item_id"]]


def _settle(books: Books, order: Row, at: datetime | None) -> None:
    """Work out an order's state from its lines, and mark it as changed."""
    lines = _own(order)
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


def _head(books: Books, order: Row, kind: str, at: datetime | None) -> Row:
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


def _money_head(order: Row) -> Row:
    names = ("global_currency_code", "base_currency_code", "store_currency_code",
             "order_currency_code", "store_to_base_rate", "store_to_order_rate",
             "base_to_global_rate", "base_to_order_rate", "billing_firstname",
             "billing_lastname")  # fmt: skip
    return {name: order[name] for name in names}


def invoice(
    books: Books,
    order: Row,
    pieces: Pieces | None = None,
    *,
    comment: str | None = None,
    at: datetime | None = None,
    paid: bool = True,
) -> Row:
    """Invoice what is left, or some of it; paid at once unless told otherwise."""
    if order["state"] in ("canceled", "holded", "closed", "payment_review"):
        raise ActError("Cannot do invoice for order.")
    chosen = _chosen(order, pieces or {}, "invoice")
    if not chosen:
        raise ActError("Cannot do invoice for order.")
    row = _head(books, order, "invoice", at) | _money_head(order)
    row |= {"state": "2" if paid else "1", "transaction_id": None, "can_void_flag": "0"}
    is_first = not number(order, "base_shipping_invoiced") and not number(order, "base_total_invoiced")
    for item, quantity in chosen:
        part = _part_row(item, quantity, books.next("invoice_item"))
        is_last = quantity == left_to("invoice", item)
        for side in _SIDES:
            for name, done in (("row_total", "row_invoiced"), ("tax_amount", "tax_invoiced"),
                               ("discount_amount", "discount_invoiced")):  # fmt: skip
                whole, before = number(item, side + name), number(item, side + done)
                share = cents(whole * quantity / number(item, "qty_ordered"))
                share = whole - before if is_last else share
                part[side + name] = stored(share)
                _add(item, side + done, share)
            part[side + "price"] = item[side + "price"]
        _add(item, "qty_invoiced", quantity)
        for child in _dummies(order, item):
            _add(child, "qty_invoiced", quantity)
        row["items"].append(part)
    for side in _SIDES:
        sums = {name: sum((number(one, side + name) for one in row["items"]), _ZERO)
                for name in ("row_total", "tax_amount", "discount_amount")}  # fmt: skip
        shipping = number(order, side + "shipping_amount") if is_first else _ZERO
        shipping_tax = number(order, side + "shipping_tax_amount") if is_first else _ZERO
        reduced = number(order, side + "shipping_discount_amount") if is_first else _ZERO
        total = (sums["row_total"] - sums["discount_amount"] - reduced + sums["tax_amount"]
                 + shipping + shipping_tax)  # fmt: skip
        row |= {
            side + "subtotal": stored(sums["row_total"]),
            side + "discount_amount": stored(-sums["discount_amount"] - reduced),
            side + "shipping_amount": stored(shipping),
            side + "shipping_tax_amount": stored(shipping_tax),
            side + "tax_amount": stored(sums["tax_amount"] + shipping_tax),
            side + "grand_total": stored(total),
        }
        _add(order, side + "total_invoiced", total)
        _add(order, side + "shipping_invoiced", shipping)
        if paid:
            _pay(order, side, total)
    row["comments"].append(comment_row(books, comment, notified=False))
    books.invoices[row["increment_id"]] = row
    _settle(books, order, at)
    return row


def _pay(order: Row, side: str, amount: Decimal) -> None:
    _add(order, side + "total_paid", amount)
    order[side + "total_due"] = stored(
        number(order, side + "grand_total") - number(order, side + "total_paid")
    )
    _add(order["payment"], side + "amount_paid", amount)


def capture(books: Books, row: Row) -> None:
    """Take the money of an open invoice."""
    if row["state"] != "1":
        raise ActError("Invoice cannot be captured.")
    row["state"] = "2"
    order = books.orders[row["order_increment_id"]]
    for side in _SIDES:
        _pay(order, side, number(row, side + "grand_total"))
    touch(books, row)
    _settle(books, order, None)


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
    chosen = _chosen(order, {}, "ship")
    if order["state"] in ("canceled", "holded", "closed", "payment_review") or not chosen:
        raise ActError("Cannot do shipment for order.")
    row = _head(books, order, "shipment", at)
    row |= {"shipping_firstname": order["shipping_firstname"], "tracks": [],
            "shipping_lastname": order["shipping_lastname"], "shipment_status": None}  # fmt: skip
    total = _ZERO
    for item, quantity in _chosen(order, pieces or {}, "ship"):
        row["items"].append(_part_row(item, quantity, books.next("shipment_item")))
        _add(item, "qty_shipped", quantity)
        total += quantity
        for child in _dummies(order, item):
            row["items"].append(_part_row(child, quantity, books.next("shipment_item")))
            _add(child, "qty_shipped", quantity)
    row["total_qty"] = stored(total)
    row["comments"].append(comment_row(books, comment, notified=False))
    books.shipments[row["increment_id"]] = row
    if email:
        tell(books, row, order, comment)
    _settle(books, order, at)
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


def refund(
    books: Books,
    order: Row,
    pieces: Pieces | None = None,
    *,
    shipping: Decimal | None = None,
    plus: Decimal = _ZERO,
    minus: Decimal = _ZERO,
    restock: bool = False,
    comment: str | None = None,
    at: datetime | None = None,
) -> Row:
    """Give back lines (all that are left unless told), shipping, and an adjustment.

    `pieces` of an item that does not exist: no line. Restocking leaves no trace in the row.
    """
    if not number(order, "base_total_paid"):
        raise ActError("Credit memo for requested order can not be created.")
    row = _head(books, order, "creditmemo", at) | _money_head(order)
    row |= {"state": "2", "creditmemo_status": None, "transaction_id": None, "invoice_id": None,
            "cybersource_token": None}  # fmt: skip
    is_first = not number(order, "base_shipping_refunded")
    for item, quantity in _chosen(order, pieces or {}, "refund"):
        part = _part_row(item, quantity, books.next("creditmemo_item"))
        for side in _SIDES:
            for name in ("row_total", "tax_amount", "discount_amount"):
                part[side + name] = stored(
                    cents(number(item, side + name) * quantity / number(item, "qty_ordered"))
                )
            part[side + "price"] = item[side + "price"]
        _add(item, "qty_refunded", quantity)
        row["items"].append(part)
        for child in _dummies(order, item):
            _add(child, "qty_refunded", quantity)
            dummy = _part_row(child, quantity, books.next("creditmemo_item"))
            dummy |= {f"{side}{name}": None for side in _SIDES
                      for name in ("row_total", "tax_amount", "discount_amount")}  # fmt: skip
            row["items"].append(dummy)
        known = item["product_id"]
        if restock and known in books.stock:
            _add(books.stock[known], "qty", quantity)
    rate = number(order, "base_to_order_rate") or Decimal(1)
    for side in _SIDES:
        sums = {name: sum((number(one, side + name) for one in row["items"]), _ZERO)
                for name in ("row_total", "tax_amount", "discount_amount")}  # fmt: skip
        of = rate if side == "" else Decimal(1)
        back = number(order, side + "shipping_amount") if shipping is None and is_first else cents(
            (shipping or _ZERO) * of)  # fmt: skip
        whole = number(order, side + "shipping_amount")
        back_tax = cents(number(order, side + "shipping_tax_amount") * back / whole) if whole else _ZERO
        reduced = cents(number(order, side + "shipping_discount_amount") * back / whole) if whole else _ZERO
        more, less = cents(plus * of), cents(minus * of)
        total = (sums["row_total"] - sums["discount_amount"] - reduced + sums["tax_amount"] + back
                 + back_tax + more - less)  # fmt: skip
        row |= {
            side + "subtotal": stored(sums["row_total"]),
            side + "discount_amount": stored(-sums["discount_amount"] - reduced),
            side + "tax_amount": stored(sums["tax_amount"] + back_tax),
            side + "shipping_amount": stored(back),
            side + "shipping_tax_amount": stored(back_tax),
            side + "adjustment_positive": stored(more),
            side + "adjustment_negative": stored(less),
            side + "adjustment": stored(more - less),
            side + "hidden_tax_amount": stored(0),
            side + "grand_total": stored(total),
        }
        _add(order, side + "total_refunded", total)
        _add(order, side + "shipping_refunded", back)
        _add(order, side + "total_offline_refunded", total)
    row["comments"].append(comment_row(books, comment, notified=False))
    books.creditmemos[row["increment_id"]] = row
    _settle(books, order, at)
    return row


def cancel(books: Books, order: Row, *, at: datetime | None = None) -> None:
    """Cancel what is neither invoiced nor shipped; all of it, and the order is cancelled."""
    if order["state"] in ("canceled", "complete", "closed", "holded"):
        raise ActError("Order status not changed. Details in error message.")
    for item in order["items"]:
        gone = min(left_to("invoice", item), left_to("ship", item))
        _add(item, "qty_canceled", gone)
    touch(books, order, at)
    if number(order, "base_total_invoiced"):
        for side in _SIDES:
            invoiced = number(order, side + "total_invoiced")
            order[side + "total_canceled"] = stored(number(order, side + "grand_total") - invoiced)
        _settle(books, order, at)
        return
    for side in _SIDES:
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


def as_pieces(given: Any) -> dict[str, Decimal]:
    """Return item id -> pieces from what a call names, in either of its two forms."""
    if isinstance(given, Mapping):
        return {str(name): Decimal(str(value)) for name, value in given.items()}
    return {
        str(one["order_item_id"]): Decimal(str(one["qty"]))
        for one in given or ()
        if isinstance(one, Mapping)
    }

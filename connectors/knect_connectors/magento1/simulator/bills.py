"""Invoices and credit memos of an order.

Amounts of a part are a share of the line's, and the last part gets what is left, so that all parts
sum to the line. Must not: know a wire format.
"""

from datetime import datetime
from decimal import Decimal

from knect_connectors.magento1.simulator.books import Books, Row
from knect_connectors.magento1.simulator.money import cents, stored
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
    money_head,
    number,
    part_row,
    settle,
    touch,
)

__all__ = ["capture", "invoice", "refund"]


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
    found = chosen(order, pieces or {}, "invoice")
    if not found:
        raise ActError("Cannot do invoice for order.")
    row = head(books, order, "invoice", at) | money_head(order)
    row |= {"state": "2" if paid else "1", "transaction_id": None, "can_void_flag": "0"}
    is_first = not number(order, "base_shipping_invoiced") and not number(
        order, "base_total_invoiced"
    )
    for item, quantity in found:
        part = part_row(item, quantity, books.next("invoice_item"))
        is_last = quantity == left_to("invoice", item)
        for side in SIDES:
            for name, done in (("row_total", "row_invoiced"), ("tax_amount", "tax_invoiced"),
                               ("discount_amount", "discount_invoiced")):  # fmt: skip
                whole, before = number(item, side + name), number(item, side + done)
                share = cents(whole * quantity / number(item, "qty_ordered"))
                share = whole - before if is_last else share
                part[side + name] = stored(share)
                add(item, side + done, share)
            part[side + "price"] = item[side + "price"]
        add(item, "qty_invoiced", quantity)
        for child in dummies(order, item):
            add(child, "qty_invoiced", quantity)
        row["items"].append(part)
    for side in SIDES:
        sums = {name: sum((number(one, side + name) for one in row["items"]), ZERO)
                for name in ("row_total", "tax_amount", "discount_amount")}  # fmt: skip
        shipping = number(order, side + "shipping_amount") if is_first else ZERO
        shipping_tax = number(order, side + "shipping_tax_amount") if is_first else ZERO
        reduced = number(order, side + "shipping_discount_amount") if is_first else ZERO
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
        add(order, side + "total_invoiced", total)
        add(order, side + "shipping_invoiced", shipping)
        if paid:
            _pay(order, side, total)
    row["comments"].append(comment_row(books, comment, notified=False))
    books.invoices[row["increment_id"]] = row
    settle(books, order, at)
    return row


def _pay(order: Row, side: str, amount: Decimal) -> None:
    add(order, side + "total_paid", amount)
    order[side + "total_due"] = stored(
        number(order, side + "grand_total") - number(order, side + "total_paid")
    )
    add(order["payment"], side + "amount_paid", amount)


def capture(books: Books, row: Row) -> None:
    """Take the money of an open invoice."""
    if row["state"] != "1":
        raise ActError("Invoice cannot be captured.")
    row["state"] = "2"
    order = books.orders[row["order_increment_id"]]
    for side in SIDES:
        _pay(order, side, number(row, side + "grand_total"))
    touch(books, row)
    settle(books, order, None)


def refund(
    books: Books,
    order: Row,
    pieces: Pieces | None = None,
    *,
    shipping: Decimal | None = None,
    plus: Decimal = ZERO,
    minus: Decimal = ZERO,
    restock: bool = False,
    comment: str | None = None,
    at: datetime | None = None,
) -> Row:
    """Give back lines (all that are left unless told), shipping, and an adjustment.

    `pieces` of an item that does not exist: no line. Restocking leaves no trace in the row.
    """
    if not number(order, "base_total_paid"):
        raise ActError("Credit memo for requested order can not be created.")
    row = head(books, order, "creditmemo", at) | money_head(order)
    row |= {"state": "2", "creditmemo_status": None, "transaction_id": None, "invoice_id": None,
            "cybersource_token": None}  # fmt: skip
    is_first = not number(order, "base_shipping_refunded")
    for item, quantity in chosen(order, pieces or {}, "refund"):
        part = part_row(item, quantity, books.next("creditmemo_item"))
        for side in SIDES:
            for name in ("row_total", "tax_amount", "discount_amount"):
                part[side + name] = stored(
                    cents(number(item, side + name) * quantity / number(item, "qty_ordered"))
                )
            part[side + "price"] = item[side + "price"]
        add(item, "qty_refunded", quantity)
        row["items"].append(part)
        for child in dummies(order, item):
            add(child, "qty_refunded", quantity)
            dummy = part_row(child, quantity, books.next("creditmemo_item"))
            dummy |= {f"{side}{name}": None for side in SIDES
                      for name in ("row_total", "tax_amount", "discount_amount")}  # fmt: skip
            row["items"].append(dummy)
        known = item["product_id"]
        if restock and known in books.stock:
            add(books.stock[known], "qty", quantity)
    rate = number(order, "base_to_order_rate") or Decimal(1)
    for side in SIDES:
        sums = {name: sum((number(one, side + name) for one in row["items"]), ZERO)
                for name in ("row_total", "tax_amount", "discount_amount")}  # fmt: skip
        of = rate if side == "" else Decimal(1)
        back = number(order, side + "shipping_amount") if shipping is None and is_first else cents(
            (shipping or ZERO) * of)  # fmt: skip
        whole = number(order, side + "shipping_amount")
        back_tax = (
            cents(number(order, side + "shipping_tax_amount") * back / whole) if whole else ZERO
        )
        reduced = (
            cents(number(order, side + "shipping_discount_amount") * back / whole)
            if whole
            else ZERO
        )
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
        add(order, side + "total_refunded", total)
        add(order, side + "shipping_refunded", back)
        add(order, side + "total_offline_refunded", total)
    row["comments"].append(comment_row(books, comment, notified=False))
    books.creditmemos[row["increment_id"]] = row
    settle(books, order, at)
    return row

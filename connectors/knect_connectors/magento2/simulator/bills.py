"""Invoices and credit memos of an order.

Amounts of a part are a share of the line's, and the last part gets what is left, so that all parts
sum to the line. Must not: know a route.
"""

from datetime import datetime
from decimal import Decimal

from knect_connectors.magento2.simulator.books import Books, Row
from knect_connectors.magento2.simulator.builder import SIDES
from knect_connectors.magento2.simulator.errors import ApiError
from knect_connectors.magento2.simulator.money import cents, number
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
    touch,
    twins,
)

__all__ = ["OFFLINE", "capture", "invoice", "refund"]

#: Methods that take no money themselves: an invoice is paid at once.
OFFLINE = frozenset({"checkmo", "banktransfer", "cashondelivery", "purchaseorder", "free"})

_AMOUNTS = (("row_total", "row_invoiced"), ("tax_amount", "tax_invoiced"),
            ("discount_amount", "discount_invoiced"))  # fmt: skip
_CODES = ("global_currency_code", "base_currency_code", "store_currency_code",
          "order_currency_code", "base_to_global_rate", "base_to_order_rate")  # fmt: skip
_NOT_INVOICED = "Invoice Document Validation Error(s):\n{}"


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
    found = chosen(moneyed(order), pieces or {}, "invoice")
    if order["state"] in ("canceled", "holded", "closed", "payment_review", "complete"):
        raise ApiError(
            _NOT_INVOICED.format(
                f"An invoice cannot be created when an order has a status of {order['status']}"
            )
        )
    if not found:
        raise ApiError(_NOT_INVOICED.format("The invoice can't be created without products. Add"
                                            " products and try again."))  # fmt: skip
    row = head(books, order, "invoice", at) | {name: order[name] for name in _CODES}
    row |= {"state": 2 if paid else 1, "transaction_id": None, "total_qty": ZERO}
    is_first = not number(order["base_total_invoiced"])
    for item, quantity in found:
        part = part_row(item, quantity, books.next("invoice_item"), row["entity_id"])
        is_last = quantity == left_to("invoice", item)
        for side in SIDES:
            for name, done in _AMOUNTS:
                whole, before = number(item[side + name]), number(item[side + done])
                share = cents(whole * quantity / number(item["qty_ordered"]))
                share = whole - before if is_last else share
                part[side + name] = share
                add(item, side + done, share)
            part[f"{side}price"] = item[f"{side}price"]
        add(item, "qty_invoiced", quantity)
        for twin in twins(order, item):
            add(twin, "qty_invoiced", quantity * twin["qty_ordered"] / item["qty_ordered"])
        row["total_qty"] += quantity
        row["items"].append(part)
    for side in SIDES:
        _sum_up(order, row, side, is_first=is_first)
    if comment is not None:
        row["comments"].append(note(books, row["entity_id"], comment))
    books.invoices[row["entity_id"]] = row
    if paid:
        _pay(order, row)
    settle(books, order, at)
    return row


def _sum_up(order: Row, row: Row, side: str, *, is_first: bool) -> None:
    sums = {
        name: sum((number(one[side + name]) for one in row["items"]), ZERO) for name, _ in _AMOUNTS
    }
    shipping = number(order[f"{side}shipping_amount"]) if is_first else ZERO
    shipping_tax = number(order[f"{side}shipping_tax_amount"]) if is_first else ZERO
    discount = sums["discount_amount"]
    discount += number(order[f"{side}shipping_discount_amount"]) if is_first else ZERO
    name = f"{side}gift_cards_amount"
    tender = number(order["extension_attributes"].get(name)) if is_first else ZERO
    if tender:
        row["extension_attributes"][name] = tender
    total = sums["row_total"] - discount + sums["tax_amount"] + shipping + shipping_tax - tender
    row |= {
        f"{side}subtotal": sums["row_total"], f"{side}discount_amount": -discount,
        f"{side}tax_amount": sums["tax_amount"] + shipping_tax,
        f"{side}shipping_amount": shipping, f"{side}shipping_tax_amount": shipping_tax,
        f"{side}grand_total": total,
    }  # fmt: skip
    add(order, f"{side}total_invoiced", total)
    add(order, f"{side}shipping_invoiced", shipping)


def _pay(order: Row, row: Row) -> None:
    for side in SIDES:
        add(order, f"{side}total_paid", row[f"{side}grand_total"])
        add(order, f"{side}total_due", -row[f"{side}grand_total"])
        add(order["payment"], f"{side}amount_paid", row[f"{side}grand_total"])


def capture(books: Books, row: Row) -> None:
    """Take the money of an open invoice."""
    if row["state"] != 1:
        raise ApiError("The invoice can't be captured.")
    row |= {"state": 2, "transaction_id": f"txn-{row['entity_id']}"}
    order = books.orders[row["order_id"]]
    _pay(order, row)
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
    at: datetime | None = None,
) -> Row:
    """Give back everything, or some pieces; `shipping` in the base currency, None: all of it."""
    found = chosen(moneyed(order), pieces or {}, "refund")
    if not found and not plus:
        raise ApiError("Creditmemo Document Validation Error(s):\nThe credit memo's total must be"
                       " positive.")  # fmt: skip
    row = head(books, order, "creditmemo", at) | {name: order[name] for name in _CODES}
    row |= {"state": 2, "transaction_id": None, "invoice_id": None}
    for item, quantity in found:
        part = part_row(item, quantity, books.next("creditmemo_item"), row["entity_id"])
        for side in SIDES:
            for name, done in _AMOUNTS:
                invoiced, of = number(item[side + done]), number(item["qty_invoiced"])
                part[side + name] = cents(invoiced * quantity / of)
            part[f"{side}price"] = item[f"{side}price"]
            part[f"{side}discount_tax_compensation_amount"] = ZERO
        add(item, "qty_refunded", quantity)
        row["items"].append(part)
        for twin in twins(order, item):
            share = quantity * twin["qty_ordered"] / item["qty_ordered"]
            add(twin, "qty_refunded", share)
            row["items"].append(
                part_row(twin, share, books.next("creditmemo_item"), row["entity_id"])
            )
    for side in SIDES:
        _give_back(order, row, side, shipping, plus, minus)
    books.creditmemos[row["entity_id"]] = row
    settle(books, order, at)
    return row


def _give_back(
    order: Row, row: Row, side: str, shipping: Decimal | None, plus: Decimal, minus: Decimal
) -> None:
    rate = Decimal(1) if side else number(order["base_to_order_rate"])
    charged = number(order[f"{side}shipping_amount"])
    given = charged if shipping is None else cents(shipping * rate)
    share = given / charged if charged else ZERO
    shipping_tax = cents(number(order[f"{side}shipping_tax_amount"]) * share)
    reduced = cents(number(order[f"{side}shipping_discount_amount"]) * share)
    sums = {
        name: sum((number(one.get(side + name)) for one in row["items"]), ZERO)
        for name, _ in _AMOUNTS
    }
    discount = sums["discount_amount"] + reduced
    up, down = cents(plus * rate), cents(minus * rate)
    total = sums["row_total"] + sums["tax_amount"] - discount + given + shipping_tax + up - down
    row |= {
        f"{side}subtotal": sums["row_total"], f"{side}discount_amount": -discount,
        f"{side}tax_amount": sums["tax_amount"] + shipping_tax, f"{side}shipping_amount": given,
        f"{side}shipping_tax_amount": shipping_tax, f"{side}adjustment": up - down,
        f"{side}adjustment_positive": up, f"{side}adjustment_negative": down,
        f"{side}grand_total": total,
    }  # fmt: skip
    add(order, f"{side}total_refunded", total)

"""Builds orders as the shop's cart does: nets, taxes, coupons, and a total that is rounded.

Lines are net of tax, with six decimals where prices have it in them; tax is rounded per line or, as
some shops are set, only in the sum. Must not: look at the clock; the caller says when.
"""

from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from msgspec import Struct

from knect_connectors.woocommerce.payload import instant_text
from knect_connectors.woocommerce.simulator.books import Books, Row

__all__ = ["Bought", "Extra", "OrderPlan", "build_order", "totalled"]

_CENT = Decimal("0.01")
_FINE = Decimal("0.000001")
_ZERO = Decimal(0)


class Bought(Struct, frozen=True, kw_only=True):
    """One line. `price` is as the shop enters prices; `discount` takes that off the whole line."""

    sku: str
    title: str
    price: Decimal
    quantity: Decimal = Decimal(1)
    discount: Decimal = Decimal(0)
    product: int = 0
    variation: int = 0
    taxed: bool = True
    child_of: int | None = None  # place of the bundle's own line


class Extra(Struct, frozen=True, kw_only=True):
    """A fee, as prices are entered; below zero it is a discount."""

    name: str
    amount: Decimal
    taxed: bool = False


class OrderPlan(Struct, frozen=True, kw_only=True):
    """What is to be built. `shipping` is net, as a shop enters its rates."""

    at: datetime
    bought: tuple[Bought, ...]
    address: Row
    email: str = "buyer@example.com"
    customer: int = 0
    shipping: Decimal = Decimal(0)
    fees: tuple[Extra, ...] = ()
    coupon: str = ""
    status: str = "processing"
    paid: bool = True
    number: str = ""
    exempt: bool = False
    round_at_end: bool = False


def build_order(books: Books, plan: OrderPlan) -> Row:
    """Put an order into the books and return it."""
    identifier = books.next("post", 90)
    rate_id = 1
    lines = [_line(books, plan, one, rate_id) for one in plan.bought]
    for line, one in zip(lines, plan.bought, strict=True):
        if one.child_of is not None:
            parent = lines[one.child_of]
            line["bundled_by"] = parent["id"]
            parent.setdefault("bundled_items", []).append(line["id"])
    shipping = []
    if plan.shipping:
        tax = _ZERO if plan.exempt else _rounded(plan.shipping * books.rate / 100, plan)
        shipping = [{
            "id": books.next("item", 300), "method_title": "Flat rate", "method_id": "flat_rate",
            "instance_id": "1", "total": str(plan.shipping), "total_tax": str(tax),
            "taxes": _taxes(rate_id, tax), "meta_data": [],
        }]  # fmt: skip
    fees = [_fee(books, plan, one, rate_id) for one in plan.fees]
    at = instant_text(plan.at)
    row: Row = {
        "id": identifier, "parent_id": 0, "number": plan.number or str(identifier),
        "order_key": f"wc_order_{identifier:x}", "created_via": "checkout", "version": "9.8.5",
        "status": plan.status, "currency": books.currency, "date_created_gmt": at,
        "date_modified_gmt": at, "prices_include_tax": books.prices_include_tax,
        "customer_id": plan.customer, "customer_ip_address": "", "customer_user_agent": "",
        "customer_note": "", "billing": {**plan.address, "email": plan.email, "phone": "+34 600"},
        "shipping": {**plan.address, "phone": ""}, "payment_method": "stripe",
        "payment_method_title": "Card", "transaction_id": f"ch_{identifier}" if plan.paid else "",
        "date_paid_gmt": at if plan.paid else None, "date_completed_gmt": None, "cart_hash": "",
        "meta_data": [], "line_items": lines, "shipping_lines": shipping, "fee_lines": fees,
        "tax_lines": [], "coupon_lines": _coupons(books, plan, lines), "refunds": [],
        "payment_url": "", "is_editable": plan.status in ("pending", "on-hold"),
        "needs_payment": plan.status == "pending", "needs_processing": True,
        "currency_symbol": "€",
    }  # fmt: skip
    books.orders[identifier] = totalled(books, row)
    return row


def totalled(books: Books, row: Row) -> Row:
    """Work out an order's sums from its parts, as the shop does after an edit."""
    of = {name: row[f"{name}_lines"] for name in ("shipping", "fee")}
    lines = row["line_items"]
    cart_tax = _cents(_sum(lines, "total_tax") + _sum(of["fee"], "total_tax"))
    shipping_tax = _cents(_sum(of["shipping"], "total_tax"))
    net = _sum(lines, "total") + _sum(of["fee"], "total") + _sum(of["shipping"], "total")
    row |= {
        "discount_total": str(_cents(_sum(lines, "subtotal") - _sum(lines, "total"))),
        "discount_tax": str(_cents(_sum(lines, "subtotal_tax") - _sum(lines, "total_tax"))),
        "shipping_total": str(_sum(of["shipping"], "total")), "shipping_tax": str(shipping_tax),
        "cart_tax": str(cart_tax), "total_tax": str(cart_tax + shipping_tax),
        "total": str(_cents(net + cart_tax + shipping_tax)),
    }  # fmt: skip
    if cart_tax or shipping_tax:
        row["tax_lines"] = [{
            "id": row["tax_lines"][0]["id"] if row["tax_lines"] else books.next("item", 300),
            "rate_code": "DE-VAT-1", "rate_id": 1, "label": "VAT", "compound": False,
            "tax_total": str(cart_tax), "shipping_tax_total": str(shipping_tax),
            "rate_percent": int(books.rate), "meta_data": [],
        }]  # fmt: skip
    return row


def _line(books: Books, plan: OrderPlan, one: Bought, rate_id: int) -> Row:
    taxed = one.taxed and not plan.exempt
    amounts: dict[str, Decimal] = {}
    for name, gross in (
        ("subtotal", one.price * one.quantity),
        ("total", one.price * one.quantity - one.discount),
    ):
        net = gross
        if books.prices_include_tax and one.taxed:
            net = (gross / (1 + books.rate / 100)).quantize(_FINE, ROUND_HALF_UP)
        tax = _ZERO
        if taxed:
            tax = gross - net if books.prices_include_tax else gross * books.rate / 100
        if not books.prices_include_tax:
            tax = _rounded(tax, plan)
        amounts |= {name: net, f"{name}_tax": tax}
    price = amounts["total"] / one.quantity if one.quantity else _ZERO
    return {
        "id": books.next("item", 300), "name": one.title, "product_id": one.product,
        "variation_id": one.variation, "quantity": _number(one.quantity), "tax_class": "",
        **{name: str(amount) for name, amount in amounts.items()},
        "taxes": _taxes(rate_id, amounts["total_tax"], amounts["subtotal_tax"]) if taxed else [],
        "meta_data": [], "sku": one.sku, "price": price.quantize(_FINE).normalize() + _ZERO,
        "image": {"id": "", "src": ""}, "parent_name": None,
    }  # fmt: skip


def _number(quantity: Decimal) -> int | Decimal:
    return int(quantity) if quantity == int(quantity) else quantity


def _fee(books: Books, plan: OrderPlan, one: Extra, rate_id: int) -> Row:
    taxed = one.taxed and not plan.exempt
    tax = _rounded(one.amount * books.rate / 100, plan) if taxed else _ZERO
    return {
        "id": books.next("item", 300), "name": one.name, "tax_class": "",
        "tax_status": "taxable" if one.taxed else "none", "amount": str(one.amount),
        "total": str(one.amount), "total_tax": str(tax), "taxes": _taxes(rate_id, tax),
        "meta_data": [],
    }  # fmt: skip


def _coupons(books: Books, plan: OrderPlan, lines: list[Row]) -> list[Row]:
    if not plan.coupon:
        return []
    discount = _sum(lines, "subtotal") - _sum(lines, "total")
    tax = _sum(lines, "subtotal_tax") - _sum(lines, "total_tax")
    return [{"id": books.next("item", 300), "code": plan.coupon, "discount": str(discount),
             "discount_tax": str(tax), "meta_data": []}]  # fmt: skip


def _taxes(rate_id: int, total: Decimal, subtotal: Decimal | None = None) -> list[Row]:
    if not total and not subtotal:
        return []
    found: dict[str, Any] = {"id": rate_id, "total": str(total)}
    return [found | {"subtotal": "" if subtotal is None else str(subtotal)}]


def _rounded(amount: Decimal, plan: OrderPlan) -> Decimal:
    return amount if plan.round_at_end else _cents(amount)


def _sum(rows: list[Row], name: str) -> Decimal:
    return sum((Decimal(row[name] or 0) for row in rows), _ZERO)


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(_CENT, ROUND_HALF_UP)

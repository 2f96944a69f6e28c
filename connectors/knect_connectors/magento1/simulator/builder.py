"""Builds an order's row as Magento would have stored it, from what was bought.

Must not: look at the clock, or leave a sum to chance: totals are sums of what is stored.
"""

from datetime import datetime
from decimal import Decimal
from typing import Any

from msgspec import Struct, field

from knect_connectors.magento1.simulator.books import Books, Row
from knect_connectors.magento1.simulator.money import cents, stored, text_of

__all__ = ["Bought", "OrderPlan", "build_order"]

_ZERO = Decimal(0)
_TAX = Decimal("0.19")


class Bought(Struct, frozen=True, kw_only=True):
    """One thing bought; the price is in the website's base currency, before tax.

    `kind`: simple, configurable (a line of the parent and one of what was chosen), or bundle
    (a line of the parent and one for each of `parts`, which hold the money).
    """

    sku: str
    title: str
    price: Decimal
    quantity: Decimal = Decimal(1)
    discount: Decimal = _ZERO
    kind: str = "simple"
    parts: tuple["Bought", ...] = ()
    deleted: bool = False


class OrderPlan(Struct, frozen=True, kw_only=True):
    """What an order is made of. `address` holds firstname, lastname, street and so on."""

    number: str
    at: datetime
    bought: tuple[Bought, ...]
    address: Row
    store: int = 1
    shipping: Decimal = _ZERO
    shipping_discount: Decimal = _ZERO
    email: str | None = None
    customer: Row | None = None
    coupon: str | None = None
    method: str = "checkmo"
    note: str | None = None
    more: Row = field(default_factory=dict)


class _Side(Struct, kw_only=True):
    """The amounts of one currency, gathered over the lines."""

    rate: Decimal
    subtotal: Decimal = _ZERO
    discount: Decimal = _ZERO
    tax: Decimal = _ZERO

    def of(self, amount: Decimal) -> Decimal:
        return cents(amount * self.rate)


def _item(books: Books, order: str, plan: OrderPlan, bought: Bought, sides: Any) -> Row:
    identifier = str(books.next("order_item"))
    known = books.product_by_sku(bought.sku)
    at = text_of(plan.at)
    row: Row = {
        "item_id": identifier, "order_id": order, "parent_item_id": None,
        "quote_item_id": identifier, "store_id": str(plan.store), "created_at": at,
        "updated_at": at, "product_id": None if bought.deleted else (known or {}).get("product_id"),
        "product_type": bought.kind, "product_options": "a:0:{}", "weight": "0.5000",
        "is_virtual": "0", "sku": bought.sku, "name": bought.title, "applied_rule_ids": "",
        "free_shipping": "0", "is_qty_decimal": "0", "no_discount": "0",
        "qty_canceled": stored(0), "qty_invoiced": stored(0),
        "qty_ordered": stored(bought.quantity), "qty_refunded": stored(0), "qty_shipped": stored(0),
        "cost": None,
        "tax_percent": stored(_TAX * 100), "discount_percent": stored(0), "row_weight": "0.5000",
        "gift_message_id": None, "gift_message_available": None, "weee_tax_applied": "a:0:{}",
        "weee_tax_applied_amount": stored(0), "weee_tax_applied_row_amount": stored(0),
        "base_weee_tax_applied_amount": stored(0), "base_weee_tax_applied_row_amount": stored(0),
        "weee_tax_disposition": stored(0), "weee_tax_row_disposition": stored(0),
        "base_weee_tax_disposition": stored(0), "base_weee_tax_row_disposition": stored(0),
        "tax_before_discount": None, "base_tax_before_discount": None,
        "hidden_tax_amount": stored(0), "base_hidden_tax_amount": stored(0),
    }  # fmt: skip
    for prefix, side in sides.items():
        price = side.of(bought.price)
        total = cents(price * bought.quantity)
        discount = min(total, side.of(bought.discount))
        tax = cents((total - discount) * _TAX)
        side.subtotal += total
        side.discount += discount
        side.tax += tax
        row |= {
            f"{prefix}price": stored(price), f"{prefix}original_price": stored(price),
            f"{prefix}row_total": stored(total), f"{prefix}discount_amount": stored(discount),
            f"{prefix}tax_amount": stored(tax), f"{prefix}row_invoiced": stored(0),
            f"{prefix}tax_invoiced": stored(0), f"{prefix}discount_invoiced": stored(0),
            f"{prefix}amount_refunded": stored(0),
        }  # fmt: skip
    return row


def _free(row: Row) -> Row:
    """Take the money off a line: it stands on its parent's, or on its children's."""
    for prefix in ("", "base_"):
        for name in ("price", "original_price", "row_total", "discount_amount", "tax_amount"):
            row[f"{prefix}{name}"] = stored(0)
    row["tax_percent"] = None
    return row


def _lines(books: Books, order: str, plan: OrderPlan, sides: Any) -> list[Row]:
    rows: list[Row] = []
    for bought in plan.bought:
        if bought.kind == "bundle":
            idle = {prefix: _Side(rate=side.rate) for prefix, side in sides.items()}
            parent = _free(_item(books, order, plan, bought, idle))
            rows.append(parent)
            for part in bought.parts:
                child = _item(books, order, plan, part, sides)
                child["parent_item_id"] = parent["item_id"]
                rows.append(child)
            continue
        row = _item(books, order, plan, bought, sides)
        rows.append(row)
        if bought.kind == "configurable":
            idle = {prefix: _Side(rate=side.rate) for prefix, side in sides.items()}
            chosen = Bought(
                sku=bought.sku, title=bought.title, price=bought.price, quantity=bought.quantity
            )
            child = _free(_item(books, order, plan, chosen, idle))
            child["parent_item_id"] = row["item_id"]
            rows.append(child)
    return rows


def _address(books: Books, plan: OrderPlan, kind: str) -> Row:
    at = text_of(plan.at)
    return {
        "address_id": str(books.next("order_address")), "increment_id": None, "parent_id": None,
        "created_at": at, "updated_at": at, "is_active": None, "address_type": kind,
        "email": plan.email, "middlename": None, "company": None, "fax": "", "region": None,
        "region_id": None, "telephone": None, "vat_id": None, "vat_is_valid": None,
        "vat_request_id": None, "vat_request_date": None, "vat_request_success": None,
        **plan.address,
    }  # fmt: skip


def build_order(books: Books, plan: OrderPlan) -> Row:
    """Return a new order, unpaid and unshipped; it is in no table yet."""
    store = books.store(plan.store)
    assert store is not None, plan.store
    entity = str(books.next("order"))
    at = text_of(plan.at)
    sides = {"base_": _Side(rate=Decimal(1)), "": _Side(rate=store.rate)}
    items = _lines(books, entity, plan, sides)
    first, last = plan.address.get("firstname"), plan.address.get("lastname")
    who = plan.customer or {}
    row: Row = {
        "order_id": entity, "increment_id": plan.number, "parent_id": None,
        "store_id": str(store.id), "created_at": at, "updated_at": at, "is_active": None,
        "customer_id": who.get("customer_id"), "customer_is_guest": "0" if plan.customer else "1",
        "customer_email": plan.email, "customer_firstname": first, "customer_lastname": last,
        "customer_middlename": None, "customer_prefix": "", "customer_suffix": None,
        "customer_taxvat": None, "customer_dob": None, "customer_gender": None,
        "customer_group_id": "1" if plan.customer else "0", "customer_note": plan.note,
        "customer_note_notify": "1", "billing_firstname": first, "billing_lastname": last,
        "shipping_firstname": first, "shipping_lastname": last,
        "billing_name": f"{first} {last}", "shipping_name": f"{first} {last}",
        "store_to_base_rate": stored(store.rate), "store_to_order_rate": stored(1),
        "base_to_global_rate": stored(1), "base_to_order_rate": stored(store.rate),
        "weight": "1.0000", "store_name": store.name, "remote_ip": "192.0.2.1",
        "status": "pending", "state": "new", "applied_rule_ids": "",
        "global_currency_code": "EUR", "base_currency_code": store.base,
        "store_currency_code": store.currency, "order_currency_code": store.currency,
        "shipping_method": "flatrate_flatrate", "shipping_description": "Flat Rate - Fixed",
        "quote_id": entity, "is_virtual": "0", "email_sent": "1", "gift_message_id": None,
        "coupon_code": plan.coupon, "protect_code": f"{int(entity):06x}", "edit_increment": None,
        "original_increment_id": None, "relation_child_id": None, "relation_child_real_id": None,
        "relation_parent_id": None, "relation_parent_real_id": None, "ext_order_id": None,
        "ext_customer_id": None, "hold_before_state": None, "hold_before_status": None,
        "x_forwarded_for": None, "discount_description": plan.coupon or "",
        "total_item_count": str(len(plan.bought)),
        "total_qty_ordered": stored(sum((one.quantity for one in plan.bought), _ZERO)),
        "can_ship_partially": None, "can_ship_partially_item": None,
        "payment_authorization_expiration": None, "forced_do_shipment_with_invoice": None,
        "paypal_ipn_customer_notified": "0", "quote_address_id": None,
    }  # fmt: skip
    for prefix, side in sides.items():
        row |= _totals(prefix, side, plan)
    row["shipping_address"] = _address(books, plan, "shipping")
    row["billing_address"] = _address(books, plan, "billing")
    row["billing_address_id"] = row["billing_address"]["address_id"]
    row["shipping_address_id"] = row["shipping_address"]["address_id"]
    row["items"] = items
    row["payment"] = {
        "payment_id": str(books.next("order_payment")), "increment_id": None, "parent_id": entity,
        "created_at": None, "updated_at": None, "is_active": None,
        "amount_ordered": row["grand_total"], "base_amount_ordered": row["base_grand_total"],
        "shipping_amount": row["shipping_amount"],
        "base_shipping_amount": row["base_shipping_amount"], "amount_paid": None,
        "base_amount_paid": None, "amount_authorized": None, "last_trans_id": None,
        "method": plan.method, "po_number": None, "cc_type": None, "cc_number_enc": None,
        "cc_last4": None, "cc_owner": None, "cc_exp_month": "0", "cc_exp_year": "0",
        "cc_ss_start_month": "0", "cc_ss_start_year": "0",
    }  # fmt: skip
    row["status_history"] = [_history("pending", at, None)]
    return row | plan.more


def _totals(prefix: str, side: _Side, plan: OrderPlan) -> Row:
    shipping = side.of(plan.shipping)
    shipping_discount = min(shipping, side.of(plan.shipping_discount))
    shipping_tax = cents((shipping - shipping_discount) * _TAX)
    discount = side.discount + shipping_discount
    tax = side.tax + shipping_tax
    grand = side.subtotal - discount + shipping + tax
    amounts: dict[str, Decimal | None] = {
        "tax_amount": tax, "shipping_amount": shipping, "discount_amount": -discount,
        "subtotal": side.subtotal, "grand_total": grand, "total_paid": None,
        "total_refunded": None, "total_canceled": None, "total_invoiced": None,
        "total_online_refunded": None, "total_offline_refunded": None, "total_due": grand,
        "shipping_tax_amount": shipping_tax, "shipping_discount_amount": shipping_discount,
        "subtotal_incl_tax": side.subtotal + side.tax, "shipping_incl_tax": shipping + shipping_tax,
        "hidden_tax_amount": _ZERO, "shipping_hidden_tax_amount": _ZERO,
        "discount_canceled": None, "discount_invoiced": None, "discount_refunded": None,
        "shipping_canceled": None, "shipping_invoiced": None, "shipping_refunded": None,
        "shipping_tax_refunded": None, "subtotal_canceled": None, "subtotal_invoiced": None,
        "subtotal_refunded": None, "tax_canceled": None, "tax_invoiced": None,
        "tax_refunded": None, "adjustment_negative": None, "adjustment_positive": None,
    }  # fmt: skip
    return {
        f"{prefix}{name}": None if amount is None else stored(amount)
        for name, amount in amounts.items()
    }


def _history(status: str, at: str, comment: str | None) -> Row:
    return {
        "increment_id": None, "parent_id": None, "created_at": at, "updated_at": None,
        "is_active": None, "is_customer_notified": "0", "status": status, "comment": comment,
        "entity_name": "order",
    }  # fmt: skip

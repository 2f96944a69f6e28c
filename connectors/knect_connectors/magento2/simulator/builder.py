"""Builds an order as Magento would have stored it, from what was bought.

Must not: look at the clock, or leave a sum to chance: totals are sums of what is stored.
"""

from datetime import datetime
from decimal import Decimal
from typing import Any

from msgspec import Struct, field

from knect_connectors.magento2.simulator.books import Books, Row
from knect_connectors.magento2.simulator.money import cents, text_of

__all__ = ["SIDES", "Bought", "OrderPlan", "build_order"]

_ZERO = Decimal(0)
_TAX = Decimal("0.19")
SIDES = ("", "base_")
_VIRTUAL = frozenset({"virtual", "downloadable"})


class Bought(Struct, frozen=True, kw_only=True):
    """One thing bought; the price is in the website's base currency, before tax.

    `kind`: simple, virtual, configurable (a line of the parent and one of what was chosen), bundle
    (parts have the money, the parent their sum) or fixed (a bundle whose parent has the money).
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

    at: datetime
    bought: tuple[Bought, ...]
    address: Row
    number: str = ""  # the store's next one
    store: int = 1
    shipping: Decimal = _ZERO
    shipping_discount: Decimal = _ZERO
    gift_card: Decimal = _ZERO
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


def _item(
    books: Books, order: int, plan: OrderPlan, bought: Bought, sides: dict[str, _Side]
) -> Row:
    known = books.product(bought.sku) or {}
    at = text_of(plan.at)
    row: Row = {
        "item_id": books.next("order_item"), "order_id": order, "parent_item_id": None,
        "quote_item_id": books.next("quote_item"), "store_id": plan.store, "created_at": at,
        "updated_at": at, "product_id": None if bought.deleted else known.get("id"),
        "product_type": {"fixed": "bundle"}.get(bought.kind, bought.kind),
        "is_virtual": int(bought.kind in _VIRTUAL), "sku": bought.sku, "name": bought.title,
        "free_shipping": 0, "is_qty_decimal": 0, "no_discount": 0, "weight": Decimal("0.5"),
        "qty_canceled": _ZERO, "qty_invoiced": _ZERO, "qty_ordered": bought.quantity,
        "qty_refunded": _ZERO, "qty_shipped": _ZERO, "tax_percent": _TAX * 100,
        "discount_percent": _ZERO,
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
            f"{prefix}price": price, f"{prefix}original_price": price,
            f"{prefix}price_incl_tax": cents(price * (1 + _TAX)),
            f"{prefix}row_total": total, f"{prefix}row_total_incl_tax": cents(total * (1 + _TAX)),
            f"{prefix}discount_amount": discount, f"{prefix}tax_amount": tax,
            f"{prefix}discount_tax_compensation_amount": _ZERO, f"{prefix}row_invoiced": _ZERO,
            f"{prefix}tax_invoiced": _ZERO, f"{prefix}discount_invoiced": _ZERO,
            f"{prefix}amount_refunded": _ZERO,
        }  # fmt: skip
    return row


def _free(row: Row) -> Row:
    """Take the money off a line: it stands on its parent's."""
    for prefix in SIDES:
        for name in ("price", "original_price", "price_incl_tax", "row_total",
                     "row_total_incl_tax", "discount_amount", "tax_amount"):  # fmt: skip
            row[f"{prefix}{name}"] = _ZERO
    row["tax_percent"] = _ZERO
    return row


def _idle(sides: dict[str, _Side]) -> dict[str, _Side]:
    return {prefix: _Side(rate=side.rate) for prefix, side in sides.items()}


def _lines(books: Books, order: int, plan: OrderPlan, sides: dict[str, _Side]) -> list[Row]:
    rows: list[Row] = []
    for bought in plan.bought:
        if bought.kind == "bundle":
            parent = _item(books, order, plan, bought, _idle(sides))
            parts = [_item(books, order, plan, part, sides) for part in bought.parts]
            for prefix in SIDES:
                for name in ("row_total", "row_total_incl_tax", "tax_amount"):
                    parent[prefix + name] = sum((one[prefix + name] for one in parts), _ZERO)
                parent[f"{prefix}price"] = parent[f"{prefix}row_total"] / bought.quantity
        elif bought.kind == "fixed":
            parent = _item(books, order, plan, bought, sides)
            parts = [_free(_item(books, order, plan, part, _idle(sides))) for part in bought.parts]
        else:
            parent, parts = _item(books, order, plan, bought, sides), []
            if bought.kind == "configurable":
                chosen = Bought(sku=bought.sku, title=bought.title, price=bought.price,
                                quantity=bought.quantity)  # fmt: skip
                parts = [_free(_item(books, order, plan, chosen, _idle(sides)))]
        rows.append(parent)
        for part in parts:
            part["parent_item_id"] = parent["item_id"]
            part["parent_item"] = {name: parent[name] for name in ("item_id", "sku", "price")}
            rows.append(part)
    return rows


def _address(books: Books, plan: OrderPlan, order: int, kind: str) -> Row:
    return {
        "address_type": kind, "entity_id": books.next("order_address"), "parent_id": order,
        "email": plan.email, "telephone": "+34 600 00 00", **plan.address,
    }  # fmt: skip


def build_order(books: Books, plan: OrderPlan) -> Row:
    """Put a new order, unpaid and unshipped, into the books and return it."""
    store = books.store(plan.store)
    assert store is not None, plan.store
    entity, at = books.next("order"), text_of(plan.at)
    sides = {"base_": _Side(rate=Decimal(1)), "": _Side(rate=store.rate)}
    items = _lines(books, entity, plan, sides)
    first, last = plan.address.get("firstname"), plan.address.get("lastname")
    virtual = all(one.kind in _VIRTUAL for one in plan.bought)
    row: Row = {
        "entity_id": entity, "increment_id": plan.number or books.number(store.id),
        "store_id": store.id, "created_at": at, "updated_at": at, "state": "new",
        "status": "pending", "customer_id": (plan.customer or {}).get("id"),
        "customer_is_guest": 0 if plan.customer else 1, "customer_email": plan.email,
        "customer_firstname": first, "customer_lastname": last,
        "customer_group_id": 1 if plan.customer else 0, "customer_note": plan.note,
        "customer_note_notify": 1, "store_to_base_rate": _ZERO, "store_to_order_rate": _ZERO,
        "base_to_global_rate": Decimal(1), "base_to_order_rate": store.rate,
        "store_name": store.name, "remote_ip": "192.0.2.1", "global_currency_code": "EUR",
        "base_currency_code": store.base, "store_currency_code": store.base,
        "order_currency_code": store.currency, "is_virtual": int(virtual), "email_sent": 1,
        "coupon_code": plan.coupon, "discount_description": plan.coupon, "quote_id": entity,
        "protect_code": f"{entity:032x}", "weight": Decimal(1),
        "total_item_count": len(plan.bought), "edit_increment": None,
        "original_increment_id": None, "relation_child_id": None, "relation_child_real_id": None,
        "relation_parent_id": None, "relation_parent_real_id": None,
        "shipping_description": None if virtual else "Flat Rate - Fixed",
        "total_qty_ordered": sum((one.quantity for one in plan.bought), _ZERO),
    }  # fmt: skip
    for prefix, side in sides.items():
        row |= _totals(prefix, side, plan)
    row["items"] = items
    row["billing_address"] = _address(books, plan, entity, "billing")
    row["billing_address_id"] = row["billing_address"]["entity_id"]
    row["payment"] = {
        "account_status": None, "additional_information": ["Check / Money order"],
        "amount_ordered": row["grand_total"], "base_amount_ordered": row["base_grand_total"],
        "amount_paid": None, "base_amount_paid": None, "base_amount_authorized": None,
        "cc_last4": None, "entity_id": books.next("order_payment"), "method": plan.method,
        "parent_id": entity, "last_trans_id": None, "po_number": None,
        "shipping_amount": row["shipping_amount"],
        "base_shipping_amount": row["base_shipping_amount"],
    }  # fmt: skip
    row["status_histories"] = []
    row["extension_attributes"] = _more(books, plan, row, virtual=virtual)
    books.orders[entity] = row | plan.more
    return books.orders[entity]


def _applied(amount: Decimal, base: Decimal) -> Row:
    return {"code": "VAT", "title": "VAT", "percent": _TAX * 100, "amount": amount,
            "base_amount": base}  # fmt: skip


def _is_sum(row: Row, item: Row) -> bool:
    """Tell whether an item only says what its parts have."""
    return any(one["parent_item_id"] == item["item_id"] and one["tax_amount"]
               for one in row["items"])  # fmt: skip


def _more(books: Books, plan: OrderPlan, row: Row, *, virtual: bool) -> Row:
    more: Row = {
        "shipping_assignments": [],
        "payment_additional_info": [{"key": "method_title", "value": "Check / Money order"}],
        "applied_taxes": [_applied(row["tax_amount"], row["base_tax_amount"])],
        "item_applied_taxes": [
            {"type": "product", "item_id": item["item_id"],
             "applied_taxes": [_applied(item["tax_amount"], item["base_tax_amount"])]}
            for item in row["items"] if item["tax_amount"] and not _is_sum(row, item)
        ],
    }  # fmt: skip
    if row["shipping_tax_amount"]:
        applied = _applied(row["shipping_tax_amount"], row["base_shipping_tax_amount"])
        more["item_applied_taxes"].append({"type": "shipping", "applied_taxes": [applied]})
    if not virtual:
        names = ("shipping_amount", "shipping_tax_amount", "shipping_discount_amount",
                 "shipping_incl_tax")  # fmt: skip
        more["shipping_assignments"] = [{
            "shipping": {
                "address": _address(books, plan, row["entity_id"], "shipping"),
                "method": "flatrate_flatrate",
                "total": {side + name: row[side + name] for side in SIDES for name in names},
            },
            "items": [{"item_id": item["item_id"], "sku": item["sku"]} for item in row["items"]],
        }]  # fmt: skip
    if plan.gift_card:
        for side in SIDES:
            rate = row["base_to_order_rate"] if side == "" else Decimal(1)
            more[f"{side}gift_cards_amount"] = cents(plan.gift_card * rate)
        more["gift_cards"] = [{"id": 1, "code": "GC-1", "amount": more["gift_cards_amount"],
                               "base_amount": more["base_gift_cards_amount"]}]  # fmt: skip
    return more


def _totals(prefix: str, side: _Side, plan: OrderPlan) -> dict[str, Any]:
    shipping = side.of(plan.shipping)
    shipping_discount = min(shipping, side.of(plan.shipping_discount))
    shipping_tax = cents((shipping - shipping_discount) * _TAX)
    discount = side.discount + shipping_discount
    tax = side.tax + shipping_tax
    grand = side.subtotal - discount + shipping + tax - side.of(plan.gift_card)
    compensation = f"{prefix}shipping_discount_tax_compensation_"
    amounts: dict[str, Decimal | None] = {
        "tax_amount": tax, "shipping_amount": shipping, "discount_amount": -discount,
        "subtotal": side.subtotal, "grand_total": grand, "total_paid": None,
        "total_refunded": None, "total_canceled": None, "total_invoiced": None,
        "total_due": grand, "shipping_tax_amount": shipping_tax,
        "shipping_discount_amount": shipping_discount,
        "subtotal_incl_tax": side.subtotal + side.tax, "shipping_incl_tax": shipping + shipping_tax,
        "discount_tax_compensation_amount": _ZERO, "shipping_invoiced": None,
    }  # fmt: skip
    return {
        **{f"{prefix}{name}": amount for name, amount in amounts.items()},
        f"{compensation}{'amnt' if prefix else 'amount'}": _ZERO,
    }

"""Builds an order as the store keeps it, with all its figures adding up as the platform's do.

Must not: look at the clock, or be lenient: an order that cannot be is a bug of the caller.
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from msgspec import Struct

from knect_connectors.bigcommerce.simulator.books import Books, Row, coins, mail, places
from knect_connectors.bigcommerce.statuses import NAMES

__all__ = ["Bought", "OrderPlan", "build_order", "figures", "line_of"]

_ZERO = Decimal(0)
_LINE_ZEROS = ("cost_price_tax", "refund_amount", "base_wrapping_cost", "wrapping_cost_ex_tax",
               "wrapping_cost_inc_tax", "wrapping_cost_tax", "fixed_shipping_cost",
               "base_cost_price", "cost_price_inc_tax", "cost_price_ex_tax")  # fmt: skip


class Bought(Struct, frozen=True, kw_only=True):
    """One line. `price` has tax in it if the plan says so; `discount` is for the whole line."""

    sku: str
    title: str
    price: Decimal
    quantity: int = 1
    discount: Decimal = _ZERO
    rate: Decimal = Decimal("0.19")
    kind: str = "physical"
    address: int = 0  # place in the plan's addresses
    options: dict[str, str] | None = None


class OrderPlan(Struct, frozen=True, kw_only=True):
    """What was ordered, and how. `shipping` is per address, `coupon` the code discounts are by."""

    at: datetime
    bought: Sequence[Bought]
    number: int = 0
    addresses: Sequence[Row] = ()
    billing: Row | None = None
    customer: int = 0
    email: str = "ana@example.com"
    status: int = 11
    payment_status: str = "captured"
    method: str = "Credit Card"
    included: bool = False
    shipping: Decimal = _ZERO
    handling: Decimal = _ZERO
    wrapping: Decimal = _ZERO
    fee: Decimal = _ZERO
    rate: Decimal = Decimal("0.19")  # of shipping, handling, wrapping and fee
    coupon: str = ""
    store_credit: Decimal = _ZERO
    certificate: Decimal = _ZERO
    currency: str = ""
    message: str = ""


class _Cost(Struct, frozen=True):
    ex: Decimal
    inc: Decimal
    tax: Decimal


def _cost(amount: Decimal, rate: Decimal, *, included: bool) -> _Cost:
    if included:
        tax = coins(amount * rate / (1 + rate))
        return _Cost(amount - tax, amount, tax)
    tax = coins(amount * rate)
    return _Cost(amount, amount + tax, tax)


def line_of(books: Books, plan: OrderPlan, one: Bought, order: int, address: int) -> Row:
    """Return an order product."""
    base = one.price * one.quantity
    factor = 1 + one.rate
    ex, inc = (one.price / factor, one.price) if plan.included else (one.price, one.price * factor)
    paid = base - one.discount
    tax = coins(paid * one.rate / factor) if plan.included else coins(paid * one.rate)
    variant = books.variant_by_sku(one.sku)
    share = {
        "id": "coupon" if plan.coupon else "manual-discount", "amount": places(one.discount),
        "name": f"{plan.coupon} off" if plan.coupon else "Manual Discount",
        "code": plan.coupon or None, "target": "order",
    }  # fmt: skip
    return {
        "id": books.next("line", 500), "order_id": order,
        "product_id": variant["product_id"] if variant else 0,
        "variant_id": variant["id"] if variant else 0, "order_pickup_method_id": 0,
        "order_address_id": address, "name": one.title, "name_customer": one.title,
        "name_merchant": one.title, "sku": one.sku, "upc": "", "type": one.kind,
        "base_price": places(one.price), "price_ex_tax": places(ex), "price_inc_tax": places(inc),
        "price_tax": places(inc - ex), "base_total": places(base),
        "total_ex_tax": places(ex * one.quantity), "total_inc_tax": places(inc * one.quantity),
        "total_tax": places(tax), "weight": "0.5000", "width": "0.0000", "height": "0.0000",
        "depth": "0.0000", "quantity": one.quantity, "is_refunded": False, "quantity_refunded": 0,
        "return_id": 0, "wrapping_id": 0, "wrapping_name": "", "wrapping_message": "",
        "quantity_shipped": 0, "event_name": None, "event_date": None, "ebay_item_id": "",
        "ebay_transaction_id": "", "option_set_id": None, "parent_order_product_id": None,
        "is_bundled_product": False, "bin_picking_number": "", "external_id": None,
        "fulfillment_source": "", "brand": "", "gift_certificate_id": None,
        "applied_discounts": [share] if one.discount else [],
        "product_options": [
            {"id": 1, "option_id": 1, "order_product_id": 1, "product_option_id": 1,
             "display_name": name, "display_value": value, "value": value, "type": "Text field",
             "name": name, "display_style": "", "display_name_customer": name,
             "display_name_merchant": name, "display_value_customer": value,
             "display_value_merchant": value}
            for name, value in (one.options or {}).items()
        ],
        "configurable_fields": [],
        "discounted_total_inc_tax": places(paid if plan.included else paid + tax),
        **dict.fromkeys(_LINE_ZEROS, places(0)),
        "_rate": one.rate,
    }  # fmt: skip


def build_order(books: Books, plan: OrderPlan) -> Row:
    """Return the order, put into the books."""
    number = plan.number or books.next("order", 100)
    places_to = plan.addresses or (plan.billing or _somewhere(),)
    digital = all(one.kind != "physical" for one in plan.bought)
    addresses = [] if digital else [_address(books, plan, one, number) for one in places_to]
    lines = [
        line_of(books, plan, one, number, addresses[one.address]["id"] if addresses and
                one.kind == "physical" else 0)
        for one in plan.bought
    ]  # fmt: skip
    order: Row = {
        "id": number, "customer_id": plan.customer, "date_created": mail(plan.at),
        "is_tax_inclusive_pricing": plan.included, "date_modified": mail(plan.at),
        "date_shipped": "", "status_id": plan.status, "status": NAMES[plan.status],
        "items_shipped": 0, "payment_method": plan.method, "payment_provider_id": None,
        "payment_status": plan.payment_status, "refunded_amount": places(0),
        "order_is_digital": digital, "store_credit_amount": places(plan.store_credit),
        "gift_certificate_amount": places(plan.certificate), "ip_address": "", "ip_address_v6": "",
        "geoip_country": "", "geoip_country_iso2": "", "currency_id": 1,
        "currency_code": plan.currency or books.currency, "currency_exchange_rate": "1.0000000000",
        "default_currency_id": 1, "default_currency_code": plan.currency or books.currency,
        "staff_notes": "", "customer_message": plan.message, "shipping_address_count":
        len(addresses), "is_deleted": False, "ebay_order_id": "0", "cart_id": None,
        "billing_address": {**(plan.billing or places_to[0]), "email": plan.email,
                            "form_fields": []},
        "is_email_opt_in": False, "credit_card_type": None, "order_source": "www", "channel_id": 1,
        "external_source": None, "external_id": None, "external_merchant_id": None,
        "tax_provider_id": "BasicTaxProvider", "customer_locale": "en", "external_order_id": "",
        "store_default_currency_code": books.currency,
        "store_default_to_transactional_exchange_rate": "1.0000000000",
        "custom_status": NAMES[plan.status], "_plan": plan, "_products": lines,
        "_addresses": addresses, "_fees": _fees(books, plan), "_shipments": [],
        "_transactions": [], "_refunds": [],
    }  # fmt: skip
    figures(order)
    books.orders[number] = order
    books.counters["order"] = max(books.counters.get("order", 99), number)
    return order


def figures(order: Row) -> None:
    """Work out an order's sums anew, from its lines, addresses and fees."""
    plan: OrderPlan = order["_plan"]
    lines, addresses, fees = order["_products"], order["_addresses"], order["_fees"]
    costs = {kind: _cost(getattr(plan, kind), plan.rate, included=plan.included)
             for kind in ("handling", "wrapping")}  # fmt: skip
    ex, inc = (
        sum((Decimal(one[f"cost_{side}_tax"]) for one in addresses), _ZERO)
        for side in ("ex", "inc")
    )
    costs["shipping"] = _Cost(ex, inc, inc - ex)
    discount = sum(
        (Decimal(d["amount"]) for line in lines for d in line["applied_discounts"]), _ZERO
    )
    line_tax = sum((Decimal(line["total_tax"]) for line in lines), _ZERO)
    others = [*costs.values()] + [
        _Cost(Decimal(f["cost_ex_tax"]), Decimal(f["cost_inc_tax"]), Decimal(f["cost_tax"]))
        for f in fees
    ]
    sub = {side: sum((Decimal(line[f"total_{side}"]) for line in lines), _ZERO)
           for side in ("ex_tax", "inc_tax")}  # fmt: skip
    tax = line_tax + sum(one.tax for one in others)
    if plan.included:
        total = sub["inc_tax"] - discount + sum(one.inc for one in others)
    else:
        total = sub["ex_tax"] - discount + sum(one.ex for one in others) + tax
    order |= {
        "subtotal_ex_tax": places(sub["ex_tax"]), "subtotal_inc_tax": places(sub["inc_tax"]),
        "subtotal_tax": places(line_tax), "total_tax": places(tax),
        "total_inc_tax": places(total), "total_ex_tax": places(total - tax),
        "items_total": sum(line["quantity"] for line in lines),
        "discount_amount": places(_ZERO if plan.coupon else discount),
        "coupon_discount": places(discount if plan.coupon else _ZERO),
    }  # fmt: skip
    for kind, cost in costs.items():
        order |= {
            f"base_{kind}_cost": places(cost.inc if plan.included else cost.ex),
            f"{kind}_cost_ex_tax": places(cost.ex), f"{kind}_cost_inc_tax": places(cost.inc),
            f"{kind}_cost_tax": places(cost.tax), f"{kind}_cost_tax_class_id": 2,
        }  # fmt: skip


def _somewhere() -> Row:
    return {
        "first_name": "Ana", "last_name": "García", "company": "", "street_1": "Dawson Street 3",
        "street_2": "", "city": "Dublin", "state": "Dublin", "zip": "D02 X285",
        "country": "Ireland", "country_iso2": "IE", "phone": "+353 1 600",
    }  # fmt: skip


def _address(books: Books, plan: OrderPlan, address: Row, order: int) -> Row:
    cost = _cost(plan.shipping, plan.rate, included=plan.included)
    number = books.next("order_address", 400)
    zeros = ("base_handling_cost", "handling_cost_ex_tax", "handling_cost_inc_tax",
             "handling_cost_tax")  # fmt: skip
    return {
        "id": number, "order_id": order, **address, "email": plan.email, "items_total": 0,
        "items_shipped": 0, "shipping_method": "Standard", "base_cost": places(plan.shipping),
        "cost_ex_tax": places(cost.ex), "cost_inc_tax": places(cost.inc),
        "cost_tax": places(cost.tax), "cost_tax_class_id": 2, "handling_cost_tax_class_id": 2,
        "shipping_zone_id": 1, "shipping_zone_name": "Europe", "form_fields": [],
        **dict.fromkeys(zeros, places(0)),
    }  # fmt: skip


def _fees(books: Books, plan: OrderPlan) -> list[dict[str, Any]]:
    if not plan.fee:
        return []
    cost = _cost(plan.fee, plan.rate, included=plan.included)
    return [
        {"id": books.next("fee"), "type": "custom_fee", "display_name_customer": "Insurance",
         "display_name_merchant": "Insurance", "source": "v2", "base_cost": places(plan.fee),
         "cost_ex_tax": places(cost.ex), "cost_inc_tax": places(cost.inc),
         "cost_tax": places(cost.tax), "tax_class_id": 0}
    ]  # fmt: skip

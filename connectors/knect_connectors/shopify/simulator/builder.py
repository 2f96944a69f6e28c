"""Builds orders and customers in Shopify's shape whose sums are right by construction.

Every amount is a decimal text; a rate turns shop money into presentment money. What happens to an
order later is in `books`.
Must not: be random; the generator decides what to build.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from msgspec import Struct

from knect_connectors.shopify.simulator.books import (
    agree,
    instant,
    sale_of,
    set_totals,
    tip_sale,
)
from knect_connectors.shopify.simulator.money import ZERO, Bags
from knect_connectors.shopify.simulator.parcels import waiting_order

__all__ = ["Line", "OrderPlan", "build_customer", "build_order"]


class Line(Struct, frozen=True, kw_only=True):
    """One line to sell. `discount` is for the whole line, tax included where prices include it."""

    sku: str | None
    title: str
    quantity: int
    price: Decimal
    discount: Decimal = ZERO
    gift_card: bool = False


class OrderPlan(Struct, frozen=True, kw_only=True):
    """An order to build. `tax` is a rate; None: no tax. `rate`: presentment per shop unit."""

    number: int
    at: datetime
    lines: Sequence[Line]
    shipping: Decimal | None = None
    shipping_discount: Decimal = ZERO
    tax: Decimal | None = Decimal("0.19")
    tax_title: str = "VAT"
    taxes_included: bool = False
    currency: str = "EUR"
    presentment: str | None = None
    rate: Decimal = Decimal(1)
    customer: Mapping[str, Any] | None = None
    email: str | None = None
    address: Mapping[str, Any] | None = None
    paid: bool = True
    gift_card_used: Decimal = ZERO
    tip: Decimal = ZERO
    test: bool = False
    note: str | None = None
    po_number: str | None = None
    codes: Sequence[str] = ()


def build_customer(
    number: int,
    *,
    at: datetime,
    first: str,
    last: str,
    email: str | None,
    phone: str | None = None,
    address: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return a customer."""
    return {
        "__typename": "Customer",
        "id": f"gid://shopify/Customer/{number}",
        "legacyResourceId": str(number),
        "firstName": first,
        "lastName": last,
        "displayName": f"{first} {last}".strip(),
        "locale": "en",
        "taxExempt": False,
        "tags": [],
        "note": None,
        "createdAt": instant(at),
        "updatedAt": instant(at),
        "defaultEmailAddress": {"emailAddress": email} if email else None,
        "defaultPhoneNumber": {"phoneNumber": phone} if phone else None,
        "defaultAddress": dict(address) if address else None,
        "addressesV2": [dict(address)] if address else [],
    }


def build_order(plan: OrderPlan) -> dict[str, Any]:
    """Return an order; its totals are the sums of its parts, in shop money exactly."""
    money = Bags(plan.currency, plan.presentment, plan.rate)
    lines = [_line(plan, money, line, index) for index, line in enumerate(plan.lines)]
    shipping = [_shipping(plan, money)] if plan.shipping is not None else []
    order: dict[str, Any] = {
        "__typename": "Order",
        "id": f"gid://shopify/Order/{plan.number}",
        "legacyResourceId": str(plan.number),
        "name": f"#{plan.number}",
        "number": plan.number,
        "createdAt": instant(plan.at),
        "processedAt": instant(plan.at),
        "updatedAt": instant(plan.at),
        "cancelledAt": None,
        "cancelReason": None,
        "closedAt": None,
        "test": plan.test,
        "edited": False,
        "poNumber": plan.po_number,
        "sourceName": "web",
        "note": plan.note,
        "tags": [],
        "taxesIncluded": plan.taxes_included,
        "dutiesIncluded": False,
        "taxExempt": False,
        "currencyCode": money.currency,
        "presentmentCurrencyCode": money.presentment,
        "displayFinancialStatus": "PAID" if plan.paid else "PENDING",
        "displayFulfillmentStatus": "UNFULFILLED",
        "customerLocale": "en",
        "email": plan.email,
        "phone": None,
        "discountCodes": list(plan.codes),
        "customAttributes": [],
        "customer": plan.customer,
        "billingAddress": dict(plan.address) if plan.address else None,
        "shippingAddress": dict(plan.address) if plan.address else None,
        "additionalFees": [],
        "transactions": [],
        "lineItems": lines,
        "shippingLines": shipping,
        "agreements": [],
        "fulfillmentOrders": [],
        "fulfillments": [],
        "refunds": [],
        "_tip": str(plan.tip),
    }
    shipped = {i: line["quantity"] for i, line in enumerate(lines) if line["requiresShipping"]}
    if shipped:
        order["fulfillmentOrders"].append(waiting_order(order, shipped))
    agree(order, "ORDER", plan.at, _opening_sales(plan, money, lines, shipping))
    set_totals(order, money)
    order["transactions"] = _transactions(plan, money, order)
    return order


def _taxed(plan: OrderPlan, money: Bags, net_or_gross: Decimal) -> list[dict[str, Any]]:
    if plan.tax is None:
        return []
    base = net_or_gross / (1 + plan.tax) if plan.taxes_included else net_or_gross
    tax = net_or_gross - base if plan.taxes_included else base * plan.tax
    return [
        {
            "title": plan.tax_title,
            "rate": float(plan.tax),
            "ratePercentage": float(plan.tax * 100),
            "channelLiable": False,
            "priceSet": money.of(tax),
        }
    ]


def _allocated(money: Bags, amount: Decimal) -> list[dict[str, Any]]:
    return [{"allocatedAmountSet": money.of(amount)}] if amount else []


def _line(plan: OrderPlan, money: Bags, line: Line, index: int) -> dict[str, Any]:
    identifier = plan.number * 1_000 + index
    return {
        "__typename": "LineItem",
        "id": f"gid://shopify/LineItem/{identifier}",
        "sku": line.sku,
        "title": line.title,
        "name": line.title,
        "variantTitle": None,
        "quantity": line.quantity,
        "currentQuantity": line.quantity,
        "isGiftCard": line.gift_card,
        "requiresShipping": not line.gift_card,
        "originalUnitPriceSet": money.of(line.price),
        "taxLines": []
        if line.gift_card
        else _taxed(plan, money, line.price * line.quantity - line.discount),
        "discountAllocations": _allocated(money, line.discount),
        "variant": {"id": f"gid://shopify/ProductVariant/{identifier}", "sku": line.sku},
        "product": {"id": f"gid://shopify/Product/{identifier}"},
        "lineItemGroup": None,
        "customAttributes": [],
        "duties": [],
    }


def _shipping(plan: OrderPlan, money: Bags) -> dict[str, Any]:
    price = plan.shipping or ZERO
    return {
        "__typename": "ShippingLine",
        "id": f"gid://shopify/ShippingLine/{plan.number}",
        "title": "Standard",
        "code": "standard",
        "isRemoved": False,
        "originalPriceSet": money.of(price),
        "taxLines": _taxed(plan, money, price - plan.shipping_discount),
        "discountAllocations": _allocated(money, plan.shipping_discount),
    }


def _opening_sales(
    plan: OrderPlan,
    money: Bags,
    lines: Sequence[Mapping[str, Any]],
    shipping: Sequence[Mapping[str, Any]],
) -> list[dict[str, Any]]:
    one = Decimal(1)
    included = plan.taxes_included
    sales = [
        sale_of(
            line, one, line["quantity"], "GIFT_CARD" if line["isGiftCard"] else "PRODUCT", money,
            included=included,
        )
        for line in lines
    ]  # fmt: skip
    sales += [sale_of(line, one, None, "SHIPPING", money, included=included) for line in shipping]
    if plan.tip:
        sales.append(tip_sale(plan.tip, money))
    return sales


def _transactions(plan: OrderPlan, money: Bags, order: Mapping[str, Any]) -> list[dict[str, Any]]:
    def transaction(index: int, gateway: str, bag: dict[str, Any], status: str) -> dict[str, Any]:
        return {
            "__typename": "OrderTransaction",
            "id": f"gid://shopify/OrderTransaction/{plan.number * 10 + index}",
            "kind": "SALE",
            "status": status,
            "gateway": gateway,
            "paymentId": f"c{plan.number}.{index}",
            "test": plan.test,
            "processedAt": instant(plan.at),
            "createdAt": instant(plan.at),
            "amountSet": bag,
            "amountRoundingSet": None,
            "parentTransaction": None,
        }

    status = "SUCCESS" if plan.paid else "PENDING"
    rest = money.sum([order["totalPriceSet"]])
    found: list[dict[str, Any]] = []
    if plan.gift_card_used:
        used = money.of(plan.gift_card_used)
        found.append(transaction(1, "gift_card", used, "SUCCESS"))
        rest = money.sum([rest, money.part(used, Decimal(-1))])
    gateway = "shopify_payments" if plan.paid else "bank transfer"
    return [*found, transaction(0, gateway, rest, status)]

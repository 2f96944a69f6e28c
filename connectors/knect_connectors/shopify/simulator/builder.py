"""Builds orders and customers in Shopify's shape whose sums are right by construction.

Every amount is a decimal text; a rate turns shop money into presentment money. Edits and refunds
keep the books the way the platform does: lines keep their quantity, `currentQuantity` falls, and
each act is a sales agreement of its own.
Must not: be random; the generator decides what to build.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from msgspec import Struct

__all__ = ["Line", "OrderPlan", "build_customer", "build_order", "edit_line", "instant", "refund"]

_ZERO = Decimal(0)
_WHOLE = frozenset({"JPY", "KRW"})


class Line(Struct, frozen=True, kw_only=True):
    """One line to sell. `discount` is for the whole line, tax included where prices include it."""

    sku: str | None
    title: str
    quantity: int
    price: Decimal
    discount: Decimal = _ZERO
    gift_card: bool = False


class OrderPlan(Struct, frozen=True, kw_only=True):
    """An order to build. `tax` is a rate; None: no tax. `rate`: presentment per shop unit."""

    number: int
    at: datetime
    lines: Sequence[Line]
    shipping: Decimal | None = None
    shipping_discount: Decimal = _ZERO
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
    gift_card_used: Decimal = _ZERO
    tip: Decimal = _ZERO
    test: bool = False
    note: str | None = None
    po_number: str | None = None
    codes: Sequence[str] = ()


def instant(at: datetime) -> str:
    """Return an instant the way Shopify writes it: UTC, whole seconds."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class _Money:
    """Makes money bags of one order."""

    def __init__(self, plan: OrderPlan) -> None:
        self.currency = plan.currency
        self.presentment = plan.presentment or plan.currency
        self._rate = plan.rate

    def round(self, amount: Decimal, currency: str | None = None) -> Decimal:
        digits = 0 if (currency or self.currency) in _WHOLE else 2
        return amount.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)

    def bag(self, amount: Decimal) -> dict[str, Any]:
        shown = self.round(amount * self._rate, self.presentment)
        return {
            "shopMoney": {"amount": str(self.round(amount)), "currencyCode": self.currency},
            "presentmentMoney": {"amount": str(shown), "currencyCode": self.presentment},
        }


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
    money = _Money(plan)
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
        "_tip": str(plan.tip),
    }
    _agree(order, "ORDER", plan.at, _opening_sales(plan, money, lines, shipping))
    _total(order, money)
    order["transactions"] = _transactions(plan, money, order)
    return order


def _taxed(plan: OrderPlan, money: _Money, net_or_gross: Decimal) -> list[dict[str, Any]]:
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
            "priceSet": money.bag(tax),
        }
    ]


def _allocated(money: _Money, amount: Decimal) -> list[dict[str, Any]]:
    return [{"allocatedAmountSet": money.bag(amount)}] if amount else []


def _line(plan: OrderPlan, money: _Money, line: Line, index: int) -> dict[str, Any]:
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
        "originalUnitPriceSet": money.bag(line.price),
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


def _shipping(plan: OrderPlan, money: _Money) -> dict[str, Any]:
    price = plan.shipping or _ZERO
    return {
        "__typename": "ShippingLine",
        "id": f"gid://shopify/ShippingLine/{plan.number}",
        "title": "Standard",
        "code": "standard",
        "isRemoved": False,
        "originalPriceSet": money.bag(price),
        "taxLines": _taxed(plan, money, price - plan.shipping_discount),
        "discountAllocations": _allocated(money, plan.shipping_discount),
    }


def amount_of(bag: Mapping[str, Any], side: str = "shopMoney") -> Decimal:
    """Return the amount of one side of a bag."""
    return Decimal(bag[side]["amount"])


def _add(bags: Sequence[Mapping[str, Any]], money: _Money) -> dict[str, Any]:
    """Return the sum of bags, each side for itself."""
    total = money.bag(_ZERO)
    for side in ("shopMoney", "presentmentMoney"):
        amount = sum((amount_of(bag, side) for bag in bags), _ZERO)
        digits = Decimal(total[side]["amount"])
        total[side]["amount"] = str(amount.quantize(digits))
    return total


def _scaled(bag: Mapping[str, Any], part: Decimal, money: _Money) -> dict[str, Any]:
    """Return a share of a bag, each side rounded for itself."""
    scaled = money.bag(_ZERO)
    for side in ("shopMoney", "presentmentMoney"):
        currency = scaled[side]["currencyCode"]
        scaled[side]["amount"] = str(money.round(amount_of(bag, side) * part, currency))
    return scaled


# ---------------------------------------------------------------- agreements


def _sale(
    kind: str, line: Mapping[str, Any] | None, quantity: int | None, money: _Money, **amounts: Any
) -> dict[str, Any]:
    names = {"PRODUCT": "ProductSale", "GIFT_CARD": "GiftCardSale", "TIP": "TipSale"}
    sale: dict[str, Any] = {
        "__typename": names.get(kind, "ShippingLineSale"),
        "actionType": "ORDER",
        "lineType": kind,
        "quantity": quantity,
        "totalTaxAmount": _add([tax["amount"] for tax in amounts["taxes"]], money),
        **amounts,
    }
    if kind in ("PRODUCT", "GIFT_CARD"):
        sale["lineItem"] = line
    elif kind == "SHIPPING":
        sale["shippingLine"] = line
    return sale


def _sale_of(
    line: Mapping[str, Any], part: Decimal, quantity: int | None, kind: str, money: _Money,
    *, included: bool,
) -> dict[str, Any]:  # fmt: skip
    """Return the sale of `part` of a line (1: all of it, negative: taken back)."""
    price_name = "originalUnitPriceSet" if "originalUnitPriceSet" in line else "originalPriceSet"
    units = Decimal(line.get("quantity", 1))
    gross = _scaled(line[price_name], units * part, money)
    discount = _scaled(
        _add([one["allocatedAmountSet"] for one in line["discountAllocations"]], money), part, money
    )
    taxes = [
        {
            "id": f"{line['id']}/tax/{index}",
            "amount": _scaled(tax["priceSet"], part, money),
            "taxLine": tax,
        }
        for index, tax in enumerate(line["taxLines"])
    ]
    minus = _scaled(discount, Decimal(-1), money)
    parts = [gross, minus] + ([] if included else [tax["amount"] for tax in taxes])
    return _sale(
        kind,
        line,
        quantity,
        money,
        totalAmount=_add(parts, money),
        totalDiscountAmountAfterTaxes=discount,
        totalDiscountAmountBeforeTaxes=discount,
        taxes=taxes,
    )


def _opening_sales(
    plan: OrderPlan,
    money: _Money,
    lines: Sequence[Mapping[str, Any]],
    shipping: Sequence[Mapping[str, Any]],
) -> list[dict[str, Any]]:
    one = Decimal(1)
    included = plan.taxes_included
    sales = [
        _sale_of(
            line, one, line["quantity"], "GIFT_CARD" if line["isGiftCard"] else "PRODUCT", money,
            included=included,
        )
        for line in lines
    ]  # fmt: skip
    sales += [_sale_of(line, one, None, "SHIPPING", money, included=included) for line in shipping]
    if plan.tip:
        nothing = money.bag(_ZERO)
        sales.append(
            _sale(
                "TIP",
                None,
                None,
                money,
                totalAmount=money.bag(plan.tip),
                totalDiscountAmountAfterTaxes=nothing,
                totalDiscountAmountBeforeTaxes=nothing,
                taxes=[],
            )
        )
    return sales


def _agree(order: dict[str, Any], reason: str, at: datetime, sales: list[dict[str, Any]]) -> None:
    number = f"{order['legacyResourceId']}{len(order['agreements']):03}"
    for index, sale in enumerate(sales):
        sale["id"] = f"gid://shopify/Sale/{number}{index:03}"
    order["agreements"].append(
        {
            "__typename": "OrderAgreement",
            "id": f"gid://shopify/SalesAgreement/{number}",
            "reason": reason,
            "happenedAt": instant(at),
            "sales": sales,
        }
    )


def _total(order: dict[str, Any], money: _Money) -> None:
    """Work out the order's sums: what was sold (added units included) and what is left of it."""
    sales = [sale for each in order["agreements"] for sale in each["sales"]]
    positive = [sale for sale in sales if (sale["quantity"] or 0) >= 0]
    order["totalPriceSet"] = _add([sale["totalAmount"] for sale in positive], money)
    order["currentTotalPriceSet"] = _add([sale["totalAmount"] for sale in sales], money)
    taxes = [tax["amount"] for sale in positive for tax in sale["taxes"]]
    order["totalTaxSet"] = _add(taxes, money)
    discounts = [sale["totalDiscountAmountAfterTaxes"] for sale in positive]
    order["totalDiscountsSet"] = _add(discounts, money)
    products = [sale for sale in positive if sale["lineType"] in ("PRODUCT", "GIFT_CARD")]
    nets = [sale["totalAmount"] for sale in products]
    if not order["taxesIncluded"]:
        nets += [
            _scaled(tax["amount"], Decimal(-1), money) for sale in products for tax in sale["taxes"]
        ]
    order["subtotalPriceSet"] = _add(nets, money)
    order["totalShippingPriceSet"] = _add(
        [line["originalPriceSet"] for line in order["shippingLines"]], money
    )
    order["totalTipReceivedSet"] = money.bag(Decimal(order["_tip"]))


def _transactions(plan: OrderPlan, money: _Money, order: Mapping[str, Any]) -> list[dict[str, Any]]:
    def transaction(index: int, gateway: str, bag: dict[str, Any], status: str) -> dict[str, Any]:
        return {
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
    rest = _add([order["totalPriceSet"]], money)
    found: list[dict[str, Any]] = []
    if plan.gift_card_used:
        used = money.bag(plan.gift_card_used)
        found.append(transaction(1, "gift_card", used, "SUCCESS"))
        rest = _add([rest, _scaled(used, Decimal(-1), money)], money)
    gateway = "shopify_payments" if plan.paid else "bank transfer"
    return [*found, transaction(0, gateway, rest, status)]


# ---------------------------------------------------------------- what happens later


def _money_of(order: Mapping[str, Any]) -> _Money:
    plan = OrderPlan(
        number=0,
        at=datetime.now(UTC),
        lines=(),
        currency=order["currencyCode"],
        presentment=order["presentmentCurrencyCode"],
    )
    return _Money(plan)


def _take_back(
    order: dict[str, Any], line: dict[str, Any], units: int, reason: str, at: datetime
) -> None:
    money = _money_of(order)
    part = Decimal(-units) / Decimal(line["quantity"])
    kind = "GIFT_CARD" if line["isGiftCard"] else "PRODUCT"
    sale = _sale_of(line, part, -units, kind, money, included=order["taxesIncluded"])
    line["currentQuantity"] -= units
    _agree(order, reason, at, [sale])
    _total(order, money)


def edit_line(order: dict[str, Any], index: int, units: int, at: datetime) -> None:
    """Remove `units` of a line by an order edit. Raises ValueError if there are not as many."""
    line = order["lineItems"][index]
    if not 0 < units <= line["currentQuantity"]:
        raise ValueError(f"line {index} has {line['currentQuantity']} units, not {units}")
    order["edited"] = True
    _take_back(order, line, units, "ORDER_EDIT", at)


def refund(order: dict[str, Any], index: int, units: int, at: datetime) -> None:
    """Refund `units` of a line: the quantity falls as by an edit, but for another reason."""
    line = order["lineItems"][index]
    if not 0 < units <= line["currentQuantity"]:
        raise ValueError(f"line {index} has {line['currentQuantity']} units, not {units}")
    _take_back(order, line, units, "REFUND", at)
    is_all = all(each["currentQuantity"] == 0 for each in order["lineItems"])
    order["displayFinancialStatus"] = "REFUNDED" if is_all else "PARTIALLY_REFUNDED"

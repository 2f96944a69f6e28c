"""An order's books: sales agreements, the totals that follow from them, edits.

Lines keep their quantity, `currentQuantity` falls, and each act is an agreement of its own.
Must not: decide what is sold; `builder` does.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from knect_connectors.shopify.simulator.money import ZERO, Bags

__all__ = [
    "agree",
    "bags_of",
    "edit_line",
    "instant",
    "sale_of",
    "set_totals",
    "tip_sale",
]


def instant(at: datetime) -> str:
    """Return an instant the way Shopify writes it: UTC, whole seconds."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _sale(
    kind: str, line: Mapping[str, Any] | None, quantity: int | None, money: Bags, **amounts: Any
) -> dict[str, Any]:
    names = {"PRODUCT": "ProductSale", "GIFT_CARD": "GiftCardSale", "TIP": "TipSale"}
    sale: dict[str, Any] = {
        "__typename": names.get(kind, "ShippingLineSale"),
        "actionType": "ORDER",
        "lineType": kind,
        "quantity": quantity,
        "totalTaxAmount": money.sum([tax["amount"] for tax in amounts["taxes"]]),
        **amounts,
    }
    if kind in ("PRODUCT", "GIFT_CARD"):
        sale["lineItem"] = line
    elif kind == "SHIPPING":
        sale["shippingLine"] = line
    return sale


def sale_of(
    line: Mapping[str, Any], part: Decimal, quantity: int | None, kind: str, money: Bags,
    *, included: bool,
) -> dict[str, Any]:  # fmt: skip
    """Return the sale of `part` of a line (1: all of it, negative: taken back)."""
    price_name = "originalUnitPriceSet" if "originalUnitPriceSet" in line else "originalPriceSet"
    units = Decimal(line.get("quantity", 1))
    gross = money.part(line[price_name], units * part)
    discount = money.part(
        money.sum([one["allocatedAmountSet"] for one in line["discountAllocations"]]), part
    )
    taxes = [
        {
            "id": f"{line['id']}/tax/{index}",
            "amount": money.part(tax["priceSet"], part),
            "taxLine": tax,
        }
        for index, tax in enumerate(line["taxLines"])
    ]
    minus = money.part(discount, Decimal(-1))
    parts = [gross, minus] + ([] if included else [tax["amount"] for tax in taxes])
    return _sale(
        kind,
        line,
        quantity,
        money,
        totalAmount=money.sum(parts),
        totalDiscountAmountAfterTaxes=discount,
        totalDiscountAmountBeforeTaxes=discount,
        taxes=taxes,
    )


def tip_sale(tip: Decimal, money: Bags) -> dict[str, Any]:
    """Return the sale of a tip."""
    nothing = money.of(ZERO)
    return _sale(
        "TIP",
        None,
        None,
        money,
        totalAmount=money.of(tip),
        totalDiscountAmountAfterTaxes=nothing,
        totalDiscountAmountBeforeTaxes=nothing,
        taxes=[],
    )


def agree(order: dict[str, Any], reason: str, at: datetime, sales: list[dict[str, Any]]) -> None:
    """Add an agreement of these sales to the order's books."""
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


def set_totals(order: dict[str, Any], money: Bags) -> None:
    """Work out the order's sums: what was sold (added units included) and what is left of it."""
    sales = [sale for each in order["agreements"] for sale in each["sales"]]
    positive = [sale for sale in sales if (sale["quantity"] or 0) >= 0]
    order["totalPriceSet"] = money.sum([sale["totalAmount"] for sale in positive])
    order["currentTotalPriceSet"] = money.sum([sale["totalAmount"] for sale in sales])
    taxes = [tax["amount"] for sale in positive for tax in sale["taxes"]]
    order["totalTaxSet"] = money.sum(taxes)
    discounts = [sale["totalDiscountAmountAfterTaxes"] for sale in positive]
    order["totalDiscountsSet"] = money.sum(discounts)
    products = [sale for sale in positive if sale["lineType"] in ("PRODUCT", "GIFT_CARD")]
    nets = [sale["totalAmount"] for sale in products]
    if not order["taxesIncluded"]:
        nets += [
            money.part(tax["amount"], Decimal(-1)) for sale in products for tax in sale["taxes"]
        ]
    order["subtotalPriceSet"] = money.sum(nets)
    order["totalShippingPriceSet"] = money.sum(
        [line["originalPriceSet"] for line in order["shippingLines"]]
    )
    order["totalTipReceivedSet"] = money.of(Decimal(order["_tip"]))


def bags_of(order: Mapping[str, Any]) -> Bags:
    """Return the money of an order."""
    return Bags(order["currencyCode"], order["presentmentCurrencyCode"])


def edit_line(order: dict[str, Any], index: int, units: int, at: datetime) -> None:
    """Remove `units` of a line by an order edit. Raises ValueError if there are not as many."""
    line = order["lineItems"][index]
    if not 0 < units <= line["currentQuantity"]:
        raise ValueError(f"line {index} has {line['currentQuantity']} units, not {units}")
    order["edited"] = True
    money = bags_of(order)
    part = Decimal(-units) / Decimal(line["quantity"])
    kind = "GIFT_CARD" if line["isGiftCard"] else "PRODUCT"
    sale = sale_of(line, part, -units, kind, money, included=order["taxesIncluded"])
    line["currentQuantity"] -= units
    agree(order, "ORDER_EDIT", at, [sale])
    set_totals(order, money)

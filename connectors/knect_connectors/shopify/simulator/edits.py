"""Order edits by the simulated merchant: units or lines less, lines more.

Must not: be a refund; the books name each act by its own reason.
"""

from datetime import datetime
from decimal import Decimal
from typing import Any

from knect_connectors.shopify.simulator.books import (
    agree,
    bags_of,
    edit_line,
    sale_of,
    set_totals,
)
from knect_connectors.shopify.simulator.parcels import release_units, set_status, waiting_order

__all__ = ["add_line", "remove_units"]


def remove_units(order: dict[str, Any], index: int, units: int, at: datetime) -> None:
    """Take units of a line out of the order. Raises ValueError if there are not as many."""
    edit_line(order, index, units, at)
    release_units(order, order["lineItems"][index], units)
    set_status(order)


def add_line(
    order: dict[str, Any], *, sku: str, title: str, units: int, price: Decimal, at: datetime
) -> None:
    """Add a line, taxed as the first one is."""
    money = bags_of(order)
    first = order["lineItems"][0]
    number = int(order["legacyResourceId"]) * 1_000 + len(order["lineItems"])
    bag = money.of(price)
    taxes = [
        {**tax, "priceSet": money.of(_tax(order, price * units, Decimal(str(tax["rate"]))))}
        for tax in first["taxLines"]
    ]
    line = {
        **first,
        "id": f"gid://shopify/LineItem/{number}",
        "sku": sku,
        "title": title,
        "name": title,
        "quantity": units,
        "currentQuantity": units,
        "originalUnitPriceSet": bag,
        "taxLines": taxes,
        "discountAllocations": [],
        "isGiftCard": False,
        "requiresShipping": True,
        "variant": {"id": f"gid://shopify/ProductVariant/{number}", "sku": sku},
        "product": {"id": f"gid://shopify/Product/{number}"},
    }
    order["lineItems"].append(line)
    included = order["taxesIncluded"]
    sale = sale_of(line, Decimal(1), units, "PRODUCT", money, included=included)
    order["edited"] = True
    agree(order, "ORDER_EDIT", at, [sale])
    set_totals(order, money)
    waiting = waiting_order(order, {len(order["lineItems"]) - 1: units})
    order["fulfillmentOrders"].append(waiting)
    set_status(order)


def _tax(order: dict[str, Any], amount: Decimal, rate: Decimal) -> Decimal:
    return amount - amount / (1 + rate) if order["taxesIncluded"] else amount * rate

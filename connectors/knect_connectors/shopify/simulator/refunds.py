"""Money that goes back in the simulated shop: refunds by line, of shipping, of an amount only.

Must not: touch what was sold; a refund is a record of its own beside the order's books.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from msgspec import Struct

from knect_connectors.shopify.simulator.books import agree, bags_of, instant, sale_of, set_totals
from knect_connectors.shopify.simulator.money import ZERO
from knect_connectors.shopify.simulator.parcels import release_units, set_status

__all__ = ["Back", "give_back", "settle"]


class Back(Struct, frozen=True, kw_only=True):
    """Units of a line that go back. `restock` is RETURN, CANCEL or NO_RESTOCK."""

    line: int
    units: int
    restock: str = "RETURN"


def give_back(
    order: dict[str, Any],
    at: datetime,
    *,
    lines: Sequence[Back] = (),
    shipping: Decimal = ZERO,
    amount: Decimal = ZERO,
    pending: bool = False,
    note: str | None = None,
) -> dict[str, Any]:
    """Refund; `shipping` and `amount` in shop money with their tax. Returns the refund."""
    money = bags_of(order)
    sales, items = [], []
    number = int(order["legacyResourceId"]) * 100 + len(order["refunds"])
    for index, back in enumerate(lines):
        line = order["lineItems"][back.line]
        if not 0 < back.units <= line["currentQuantity"]:
            raise ValueError(f"line {back.line} has {line['currentQuantity']}, not {back.units}")
        part = Decimal(-back.units) / Decimal(line["quantity"])
        kind = "GIFT_CARD" if line["isGiftCard"] else "PRODUCT"
        sale = sale_of(line, part, -back.units, kind, money, included=order["taxesIncluded"])
        sales.append(sale)
        line["currentQuantity"] -= back.units
        if back.restock == "CANCEL":
            release_units(order, line, back.units)
        minus = Decimal(-1)
        tax = money.part(sale["totalTaxAmount"], minus)
        total = money.part(sale["totalAmount"], minus)
        net = total if order["taxesIncluded"] else money.sum([total, money.part(tax, minus)])
        items.append(
            {
                "id": f"gid://shopify/RefundLineItem/{number * 100 + index}",
                "lineItem": line,
                "quantity": back.units,
                "restockType": back.restock,
                "restocked": back.restock != "NO_RESTOCK",
                "subtotalSet": net,
                "totalTaxSet": tax,
                "_total": total,
            }
        )
    agree(order, "REFUND", at, sales)
    set_totals(order, money)
    set_status(order)
    total = money.sum([*(item.pop("_total") for item in items), money.of(shipping + amount)])
    transaction = _transaction(order, total, at, number, pending=pending)
    refund = {
        "__typename": "Refund",
        "id": f"gid://shopify/Refund/{number}",
        "legacyResourceId": str(number),
        "createdAt": instant(at),
        "processedAt": instant(at),
        "updatedAt": instant(at),
        "note": note,
        "totalRefundedSet": total,
        "refundLineItems": items,
        "refundShippingLines": _shipping(order, shipping, number) if shipping else [],
        "orderAdjustments": _adjustments(order, amount, number) if amount else [],
        "transactions": [transaction],
    }
    order["refunds"].append(refund)
    order["transactions"].append(transaction)
    is_all = all(each["currentQuantity"] == 0 for each in order["lineItems"])
    order["displayFinancialStatus"] = "REFUNDED" if is_all else "PARTIALLY_REFUNDED"
    return refund


def settle(refund: dict[str, Any], at: datetime) -> None:
    """Let the money of a pending refund arrive."""
    refund["updatedAt"] = instant(at)
    for transaction in refund["transactions"]:
        transaction.update(status="SUCCESS", processedAt=instant(at))


def _shipping(order: Mapping[str, Any], gross: Decimal, number: int) -> list[dict[str, Any]]:
    money = bags_of(order)
    line = order["shippingLines"][0]
    rate = Decimal(str(line["taxLines"][0]["rate"])) if line["taxLines"] else ZERO
    tax = money.of(gross - gross / (1 + rate))
    net = money.sum([money.of(gross), money.part(tax, Decimal(-1))])
    return [
        {
            "id": f"gid://shopify/RefundShippingLine/{number}",
            "shippingLine": line,
            "subtotalAmountSet": money.of(gross) if order["taxesIncluded"] else net,
            "taxAmountSet": tax,
        }
    ]


def _adjustments(order: Mapping[str, Any], amount: Decimal, number: int) -> list[dict[str, Any]]:
    money = bags_of(order)
    return [
        {
            "id": f"gid://shopify/OrderAdjustment/{number}",
            "reason": "REFUND_DISCREPANCY",
            "amountSet": money.of(-amount),
            "taxAmountSet": money.of(ZERO),
        }
    ]


def _transaction(
    order: Mapping[str, Any], total: dict[str, Any], at: datetime, number: int, *, pending: bool
) -> dict[str, Any]:
    paid = next((one for one in order["transactions"] if one["kind"] == "SALE"), None)
    return {
        "__typename": "OrderTransaction",
        "id": f"gid://shopify/OrderTransaction/{number + 10_000_000_000}",
        "kind": "REFUND",
        "status": "PENDING" if pending else "SUCCESS",
        "gateway": paid["gateway"] if paid else "manual",
        "paymentId": f"r{number}",
        "test": False,
        "processedAt": None if pending else instant(at),
        "createdAt": instant(at),
        "amountSet": total,
        "amountRoundingSet": None,
        "parentTransaction": {"id": paid["id"]} if paid else None,
    }

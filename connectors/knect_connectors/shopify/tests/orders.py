"""Short words for orders in tests."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from knect_connectors.shopify.simulator import Line, OrderPlan, build_order


def a_line(sku: str = "KN-1", price: str = "10.00", quantity: int = 1, **more: Any) -> Line:
    if "discount" in more:
        more["discount"] = Decimal(more["discount"])
    return Line(sku=sku, title=f"Item {sku}", quantity=quantity, price=Decimal(price), **more)


def an_order(
    at: datetime, number: int = 1_001, lines: list[Line] | None = None, **more: Any
) -> dict[str, Any]:
    for name in ("shipping", "shipping_discount", "tax", "tip", "gift_card_used", "rate"):
        if isinstance(more.get(name), str):
            more[name] = Decimal(more[name])
    return build_order(OrderPlan(number=number, at=at, lines=lines or [a_line()], **more))

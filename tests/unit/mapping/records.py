"""The order the expression tests read."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

ORDER: dict[str, Any] = {
    "number": "1001",
    "currency": "EUR",
    "test": False,
    "note": None,
    "placed_at": datetime(2026, 1, 31, 23, 30, tzinfo=UTC),
    "zone": "Europe/Berlin",
    "totals": {"total": Decimal("119.00"), "tax": Decimal("19.00")},
    "payment_status": "paid",
    "customer": {"email": "Ann@Example.com", "name": "Ann"},
    "shipping_address": None,
    "tags": ["b2b", "vip"],
    "lines": [
        {"sku": "KN-1", "quantity": Decimal(2), "unit_price": Decimal("9.90"), "gift_card": False},
        {"sku": None, "quantity": Decimal(1), "unit_price": Decimal("80.20"), "gift_card": True},
        {"sku": "KN-3", "quantity": Decimal(3), "unit_price": Decimal("0.05"), "gift_card": False},
    ],
    "shipping_lines": [],
    "attributes": {"gift message": "hi"},
}
SCOPE: dict[str, Any] = {"order": ORDER, "raw": {"id": 7, "weird key": [1, {"a": "b"}]}}

"""A price: one SKU on one list in one currency, price and compare-at together.

Must not: round or convert; rounding is declared in a pipeline and idempotent.
"""

from datetime import datetime
from decimal import Decimal

from msgspec import Struct

__all__ = ["Price"]


class Price(Struct, frozen=True, kw_only=True, gc=False):
    """What one piece costs from a quantity on, while it is valid."""

    source_id: str
    sku: str
    currency: str
    amount: Decimal
    compare_at: Decimal | None = None
    price_list: str | None = None
    minimum_quantity: Decimal = Decimal(1)
    taxes_included: bool = False
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    updated_at: datetime | None = None

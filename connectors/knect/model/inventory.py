"""A stock level: one SKU at one location at one instant.

Must not: say what may be sold; that is a formula a pipeline declares.
"""

from datetime import datetime
from decimal import Decimal

from msgspec import Struct

__all__ = ["InventoryLevel"]


class InventoryLevel(Struct, frozen=True, kw_only=True, gc=False):
    """Quantities as the source states them; None where it does not speak of one."""

    source_id: str
    sku: str
    location: str
    on_hand: Decimal | None = None
    reserved: Decimal | None = None
    available: Decimal | None = None
    incoming: Decimal | None = None
    unit: str | None = None
    tracked: bool = True
    kind: str = "goods"  # goods service bundle
    as_of: datetime | None = None

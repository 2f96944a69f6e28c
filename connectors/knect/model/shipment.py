"""A shipment: what left one location, in which parcels.

Must not: match lines by SKU alone; the same SKU may stand on two lines.
"""

from datetime import datetime
from decimal import Decimal

from msgspec import Struct

__all__ = ["Shipment", "ShipmentLine", "Tracking"]


class Tracking(Struct, frozen=True, kw_only=True, gc=False):
    """One parcel's trace; a shipment may have several."""

    number: str
    carrier: str | None = None
    url: str | None = None


class ShipmentLine(Struct, frozen=True, kw_only=True, gc=False):
    """How much of which order line left. `line_id` is the line's id in the system that sold it,
    empty where the source does not know it.
    """

    line_id: str
    quantity: Decimal
    sku: str | None = None


class Shipment(Struct, frozen=True, kw_only=True, gc=False):
    """One departure. `order_number` is how people call the order, where the source knows it."""

    source_id: str
    order_id: str
    order_number: str | None = None
    location: str | None = None
    lines: tuple[ShipmentLine, ...] = ()
    trackings: tuple[Tracking, ...] = ()
    status: str = "shipped"  # pending shipped delivered cancelled
    shipped_at: datetime | None = None
    updated_at: datetime | None = None
    notify_customer: bool = False

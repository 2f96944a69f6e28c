"""A product and its variants.

Must not: imply that a variant missing from a list is gone; only a tombstone says so.
"""

from datetime import datetime
from decimal import Decimal

from msgspec import Struct, field

__all__ = ["Image", "Product", "Variant"]


class Image(Struct, frozen=True, kw_only=True, gc=False):
    """A picture: `url` is where its bytes are, `hash` (SHA-256, hex) is what they are."""

    url: str
    hash: str
    alt: str = ""


class Variant(Struct, frozen=True, kw_only=True, gc=False):
    """One sellable thing with its own SKU."""

    source_id: str
    sku: str | None = None
    barcode: str | None = None
    title: str = ""
    options: dict[str, str] = field(default_factory=dict)
    price: Decimal | None = None
    compare_at_price: Decimal | None = None
    currency: str | None = None
    weight_grams: Decimal | None = None
    tracked: bool = True
    requires_shipping: bool = True


class Product(Struct, frozen=True, kw_only=True, gc=False):
    """A product as one system knows it."""

    source_id: str
    title: str
    status: str = "active"  # active draft archived
    kind: str = "goods"  # goods service bundle gift_card
    vendor: str | None = None
    description: str | None = None
    option_names: tuple[str, ...] = ()
    variants: tuple[Variant, ...] = ()
    images: tuple[Image, ...] = ()
    tags: tuple[str, ...] = ()
    updated_at: datetime | None = None
    attributes: dict[str, str] = field(default_factory=dict)

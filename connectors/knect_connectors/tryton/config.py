"""What a Connection to Tryton is configured with; `manifest.yaml` has the same as JSON schema.

Must not: hold the password; it is a secret of the context.
"""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field

from knect.sdk.config import typed, zone

__all__ = ["Config", "ServiceProducts", "Stock", "read_config"]


class ServiceProducts(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Codes of the products that stand for what an order contains besides goods."""

    shipping: str = "SHIPPING"
    tip: str = "TIP"
    rounding: str = "ROUNDING"
    fee: str = "FEE"
    giftCard: str = "GIFTCARD"  # noqa: N815 - as in the document
    discount: str = "DISCOUNT"
    refund: str = "REFUND"


class Stock(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which stock is read: codes (or names) of warehouses, and how far ahead moves count."""

    warehouses: tuple[str, ...] = ()
    horizonDays: int | None = None  # noqa: N815 - as in the document
    readAllDaily: bool = False  # noqa: N815 - as in the document


class Config(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """See the manifest for the meaning of each."""

    url: str
    database: str
    webShop: str  # noqa: N815 - as in the document
    company: str | None = None
    certificateAuthority: str = ""  # noqa: N815 - as in the document
    products: ServiceProducts = ServiceProducts()
    taxes: dict[str, str] = field(default_factory=dict)
    paymentJournal: str = "Web shop"  # noqa: N815 - as in the document
    parallelWrites: int = 1  # noqa: N815 - as in the document
    postalCodeLength: int = 12  # noqa: N815 - as in the document
    timeZone: str | None = None  # noqa: N815 - as in the document
    stock: Stock = Stock()
    priceLists: tuple[str, ...] = ()  # noqa: N815 - as in the document


def read_config(values: Mapping[str, Any]) -> Config:
    """Return the configuration. Raises Fatal with the field's name."""
    config = typed(values, Config)
    if config.timeZone is not None:
        zone(config.timeZone, "config.timeZone")
    return config

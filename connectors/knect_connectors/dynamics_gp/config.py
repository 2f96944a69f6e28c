"""What a Connection to GP is configured with; `manifest.yaml` has the same as JSON schema.

Must not: hold the password; it is a secret of the context.
"""

from collections.abc import Mapping
from enum import IntEnum
from typing import Any

from msgspec import Struct, field

from knect.sdk.config import odd, typed, zone

__all__ = ["Config", "Customers", "Documents", "Items", "Shortage", "read_config"]


class Shortage(IntEnum):
    """eConnect's QtyShrtOpt: what becomes of a line there is not enough of."""

    Override = 2
    BackOrderAll = 3
    BackOrderBalance = 4


class Documents(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Document ids (SOP40200) and the template of batch ids; `{date}` is the document's date."""

    order: str = "WEB"
    returns: str = "WEBRTN"
    batch: str = "WEB{date}"


class Customers(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How customers are made: beginning of their number, class, code of their address."""

    prefix: str = "WEB"
    customerClass: str = ""  # noqa: N815 - as in the document
    addressCode: str = "MAIN"  # noqa: N815 - as in the document


class Items(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Items that stand for what an order contains besides goods."""

    giftCard: str = "GIFTCARD"  # noqa: N815 - as in the document
    refund: str = "REFUND"


class Config(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """See the manifest for the meaning of each."""

    host: str
    database: str
    site: str
    port: int = 1433
    encryption: str = "Verified"
    certificateAuthority: str = ""  # noqa: N815 - as in the document
    certificateName: str = ""  # noqa: N815 - as in the document
    connections: int = 4
    documents: Documents = Documents()
    customers: Customers = Customers()
    items: Items = Items()
    currencies: dict[str, str] = field(default_factory=dict)
    taxes: dict[str, str] = field(default_factory=dict)
    shippingMethods: dict[str, str] = field(default_factory=dict)  # noqa: N815 - as in the document
    shortage: str = "BackOrderBalance"
    characters: str = "Reject"
    checkHold: bool = True  # noqa: N815 - as in the document
    checkCreditLimit: bool = False  # noqa: N815 - as in the document
    sites: tuple[str, ...] = ()
    priceLevels: tuple[str, ...] = ()  # noqa: N815 - as in the document
    timeZone: str | None = None  # noqa: N815 - as in the document

    def currency_id(self, code: str) -> str:
        """Return GP's currency id for an ISO code; the code itself where none is configured."""
        return self.currencies.get(code, code)

    def currency_code(self, identifier: str) -> str:
        """Return the ISO code of GP's currency id."""
        known = {name: code for code, name in self.currencies.items()}
        return known.get(identifier, identifier)


def read_config(values: Mapping[str, Any]) -> Config:
    """Return the configuration. Raises Fatal with the field's name."""
    config = typed(values, Config)
    if config.timeZone is not None:
        zone(config.timeZone, "config.timeZone")
    batch = config.documents.batch.replace("{date}", "20000101")
    if not 0 < len(batch) <= 15 or "{" in batch:
        raise odd(
            "config.documents.batch",
            config.documents.batch,
            "must be 1 to 15 characters, of which {date} stands for 8, with nothing else in braces",
        )
    return config

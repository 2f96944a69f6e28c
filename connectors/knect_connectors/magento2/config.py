"""What a Connection to Magento 2 is configured with.

The JSON schema in `manifest.yaml` checks the same before anything runs; this is its typed form.
Must not: hold secrets; those are read through the live view of the context.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct

from knect.sdk.config import odd, zone

__all__ = ["ALL", "AuthMode", "Config", "Stock", "StoreView", "read_config"]

#: The scope of the values that all store views share, in addresses and as a price list.
ALL = "all"

_SIDES = {"base": "base_", "order": ""}
_BATCH = 20
_PAGE = 100


class AuthMode(StrEnum):
    """How requests prove who sends them."""

    OAUTH = "OAuth"  # signed with the four secrets of an integration
    BEARER = "Bearer"  # the access token of an integration, where the shop lets it in
    ADMIN = "Admin"  # a token that is fetched with an admin's name and password


class Stock(StrEnum):
    """Where the shop keeps its stock."""

    SOURCES = "Sources"  # per source: the inventory modules Magento comes with
    STOCK_ITEM = "StockItem"  # one number per product: those modules were taken out


class StoreView(Struct, frozen=True, kw_only=True):
    """A store view whose prices are read or written, and the currency they are in."""

    code: str
    currency: str


class Config(Struct, frozen=True, kw_only=True):
    """`url` has no trailing slash; `side` is the prefix of the amounts that are read."""

    url: str
    path: str
    auth: AuthMode
    stock: Stock
    side: str
    zone: ZoneInfo
    batch: int
    page: int
    restocks: bool
    stores: tuple[StoreView, ...]
    fees: tuple[str, ...] = ()
    authority: str = ""

    def store(self, code: str) -> StoreView | None:
        """Return a declared store view."""
        return next((one for one in self.stores if one.code == code), None)


def read_config(config: Mapping[str, Any]) -> Config:
    """Return the typed config. Raises Fatal with path, value and what is expected."""
    url = str(config.get("url", "")).rstrip("/")
    if not url.startswith(("https://", "http://")):
        raise odd("config.url", url, "must be the shop's base URL, https://shop.example")
    return Config(
        url=url,
        path="/" + str(config.get("path", "/rest")).strip("/"),
        auth=AuthMode(_one_of(config, "auth", list(AuthMode))),
        stock=Stock(_one_of(config, "inventory", list(Stock))),
        side=_SIDES[_one_of(config, "amounts", list(_SIDES))],
        zone=zone(str(config.get("timezone", "UTC")), "config.timezone"),
        batch=max(1, int(config.get("batchSize", _BATCH))),
        page=max(1, int(config.get("pageSize", _PAGE))),
        restocks=config.get("restock", "Never") == "Always",
        authority=str(config.get("certificateAuthority", "")),
        fees=tuple(str(one) for one in config.get("fees") or ()),
        stores=tuple(
            StoreView(code=str(one["code"]), currency=str(one["currency"]))
            for one in config.get("stores") or ()
        ),
    )


def _one_of(config: Mapping[str, Any], name: str, known: list[Any]) -> str:
    """Return a choice, by default the first one."""
    value = str(config.get(name, known[0]))
    if value not in known:
        raise odd(f"config.{name}", value, f"must be {' or '.join(known)}")
    return value

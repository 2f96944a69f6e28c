"""What a Connection to Magento 1 is configured with.

The JSON schema in `manifest.yaml` checks the same before anything runs; this is its typed form.
Must not: hold secrets; those are read through the live view of the context.
"""

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct

from knect.sdk.config import odd, zone

__all__ = ["Config", "StoreView", "read_config"]

_SIDES = {"base": "base_", "order": ""}
_BATCH = 25


class StoreView(Struct, frozen=True, kw_only=True):
    """A store view whose prices are read or written, and the currency they are in."""

    code: str
    currency: str
    website: str | None = None


class Config(Struct, frozen=True, kw_only=True):
    """`url` has no trailing slash; `side` is the prefix of the amounts that are read."""

    url: str
    path: str
    side: str
    zone: ZoneInfo
    batch: int
    restocks: bool
    recheck_days: int
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
    amounts = str(config.get("amounts", "base"))
    if amounts not in _SIDES:
        raise odd("config.amounts", amounts, "must be base or order")
    return Config(
        url=url,
        path="/" + str(config.get("path", "/api/xmlrpc")).lstrip("/"),
        side=_SIDES[amounts],
        zone=zone(str(config.get("timezone", "UTC")), "config.timezone"),
        batch=max(1, int(config.get("batchSize", _BATCH))),
        recheck_days=max(0, int(config.get("recheckDays", 0))),
        restocks=config.get("restock", "Never") == "Always",
        authority=str(config.get("certificateAuthority", "")),
        fees=tuple(str(one) for one in config.get("fees") or ()),
        stores=tuple(
            StoreView(
                code=str(one["code"]), currency=str(one["currency"]), website=one.get("website")
            )
            for one in config.get("stores") or ()
        ),
    )

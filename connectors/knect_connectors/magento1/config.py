"""What a Connection to Magento 1 is configured with.

The JSON schema in `manifest.yaml` checks the same before anything runs; this is its typed form.
Must not: hold secrets; those are read through the live view of the context.
"""

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec import Struct

from knect.sdk.errors import Fatal

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

    def store(self, code: str) -> StoreView | None:
        """Return a declared store view."""
        return next((one for one in self.stores if one.code == code), None)


def read_config(config: Mapping[str, Any]) -> Config:
    """Return the typed config. Raises Fatal with path, value and what is expected."""
    url = str(config.get("url", "")).rstrip("/")
    if not url.startswith(("https://", "http://")):
        raise Fatal(
            f"config.url is {url!r}; it must be the shop's base URL, https://shop.example",
            path="config.url",
            value=url,
        )
    amounts = str(config.get("amounts", "base"))
    if amounts not in _SIDES:
        raise Fatal(
            f"config.amounts is {amounts!r}; it must be base or order",
            path="config.amounts",
            value=amounts,
        )
    name = str(config.get("timezone", "UTC"))
    try:
        zone = ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise Fatal(
            f"config.timezone is {name!r}; it must be a name such as Europe/Berlin",
            path="config.timezone",
            value=name,
        ) from None
    return Config(
        url=url,
        path="/" + str(config.get("path", "/api/xmlrpc")).lstrip("/"),
        side=_SIDES[amounts],
        zone=zone,
        batch=max(1, int(config.get("batchSize", _BATCH))),
        recheck_days=max(0, int(config.get("recheckDays", 0))),
        restocks=config.get("restock", "Never") == "Always",
        fees=tuple(str(one) for one in config.get("fees") or ()),
        stores=tuple(
            StoreView(
                code=str(one["code"]), currency=str(one["currency"]), website=one.get("website")
            )
            for one in config.get("stores") or ()
        ),
    )

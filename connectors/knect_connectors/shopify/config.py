"""What a Connection to Shopify is configured with.

The JSON schema in `manifest.yaml` checks the same before anything runs; this is its typed form.
Must not: hold secrets; those are read through the live view of the context.
"""

import re
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from knect.sdk.config import odd

__all__ = ["Config", "MoneySide", "read_config"]

MoneySide = str
_SHOP = re.compile(r"^[a-z0-9][a-z0-9-]*\.myshopify\.com$")
_VERSION = re.compile(r"^(20\d\d-(01|04|07|10)|unstable)$")
_SIDES = {"shop": "shopMoney", "presentment": "presentmentMoney"}


class Config(Struct, frozen=True, kw_only=True):
    """`base_url` has no trailing slash; `money` is the side of money bags that is read."""

    shop: str
    api_version: str
    base_url: str
    money: MoneySide


def read_config(config: Mapping[str, Any]) -> Config:
    """Return the typed config. Raises Fatal with path, value and what is expected."""
    shop = str(config.get("shop", ""))
    if not _SHOP.match(shop):
        raise odd("config.shop", shop, "must be the shop's own domain, NAME.myshopify.com")
    version = str(config.get("apiVersion", ""))
    if not _VERSION.match(version):
        raise odd("config.apiVersion", version, "must be a quarterly version such as 2026-04")
    side = str(config.get("currency", "shop"))
    if side not in _SIDES:
        raise odd("config.currency", side, "must be shop or presentment")
    base = str(config.get("baseUrl") or f"https://{shop}").rstrip("/")
    return Config(shop=shop, api_version=version, base_url=base, money=_SIDES[side])

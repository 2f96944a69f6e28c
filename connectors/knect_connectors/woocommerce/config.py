"""What a Connection to WooCommerce is configured with.

The JSON schema in `manifest.yaml` checks the same before anything runs; this is its typed form.
Must not: hold secrets; those are read through the live view of the context.
"""

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct

from knect.sdk.config import odd, zone

__all__ = ["Config", "read_config"]

_AUTH = ("Header", "Query")


class Config(Struct, frozen=True, kw_only=True):
    """`url` has no trailing slash; `in_query`: the key goes with the address, not in a header."""

    url: str
    path: str
    in_query: bool
    zone: ZoneInfo
    restocks: bool
    weight_unit: str
    authority: str = ""


def read_config(config: Mapping[str, Any]) -> Config:
    """Return the typed config. Raises Fatal with path, value and what is expected."""
    url = str(config.get("url", "")).rstrip("/")
    if not url.startswith(("https://", "http://")):
        raise odd("config.url", url, "must be the site's address, https://shop.example")
    auth = str(config.get("auth", "Header"))
    if auth not in _AUTH:
        raise odd("config.auth", auth, "must be Header or Query")
    return Config(
        url=url,
        path="/" + str(config.get("path", "/wp-json/wc/v3")).strip("/"),
        in_query=auth == "Query",
        zone=zone(str(config.get("timezone", "UTC")), "config.timezone"),
        restocks=config.get("restock", "Never") == "Always",
        weight_unit=str(config.get("weightUnit", "kg")),
        authority=str(config.get("certificateAuthority", "")),
    )

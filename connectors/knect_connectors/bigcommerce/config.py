"""What a Connection to BigCommerce is configured with.

The JSON schema in `manifest.yaml` checks the same before anything runs; this is its typed form.
Must not: hold secrets; those are read through the live view of the context.
"""

import re
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from knect.sdk.config import odd

__all__ = ["Config", "read_config"]

_HASH = re.compile(r"^[a-z0-9]{1,32}$")
_HOST = "https://api.bigcommerce.com"


class Config(Struct, frozen=True, kw_only=True):
    """`url` has no trailing slash; `tax_details`: taxes are asked for by name and rate.

    `restocks`: what is refunded went back on the shelf.
    """

    url: str
    store: str
    tax_details: bool
    restocks: bool


def read_config(config: Mapping[str, Any]) -> Config:
    """Return the typed config. Raises Fatal with path, value and what is expected."""
    store = str(config.get("storeHash", ""))
    if not _HASH.match(store):
        raise odd(
            "config.storeHash",
            store,
            "must be the store's hash, as in store-HASH.mybigcommerce.com",
        )
    url = str(config.get("url") or _HOST).rstrip("/")
    if not url.startswith(("https://", "http://")):
        raise odd("config.url", url, f"must be where the API is: {_HOST}")
    return Config(
        url=url,
        store=store,
        tax_details=bool(config.get("taxDetails", True)),
        restocks=config.get("restock", "Never") == "Always",
    )

"""What a shop's prices are in, and whether tax is in them.

Must not: be remembered; both are settings that people change.
"""

from msgspec import Struct

from knect.sdk.errors import UnexpectedAnswer
from knect_connectors.woocommerce.client import WooClient

__all__ = ["ShopPrices", "shop_prices"]

_CURRENCY = "/data/currencies/current"
_TAXES = "/settings/tax/woocommerce_prices_include_tax"


class ShopPrices(Struct, frozen=True, kw_only=True):
    """The one currency a shop sells in, and how its prices are entered."""

    currency: str
    included: bool


async def shop_prices(client: WooClient) -> ShopPrices:
    """Return what the shop says of its prices now."""
    currency = await client.get(_CURRENCY, template=_CURRENCY)
    taxes = await client.get(_TAXES, template=_TAXES)
    code, entered = (currency or {}).get("code"), (taxes or {}).get("value")
    if not code or entered not in ("yes", "no"):
        raise UnexpectedAnswer("the shop does not say what its prices are in")
    return ShopPrices(currency=str(code), included=entered == "yes")

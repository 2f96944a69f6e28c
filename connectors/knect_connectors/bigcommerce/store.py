"""What the store says of itself: its name, zone, currency, and the unit of its weights.

Must not: be asked for each record; it is asked once for as long as the process lives.
"""

from decimal import Decimal
from typing import Any

from knect.sdk.errors import UnexpectedAnswer
from knect_connectors.bigcommerce.client import BigCommerceClient

__all__ = ["GRAMS", "StoreInfo"]

#: One of the store's units of weight in grams, exactly.
GRAMS = {
    "grams": Decimal(1),
    "kgs": Decimal(1000),
    "ounces": Decimal("28.349523125"),
    "pounds": Decimal("453.59237"),
    "lbs": Decimal("453.59237"),
    "tonnes": Decimal(1_000_000),
}


class StoreInfo:
    """Asks `/v2/store`, once unless `fresh`."""

    def __init__(self, client: BigCommerceClient) -> None:
        self._client = client
        self._told: dict[str, Any] | None = None

    async def told(self, *, fresh: bool = False) -> dict[str, Any]:
        """Return what the store says of itself."""
        if self._told is None or fresh:
            told = await self._client.read("/v2/store")
            if not isinstance(told, dict):
                raise UnexpectedAnswer("/v2/store was answered without a store")
            self._told = told
        return self._told

    async def zone(self) -> str:
        """Return the store's own zone, by its IANA name."""
        zone = (await self.told()).get("timezone")
        return str((zone.get("name") if isinstance(zone, dict) else None) or "UTC")

    async def currency(self) -> str:
        """Return the currency of the catalog."""
        return str((await self.told()).get("currency") or "")

    async def weight_unit(self) -> str:
        """Return the unit of the catalog's weights, in small letters."""
        return str((await self.told()).get("weight_units") or "").lower()

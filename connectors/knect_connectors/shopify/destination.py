"""Writing to Shopify: which entity is written by which module.

Must not: know an entity beyond its line in the table.
"""

from collections.abc import Mapping, Sequence

from knect.sdk.contract import Delivered
from knect.sdk.parts import Part, PartsDestination
from knect_connectors.shopify.cancels import ORDERS
from knect_connectors.shopify.client import ShopifyClient
from knect_connectors.shopify.customers import CUSTOMERS
from knect_connectors.shopify.inventory import INVENTORY
from knect_connectors.shopify.presence import find_present
from knect_connectors.shopify.prices import PRICES
from knect_connectors.shopify.products import PRODUCTS
from knect_connectors.shopify.shipments import SHIPMENTS

__all__ = ["PARTS", "ShopifyDestination"]

#: Entity -> how it is written.
PARTS: Mapping[str, Part[ShopifyClient]] = {
    "customers": CUSTOMERS,
    "inventory": INVENTORY,
    "orders": ORDERS,
    "prices": PRICES,
    "products": PRODUCTS,
    "shipments": SHIPMENTS,
}


class ShopifyDestination(PartsDestination[ShopifyClient]):
    """The writing side of a shop."""

    def __init__(self, client: ShopifyClient) -> None:
        super().__init__(client, PARTS, name="Shopify")

    async def present(self, documents: Sequence[Delivered]) -> Sequence[bool | None]:
        """Tell which documents are still there."""
        return await find_present(self._client, documents)

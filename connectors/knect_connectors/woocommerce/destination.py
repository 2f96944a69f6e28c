"""Writing to WooCommerce: which entity is written by which module.

Must not: know an entity beyond its line in the table.
"""

from collections.abc import Mapping, Sequence

from knect.sdk.contract import Delivered
from knect.sdk.parts import Part, PartsDestination
from knect_connectors.woocommerce.accounts import CUSTOMERS
from knect_connectors.woocommerce.catalog import PRODUCTS
from knect_connectors.woocommerce.client import WooClient
from knect_connectors.woocommerce.presence import find_present
from knect_connectors.woocommerce.pricing import PRICES
from knect_connectors.woocommerce.shipments import SHIPMENTS
from knect_connectors.woocommerce.states import ORDERS
from knect_connectors.woocommerce.stock import INVENTORY

__all__ = ["PARTS", "WooDestination"]

#: Entity -> how it is written.
PARTS: Mapping[str, Part[WooClient]] = {
    "customers": CUSTOMERS,
    "inventory": INVENTORY,
    "orders": ORDERS,
    "prices": PRICES,
    "products": PRODUCTS,
    "shipments": SHIPMENTS,
}


class WooDestination(PartsDestination[WooClient]):
    """The writing side of a shop."""

    def __init__(self, client: WooClient) -> None:
        super().__init__(client, PARTS, name="WooCommerce")

    async def present(self, documents: Sequence[Delivered]) -> Sequence[bool | None]:
        """Tell which documents are still there."""
        return await find_present(self._client, documents)

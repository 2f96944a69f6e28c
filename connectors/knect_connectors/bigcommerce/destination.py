"""Writing to BigCommerce: which entity is written by which module.

Must not: know an entity beyond its line in the table.
"""

from collections.abc import Mapping, Sequence

from knect.sdk.contract import Delivered
from knect.sdk.parts import Part, PartsDestination
from knect_connectors.bigcommerce.client import BigCommerceClient
from knect_connectors.bigcommerce.customers import CUSTOMERS
from knect_connectors.bigcommerce.inventory import INVENTORY
from knect_connectors.bigcommerce.presence import find_present
from knect_connectors.bigcommerce.prices import PRICES
from knect_connectors.bigcommerce.products import PRODUCTS
from knect_connectors.bigcommerce.shipments import SHIPMENTS
from knect_connectors.bigcommerce.states import ORDERS

__all__ = ["PARTS", "BigCommerceDestination"]

#: Entity -> how it is written.
PARTS: Mapping[str, Part[BigCommerceClient]] = {
    "customers": CUSTOMERS,
    "inventory": INVENTORY,
    "orders": ORDERS,
    "prices": PRICES,
    "products": PRODUCTS,
    "shipments": SHIPMENTS,
}


class BigCommerceDestination(PartsDestination[BigCommerceClient]):
    """The writing side of a store."""

    def __init__(self, client: BigCommerceClient) -> None:
        super().__init__(client, PARTS, name="BigCommerce")

    async def present(self, documents: Sequence[Delivered]) -> Sequence[bool | None]:
        """Tell which documents are still there."""
        return await find_present(self._client, documents)

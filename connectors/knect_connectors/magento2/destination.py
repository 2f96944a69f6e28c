"""Writing to Magento: which entity is written by which module.

Must not: know an entity beyond its line in the table.
"""

from collections.abc import Mapping, Sequence

from knect.sdk.contract import Delivered
from knect.sdk.parts import Part, PartsDestination
from knect_connectors.magento2.accounts import CUSTOMERS
from knect_connectors.magento2.catalog import PRODUCTS
from knect_connectors.magento2.client import MagentoClient
from knect_connectors.magento2.invoices import PAYMENTS
from knect_connectors.magento2.presence import find_present
from knect_connectors.magento2.pricing import PRICES
from knect_connectors.magento2.shipments import SHIPMENTS
from knect_connectors.magento2.states import ORDERS
from knect_connectors.magento2.stock import INVENTORY

__all__ = ["PARTS", "MagentoDestination"]

#: Entity -> how it is written.
PARTS: Mapping[str, Part[MagentoClient]] = {
    "customers": CUSTOMERS,
    "inventory": INVENTORY,
    "orders": ORDERS,
    "payments": PAYMENTS,
    "prices": PRICES,
    "products": PRODUCTS,
    "shipments": SHIPMENTS,
}


class MagentoDestination(PartsDestination[MagentoClient]):
    """The writing side of a shop."""

    def __init__(self, client: MagentoClient) -> None:
        super().__init__(client, PARTS, name="Magento")

    async def present(self, documents: Sequence[Delivered]) -> Sequence[bool | None]:
        """Tell which documents are still there."""
        return await find_present(self._client, documents)

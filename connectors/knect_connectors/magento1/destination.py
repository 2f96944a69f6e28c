"""Writing to Magento: which entity is written by which module.

Must not: know an entity beyond its line in the table.
"""

from collections.abc import Mapping, Sequence

from knect.sdk.contract import Call, Found
from knect.sdk.parts import Part, PartsDestination
from knect_connectors.magento1.accounts import CUSTOMERS
from knect_connectors.magento1.catalog import PRODUCTS
from knect_connectors.magento1.client import MagentoClient
from knect_connectors.magento1.invoices import PAYMENTS
from knect_connectors.magento1.presence import find_present, is_audit
from knect_connectors.magento1.pricing import PRICES
from knect_connectors.magento1.shipments import SHIPMENTS
from knect_connectors.magento1.states import ORDERS
from knect_connectors.magento1.stock import INVENTORY

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
    """The writing side of a shop, which is asked for an audit what it has of everything at once."""

    def __init__(self, client: MagentoClient) -> None:
        super().__init__(client, PARTS, name="Magento")

    async def lookup(self, calls: Sequence[Call]) -> Sequence[Found | None]:
        """Find what the calls may have made (all of one write), or what is audited of it."""
        audited = [call for call in calls if is_audit(call)]
        there = iter(await find_present(self._client, audited) if audited else ())
        made = iter(await super().lookup([call for call in calls if not is_audit(call)]))
        return [next(there) if is_audit(call) else next(made) for call in calls]

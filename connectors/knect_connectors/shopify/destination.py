"""Writing to Shopify: which entity is written by which module.

Must not: know an entity beyond its line in the table.
"""

from collections.abc import Mapping

from knect.sdk.parts import Part, PartsDestination
from knect_connectors.shopify.cancels import ORDERS
from knect_connectors.shopify.client import ShopifyClient
from knect_connectors.shopify.customers import CUSTOMERS
from knect_connectors.shopify.inventory import INVENTORY
from knect_connectors.shopify.prices import PRICES
from knect_connectors.shopify.products import PRODUCTS
from knect_connectors.shopify.shipments import SHIPMENTS

__all__ = ["PARTS", "shopify_destination"]

#: Entity -> how it is written.
PARTS: Mapping[str, Part[ShopifyClient]] = {
    "customers": CUSTOMERS,
    "inventory": INVENTORY,
    "orders": ORDERS,
    "prices": PRICES,
    "products": PRODUCTS,
    "shipments": SHIPMENTS,
}


def shopify_destination(client: ShopifyClient) -> PartsDestination[ShopifyClient]:
    """Return the writing side of a shop."""
    return PartsDestination(client, PARTS, name="Shopify")

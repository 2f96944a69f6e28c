"""Tells whether what was delivered is still there: what an audit asks.

Must not: judge whether it is as it should be.
"""

from collections.abc import Mapping, Sequence

from knect.sdk.contract import Delivered
from knect_connectors.magento.product_ids import parted
from knect_connectors.magento2.client import MagentoClient

__all__ = ["find_present"]

#: Entity -> the list it is in, and what that calls the id.
_LISTS: Mapping[str, tuple[str, str]] = {
    "customers": ("customers/search", "id"),
    "inventory": ("products", "id"),
    "orders": ("orders", "entity_id"),
    "payments": ("invoices", "entity_id"),
    "prices": ("products", "id"),
    "products": ("products", "id"),
    "shipments": ("shipments", "entity_id"),
}


async def find_present(client: MagentoClient, documents: Sequence[Delivered]) -> list[bool]:
    """Tell what is there; of several products of one record, all have to be."""
    if not documents:
        return []
    path, key = _LISTS[documents[0].entity]
    asked = [parted(document.destination_id.partition("@")[0]) for document in documents]
    ids = sorted({one for of in asked for one in of})
    there = {str(row[key]) for row in await client.by_ids(path, "entity_id", ids)}
    return [bool(of) and there.issuperset(of) for of in asked]

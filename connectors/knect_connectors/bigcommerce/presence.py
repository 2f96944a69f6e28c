"""Tells whether what was delivered is still there: what an audit asks.

Must not: judge whether it is as it should be.
"""

from collections.abc import Sequence

from knect.sdk.contract import Delivered
from knect_connectors.bigcommerce.client import BigCommerceClient
from knect_connectors.bigcommerce.levels import ITEMS
from knect_connectors.bigcommerce.listing import all_of
from knect_connectors.bigcommerce.orders import order_of

__all__ = ["find_present"]

#: Ids that one question may name.
_AT_ONCE = 50
#: Entity -> (list, its filter by id, where the id is).
_LISTS = {
    "customers": ("/v3/customers", "id:in", "id"),
    "inventory": (ITEMS, "variant_id:in", "variant_id"),
    "prices": (ITEMS, "variant_id:in", "variant_id"),
    "products": ("/v3/catalog/products", "id:in", "id"),
}


async def find_present(client: BigCommerceClient, documents: Sequence[Delivered]) -> list[bool]:
    """Tell what is there; of several parcels of one record, all have to be."""
    if not documents:
        return []
    entity = documents[0].entity
    if entity in _LISTS:
        return await _listed(client, documents)
    return [await _of_order(client, document) for document in documents]


async def _listed(client: BigCommerceClient, documents: Sequence[Delivered]) -> list[bool]:
    path, name, field = _LISTS[documents[0].entity]
    wanted = [document.destination_id.partition("@")[0] for document in documents]
    numbers = sorted({one for one in wanted if one.isdecimal()})
    there: set[str] = set()
    for start in range(0, len(numbers), _AT_ONCE):
        params = {name: ",".join(numbers[start : start + _AT_ONCE])}
        for row in await all_of(client, path, params=params) or ():
            there.add(str((row.get("identity") or row).get(field)))
    return [one in there for one in wanted]


async def _of_order(client: BigCommerceClient, document: Delivered) -> bool:
    """Tell whether an order is there, or all parcels of a shipment of it."""
    order = document.destination_id.partition("/")[0]
    ids = [one.partition("/")[2] for one in document.destination_id.split(",")]
    if ids == [""]:
        return await order_of(client, order) is not None
    path, template = f"/v2/orders/{order}/shipments", "/v2/orders/{id}/shipments"
    rows = await all_of(client, path, template=template, may_miss=True) or []
    return {str(row["id"]) for row in rows}.issuperset(ids)

"""Tells whether what was delivered is still there: what an audit asks, or who wants it anew.

A price of the catalog is there as long as its variant is; one of a price list is a record.

Must not: judge whether it is as it should be.
"""

from collections.abc import Iterable, Sequence

from knect.sdk.contract import Delivered
from knect_connectors.bigcommerce.client import BigCommerceClient
from knect_connectors.bigcommerce.levels import ITEMS
from knect_connectors.bigcommerce.listing import all_of
from knect_connectors.bigcommerce.orders import order_of
from knect_connectors.bigcommerce.pricing import BASE, records_of
from knect_connectors.bigcommerce.skus import VARIANTS

__all__ = ["find_present"]

#: Ids that one question may name.
_AT_ONCE = 50
#: Entity -> (list, its filter by id, where the id is).
_LISTS = {
    "customers": ("/v3/customers", "id:in", "id"),
    "inventory": (ITEMS, "variant_id:in", "variant_id"),
    "products": ("/v3/catalog/products", "id:in", "id"),
}


async def find_present(client: BigCommerceClient, documents: Sequence[Delivered]) -> list[bool]:
    """Tell what is there; of several parcels of one record, all have to be."""
    if not documents:
        return []
    entity = documents[0].entity
    if entity in _LISTS:
        return await _listed(client, documents)
    if entity == "prices":
        return await _priced(client, documents)
    return [await _of_order(client, document) for document in documents]


async def _listed(client: BigCommerceClient, documents: Sequence[Delivered]) -> list[bool]:
    wanted = [document.destination_id.partition("@")[0] for document in documents]
    there = await _named(client, *_LISTS[documents[0].entity], wanted)
    return [one in there for one in wanted]


async def _named(
    client: BigCommerceClient, path: str, name: str, field: str, ids: Iterable[str]
) -> set[str]:
    """Return which of these ids a list has."""
    numbers = sorted({one for one in ids if one.isdecimal()})
    there: set[str] = set()
    for start in range(0, len(numbers), _AT_ONCE):
        params = {name: ",".join(numbers[start : start + _AT_ONCE])}
        for row in await all_of(client, path, params=params) or ():
            there.add(str((row.get("identity") or row).get(field)))
    return there


async def _priced(client: BigCommerceClient, documents: Sequence[Delivered]) -> list[bool]:
    """Tell of prices `12@@base` and `12@4@EUR`, list by list."""
    by_list: dict[str, set[str]] = {}
    for one in documents:
        variant, _, place = one.destination_id.partition("@")
        listed = place if place == BASE else place.partition("@")[0]
        by_list.setdefault(listed, set()).add(variant)
    there: set[str] = set()
    for listed, variants in by_list.items():
        if listed == BASE:
            there |= {f"{one}@{BASE}" for one in await _variants(client, variants)}
        else:
            records = await records_of(client, listed, map(int, variants))
            there |= {f"{variant}@{listed}@{currency}" for variant, currency in records}
    return [one.destination_id in there for one in documents]


async def _variants(client: BigCommerceClient, ids: Iterable[str]) -> set[str]:
    """Return which variants are there; what has no stock is perhaps not listed with the stock."""
    there = await _named(client, *_LISTS["inventory"], ids)
    for one in ids:
        if one not in there and await all_of(client, VARIANTS, params={"id": one}):
            there.add(one)
    return there


async def _of_order(client: BigCommerceClient, document: Delivered) -> bool:
    """Tell whether an order is there, or all parcels of a shipment of it."""
    order = document.destination_id.partition("/")[0]
    ids = [one.partition("/")[2] for one in document.destination_id.split(",")]
    if ids == [""]:
        return await order_of(client, order) is not None
    path, template = f"/v2/orders/{order}/shipments", "/v2/orders/{id}/shipments"
    rows = await all_of(client, path, template=template, may_miss=True) or []
    return {str(row["id"]) for row in rows}.issuperset(ids)

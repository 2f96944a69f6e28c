"""Tells whether what was delivered is still there: what an audit asks, or who wants it anew.

A price of the catalog is there as long as its variant is; one of a price list is a record.

Must not: judge whether it is as it should be.
"""

from collections.abc import Sequence

from knect.sdk.contract import Delivered
from knect_connectors.bigcommerce.client import BigCommerceClient
from knect_connectors.bigcommerce.levels import ITEMS
from knect_connectors.bigcommerce.listing import all_of
from knect_connectors.bigcommerce.orders import order_of
from knect_connectors.bigcommerce.prices import BASE
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
    path, name, field = _LISTS[documents[0].entity]
    wanted = [document.destination_id.partition("@")[0] for document in documents]
    there = await _named(client, path, name, field, wanted)
    return [one in there for one in wanted]


async def _named(
    client: BigCommerceClient,
    path: str,
    name: str,
    field: str,
    ids: Sequence[str],
    *,
    may_miss: bool = False,
) -> set[str]:
    """Return which of these ids a list has; none, where it may be no list any more."""
    numbers = sorted({one for one in ids if one.isdecimal()})
    there: set[str] = set()
    for start in range(0, len(numbers), _AT_ONCE):
        params = {name: ",".join(numbers[start : start + _AT_ONCE])}
        rows = await all_of(client, path, params=params, may_miss=may_miss)
        there |= {str((row.get("identity") or row).get(field)) for row in rows or ()}
    return there


async def _priced(client: BigCommerceClient, documents: Sequence[Delivered]) -> list[bool]:
    """Tell of prices `variant@list`, list by list."""
    wanted = [document.destination_id.partition("@")[::2] for document in documents]
    by_list: dict[str, list[str]] = {}
    for variant, listed in wanted:
        by_list.setdefault(listed, []).append(variant)
    there: set[tuple[str, str]] = set()
    for listed, variants in by_list.items():
        there |= {(one, listed) for one in await _variants(client, listed, variants)}
    return [one in there for one in wanted]


async def _variants(client: BigCommerceClient, listed: str, variants: Sequence[str]) -> set[str]:
    """Return which variants have a price: each of the catalog, or the records of a price list.

    What has no stock may be missing in the list of stock, so it is asked for alone.
    """
    if listed != BASE:
        path = f"/v3/pricelists/{listed}/records"
        return await _named(client, path, "variant_id:in", "variant_id", variants, may_miss=True)
    there = await _named(client, ITEMS, "variant_id:in", "variant_id", variants)
    for one in variants:
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

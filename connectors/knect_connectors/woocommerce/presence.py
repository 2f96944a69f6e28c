"""Tells whether what was delivered is still there: what an audit asks.

Must not: judge whether it is as it should be.
"""

from collections.abc import Sequence

from knect.sdk.contract import Delivered
from knect_connectors.woocommerce.client import Row, WooClient
from knect_connectors.woocommerce.marks import told_in
from knect_connectors.woocommerce.orders import is_order
from knect_connectors.woocommerce.reader import found_by_id

__all__ = ["find_present"]


async def find_present(client: WooClient, documents: Sequence[Delivered]) -> list[bool]:
    """Tell what is there; all documents are of one entity."""
    if not documents:
        return []
    if documents[0].entity in ("orders", "shipments"):
        return await _of_orders(client, documents)
    if documents[0].entity == "customers":
        ids = [one.destination_id for one in documents]
        rows = await found_by_id(client, "/customers", list(dict.fromkeys(ids)), {"role": "all"})
        accounts = {str(row["id"]) for row in rows}
        return [one in accounts for one in ids]
    names = {part for one in documents for part in one.destination_id.split(",")}
    there = await _products(client, sorted(names))
    return [there.issuperset(one.destination_id.split(",")) for one in documents]


async def _of_orders(client: WooClient, documents: Sequence[Delivered]) -> list[bool]:
    ids = [one.destination_id.partition("-")[0] for one in documents]
    rows = await found_by_id(client, "/orders", list(dict.fromkeys(ids)), {})
    orders = {str(row["id"]): row for row in rows if is_order(row)}
    return [
        order in orders and _has_entry(orders[order], one.destination_id)
        for order, one in zip(ids, documents, strict=True)
    ]


def _has_entry(order: Row, name: str) -> bool:
    """Tell whether the parcel, where one is meant, is still told in the order."""
    _, _, entry = name.partition("-")
    return not entry or any(told.id == entry for told in told_in(order))


async def _products(client: WooClient, names: Sequence[str]) -> set[str]:
    plain = [name for name in names if "-" not in name]
    rows = await found_by_id(client, "/products", plain, {})
    there = {str(row["id"]) for row in rows if row.get("status") != "trash"}
    for name in names:
        parent, _, variation = name.partition("-")
        if variation:
            row = await client.get(
                f"/products/{parent}/variations/{variation}",
                template="/products/{id}/variations/{id}",
            )
            there |= {name} if row is not None else set()
    return there

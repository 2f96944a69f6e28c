"""A SKU that changed in the ERP: the product in the shop keeps its id and gets the new one.

Why: one under a new SKU would be another product, without the old one's texts, orders and place in
search engines. Which product a variant is, is known from the last delivery: its variants, and their
ids in the same order.
Must not: take a new variant for a renamed one, or give a SKU that another product has.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from knect_connectors.magento.variants import taken
from knect_connectors.magento2.client import MagentoClient

__all__ = ["renamed"]


async def renamed(
    client: MagentoClient, variants: Sequence[Mapping[str, Any]], there: Mapping[str, str]
) -> dict[str, str]:
    """Give each variant's product the SKU it has now; returns SKU -> id of what is there then.

    `there` is SKU -> id before. Raises WaitForPerson where another product has the SKU.
    """
    ours = {one.get("product") for one in variants}
    moved = [
        one
        for one in variants
        if one.get("product") is not None and there.get(one["sku"]) != one["product"]
    ]
    rows = await client.by_ids("products", "entity_id", [str(one["product"]) for one in moved])
    known = {str(row["id"]) for row in rows}
    now = dict(there)
    for one in moved:
        sku, product = one["sku"], str(one["product"])
        if sku in there:
            if there[sku] not in ours:
                raise taken(sku, there[sku])
            continue
        if product not in known:
            continue  # somebody deleted it: it is made anew
        # by its id: under another SKU it would be another product
        await client.write("POST", "products", {"product": {"id": int(product), "sku": sku}})
        now[sku] = product
    return now

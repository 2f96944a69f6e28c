"""A SKU that changed in the ERP: the product in the shop keeps its id and gets the new one.

Why: one under a new SKU would be another product, without the old one's texts, orders and place in
search engines. Which product a variant is, is known from the last delivery: its variants, and their
ids in the same order.
Must not: take a new variant for a renamed one, or give a SKU that another product has.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from knect.sdk.contract import Delivery
from knect.sdk.errors import WaitForPerson
from knect_connectors.magento2.client import MagentoClient
from knect_connectors.magento2.product_ids import parted

__all__ = ["products_by_variant", "renamed", "taken"]


def products_by_variant(delivery: Delivery) -> Mapping[str, str]:
    """Return variant of the ERP -> product of the shop, as they were delivered last."""
    variants = (delivery.previous or {}).get("variants") or ()
    ids = parted(delivery.bound or "")
    if len(variants) != len(ids):
        return {}
    return {
        str(one["id"]): product
        for one, product in zip(variants, ids, strict=True)
        if one.get("id") is not None
    }


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


def taken(sku: str, identifier: str) -> WaitForPerson:
    """Return the error for a SKU that a product of somebody else's has."""
    return WaitForPerson(
        f"the shop has the SKU {sku!r} already, as product {identifier}; set destination.match to"
        " [variants] to adopt it, or give one of the two another SKU",
        code="DuplicateSku",
        path="variants",
        value=sku,
    )

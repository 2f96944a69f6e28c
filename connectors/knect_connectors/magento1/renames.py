"""A SKU that changed in the ERP: the product in the shop keeps its id and gets the new one.

Why: the shop knows a product by its SKU, and one under a new SKU would be another product, without
the old one's texts, orders and place in search engines. Which product a variant is, is known from
the last delivery: its variants, and their ids in the same order.
Must not: take a new variant for a renamed one, or give a SKU that another product has.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from knect_connectors.magento.variants import taken
from knect_connectors.magento1.client import MagentoClient

__all__ = ["renamed"]

_UPDATE = "catalog_product.update"
_NOT_EXISTS = "101"


async def renamed(
    client: MagentoClient, variants: Sequence[Mapping[str, Any]], there: Mapping[str, str]
) -> dict[str, str]:
    """Give each variant's product the SKU it has now; returns SKU -> id of what is there then.

    `there` is SKU -> id before. Raises WaitForPerson where another product has the SKU.
    """
    ours = {one.get("product") for one in variants}
    now = dict(there)
    for one in variants:
        sku, product = one["sku"], one.get("product")
        if product is None or there.get(sku) == product:
            continue
        if sku in there:
            if there[sku] not in ours:
                raise taken(sku, there[sku])
            continue
        (answer,) = await client.write_all([(_UPDATE, [product, {"sku": sku}, None, "id"])])
        if isinstance(answer, Exception):
            if getattr(answer, "code", None) != _NOT_EXISTS:
                raise answer
            continue  # somebody deleted it: it is made anew
        now[sku] = product
    return now

"""Finding products by SKU: in bulk, and exactly.

The shop's database does not mind case and blanks at the end, and takes a number for an id where it
is not told otherwise. Only a product with exactly the SKU is it; what is only nearly it is named.
Must not: remember an answer, or take the first of several.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from knect.sdk.errors import ConnectorError, MissingReference, WaitForPerson
from knect.sdk.parts import Answers
from knect_connectors.magento1.client import MagentoClient
from knect_connectors.magento1.listing import rows_of

__all__ = ["find_skus", "products_of"]

_AT_ONCE = 100
_PATH = "catalog_product.list"


async def products_of(client: MagentoClient, skus: Sequence[str]) -> list[dict[str, Any]]:
    """Return the products whose SKU is one of these, or nearly one of these."""
    rows: list[dict[str, Any]] = []
    wanted = [sku for sku in dict.fromkeys(skus) if sku.strip()]
    for start in range(0, len(wanted), _AT_ONCE):
        condition = {"sku": {"in": wanted[start : start + _AT_ONCE]}}
        rows += rows_of(client, _PATH, await client.read(_PATH, condition))
    return rows


async def find_skus(client: MagentoClient, skus: Sequence[str]) -> Answers:
    """Return SKU -> `id type`, or why there is no product that can be used."""
    exact: dict[str, list[dict[str, Any]]] = defaultdict(list)
    near: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in await products_of(client, skus):
        exact[str(row.get("sku"))].append(row)
        near[str(row.get("sku")).strip().casefold()].append(row)
    found: dict[str, str | ConnectorError] = {}
    for sku in skus:
        same, alike = exact.get(sku, []), near.get(sku.strip().casefold(), [])
        if len(same) == 1:
            found[sku] = f"{same[0]['product_id']} {same[0].get('type') or 'simple'}"
        elif same:
            ids = " and ".join(str(row["product_id"]) for row in same)
            found[sku] = WaitForPerson(
                f"the shop has the SKU {sku!r} {len(same)} times, as products {ids}; nobody can"
                " tell which one is meant, give each a SKU of its own",
                code="DuplicateSku",
                value=sku,
            )
        elif alike:
            named = " and ".join(f"{row['sku']!r} (product {row['product_id']})" for row in alike)
            found[sku] = MissingReference(
                f"the shop knows no product with SKU {sku!r}, but {named}, which differs by blanks"
                " or case; correct one of the two",
                kind="sku",
                value=sku,
            )
    return found

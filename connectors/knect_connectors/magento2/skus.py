"""Finding products by SKU: in bulk, and exactly.

The shop's database does not mind case and blanks at the end. Only a product with exactly the SKU is
it; what is only nearly it is named.
Must not: remember an answer, or take the first of several.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from knect.sdk.errors import ConnectorError, MissingReference, WaitForPerson
from knect.sdk.parts import Answers
from knect_connectors.magento2.client import MagentoClient
from knect_connectors.magento2.search import one_of

__all__ = ["find_skus", "gone", "products_of"]

#: The longest SKU has 64 characters; an address of 4,000 is taken everywhere.
_AT_ONCE = 30
#: Several may differ by case only.
_ROOM = 10


async def products_of(client: MagentoClient, skus: Sequence[str]) -> list[dict[str, Any]]:
    """Return the products whose SKU is one of these, or nearly one of these."""
    rows: list[dict[str, Any]] = []
    wanted = [sku for sku in dict.fromkeys(skus) if sku.strip()]
    for start in range(0, len(wanted), _AT_ONCE):
        some = wanted[start : start + _AT_ONCE]
        found, _ = await client.search("products", [one_of("sku", some)], size=len(some) + _ROOM)
        rows += found
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
            found[sku] = f"{same[0]['id']} {same[0].get('type_id') or 'simple'}"
        elif same:
            ids = " and ".join(str(row["id"]) for row in same)
            found[sku] = WaitForPerson(
                f"the shop has the SKU {sku!r} {len(same)} times, as products {ids}; nobody can"
                " tell which one is meant, give each a SKU of its own",
                code="DuplicateSku",
                value=sku,
            )
        elif alike:
            named = " and ".join(f"{row['sku']!r} (product {row['id']})" for row in alike)
            found[sku] = MissingReference(
                f"the shop knows no product with SKU {sku!r}, but {named}, which differs by blanks"
                " or case; correct one of the two",
                kind="sku",
                value=sku,
            )
    return found


def gone(sku: str) -> MissingReference:
    """Return the error of a product that was there when it was looked for."""
    message = f"the shop has no product with SKU {sku!r} any more"
    return MissingReference(message, kind="sku", value=sku, path="sku")

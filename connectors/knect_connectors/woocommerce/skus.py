"""Finding products and variations by SKU: in bulk, and exactly.

A list asked for by SKU has variations too. The shop's database does not mind case, and a SKU may
have a comma in it, by which the API parts them. Only what has exactly the SKU is it; what is only
nearly it is named. Must not: remember an answer, or take the first of several.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from knect.sdk.errors import ConnectorError, MissingReference, WaitForPerson
from knect.sdk.parts import Answers
from knect_connectors.woocommerce.client import PAGE, Row, WooClient

__all__ = ["find_skus", "gone", "name_of", "rows_by_sku", "rows_like"]

_AT_ONCE = 50


def name_of(row: Mapping[str, Any]) -> str:
    """Return how a product is called in a destination id; a variation behind its parent."""
    is_variation = row.get("type") == "variation" and row.get("parent_id")
    return f"{row['parent_id']}-{row['id']}" if is_variation else str(row["id"])


async def rows_like(client: WooClient, skus: Sequence[str]) -> list[Row]:
    """Return what has one of these SKUs, or nearly one."""
    wanted = [sku for sku in dict.fromkeys(skus) if sku.strip()]
    plain = [sku for sku in wanted if "," not in sku]
    parts = [plain[start : start + _AT_ONCE] for start in range(0, len(plain), _AT_ONCE)]
    found: dict[str, Row] = {}
    for part in (*parts, *([sku] for sku in wanted if "," in sku)):
        asked = {"sku": ",".join(part), "per_page": str(PAGE), "orderby": "id", "order": "asc"}
        seen, number = 0, 1
        while True:
            answer = await client.page("/products", {**asked, "page": str(number)})
            found |= {str(row.get("id")): row for row in answer.rows}
            seen, number = seen + len(answer.rows), number + 1
            if not answer.rows or seen >= answer.total:
                break
    return list(found.values())


async def rows_by_sku(client: WooClient, skus: Sequence[str]) -> dict[str, Row]:
    """Return SKU -> the one product that has exactly it."""
    found: dict[str, list[Row]] = defaultdict(list)
    for row in await rows_like(client, skus):
        found[str(row.get("sku"))].append(row)
    return {sku: rows[0] for sku, rows in found.items() if len(rows) == 1}


async def find_skus(client: WooClient, skus: Sequence[str]) -> Answers:
    """Return SKU -> `id type`, or why there is no product that can be used."""
    exact: dict[str, list[Row]] = defaultdict(list)
    near: dict[str, list[Row]] = defaultdict(list)
    for row in await rows_like(client, skus):
        exact[str(row.get("sku"))].append(row)
        near[str(row.get("sku")).strip().casefold()].append(row)
    found: dict[str, str | ConnectorError] = {}
    for sku in skus:
        same, alike = exact.get(sku, []), near.get(sku.strip().casefold(), [])
        if len(same) == 1:
            found[sku] = f"{name_of(same[0])} {same[0].get('type') or 'simple'}"
        elif same:
            ids = " and ".join(map(name_of, same))
            found[sku] = WaitForPerson(
                f"the shop has the SKU {sku!r} {len(same)} times, as products {ids}; nobody can"
                " tell which one is meant, give each a SKU of its own",
                code="DuplicateSku",
                value=sku,
            )
        elif alike:
            named = " and ".join(f"{row['sku']!r} (product {name_of(row)})" for row in alike)
            found[sku] = MissingReference(
                f"the shop knows no product with SKU {sku!r}, but {named}, which differs by blanks"
                " or case; correct one of the two",
                kind="sku",
                value=sku,
            )
    return found


def gone(sku: str) -> MissingReference:
    """Return the error of a SKU that was there when it was resolved."""
    message = f"the shop has no product with SKU {sku!r} any more"
    return MissingReference(message, kind="sku", value=sku, path="sku")

"""Finding variants by SKU and places by name: in bulk, and exactly.

The list of stock is the one that is asked by many SKUs at once; what is not on it is looked for
one by one. The store does not mind case: only a variant with exactly the SKU is it, and what is
only nearly it is named, because somebody mistyped one of the two.
Must not: remember an answer, or take the first of several.
"""

from collections import defaultdict
from collections.abc import Sequence

from msgspec import Struct

from knect.sdk.errors import ConnectorError, MissingReference, WaitForPerson
from knect.sdk.parts import Answers
from knect_connectors.bigcommerce.client import BigCommerceClient
from knect_connectors.bigcommerce.levels import ITEMS
from knect_connectors.bigcommerce.listing import PAGE, Row, all_of

__all__ = [
    "LOCATIONS",
    "PRODUCTS",
    "VARIANTS",
    "Sku",
    "find_locations",
    "find_skus",
    "gone",
    "read_sku",
]

LOCATIONS = "/v3/inventory/locations"
PRODUCTS, VARIANTS = "/v3/catalog/products", "/v3/catalog/variants"
#: SKUs, or ids, that one question may name.
_AT_ONCE = 50


class Sku(Struct, frozen=True, kw_only=True):
    """Where a SKU is in the store. `tracking`: none, product or variant; `is_base`: its product has
    no options, so that this one variant is it.
    """

    variant: int
    product: int
    tracking: str
    is_base: bool


def read_sku(resolved: str) -> Sku:
    """Return what `find_skus` answered."""
    variant, product, tracking, kind = resolved.split(" ")
    return Sku(
        variant=int(variant), product=int(product), tracking=tracking, is_base=kind == "base"
    )


async def find_skus(client: BigCommerceClient, skus: Sequence[str]) -> Answers:
    """Return SKU -> `variant product tracking base`, or why there is none that can be used."""
    wanted = [sku for sku in dict.fromkeys(skus) if sku.strip()]
    rows = await _in_bulk(client, [sku for sku in wanted if "," not in sku])
    known = {row["sku"] for row in rows}
    for sku in wanted:
        if sku not in known:
            rows += await all_of(client, VARIANTS, params={"sku": sku}) or []
    exact: dict[str, dict[int, Row]] = defaultdict(dict)
    near: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        identifier = int(row.get("variant_id") or row["id"])
        exact[str(row["sku"])][identifier] = {"id": identifier, "product_id": row["product_id"]}
        near[_folded(str(row["sku"]))].add(str(row["sku"]))
    products = await _products(
        client, [one["product_id"] for sku in wanted for one in exact.get(sku, {}).values()]
    )
    found: dict[str, str | ConnectorError] = {}
    for sku in wanted:
        same = list(exact.get(sku, {}).values())
        if len(same) == 1 and same[0]["product_id"] in products:
            product = products[same[0]["product_id"]]
            kind = "base" if product.get("base_variant_id") == same[0]["id"] else "option"
            tracking = product.get("inventory_tracking") or "none"
            found[sku] = f"{same[0]['id']} {product['id']} {tracking} {kind}"
        elif len(same) > 1:
            found[sku] = _twice(sku, same)
        elif alike := near.get(_folded(sku), set()) - {sku}:
            named = " and ".join(repr(one) for one in sorted(alike))
            found[sku] = MissingReference(
                f"the store has no variant with SKU {sku!r}, but {named}: correct one of the two",
                kind="sku",
                value=sku,
            )
    return found


async def _in_bulk(client: BigCommerceClient, skus: Sequence[str]) -> list[Row]:
    rows: list[Row] = []
    for start in range(0, len(skus), _AT_ONCE):
        params = {"sku:in": ",".join(skus[start : start + _AT_ONCE])}
        for row in await all_of(client, ITEMS, params=params) or ():
            identity = row.get("identity") or {}
            if identity.get("sku") and identity.get("variant_id"):
                rows.append(identity)
    return rows


async def _products(client: BigCommerceClient, ids: Sequence[int]) -> dict[int, Row]:
    numbers = [str(one) for one in dict.fromkeys(ids)]
    found: dict[int, Row] = {}
    for start in range(0, len(numbers), _AT_ONCE):
        params = {
            "id:in": ",".join(numbers[start : start + _AT_ONCE]),
            "include_fields": "base_variant_id,inventory_tracking",
        }
        found |= {row["id"]: row for row in await all_of(client, PRODUCTS, params=params) or ()}
    return found


def _folded(sku: str) -> str:
    return sku.strip().casefold()


def _twice(sku: str, rows: Sequence[Row]) -> WaitForPerson:
    ids = " and ".join(str(row["id"]) for row in rows)
    return WaitForPerson(
        f"the store has the SKU {sku!r} {len(rows)} times, as variants {ids}; nobody can tell which"
        " one is meant, give each a SKU of its own",
        code="DuplicateSku",
        value=sku,
    )


def gone(sku: str) -> MissingReference:
    """Return the error of a SKU that was there when it was looked up."""
    message = f"the store has no variant with SKU {sku!r} any more"
    return MissingReference(message, kind="sku", value=sku, path="sku")


async def find_locations(client: BigCommerceClient, names: Sequence[str]) -> Answers:
    """Return place (its code, its name, or its id) -> its id, or why there is none."""
    rows = await all_of(client, LOCATIONS, limit=PAGE) or []
    known = ", ".join(sorted(repr(row["label"]) for row in rows if row.get("enabled"))) or "none"
    found: dict[str, str | ConnectorError] = {}
    for name in names:
        same = [row for row in rows if name in (row.get("code"), row.get("label"), str(row["id"]))]
        if len(same) == 1 and same[0].get("enabled"):
            found[name] = str(same[0]["id"])
        elif len(same) > 1:
            found[name] = WaitForPerson(
                f"the store has {len(same)} places called {name!r}; name one by its code",
                code="AmbiguousMatch",
                value=name,
            )
        else:
            why = "is disabled in the store" if same else "is no place of the store"
            found[name] = MissingReference(
                f"{name!r} {why}, which has {known}; map it in valueMaps `location`",
                kind="location",
                value=name,
            )
    return found

"""Finding variants by SKU and locations by name: in bulk, and exactly.

Shopify's search ignores case and blanks and several variants may have one SKU. Only a variant with
exactly the SKU is it; of two nobody can tell which one is meant, and what is only nearly the SKU
is named in the sentence, because somebody mistyped one of the two.
Must not: remember an answer, or take the first of several.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from knect.sdk.errors import (
    ConnectorError,
    Fatal,
    MissingReference,
    Refused,
    UnexpectedAnswer,
    WaitForPerson,
)
from knect.sdk.parts import Answers
from knect_connectors.shopify import catalog_queries
from knect_connectors.shopify.client import SURE_TERMS, CostTooHighError, ShopifyClient

__all__ = ["Sku", "find_locations", "find_products", "find_skus", "pages_of", "read_sku"]

_UNTRACKED, _BUNDLE = "untracked", "bundle"
_PATIENCE = 20  # pages of one answer; more are an answer to another question


class Sku(Struct, frozen=True, kw_only=True):
    """Where a SKU is in the shop, and whether it has stock of its own there."""

    variant: str
    item: str
    product: str
    tracked: bool = True
    is_bundle: bool = False


def read_sku(resolved: str) -> Sku:
    """Return what `find_skus` answered."""
    variant, item, product, *marks = resolved.split(" ")
    return Sku(
        variant=variant,
        item=item,
        product=product,
        tracked=_UNTRACKED not in marks,
        is_bundle=_BUNDLE in marks,
    )


async def pages_of(
    client: ShopifyClient, document: str, operation: str, *path: str, **variables: Any
) -> list[dict[str, Any]]:
    """Return all nodes of the connection at `path`, page after page."""
    nodes: list[dict[str, Any]] = []
    after: str | None = None
    for _ in range(_PATIENCE):
        data: Any = await client.read(document, operation=operation, **variables, after=after)
        for step in path:
            data = (data or {}).get(step)
        if not isinstance(data, dict) or "nodes" not in data:
            raise UnexpectedAnswer(f"Shopify's answer to {operation} has no {'.'.join(path)}")
        nodes += data["nodes"]
        if not data["pageInfo"]["hasNextPage"]:
            return nodes
        after = data["pageInfo"]["endCursor"]
    raise UnexpectedAnswer(f"Shopify's answer to {operation} does not end")


async def find_skus(client: ShopifyClient, skus: Sequence[str]) -> Answers:
    """Return SKU -> `variant item product`, with marks for what has no stock of its own; or why
    there is none that can be used.
    """
    found: dict[str, str | ConnectorError] = {}
    for part in _parts([sku for sku in skus if sku.strip()], client.sku_terms):
        nodes = await _search(client, part)
        exact: dict[str, list[dict[str, Any]]] = defaultdict(list)
        near: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for node in nodes:
            exact[node["sku"] or ""].append(node)
            near[_folded(node["sku"] or "")].append(node)
        for sku in part:
            answer = _answer(sku, exact.get(sku, []), near.get(_folded(sku), []))
            if answer is not None:
                found[sku] = answer
    return found


async def find_products(client: ShopifyClient, skus: Sequence[str]) -> list[dict[str, Any]]:
    """Return every product that has a variant with exactly one of these SKUs, each once."""
    found: dict[str, None] = {}
    for part in _parts(skus, client.sku_terms):
        nodes = await _search(client, part)
        found |= {node["product"]["id"]: None for node in nodes if node["sku"] in part}
    if not found:
        return []
    data = await client.read(
        catalog_queries.PRODUCT_OWNERS, operation="ProductOwners", ids=list(found)
    )
    return [node for node in data["nodes"] if node]


def _parts(skus: Sequence[str], size: int) -> list[Sequence[str]]:
    return [skus[start : start + size] for start in range(0, len(skus), size)]


async def _search(client: ShopifyClient, skus: Sequence[str]) -> list[dict[str, Any]]:
    """Return the variants with one of these SKUs or nearly so, each once.

    How many terms a search may have is not documented. So a long one is believed for what it finds
    only: the rest is asked for again by few, and so is all of one that is refused. Once the shop
    has shown that it does not read long ones, the next ones are short.
    """
    if len(skus) <= SURE_TERMS:
        return await _asked(client, skus)
    try:
        nodes, is_read = await _asked(client, skus), True
    except (CostTooHighError, Fatal, Refused, UnexpectedAnswer):
        nodes, is_read = [], False
    found = {_folded(node["sku"] or "") for node in nodes}
    missing = {_folded(sku): sku for sku in skus if _folded(sku) not in found}
    for part in _parts(list(missing.values()), SURE_TERMS):
        more = await _asked(client, part)
        is_read = is_read and not any(_folded(node["sku"] or "") in missing for node in more)
        nodes += more
    if not is_read:
        client.sku_terms = SURE_TERMS
    return list({node["id"]: node for node in nodes}.values())


async def _asked(client: ShopifyClient, skus: Sequence[str]) -> list[dict[str, Any]]:
    return await pages_of(
        client,
        catalog_queries.VARIANTS_BY_SKU,
        "VariantsBySku",
        "productVariants",
        query=" OR ".join(f"sku:{_quoted(sku.strip())}" for sku in skus),
        first=min(250, 3 * len(skus) + 10),
    )


def _answer(
    sku: str, exact: Sequence[Mapping[str, Any]], near: Sequence[Mapping[str, Any]]
) -> str | ConnectorError | None:
    if len(exact) == 1:
        node, item = exact[0], exact[0]["inventoryItem"]
        marks = [] if item["tracked"] else [_UNTRACKED]
        marks += [_BUNDLE] if node["requiresComponents"] else []
        return " ".join((node["id"], item["id"], node["product"]["id"], *marks))
    if exact:
        named = " and ".join(_named(node) for node in exact)
        return WaitForPerson(
            f"the shop has the SKU {sku!r} {len(exact)} times: {named}; nobody can tell which one"
            " is meant, give each variant a SKU of its own",
            code="DuplicateSku",
            value=sku,
        )
    if near:
        named = " and ".join(f"{node['sku']!r} ({_named(node)})" for node in near)
        return MissingReference(
            f"the shop knows no variant with SKU {sku!r}, but {named}, which differs by blanks or"
            " case; correct one of the two",
            kind="sku",
            value=sku,
        )
    return None


async def find_locations(client: ShopifyClient, names: Sequence[str]) -> Answers:
    """Return location (its name, or its id) -> id, or why it cannot be used."""
    nodes = await pages_of(client, catalog_queries.LOCATIONS, "Locations", "locations")
    known = ", ".join(sorted(repr(node["name"]) for node in nodes if node["isActive"]))
    found: dict[str, str | ConnectorError] = {}
    for name in names:
        same = [n for n in nodes if name in (n["name"], n["id"], n["id"].rpartition("/")[2])]
        if len(same) == 1 and same[0]["isActive"]:
            found[name] = same[0]["id"]
            continue
        why = "is deactivated in the shop" if same else "is no location of the shop"
        if len(same) > 1:
            why = "is the name of several locations"
        found[name] = MissingReference(
            f"{name!r} {why}, which has {known or 'none'}; map it in valueMaps `location`",
            kind="location",
            value=name,
        )
    return found


def _named(node: Mapping[str, Any]) -> str:
    return f"{node['displayName']!r}, variant {node['id'].rpartition('/')[2]}"


def _folded(sku: str) -> str:
    return sku.strip().casefold()


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"

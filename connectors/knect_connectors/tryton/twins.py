"""Products that share a code: nobody can tell which one a SKU means, so none is taken by chance.

Why: Tryton keeps codes unique among active products only. An archived one and the one that
followed it would send their stock and prices to one variant by turns.
Must not: choose one, unless it is the only one that is active.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from knect.sdk.errors import BadRecord, Refused
from knect_connectors.tryton.client import TrytonClient

__all__ = ["mark_twins", "refuse_twins", "several"]

_CODE = "DuplicateSku"


def several(code: str, rows: Sequence[Mapping[str, Any]]) -> Refused:
    """Return the error for a code an order names and several products have; `rows` are these."""
    return Refused(
        f"{_shared(code, [_named(row) for row in rows])}; nobody can tell which one is meant, give"
        " each a code of its own, then retry",
        code=_CODE,
        value=code,
    )


async def mark_twins(client: TrytonClient, raws: Collection[dict[str, Any]]) -> None:
    """Put the names of all products with its code as `twins` into each raw it is not alone for.

    An active product is alone for its code if the others are archived.
    """
    codes = sorted({raw["code"] for raw in raws if raw["code"]})
    if not codes:
        return
    same: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in await client.search_read(
        "product.product",
        [["code", "in", codes]],
        ["code", "name", "active"],
        context={"active_test": False},
    ):
        same[row["code"]].append(row)
    for raw in raws:
        rows = same.get(raw["code"], [])
        active = {row["id"] for row in rows if row["active"]}
        if len(rows) > 1 and active != {raw["id"]}:
            raw["twins"] = sorted(map(_named, rows))


def refuse_twins(raw: Mapping[str, Any]) -> None:
    """Raise BadRecord for a figure of a product that is not alone for its code."""
    if twins := raw.get("twins"):
        raise BadRecord(
            f"{_shared(raw['code'], twins)}; this figure is of product {raw['id']}, and nothing is"
            " sent of it while another one has its code: skip it if that is right, or give each a"
            " code of its own",
            code=_CODE,
            path="sku",
            value=raw["code"],
        )


def _shared(code: str, names: Collection[str]) -> str:
    return f"Tryton has {len(names)} products with the code {code!r}: {' and '.join(names)}"


def _named(row: Mapping[str, Any]) -> str:
    archived = "" if row["active"] else ", archived"
    return f"{row['name']!r} (product {row['id']}{archived})"

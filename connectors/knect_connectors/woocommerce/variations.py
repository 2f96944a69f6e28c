"""Variations of a variable product, and the attributes by which they are told apart.

A variation is known by its SKU, by the one it had before, or by what is chosen with it. Nothing is
taken away: a variation the ERP no longer has is a person's, as is a choice without one.
Must not: touch prices and stock of what is there; those have pipelines of their own.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from knect.sdk.errors import ConnectorError
from knect_connectors.woocommerce.client import BATCH, Row, WooClient
from knect_connectors.woocommerce.listing import whole
from knect_connectors.woocommerce.weights import weight_text

__all__ = ["bring_variations", "has_variations", "merged_attributes", "options_of"]

_TEMPLATE = "/products/{id}/variations"
#: What variants are told apart by that have no options.
_VARIANT = "Variant"


def options_of(variant: Mapping[str, Any], index: int) -> dict[str, str]:
    """Return what is chosen with a variant; its title or SKU where it has no options."""
    options = {str(name): str(one) for name, one in (variant.get("options") or {}).items()}
    return options or {_VARIANT: str(variant.get("title") or variant.get("sku") or index + 1)}


def merged_attributes(
    there: Sequence[Mapping[str, Any]], variants: Sequence[Mapping[str, Any]]
) -> list[Row]:
    """Return a product's attributes with every option the variants need."""
    merged: list[Row] = [dict(one) for one in there]
    for variant in variants:
        for name, option in variant["options"].items():
            one = next((a for a in merged if _is_same(a.get("name"), name)), None)
            if one is None:
                one = {"name": name, "visible": True, "variation": True, "options": []}
                merged.append(one)
            if one.get("variation") is not True:
                one["variation"] = True
            if not any(_is_same(known, option) for known in one.get("options") or ()):
                one["options"] = [*(one.get("options") or ()), option]
    return merged


def _is_same(one: Any, other: Any) -> bool:
    return str(one or "").strip().casefold() == str(other or "").strip().casefold()


async def has_variations(
    client: WooClient, product: Row, variants: Sequence[Mapping[str, Any]]
) -> bool:
    """Tell whether every variant is there as it is wanted."""
    there = await _variations(client, product)
    pairs = [(one, _paired(one, there)) for one in variants]
    return all(row is not None and not _changes(client, one, row) for one, row in pairs)


async def bring_variations(
    client: WooClient, product: Row, variants: Sequence[Mapping[str, Any]]
) -> None:
    """Make the variations that are missing, and give a SKU that changed to the one that had it."""
    there = await _variations(client, product)
    new: list[Row] = []
    changed: list[Row] = []
    for one in variants:
        row = _paired(one, there)
        if row is None:
            new.append(_new(client, one, product.get("attributes") or ()))
        elif changes := _changes(client, one, row):
            changed.append({"id": row["id"], **changes})
    path = f"/products/{product['id']}/variations/batch"
    for name, rows in (("update", changed), ("create", new)):
        for start in range(0, len(rows), BATCH):
            part = rows[start : start + BATCH]
            answers = await client.batch(path, name, part, template=f"{_TEMPLATE}/batch")
            for answer in answers:
                if isinstance(answer, ConnectorError):
                    raise answer


async def _variations(client: WooClient, product: Row) -> list[Row]:
    return await whole(client, f"/products/{product['id']}/variations", {}, template=_TEMPLATE)


def _paired(variant: Mapping[str, Any], there: Sequence[Row]) -> Row | None:
    for sku in (variant["sku"], variant["was"]):
        if found := next((row for row in there if sku and row.get("sku") == sku), None):
            return found
    return next(
        (row for row in there if not row.get("sku") and _chosen(row) == _plain(variant["options"])),
        None,
    )


def _chosen(row: Row) -> dict[str, str]:
    return _plain({one.get("name"): one.get("option") for one in row.get("attributes") or ()})


def _plain(options: Mapping[Any, Any]) -> dict[str, str]:
    return {str(k).strip().casefold(): str(v).strip().casefold() for k, v in options.items()}


def _changes(client: WooClient, variant: Mapping[str, Any], row: Row) -> Row:
    changes: Row = {} if row.get("sku") == variant["sku"] else {"sku": variant["sku"]}
    if variant["grams"] is not None:
        weight = weight_text(Decimal(variant["grams"]), client.config.weight_unit)
        if Decimal(str(row.get("weight") or 0)) != Decimal(weight):
            changes["weight"] = weight
    return changes


def _new(
    client: WooClient, variant: Mapping[str, Any], attributes: Sequence[Mapping[str, Any]]
) -> Row:
    row: Row = {
        "sku": variant["sku"],
        "virtual": variant["virtual"],
        "attributes": [
            {**_attribute(name, attributes), "option": option}
            for name, option in variant["options"].items()
        ],
    }
    if variant["price"] is not None:
        row["regular_price"] = variant["price"]
    if variant["grams"] is not None:
        row["weight"] = weight_text(Decimal(variant["grams"]), client.config.weight_unit)
    return row


def _attribute(name: str, attributes: Sequence[Mapping[str, Any]]) -> Row:
    """Return what an attribute is told by: its id if the whole shop has it, else its name."""
    known = next((one for one in attributes if _is_same(one.get("name"), name)), {})
    return {"id": known["id"]} if known.get("id") else {"name": name}

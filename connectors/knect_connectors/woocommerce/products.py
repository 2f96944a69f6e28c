"""Reads the catalog: products with their variations, and what of each is a price or a level.

Products have a mark of change; their variations' prices and stock move without it, so those are
all listed each time. Must not: read a variation without its parent.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from knect_connectors.woocommerce.client import Row, WooClient
from knect_connectors.woocommerce.listing import side_by_side, whole
from knect_connectors.woocommerce.reader import Kind, Parts
from knect_connectors.woocommerce.shop import shop_prices
from knect_connectors.woocommerce.snapshots import Snapshot

__all__ = ["INVENTORY", "PRICES", "PRODUCTS", "SHOP", "VARIATIONS"]

#: Where the reader puts a product's variations, and what it knows of the shop.
VARIATIONS, SHOP = "knect_variations", "knect_shop"

_VARIABLE = frozenset({"variable", "variable-subscription"})
_OF_LEVELS = ("id", "sku", "type", "virtual", "manage_stock", "stock_quantity")
_OF_PRICES = (
    "id", "sku", "type", "price", "regular_price", "sale_price", "on_sale",
    "date_on_sale_from_gmt", "date_on_sale_to_gmt",
)  # fmt: skip
#: Worked out by the shop, or moved by what it sells: no change of the product.
_NOT_ITS_OWN = frozenset({
    "_links", "price_html", "related_ids", "total_sales", "average_rating", "rating_count",
    "stock_quantity", "stock_status", "permalink",
})  # fmt: skip


def is_product(row: Mapping[str, Any]) -> bool:
    """Tell whether a row is a product: not in the trash, and no variation by itself."""
    return row.get("status") != "trash" and row.get("type") != "variation"


async def _variations(client: WooClient, row: Row) -> list[Row]:
    if row.get("type") not in _VARIABLE:
        return []
    path = f"/products/{row['id']}/variations"
    return await whole(client, path, {}, template="/products/{id}/variations")


async def _products(client: WooClient, rows: Sequence[Row]) -> Sequence[Parts]:
    async def of(row: Row) -> Parts:
        raw = _own(row)
        if variations := await _variations(client, row):
            raw[VARIATIONS] = [_own(one) for one in variations]
        return {str(row["id"]): raw}

    return await side_by_side(rows, of)


def _own(row: Row) -> Row:
    return {name: value for name, value in row.items() if name not in _NOT_ITS_OWN}


async def _units(client: WooClient, row: Row) -> dict[str, Row]:
    """Return what of a product is sold by itself, by name: itself, or its variations."""
    variations = await _variations(client, row)
    units = {f"{row['id']}-{one['id']}": {**one, "type": "variation"} for one in variations}
    return units or ({} if row.get("type") in _VARIABLE else {str(row["id"]): row})


async def _levels(client: WooClient, rows: Sequence[Row]) -> Sequence[Parts]:
    async def of(row: Row) -> Parts:
        units = await _units(client, row)
        if row.get("manage_stock") is True:  # beside variations: what those share
            units |= {str(row["id"]): row}
        return {name: {**_kept(one, _OF_LEVELS), "id": name} for name, one in units.items()}

    return await side_by_side(rows, of)


async def _prices(client: WooClient, rows: Sequence[Row]) -> Sequence[Parts]:
    if not rows:
        return []
    told = await shop_prices(client)
    shop = {"currency": told.currency, "included": told.included}

    async def of(row: Row) -> Parts:
        return {
            name: {**_kept(one, _OF_PRICES), "id": name, SHOP: shop}
            for name, one in (await _units(client, row)).items()
            if one.get("price") not in (None, "")
        }

    return await side_by_side(rows, of)


def _kept(row: Row, names: Sequence[str]) -> Row:
    return {name: row[name] for name in names if name in row}


def _product_of(identifier: str) -> str:
    return identifier.partition("-")[0]


PRODUCTS = Kind(path="/products", load=_products, is_there=is_product)
INVENTORY = Snapshot(path="/products", load=_levels, is_there=is_product, row_id=_product_of)
PRICES = Snapshot(path="/products", load=_prices, is_there=is_product, row_id=_product_of)

"""Customers and products as kinds of records: each row of their list is one.

Must not: interpret a field.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from knect_connectors.bigcommerce.listing import CUSTOMERS, PRODUCTS, Row, all_of, mark_of
from knect_connectors.bigcommerce.reader import Kind, Shop

__all__ = ["CUSTOMER_KIND", "PRODUCT_KIND"]

#: Ids that one question may name.
_AT_ONCE = 50

_Found = dict[str, tuple[datetime, Any]]


async def _customers(shop: Shop, rows: Sequence[Row]) -> list[list[tuple[str, Any]]]:
    del shop
    return [[(str(row["id"]), row)] for row in rows]


async def _fetch_customers(shop: Shop, ids: Sequence[str]) -> _Found:
    rows = await _by_id(shop, CUSTOMERS.path, ids, include="addresses")
    return {str(row["id"]): (mark_of(row), row) for row in rows}


async def _product(shop: Shop, row: Row) -> Row:
    return {
        **row,
        "store": {"currency": await shop.info.currency(), "unit": await shop.info.weight_unit()},
    }


async def _products(shop: Shop, rows: Sequence[Row]) -> list[list[tuple[str, Any]]]:
    return [[(str(row["id"]), await _product(shop, row))] for row in rows]


async def _fetch_products(shop: Shop, ids: Sequence[str]) -> _Found:
    rows = await _by_id(shop, PRODUCTS.path, ids, include="variants")
    return {str(row["id"]): (mark_of(row), await _product(shop, row)) for row in rows}


async def _by_id(shop: Shop, path: str, ids: Sequence[str], *, include: str) -> list[Row]:
    found: list[Row] = []
    numbers = [one for one in ids if one.isdecimal()]
    for start in range(0, len(numbers), _AT_ONCE):
        part = numbers[start : start + _AT_ONCE]
        params = {"id:in": ",".join(part), "include": include}
        rows = await all_of(shop.client, path, params=params) or []
        found += [row for row in rows if str(row.get("id")) in part]
    return found


CUSTOMER_KIND = Kind(collection=CUSTOMERS, expand=_customers, fetch=_fetch_customers)
PRODUCT_KIND = Kind(collection=PRODUCTS, expand=_products, fetch=_fetch_products)

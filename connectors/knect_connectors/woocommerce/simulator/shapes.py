"""What the API tells of a row: amounts with `dp` places, times twice, links.

Must not: change a row.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from knect_connectors.woocommerce.simulator.books import Books, Row

__all__ = ["fields_of", "shaped"]

#: Amounts the API rounds; those inside `taxes` come as they are kept.
_ROUNDED = frozenset({
    "discount_total", "discount_tax", "shipping_total", "shipping_tax", "cart_tax", "total",
    "total_tax", "subtotal", "subtotal_tax", "tax_total", "shipping_tax_total", "discount",
    "amount",
})  # fmt: skip
_AS_KEPT = frozenset({"taxes", "meta_data"})
#: Of a row, but not told.
_HIDDEN = frozenset({"secret", "failure_count", "parent_id_of", "status_before"})


def shaped(books: Books, row: Row, link: str, *, places: int = 2) -> Row:
    """Return the answer for a row."""
    told: Row = _rounded({k: v for k, v in row.items() if k not in _HIDDEN}, places)
    for name in [one for one in told if one.endswith("_gmt")]:
        told[name.removesuffix("_gmt")] = _local(told[name], books.offset)
    collection = link.rpartition("/")[0]
    told["_links"] = {"self": [{"href": link}], "collection": [{"href": collection}]}
    return told


def fields_of(row: Row, wanted: str) -> Row:
    """Return only the fields that are asked for with `_fields`."""
    names = [one.strip() for one in wanted.split(",")]
    return {name: row[name] for name in names if name in row}


def _local(text: str | None, offset: timedelta) -> str | None:
    if not text:
        return None
    return (datetime.fromisoformat(text) + offset).isoformat()


def _rounded(value: Any, places: int) -> Any:
    if isinstance(value, Mapping):
        return {
            name: one
            if name in _AS_KEPT
            else _places(one, places)
            if name in _ROUNDED and isinstance(one, str)
            else _rounded(one, places)
            for name, one in value.items()
        }
    if isinstance(value, list):
        return [_rounded(one, places) for one in value]
    return value


def _places(text: str, places: int) -> str:
    if not text:
        return text
    return f"{Decimal(text).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP):f}"

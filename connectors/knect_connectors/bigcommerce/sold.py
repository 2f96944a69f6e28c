"""Orders and what belongs to them, as kinds of records: orders, payments, refunds, shipments.

What of its order a payment, refund or parcel needs goes with it, and nothing else: a change of the
order must not be one of theirs. Must not: interpret an amount.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from knect.sdk.errors import UnexpectedAnswer
from knect_connectors.bigcommerce.listing import (
    ORDERS,
    PAGE,
    Row,
    all_of,
    is_last,
    mark_of,
    rows_of,
)
from knect_connectors.bigcommerce.orders import is_order, order_of, parts_of, whole_order
from knect_connectors.bigcommerce.reader import Kind, Shop

__all__ = ["ORDER_KIND", "PAYMENT_KIND", "REFUND_KIND", "SHIPMENT_KIND", "split_id"]

#: Ids that one question may name.
_AT_ONCE = 50
#: What of an order's line a refund needs, and a parcel.
_OF_LINE = ("id", "sku", "quantity", "total_tax", "discounted_total_inc_tax")
#: What of the order they need.
_OF_ORDER = ("id", "default_currency_code", "shipping_cost_inc_tax", "shipping_cost_tax")

_Made = list[tuple[str, Any]]
_Found = dict[str, tuple[datetime, Any]]


def split_id(identifier: str) -> tuple[str, str]:
    """Return (order, child) of an id such as `251/12`; ('', '') for what is none."""
    order, _, child = identifier.partition("/")
    return (order, child) if order.isdecimal() and child.isdecimal() else ("", "")


# ---------------------------------------------------------------- orders


async def _order(shop: Shop, row: Row) -> Row:
    order = await whole_order(shop.client, row, taxes=shop.config.tax_details)
    return {**order, "store": {"timezone": await shop.info.zone()}}


async def _orders(shop: Shop, rows: Sequence[Row]) -> list[_Made]:
    return [[(str(row["id"]), await _order(shop, row))] if is_order(row) else [] for row in rows]


async def _fetch_orders(shop: Shop, ids: Sequence[str]) -> _Found:
    found: _Found = {}
    for identifier in ids:
        row = await _row(shop, identifier)
        if row is not None:
            found[identifier] = (mark_of(row), await _order(shop, row))
    return found


async def _row(shop: Shop, identifier: str) -> Row | None:
    row = await order_of(shop.client, identifier) if identifier.isdecimal() else None
    return row if row is not None and is_order(row) else None


# ---------------------------------------------------------------- payments


async def _transactions(shop: Shop, order: Row) -> _Made:
    path, template = f"/v3/orders/{order['id']}/transactions", "/v3/orders/{id}/transactions"
    answer = await shop.client.read(path, template=template, may_miss=True)
    rows = rows_of(answer, template)
    if not is_last(answer, rows, PAGE):  # no further page can be asked for
        raise UnexpectedAnswer(
            f"the store tells {len(rows)} transactions of order {order['id']}, and that there are"
            " more",
            value=order["id"],
        )
    return [(f"{order['id']}/{row['id']}", row) for row in rows]


async def _payments(shop: Shop, rows: Sequence[Row]) -> list[_Made]:
    return [await _transactions(shop, row) if is_order(row) else [] for row in rows]


async def _fetch_payments(shop: Shop, ids: Sequence[str]) -> _Found:
    found: _Found = {}
    for order in dict.fromkeys(split_id(one)[0] for one in ids):
        row = await _row(shop, order)
        if row is not None:
            made = await _transactions(shop, row)
            found |= {identifier: (mark_of(row), raw) for identifier, raw in made}
    return found


# ---------------------------------------------------------------- refunds


async def _refunds_of(shop: Shop, name: str, ids: Sequence[str]) -> list[Row]:
    """Return refunds by `order_id:in` or `id:in`."""
    found: list[Row] = []
    for start in range(0, len(ids), _AT_ONCE):
        params = {name: ",".join(ids[start : start + _AT_ONCE])}
        found += (
            await all_of(shop.client, "/v3/orders/payment_actions/refunds", params=params) or []
        )
    return [row for row in found if str(row.get(name.removesuffix(":in"))) in ids]


async def _refund(shop: Shop, raw: Row, order: Row) -> Row:
    named = {
        str(item.get("item_id"))
        for item in raw.get("items") or ()
        if item.get("item_type") == "PRODUCT"
    }
    return {**raw, "order": await _of_order(shop, order, named)}


async def _of_order(shop: Shop, order: Row, named: set[str]) -> Row:
    """Return what of an order its refund or parcel is told with: only the lines it names."""
    lines = (await parts_of(shop.client, order))["products"] if named else []
    return {
        **{name: order.get(name) for name in _OF_ORDER},
        "cancelled": order.get("status_id") == 5,
        "products": [
            {name: line.get(name) for name in _OF_LINE}
            for line in lines
            if str(line.get("id")) in named
        ],
    }


async def _refunds(shop: Shop, rows: Sequence[Row]) -> list[_Made]:
    ids = [str(row["id"]) for row in rows if is_order(row)]
    by_order: dict[str, list[Row]] = {}
    for raw in await _refunds_of(shop, "order_id:in", ids):
        by_order.setdefault(str(raw["order_id"]), []).append(raw)
    return [
        [
            (str(raw["id"]), await _refund(shop, raw, row))
            for raw in by_order.get(str(row["id"]), ())
        ]
        for row in rows
    ]


async def _fetch_refunds(shop: Shop, ids: Sequence[str]) -> _Found:
    found: _Found = {}
    numbers = [one for one in ids if one.isdecimal()]
    orders: dict[str, Row | None] = {}
    for raw in await _refunds_of(shop, "id:in", numbers):
        name = str(raw["order_id"])
        if name not in orders:
            orders[name] = await _row(shop, name)
        order = orders[name]
        if order is not None:
            found[str(raw["id"])] = (mark_of(order), await _refund(shop, raw, order))
    return found


# ---------------------------------------------------------------- shipments


async def _parcels(shop: Shop, order: Row) -> _Made:
    if not order.get("items_shipped"):
        return []
    template = "/v2/orders/{id}/shipments"
    path = f"/v2/orders/{order['id']}/shipments"
    rows = await all_of(shop.client, path, template=template, limit=PAGE, may_miss=True) or []
    named = {str(item.get("order_product_id")) for row in rows for item in row.get("items") or ()}
    lines = (await _of_order(shop, order, named))["products"]
    skus = {str(line["id"]): line["sku"] for line in lines}
    return [(f"{order['id']}/{row['id']}", _with_skus(row, skus)) for row in rows]


def _with_skus(row: Row, skus: Mapping[str, Any]) -> Row:
    items = [
        {**item, "sku": skus.get(str(item.get("order_product_id")))}
        for item in row.get("items") or ()
    ]
    return {**row, "items": items}


async def _shipments(shop: Shop, rows: Sequence[Row]) -> list[_Made]:
    return [await _parcels(shop, row) if is_order(row) else [] for row in rows]


async def _fetch_shipments(shop: Shop, ids: Sequence[str]) -> _Found:
    found: _Found = {}
    for order in dict.fromkeys(split_id(one)[0] for one in ids):
        row = await _row(shop, order)
        if row is not None:
            made = await _parcels(shop, row)
            found |= {identifier: (mark_of(row), raw) for identifier, raw in made}
    return found


ORDER_KIND = Kind(collection=ORDERS, expand=_orders, fetch=_fetch_orders)
PAYMENT_KIND = Kind(collection=ORDERS, expand=_payments, fetch=_fetch_payments, own="date_created")
REFUND_KIND = Kind(collection=ORDERS, expand=_refunds, fetch=_fetch_refunds, own="created")
SHIPMENT_KIND = Kind(
    collection=ORDERS, expand=_shipments, fetch=_fetch_shipments, own="date_created"
)

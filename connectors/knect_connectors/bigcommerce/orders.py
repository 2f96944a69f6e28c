"""Reads whole orders: with their lines, addresses and fees, and their taxes by name and rate.

A list of orders brings lines and addresses along, in one request for all; taxes by name and rate
are one request more per order that has any. An order here is an object with the lists `products`,
`shipping_addresses`, `pickups`, `fees` and `taxes`, whichever road they came by.
Must not: interpret an amount; or take an order whose payment was not finished for one.
"""

from collections.abc import Mapping
from typing import Any

from knect_connectors.bigcommerce.client import BigCommerceClient
from knect_connectors.bigcommerce.listing import ORDERS, Row, all_of, rows_of

__all__ = ["INCOMPLETE", "is_order", "order_of", "parts_of", "whole_order"]

#: A shopper reached the payment and did not finish it: no order yet, perhaps never.
INCOMPLETE = 0
#: Links to what is read otherwise, and figures that tell nothing of what was sold.
_LINKS = ("products", "shipping_addresses", "coupons", "fees", "consignments")


def is_order(row: Mapping[str, Any]) -> bool:
    """Tell whether a row of the list is an order yet."""
    return row.get("status_id") != INCOMPLETE


async def order_of(client: BigCommerceClient, identifier: str) -> Row | None:
    """Return one order as a list would give it; None if there is none."""
    row = await client.read(
        f"/v2/orders/{identifier}",
        template="/v2/orders/{id}",
        params=ORDERS.more,
        may_miss=True,
    )
    return row if isinstance(row, dict) else None


async def whole_order(client: BigCommerceClient, row: Row, *, taxes: bool) -> Row:
    """Return an order with all that belongs to it as plain lists."""
    order = {name: value for name, value in row.items() if name not in _LINKS}
    order |= await parts_of(client, row)
    order["taxes"] = await _taxes(client, row) if taxes else []
    return order


async def parts_of(client: BigCommerceClient, row: Row) -> dict[str, list[Row]]:
    """Return lines, addresses, pickups and fees: as they came, or asked for one by one."""
    consignments = row.get("consignments")
    if not isinstance(consignments, dict) or not isinstance(consignments.get("shipping"), list):
        return await _asked(client, row)
    fees = row.get("fees")
    parts: dict[str, list[Row]] = {
        "products": [],
        "shipping_addresses": [],
        "pickups": [],
        "fees": fees if isinstance(fees, list) else await _list(client, row, "fees"),
    }
    email = consignments.get("email")
    certificates = email.get("gift_certificates") if isinstance(email, dict) else None
    for kind, ones in (
        ("shipping_addresses", consignments["shipping"]),
        ("pickups", consignments.get("pickups")),
        ("", consignments.get("downloads")),
        ("", certificates),
    ):
        for one in ones if isinstance(ones, list) else ():
            lines = one.get("line_items")
            if not isinstance(lines, list):  # a link: the lines did not come along
                return await _asked(client, row)
            parts["products"] += lines
            if kind:
                parts[kind].append({k: v for k, v in one.items() if k != "line_items"})
    if sum(_count(line) for line in parts["products"]) != row.get("items_total"):
        parts["products"] = await _list(client, row, "products")
    parts["products"].sort(key=lambda line: line.get("id") or 0)
    return parts


def _count(line: Mapping[str, Any]) -> int:
    quantity = line.get("quantity")
    return quantity if isinstance(quantity, int) else 0


async def _asked(client: BigCommerceClient, row: Row) -> dict[str, list[Row]]:
    names = ("products", "shipping_addresses", "fees")
    parts = {name: await _list(client, row, name) for name in names}
    return {**parts, "pickups": []}


async def _list(client: BigCommerceClient, row: Row, name: str) -> list[Row]:
    path, template = f"/v2/orders/{row['id']}/{name}", f"/v2/orders/{{id}}/{name}"
    if name != "fees":
        return await all_of(client, path, template=template, may_miss=True) or []
    answer = await client.read(path, template=template, may_miss=True)  # one page, always
    return [answer] if isinstance(answer, dict) else rows_of(answer, template)


async def _taxes(client: BigCommerceClient, row: Row) -> list[Row]:
    if not str(row.get("total_tax") or "0").strip("0."):
        return []
    path, template = f"/v2/orders/{row['id']}/taxes", "/v2/orders/{id}/taxes"
    params = {"details": "true"}
    return await all_of(client, path, template=template, params=params, may_miss=True) or []

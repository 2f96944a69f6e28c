"""The REST API (api2) as far as it reads: orders, products, stock items, customers.

A page beyond the last one is the last one again, more than 100 on a page are refused, and orders
can only be read: all as the platform does it. Must not: check who asks; `oauth` does.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from knect.sdk.testing import Answer, Request
from knect_connectors.magento1.simulator.books import Books, Row
from knect_connectors.magento1.simulator.filters import filtered

__all__ = ["refused", "rest_answer"]

_DEFAULT, _MOST = 10, 100
_FILTER = re.compile(r"filter\[(\w+)\]\[(\w+)\](?:\[(\d+)\])?")

_ORDER = (
    "entity_id increment_id created_at updated_at status shipping_description base_currency_code"
    " store_currency_code store_name remote_ip store_to_order_rate subtotal subtotal_incl_tax"
    " discount_amount base_grand_total grand_total shipping_amount shipping_tax_amount"
    " shipping_incl_tax tax_amount coupon_code base_discount_amount base_subtotal"
    " base_shipping_amount base_shipping_tax_amount base_tax_amount total_paid base_total_paid"
    " total_refunded base_total_refunded base_subtotal_incl_tax base_total_due total_due"
    " shipping_discount_amount base_shipping_discount_amount discount_description"
    " customer_balance_amount base_customer_balance_amount customer_id"
).split()
_ITEM = (
    "item_id name parent_item_id sku price price_incl_tax qty_ordered qty_invoiced qty_shipped"
    " qty_canceled qty_refunded row_total row_total_incl_tax base_price original_price"
    " base_original_price base_price_incl_tax tax_percent tax_amount base_tax_amount"
    " discount_amount base_discount_amount base_row_total base_row_total_incl_tax"
).split()
_ADDRESS = (
    "region postcode lastname street city email telephone country_id firstname address_type prefix"
    " middlename suffix company"
).split()


def _order(books: Books, row: Row) -> Row:
    del books
    shown = {name: row.get(name) for name in _ORDER if name != "entity_id"}
    return {
        "entity_id": row["order_id"],
        **shown,
        "payment_method": row["payment"]["method"],
        "addresses": [
            {name: row[side].get(name) for name in _ADDRESS}
            for side in ("billing_address", "shipping_address")
            if row[side]
        ],
        "order_items": [{name: item.get(name) for name in _ITEM} for item in row["items"]],
        "order_comments": [
            {name: entry[name] for name in ("created_at", "comment", "status")}
            for entry in row["status_history"]
        ],
    }


def _product(books: Books, row: Row) -> Row:
    stock = books.stock[row["product_id"]]
    return {
        "entity_id": row["product_id"], "attribute_set_id": row["set"], "type_id": row["type"],
        "sku": row["sku"], "name": row["name"], "status": row["status"], "price": row["price"],
        "created_at": row["created_at"], "updated_at": row["updated_at"],
        "is_in_stock": stock["is_in_stock"],
    }  # fmt: skip


def _stock_item(books: Books, row: Row) -> Row:
    stock = books.stock[row["product_id"]]
    return {"item_id": row["product_id"], "product_id": row["product_id"], "stock_id": "1",
            "qty": stock["qty"], "is_in_stock": stock["is_in_stock"],
            "manage_stock": stock["manage_stock"]}  # fmt: skip


def _customer(books: Books, row: Row) -> Row:
    del books
    names = ("website_id", "created_in", "firstname", "lastname", "email", "group_id", "created_at")
    return {"entity_id": row["customer_id"], **{name: row[name] for name in names}}


_Shown = Callable[[Books, Row], Row]
#: route -> (table, what a record is shown as)
_ROUTES: Mapping[str, tuple[str, _Shown]] = {
    "orders": ("orders", _order),
    "products": ("products", _product),
    "stockitems": ("products", _stock_item),
    "customers": ("customers", _customer),
}


def rest_answer(books: Books, request: Request) -> Answer:
    """Answer a request that was let in."""
    route, _, identifier = request.path.partition("/api/rest/")[2].strip("/").partition("/")
    if route not in _ROUTES:
        return _error(404, "Request does not match any route.")
    if request.method != "GET":
        return _error(405, "Resource method not allowed")
    table, shown = _ROUTES[route]
    rows = [shown(books, row) for row in getattr(books, table).values()]
    if identifier:
        name = "item_id" if route == "stockitems" else "entity_id"
        found = [row for row in rows if row[name] == identifier]
        return Answer.of_json(found[0]) if found else _error(404, "Resource not found.")
    return _listed(route, rows, request.query)


def _listed(route: str, rows: list[Row], query: Mapping[str, str]) -> Answer:
    try:
        page, limit = int(query.get("page", "1")), int(query.get("limit", str(_DEFAULT)))
    except ValueError:
        return _error(400, "Invalid page number")
    if limit > _MOST or limit < 1 or page < 1:
        return _error(400, f"The paging limit exceeds the allowed number ({_MOST}).")
    try:
        found = filtered(rows, _filters(query), {})
    except ValueError:
        return _error(400, "Collection filtering error")
    if order := query.get("order"):
        found.sort(key=lambda row: str(row.get(order) or ""), reverse=query.get("dir") == "dsc")
    last = max(1, -(-len(found) // limit))
    page = min(page, last)  # beyond the last page is the last page
    part = found[(page - 1) * limit : page * limit]
    # PHP makes a map of orders, by their ids, and a list of others; an empty one is a list
    if route in ("orders", "products", "customers") and part:
        return Answer.of_json({row["entity_id"]: row for row in part}, key=route)
    return Answer.of_json(part, key=route)


def _filters(query: Mapping[str, str]) -> dict[str, Any]:
    parts: dict[str, dict[str, Any]] = {}
    for name, value in query.items():
        if match := _FILTER.fullmatch(name):
            number, word, index = match.groups()
            target = parts.setdefault(number, {})
            if index is None:
                target[word] = value
            else:
                target.setdefault(word, []).append(value)
    return {
        str(one["attribute"]): {name: value for name, value in one.items() if name != "attribute"}
        for one in parts.values()
        if "attribute" in one
    }


def _error(status: int, message: str) -> Answer:
    body: Any = {"messages": {"error": [{"code": status, "message": message}]}}
    return Answer.of_json(body, status=status)


def refused(problem: str) -> Answer:
    """Return the answer for who is not let in."""
    answer = _error(401, f"oauth_problem={problem}")
    challenge = f'OAuth realm="", oauth_problem="{problem}"'
    answer.headers = {**answer.headers, "WWW-Authenticate": challenge}
    return answer

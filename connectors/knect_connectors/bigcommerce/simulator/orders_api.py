"""Routes about orders: V2's list and one order with its parts and parcels; V3's money.

Must not: know the quota, credentials or faults.
"""

from datetime import datetime
from decimal import Decimal
from typing import Any

from knect.sdk.testing import Answer, Request
from knect_connectors.bigcommerce.payload import read_instant
from knect_connectors.bigcommerce.simulator import acts
from knect_connectors.bigcommerce.simulator.books import Books, Row, places
from knect_connectors.bigcommerce.simulator.wire import (
    ids_in,
    instant_of,
    list_v2,
    page_v3,
    problem,
    refused_v2,
    shown,
)
from knect_connectors.bigcommerce.statuses import NAMES

__all__ = ["order_route", "refunds_route", "statuses_route", "transactions_route"]

_HOST = "https://api.bigcommerce.com/stores/{store_hash}/v2"
_LINKS = ("products", "shipping_addresses", "coupons", "fees", "consignments")
_FILTERS = ("status_id", "customer_id", "channel_id")
_PROVIDERS = ("", "auspost", "canadapost", "endicia", "usps", "fedex", "royalmail", "ups",
              "upsready", "upsonline", "shipperhq", "custom")  # fmt: skip
_OF_SHIPMENT = ("tracking_number", "tracking_link", "merchant_shipping_cost", "shipping_method",
                "shipping_provider", "tracking_carrier", "comments")  # fmt: skip
_SETTABLE = ("staff_notes", "customer_message", "external_order_id", "payment_method")
_COSTS = ("base_cost", "cost_ex_tax", "cost_inc_tax", "cost_tax", "base_handling_cost",
          "handling_cost_ex_tax", "handling_cost_inc_tax", "handling_cost_tax")  # fmt: skip


def order_route(books: Books, request: Request, steps: list[str]) -> Answer:
    """Answer below `/v2/orders`."""
    if not steps:
        return _listed(books, request)
    if steps == ["count"]:
        return Answer.of_json({"count": len(_fitting(books, request)), "statuses": []})
    order = books.orders.get(int(steps[0])) if steps[0].isdecimal() else None
    if order is None:
        return refused_v2(404, "The requested resource was not found.")
    name = steps[1] if len(steps) > 1 else ""
    if name == "shipments":
        return _shipments(books, request, order, steps[2:])
    if name:
        return _part(request, order, name)
    if request.method == "PUT":
        return _update(books, request, order)
    if request.method == "DELETE":
        order["is_deleted"] = True
        books.touch(order, "store/order/archived")
        return Answer(status=204, key="order", committed=True)
    return Answer.of_json(_order(request, order), key="order")


def _part(request: Request, order: Row, name: str) -> Answer:
    """Return a list of what belongs to an order."""
    match name:
        case "products":
            return list_v2(request, list(map(shown, order["_products"])), key="products")
        case "shipping_addresses" | "shippingaddresses":
            rows = [{**shown(one), "shipping_quotes": {}} for one in order["_addresses"]]
            return list_v2(request, rows, key="shipping_addresses")
        case "coupons":
            return list_v2(request, _coupons(order), key="coupons")
        case "fees":
            return Answer.of_json(order["_fees"], key="fees")
        case "consignments":
            return Answer.of_json(_consignments(order, lines=False), key="consignments")
        case "taxes":
            return list_v2(request, _taxes(order, request), key="taxes")
        case _:
            return refused_v2(404, "The requested resource was not found.")


# ---------------------------------------------------------------- the list


def _fitting(books: Books, request: Request) -> list[Row]:
    """Return the orders that fit what is asked; an unknown name is passed over."""
    query = request.query
    rows = [row for row in books.orders.values() if not row["is_deleted"]]
    for field in ("date_modified", "date_created"):
        least, most = (instant_of(request, f"{end}_{field}") for end in ("min", "max"))
        if least or most:
            rows = [r for r in rows if _between(read_instant(r[field]), least, most)]
    if query.get("min_id", "").isdecimal():
        rows = [row for row in rows if row["id"] >= int(query["min_id"])]
    if query.get("max_id", "").isdecimal():
        rows = [row for row in rows if row["id"] <= int(query["max_id"])]
    for name in _FILTERS:
        if query.get(name, "").isdecimal():
            rows = [row for row in rows if row[name] == int(query[name])]
    if wanted := query.get("external_order_id"):
        rows = [row for row in rows if row["external_order_id"] == wanted]
    return rows


def _between(at: datetime, least: datetime | None, most: datetime | None) -> bool:
    return (least is None or at >= least) and (most is None or at <= most)


def _listed(books: Books, request: Request) -> Answer:
    rows = sorted(_fitting(books, request), key=lambda row: row["id"])
    field, _, way = request.query.get("sort", "id").partition(":")
    if field.startswith("date_"):
        rows.sort(key=lambda row: read_instant(row[field]))
    elif field in ("customer_id", "status_id", "channel_id"):
        rows.sort(key=lambda row: int(row[field]))
    if way == "desc":
        rows.reverse()
    return list_v2(request, [_order(request, row) for row in rows], key="orders")


def _order(request: Request, order: Row) -> Row:
    base = f"/orders/{order['id']}"
    row = shown(order) | {
        name: {"url": f"{_HOST}{base}/{name}", "resource": f"{base}/{name}"} for name in _LINKS
    }
    include = set(request.query.get("include", "").split(","))
    if "fees" in include:
        row["fees"] = order["_fees"]
    if include & {"consignments", "consignments.line_items"}:
        lines = "consignments.line_items" in include
        whole = request.query.get("consignment_structure") == "object"
        row["consignments"] = _consignments(order, lines=lines) if whole else []
    return row


def _consignments(order: Row, *, lines: bool) -> Row:
    """Return lines by where they go; costs are numbers here."""
    base = f"/orders/{order['id']}/products"
    link = {"url": f"{_HOST}{base}", "resource": base}

    def of(address: int) -> Any:
        rows = [shown(one) for one in order["_products"] if one["order_address_id"] == address]
        return rows[:50] if lines else link

    shipping = [
        {**{k: v for k, v in one.items() if k != "order_id"},
         **{name: Decimal(one[name]).normalize() for name in _COSTS},
         "line_items": of(one["id"])}
        for one in order["_addresses"]
    ]  # fmt: skip
    digital = any(not one["order_address_id"] for one in order["_products"])
    return {
        "pickups": [], "shipping": shipping,
        "downloads": [{"recipient_email": order["billing_address"]["email"], "line_items": of(0)}]
        if digital else [],
        "email": {"gift_certificates": []},
    }  # fmt: skip


def _coupons(order: Row) -> list[Row]:
    plan = order["_plan"]
    if not plan.coupon:
        return []
    amount = order["coupon_discount"]
    return [{"id": 1, "coupon_id": 1, "order_id": order["id"], "code": plan.coupon,
             "amount": amount, "type": 2, "discount": Decimal(amount)}]  # fmt: skip


def _taxes(order: Row, request: Request) -> list[Row]:
    plan = order["_plan"]
    rows: list[Row] = []

    def add(kind: str, amount: str, rate: Decimal, address: int, product: int | None) -> None:
        if not Decimal(amount):
            return
        row = {
            "id": len(rows) + 1, "order_id": order["id"], "order_address_id": address,
            "tax_rate_id": 1, "sales_tax_id": "1", "tax_class_id": 0,
            "name": f"VAT {(rate * 100).normalize():f}%", "class": "Default Tax Class",
            "rate": places(rate * 100), "priority": 0, "priority_amount": amount,
            "line_amount": amount, "order_pickup_method_id": 0,
        }  # fmt: skip
        if request.query.get("details") == "true":
            row |= {"order_product_id": None if product is None else str(product),
                    "line_item_type": kind}  # fmt: skip
        rows.append(row)

    for line in order["_products"]:
        add("item", line["total_tax"], line["_rate"], line["order_address_id"], line["id"])
    for one in order["_addresses"]:
        add("shipping", one["cost_tax"], plan.rate, one["id"], None)
    add("handling", order["handling_cost_tax"], plan.rate, 0, None)
    add("gift-wrapping", order["wrapping_cost_tax"], plan.rate, 0, None)
    return rows


# ---------------------------------------------------------------- changes


def _update(books: Books, request: Request, order: Row) -> Answer:
    body = request.json()
    status = body.get("status_id", order["status_id"])
    if status not in NAMES:
        return refused_v2(400, "The field 'status_id' is invalid.", "not one of the statuses")
    order |= {name: body[name] for name in _SETTABLE if name in body}
    acts.set_status(books, order, status)
    return Answer.of_json(_order(request, order), key="order", committed=True)


def _shipments(books: Books, request: Request, order: Row, steps: list[str]) -> Answer:
    made = order["_shipments"]
    if not steps:
        if request.method == "GET":
            return list_v2(request, made, key="shipments")
        return _ship(books, request, order)
    if steps == ["count"]:
        return Answer.of_json({"count": len(made)})
    shipment = next((one for one in made if str(one["id"]) == steps[0]), None)
    if shipment is None:
        return refused_v2(404, "The requested resource was not found.")
    if request.method == "GET":
        return Answer.of_json(shipment, key="shipment")
    if request.method == "DELETE":
        acts.take_back(books, order, shipment)
        return Answer(status=204, key="shipment", committed=True)
    body = request.json()
    if (wrong := _wrong(body)) is not None:
        return wrong
    shipment |= {name: str(body[name] or "") for name in _OF_SHIPMENT if name in body}
    books.tell("store/shipment/updated",
               {"type": "shipment", "id": shipment["id"], "orderId": order["id"]})  # fmt: skip
    books.touch(order)
    return Answer.of_json(shipment, key="shipment", committed=True)


def _wrong(body: Row) -> Answer | None:
    provider = str(body.get("shipping_provider") or "")
    if provider not in _PROVIDERS and not provider.startswith("carrier_"):
        return refused_v2(
            400, "The field 'shipping_provider' is invalid.", f"{provider} is not a valid provider"
        )
    return None


def _ship(books: Books, request: Request, order: Row) -> Answer:
    body = request.json()
    for name in ("order_address_id", "items"):
        if not body.get(name):
            return refused_v2(400, f"The required field '{name}' was not supplied.")
    if (wrong := _wrong(body)) is not None:
        return wrong
    address = int(body["order_address_id"])
    lines = {line["id"]: line for line in order["_products"]}
    for item in body["items"]:
        line = lines.get(int(item["order_product_id"]))
        if line is None or line["order_address_id"] != address:
            return refused_v2(
                400, "The field 'items' is invalid.", "an order product is not of this address"
            )
        if item["quantity"] > line["quantity"] - line["quantity_shipped"]:
            return refused_v2(
                400, "The field 'items' is invalid.", "the quantity is more than what is left"
            )
    fields: dict[str, Any] = {n: str(body[n] or "") for n in _OF_SHIPMENT if n in body}
    made = acts.ship(books, order, body["items"], order_address_id=address, **fields)
    return Answer.of_json(made, status=201, key="shipment", committed=True)


# ---------------------------------------------------------------- V3's money


def transactions_route(books: Books, order: str) -> Answer:
    """Answer `/v3/orders/{id}/transactions`."""
    found = books.orders.get(int(order)) if order.isdecimal() else None
    if found is None:
        return problem(404, "The resource was not found.")
    if not found["_transactions"]:
        return Answer(status=204, key="transactions")
    meta = {"pagination": {"total": len(found["_transactions"]), "current_page": 1,
                           "total_pages": 1, "per_page": 50, "links": {},
                           "count": len(found["_transactions"])}}  # fmt: skip
    return Answer.of_json({"data": found["_transactions"], "meta": meta}, key="transactions")


def refunds_route(books: Books, request: Request) -> Answer:
    """Answer `/v3/orders/payment_actions/refunds`."""
    rows = [one for order in books.orders.values() for one in order["_refunds"]]
    for name, field in (("order_id:in", "order_id"), ("id:in", "id")):
        if (wanted := ids_in(request, name)) is not None:
            rows = [row for row in rows if str(row[field]) in wanted]
    least, most = instant_of(request, "created:min"), instant_of(request, "created:max")
    rows = [row for row in rows if _between(read_instant(row["created"]), least, most)]
    rows.sort(key=lambda row: row["id"])
    return page_v3(request, rows, key="refunds")


def statuses_route() -> Answer:
    """Answer `/v2/order_statuses`."""
    return Answer.of_json([
        {"id": key, "name": name, "system_label": name, "custom_label": name,
         "system_description": "", "order": key}
        for key, name in NAMES.items()
    ], key="order_statuses")  # fmt: skip

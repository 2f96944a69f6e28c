"""The legacy REST Admin API, as far as a shop's own client needs it to list and find orders.

Must not: grow; the platform calls it legacy, and Knect does not use it.
"""

from collections.abc import Mapping
from typing import Any

from knect.sdk.testing import Answer, Request
from knect_connectors.shopify.simulator.shop import Shop, cursor_of

__all__ = ["rest_answer", "rest_order"]

_LARGEST = 250


def rest_answer(shop: Shop, request: Request, resource: str, base: str) -> Answer:
    """Answer `orders.json`, `orders/ID.json`, `orders/count.json` and `shop.json`."""
    if "read_orders" not in shop.scopes and resource.startswith("orders"):
        message = "[API] This action requires merchant approval for read_orders scope."
        return Answer.of_json({"errors": message}, status=403)
    if resource == "shop.json":
        return Answer.of_json({"shop": {"name": shop.info["name"], **_shop_fields(shop)}})
    if resource == "orders/count.json":
        return Answer.of_json({"count": len(_listed(shop, request.query))})
    if resource == "orders.json":
        return _orders(shop, request, base)
    if resource.startswith("orders/") and resource.endswith(".json"):
        order = shop.get(f"gid://shopify/Order/{resource[7:-5]}")
        if order is None:
            return Answer.of_json({"errors": "Not Found"}, status=404)
        return Answer.of_json({"order": rest_order(order)}, key=order["name"])
    return Answer.of_json({"errors": "Not Found"}, status=404)


def _shop_fields(shop: Shop) -> dict[str, Any]:
    return {
        "id": 1,
        "myshopify_domain": shop.info["myshopifyDomain"],
        "currency": shop.info["currencyCode"],
        "iana_timezone": shop.info["ianaTimezone"],
    }


def _listed(shop: Shop, query: Mapping[str, str]) -> list[dict[str, Any]]:
    terms = [
        f"{name[:-4]}:{'>=' if name.endswith('min') else '<='}'{value}'"
        for name, value in query.items()
        if name in ("updated_at_min", "updated_at_max", "created_at_min", "created_at_max")
    ]
    found = shop.search("orders", "ID", " ".join(terms), None, reverse=False)
    if query.get("status", "open") == "open":  # the platform's default: no closed, no cancelled
        found = [one for one in found if not one["closedAt"] and not one["cancelledAt"]]
    if wanted := query.get("ids"):
        numbers = set(wanted.split(","))
        found = [one for one in found if one["legacyResourceId"] in numbers]
    if since := query.get("since_id"):
        found = [one for one in found if int(one["legacyResourceId"]) > int(since)]
    if name := query.get("name"):
        found = [one for one in found if one["name"].lstrip("#") == name.lstrip("#")]
    return found


def _orders(shop: Shop, request: Request, base: str) -> Answer:
    limit = min(int(request.query.get("limit", "50")), _LARGEST)
    info = request.query.get("page_info")
    if info:
        cursor, _, status = info.rpartition("~")
        found = _listed(shop, {"status": status})
        keys = [cursor_of(one, "ID") for one in found]
        found = found[keys.index(cursor) + 1 :] if cursor in keys else []
    else:
        status = request.query.get("status", "open")
        found = _listed(shop, request.query)
    page, rest = found[:limit], found[limit:]
    headers: dict[str, str] = {}
    if rest:
        path = request.path
        following = f"{cursor_of(page[-1], 'ID')}~{status}".replace("#", "%23").replace("|", "%7C")
        headers["Link"] = f'<{base}{path}?limit={limit}&page_info={following}>; rel="next"'
    return Answer.of_json({"orders": [rest_order(one) for one in page]}, headers=headers)


def rest_order(order: Mapping[str, Any]) -> dict[str, Any]:
    """Return an order in REST's field names; also the body of order webhooks."""
    return {
        "id": int(order["id"].rpartition("/")[2]),
        "admin_graphql_api_id": order["id"],
        "name": order["name"],
        "order_number": order["number"],
        "number": order["number"],
        "email": order["email"],
        "created_at": order["createdAt"],
        "updated_at": order["updatedAt"],
        "processed_at": order["processedAt"],
        "cancelled_at": order["cancelledAt"],
        "closed_at": order["closedAt"],
        "test": order["test"],
        "currency": order["currencyCode"],
        "presentment_currency": order["presentmentCurrencyCode"],
        "taxes_included": order["taxesIncluded"],
        "total_price": order["totalPriceSet"]["shopMoney"]["amount"],
        "current_total_price": order["currentTotalPriceSet"]["shopMoney"]["amount"],
        "total_tax": order["totalTaxSet"]["shopMoney"]["amount"],
        "total_discounts": order["totalDiscountsSet"]["shopMoney"]["amount"],
        "financial_status": str(order["displayFinancialStatus"]).lower(),
        "line_items": [
            {
                "id": int(line["id"].rpartition("/")[2]),
                "admin_graphql_api_id": line["id"],
                "sku": line["sku"],
                "title": line["title"],
                "quantity": line["quantity"],
                "current_quantity": line["currentQuantity"],
                "price": line["originalUnitPriceSet"]["shopMoney"]["amount"],
            }
            for line in order["lineItems"]
        ],
        "shipping_lines": [
            {
                "id": int(line["id"].rpartition("/")[2]),
                "title": line["title"],
                "price": line["originalPriceSet"]["shopMoney"]["amount"],
            }
            for line in order["shippingLines"]
        ],
    }

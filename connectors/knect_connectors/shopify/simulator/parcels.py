"""What leaves the simulated shop's shelves: fulfillment orders, fulfillments, e-mails about them.

Why: the platform keeps what is still to ship apart from the order's lines, per location, and its
rules (hold, split, closed, never more than remains) are what a shipping integration stumbles over.
Must not: know HTTP or GraphQL, or decide what is sold.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from knect_connectors.shopify.simulator.books import instant

__all__ = [
    "MAIN",
    "ActError",
    "cancel_fulfillment",
    "fulfill",
    "hold",
    "release_units",
    "retrack",
    "set_status",
    "split",
    "unhold",
    "waiting_order",
]

#: The location orders are assigned to unless told otherwise.
MAIN = {"id": "gid://shopify/Location/1", "name": "Main warehouse"}
_SHIPPABLE = frozenset({"OPEN", "IN_PROGRESS"})


class ActError(Exception):
    """The platform refuses what was asked; `field` is the path it names."""

    def __init__(self, message: str, field: Sequence[str] | None = None) -> None:
        super().__init__(message)
        self.field = list(field) if field else None


def waiting_order(
    order: Mapping[str, Any], lines: Mapping[int, int], location: Mapping[str, str] = MAIN
) -> dict[str, Any]:
    """Return a fulfillment order of (index of a line, units) at a location."""
    number = int(order["legacyResourceId"]) * 100 + len(order["fulfillmentOrders"])
    return {
        "__typename": "FulfillmentOrder",
        "id": f"gid://shopify/FulfillmentOrder/{number}",
        "status": "OPEN",
        "assignedLocation": {"name": location["name"], "location": dict(location)},
        "fulfillmentHolds": [],
        "lineItems": [
            {
                "id": f"gid://shopify/FulfillmentOrderLineItem/{number * 100 + position}",
                "lineItem": order["lineItems"][index],
                "remainingQuantity": units,
                "totalQuantity": units,
            }
            for position, (index, units) in enumerate(lines.items())
        ],
    }


def split(order: dict[str, Any], index: int, units: int, location: Mapping[str, str]) -> str:
    """Move units of a line to another location; returns the new fulfillment order's id."""
    line = order["lineItems"][index]
    release_units(order, line, units)
    moved = waiting_order(order, {index: units}, location)
    order["fulfillmentOrders"].append(moved)
    return str(moved["id"])


def hold(order: dict[str, Any], notes: str = "") -> None:
    """Put what is left to ship on hold."""
    for one in order["fulfillmentOrders"]:
        if one["status"] in _SHIPPABLE:
            one["status"] = "ON_HOLD"
            one["fulfillmentHolds"] = [
                {"id": f"{one['id']}/hold", "reason": "OTHER", "reasonNotes": notes or None}
            ]
    set_status(order)


def unhold(order: dict[str, Any]) -> None:
    """Release what is on hold."""
    for one in order["fulfillmentOrders"]:
        if one["status"] == "ON_HOLD":
            one.update(status="OPEN", fulfillmentHolds=[])
    set_status(order)


def release_units(order: dict[str, Any], line: Mapping[str, Any], units: int) -> None:
    """Take units of a line off what is to be shipped: they were edited away or cancelled."""
    for each, item in _items(order):
        if item["lineItem"]["id"] == line["id"] and units > 0:
            taken = min(units, item["remainingQuantity"])
            item["remainingQuantity"] -= taken
            item["totalQuantity"] -= taken
            units -= taken
            _close_if_empty(each)


def fulfill(
    order: dict[str, Any],
    wanted: Sequence[Mapping[str, Any]],
    tracking: Mapping[str, Any],
    at: datetime,
) -> dict[str, Any]:
    """Ship; `wanted` is lineItemsByFulfillmentOrder. Raises ActError as the platform refuses."""
    shipped: list[tuple[dict[str, Any], dict[str, Any], int]] = []
    places = set()
    for one in wanted:
        each = _named(order, one["fulfillmentOrderId"])
        if each["status"] not in _SHIPPABLE:
            raise ActError(
                f"Fulfillment order {each['id'].rpartition('/')[2]} has an unfulfillable status="
                f" {each['status'].lower()}.",
                ["fulfillment"],
            )
        places.add(each["assignedLocation"]["location"]["id"])
        asked = one.get("fulfillmentOrderLineItems") or [
            {"id": item["id"], "quantity": item["remainingQuantity"]} for item in each["lineItems"]
        ]
        for piece in asked:
            item = next((x for x in each["lineItems"] if x["id"] == piece["id"]), None)
            if item is None or not 0 < piece["quantity"] <= item["remainingQuantity"]:
                raise ActError(
                    "Invalid fulfillment order line item quantity requested.", ["fulfillment"]
                )
            shipped.append((each, item, piece["quantity"]))
    if len(places) > 1:
        raise ActError("All fulfillment orders must be assigned to the same location.")
    number = int(order["legacyResourceId"]) * 100 + len(order["fulfillments"])
    for each, item, units in shipped:
        item["remainingQuantity"] -= units
        each["status"] = "IN_PROGRESS"
        _close_if_empty(each)
    made = {
        "__typename": "Fulfillment",
        "id": f"gid://shopify/Fulfillment/{number}",
        "name": f"{order['name']}-F{len(order['fulfillments']) + 1}",
        "status": "SUCCESS",
        "createdAt": instant(at),
        "updatedAt": instant(at),
        "location": shipped[0][0]["assignedLocation"]["location"] if shipped else None,
        "trackingInfo": _trackings(tracking),
        "fulfillmentLineItems": [
            {
                "id": f"gid://shopify/FulfillmentLineItem/{number * 100 + index}",
                "lineItem": item["lineItem"],
                "quantity": units,
            }
            for index, (_, item, units) in enumerate(shipped)
        ],
    }
    order["fulfillments"].append(made)
    set_status(order)
    return made


def cancel_fulfillment(order: dict[str, Any], made: dict[str, Any], at: datetime) -> None:
    """Take a fulfillment back; what it shipped is to be shipped again, by a new order for it."""
    if made["status"] == "CANCELLED":
        raise ActError("Fulfillment is already cancelled.", ["id"])
    made.update(status="CANCELLED", updatedAt=instant(at))
    ids = [line["id"] for line in order["lineItems"]]
    back = {
        ids.index(piece["lineItem"]["id"]): piece["quantity"]
        for piece in made["fulfillmentLineItems"]
    }
    order["fulfillmentOrders"].append(waiting_order(order, back, made["location"] or MAIN))
    set_status(order)


def retrack(made: dict[str, Any], tracking: Mapping[str, Any], at: datetime) -> None:
    """Replace the tracking of a fulfillment."""
    if made["status"] == "CANCELLED":
        raise ActError("Fulfillment is cancelled.", ["fulfillmentId"])
    made.update(trackingInfo=_trackings(tracking), updatedAt=instant(at))


def set_status(order: dict[str, Any]) -> None:
    """Work out displayFulfillmentStatus."""
    left = sum(item["remainingQuantity"] for _, item in _items(order))
    done = any(one["status"] == "SUCCESS" for one in order["fulfillments"])
    held = any(one["status"] == "ON_HOLD" for one in order["fulfillmentOrders"])
    if held:
        order["displayFulfillmentStatus"] = "ON_HOLD"
    elif done:
        order["displayFulfillmentStatus"] = "PARTIALLY_FULFILLED" if left else "FULFILLED"
    else:
        order["displayFulfillmentStatus"] = "UNFULFILLED"


def _items(order: Mapping[str, Any]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Return what can still be shipped: (fulfillment order, its line)."""
    return [
        (each, item)
        for each in order["fulfillmentOrders"]
        if each["status"] not in ("CLOSED", "CANCELLED", "INCOMPLETE")
        for item in each["lineItems"]
    ]


def _named(order: Mapping[str, Any], identifier: str) -> dict[str, Any]:
    for one in order["fulfillmentOrders"]:
        if one["id"] == identifier:
            found: dict[str, Any] = one
            return found
    raise ActError("Fulfillment order does not exist.", ["fulfillment"])


def _close_if_empty(each: dict[str, Any]) -> None:
    if not any(item["remainingQuantity"] for item in each["lineItems"]):
        each["status"] = "CLOSED"


def _trackings(tracking: Mapping[str, Any]) -> list[dict[str, Any]]:
    numbers = tracking.get("numbers") or ([tracking["number"]] if tracking.get("number") else [])
    urls = tracking.get("urls") or ([tracking["url"]] if tracking.get("url") else [])
    return [
        {
            "number": number,
            "company": tracking.get("company"),
            "url": urls[index] if index < len(urls) else None,
        }
        for index, number in enumerate(numbers)
    ]

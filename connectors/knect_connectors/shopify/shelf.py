"""What of an order is still to be shipped at Shopify, and what was shipped: read right before.

Why: fulfillment orders are split, moved, held and closed at any moment and change their ids; what
was read a minute ago is not what can be shipped now.
Must not: decide or write; `parcel` decides.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from knect.sdk.errors import UnexpectedAnswer
from knect_connectors.shopify import order_queries as q
from knect_connectors.shopify.client import ShopifyClient

__all__ = ["Made", "Shelf", "Sold", "Waiting", "made_by_id", "read_shelf"]

_BATCH = 10


class Sold(Struct, frozen=True, kw_only=True):
    """A line of the order; `current` is what is left of it after edits and refunds."""

    id: str
    sku: str
    name: str
    quantity: int
    current: int


class Waiting(Struct, frozen=True, kw_only=True):
    """A fulfillment order. `items` are (its line's id, the order line's id, units left)."""

    id: str
    status: str
    location_id: str
    location: str
    hold: str
    items: tuple[tuple[str, str, int], ...]


class Made(Struct, frozen=True, kw_only=True):
    """A fulfillment; `lines` are units by the order line's id."""

    id: str
    name: str
    status: str
    numbers: frozenset[str]
    trackings: tuple[tuple[str, str, str], ...]  # number, company, url
    lines: Mapping[str, int]

    @property
    def is_valid(self) -> bool:
        """Tell whether it stands for goods that left."""
        return self.status not in ("CANCELLED", "ERROR", "FAILURE")


class Shelf(Struct, frozen=True, kw_only=True):
    """An order as a shipper sees it."""

    order: str
    name: str
    cancelled: bool
    sold: Mapping[str, Sold]
    waiting: Sequence[Waiting]
    made: Sequence[Made]

    def left_of(self, line: str) -> int:
        """Return the units of a line that are still to be shipped, held ones too."""
        return sum(
            units
            for each in self.waiting
            if each.status in ("OPEN", "IN_PROGRESS", "ON_HOLD", "SCHEDULED")
            for _, of, units in each.items
            if of == line
        )


async def read_shelf(client: ShopifyClient, order: str) -> Shelf | None:
    """Return the order's state, None if the shop has no such order."""
    head: dict[str, Any] | None = None
    waiting: list[Waiting] = []
    after: str | None = None
    while True:
        data = await client.read(q.WAITING, operation="Waiting", id=order, after=after)
        found = data.get("order")
        if found is None:
            return None
        head = head or found
        page = found["fulfillmentOrders"]
        for node in page["nodes"]:
            items = await _rest(client, node, "lineItems", q.MORE_WAITING_LINES, "MoreWaitingLines")
            waiting.append(_waiting(node, items))
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = page["pageInfo"]["endCursor"]
    lines = await _rest(client, head, "lineItems", q.MORE_SOLD_LINES, "MoreSoldLines", "order")
    return Shelf(
        order=head["id"],
        name=head["name"],
        cancelled=head["cancelledAt"] is not None,
        sold={line["id"]: _sold(line) for line in lines},
        waiting=waiting,
        made=await _all_made(client, order),
    )


async def made_by_id(client: ShopifyClient, ids: Sequence[str]) -> dict[str, Made]:
    """Return fulfillments by id; those that are gone are left out."""
    found: dict[str, Made] = {}
    for start in range(0, len(ids), _BATCH):
        data = await client.read(
            q.FULFILLMENTS_BY_ID, operation="FulfillmentsById", ids=ids[start : start + _BATCH]
        )
        for node in data.get("nodes") or ():
            if node:
                found[node["id"]] = await _made(client, node)
    return found


async def _all_made(client: ShopifyClient, order: str) -> list[Made]:
    data = await client.read(q.FULFILLMENTS, operation="Fulfillments", id=order)
    nodes = (data.get("order") or {}).get("fulfillments") or []
    if len(nodes) < q.FULFILLMENTS_AT_ONCE:
        return [await _made(client, node) for node in nodes]
    more = await client.read(q.CHILDREN_OF["fulfillments"], operation="ChildrenOf", id=order)
    ids = [node["id"] for node in (more.get("order") or {}).get("fulfillments") or ()]
    return list((await made_by_id(client, ids)).values())


async def _rest(
    client: ShopifyClient,
    node: Mapping[str, Any],
    name: str,
    document: str,
    operation: str,
    root: str = "node",
) -> list[dict[str, Any]]:
    """Return all nodes of a connection of which the first page is there."""
    try:
        page = node[name]
        nodes = list(page["nodes"])
        while page["pageInfo"]["hasNextPage"]:
            cursor = page["pageInfo"]["endCursor"]
            data = await client.read(document, operation=operation, id=node["id"], after=cursor)
            page = (data.get(root) or {})[name]
            nodes += page["nodes"]
    except (KeyError, TypeError):
        raise UnexpectedAnswer(f"Shopify's answer has no list of {name}", path=name) from None
    return nodes


async def _made(client: ShopifyClient, node: Mapping[str, Any]) -> Made:
    name = "fulfillmentLineItems"
    pieces = await _rest(client, node, name, q.MORE_FULFILLED_LINES, "MoreFulfilledLines")
    lines: dict[str, int] = {}
    for piece in pieces:
        identifier = piece["lineItem"]["id"]
        lines[identifier] = lines.get(identifier, 0) + int(piece["quantity"] or 0)
    trackings = tuple(
        (one["number"] or "", one["company"] or "", one["url"] or "")
        for one in node["trackingInfo"]
    )
    return Made(
        id=node["id"],
        name=node["name"],
        status=node["status"],
        numbers=frozenset(number for number, _, _ in trackings if number),
        trackings=trackings,
        lines=lines,
    )


def _waiting(node: Mapping[str, Any], items: Sequence[Mapping[str, Any]]) -> Waiting:
    place = node["assignedLocation"]
    holds = [one["reasonNotes"] or one["reason"] for one in node["fulfillmentHolds"]]
    return Waiting(
        id=node["id"],
        status=node["status"],
        location_id=(place["location"] or {}).get("id") or place["name"],
        location=place["name"],
        hold=", ".join(holds),
        items=tuple(
            (item["id"], item["lineItem"]["id"], int(item["remainingQuantity"])) for item in items
        ),
    )


def _sold(line: Mapping[str, Any]) -> Sold:
    return Sold(
        id=line["id"],
        sku=line["sku"] or "",
        name=line["name"],
        quantity=int(line["quantity"]),
        current=int(line["currentQuantity"]),
    )

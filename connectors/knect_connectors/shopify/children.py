"""Reads what belongs to an order: payments, refunds, shipments; each a record of its own.

Why through orders: the platform lists none of them by time of change, but every change of one moves
its order's. They are listed as ids beside their orders and fetched in batches.
Must not: let an order's change make a new version of what did not change; the token and the
content are the child's own.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from knect.model import Record
from knect.sdk.contract import Change, Page, Window
from knect.sdk.errors import UnexpectedAnswer
from knect.sdk.paging import by_cursor, in_order
from knect_connectors.shopify import order_queries as q
from knect_connectors.shopify.child_mapping import to_payment, to_refund, to_shipment
from knect_connectors.shopify.client import ShopifyClient
from knect_connectors.shopify.entities import search_text, token_of
from knect_connectors.shopify.payload import read_instant

__all__ = ["CHILDREN", "Child", "ChildReader"]

_LIST_SIZE = 100  # times (1 + 8 children) stays below the 1,000 points of one query


class Child(Struct, frozen=True, kw_only=True):
    """How one kind of child is read. `token` names its own time of change, the first there is."""

    field: str
    detail: str
    operation: str
    batch: int
    token: tuple[str, ...]
    record: Callable[[Mapping[str, Any], str], Record]
    scopes: tuple[str, ...] = ("read_orders",)


CHILDREN: Mapping[str, Child] = {
    "payments": Child(
        field="transactions",
        detail=q.PAYMENTS_DETAIL,
        operation="PaymentsDetail",
        batch=50,
        token=("processedAt", "createdAt"),
        record=to_payment,
    ),
    "refunds": Child(
        field="refunds",
        detail=q.REFUNDS_DETAIL,
        operation="RefundsDetail",
        batch=4,
        token=("updatedAt",),
        record=to_refund,
    ),
    "shipments": Child(
        field="fulfillments",
        detail=q.SHIPMENTS_DETAIL,
        operation="ShipmentsDetail",
        batch=10,
        token=("updatedAt",),
        record=to_shipment,
    ),
}


class ChildReader:
    """Reads one kind of child of one shop."""

    def __init__(self, client: ShopifyClient, child: Child) -> None:
        self._client = client
        self._child = child

    def read(self, window: Window) -> AsyncIterator[Page]:
        """Yield the children of orders changed in the window, by their order's time."""
        size = max(1, min(window.page_size, _LIST_SIZE))
        return in_order(self._changes(window, size), max(1, window.page_size))

    async def fetch(self, ids: Sequence[str]) -> Sequence[Change]:
        """Return the current state of each id, in order."""
        raws = await self._details(list(dict.fromkeys(ids)))
        now = self._client.server_time
        if now is None and ids:
            raise UnexpectedAnswer("Shopify answers without a Date header")
        return [self._change(one, raws[one], now) for one in ids if now is not None]

    async def _changes(self, window: Window, size: int) -> AsyncIterator[Sequence[Change]]:
        query, field = search_text(window), self._child.field

        async def page(cursor: str | None) -> tuple[Sequence[dict[str, Any]], str | None]:
            data = await self._client.read(
                q.ORDERS_WITH[field], operation="OrdersWith", query=query, first=size, after=cursor
            )
            orders = data.get("orders") or {}
            try:
                info = orders["pageInfo"]
                return orders["nodes"], info["endCursor"] if info["hasNextPage"] else None
            except KeyError as error:
                raise UnexpectedAnswer(f"Shopify's list of orders has no {error}") from None

        async for listed in by_cursor(page):
            found: dict[str, datetime] = {}
            for order in listed:
                at = read_instant(order["updatedAt"])
                if window.since <= at < window.until:  # the search is coarser than the window
                    found.update(dict.fromkeys(await self._ids(order), at))
            raws = await self._details(list(found))
            changes = [
                self._change(identifier, raw, at)
                for identifier, at in found.items()
                if (raw := raws[identifier]) is not None
            ]
            yield [change for change in changes if change.at < window.until]

    async def _ids(self, order: Mapping[str, Any]) -> list[str]:
        field = self._child.field
        nodes = order[field]
        if len(nodes) >= q.CHILDREN:
            data = await self._client.read(
                q.CHILDREN_OF[field], operation="ChildrenOf", id=order["id"]
            )
            nodes = (data.get("order") or {}).get(field) or []
        return [node["id"] for node in nodes]

    async def _details(self, ids: Sequence[str]) -> dict[str, dict[str, Any] | None]:
        found: dict[str, dict[str, Any] | None] = {}
        for start in range(0, len(ids), self._child.batch):
            batch = ids[start : start + self._child.batch]
            data = await self._client.read(
                self._child.detail, operation=self._child.operation, ids=batch
            )
            nodes = data.get("nodes")
            if not isinstance(nodes, list) or len(nodes) != len(batch):
                raise UnexpectedAnswer(f"Shopify answered {len(batch)} ids with another number")
            for identifier, node in zip(batch, nodes, strict=True):
                found[identifier] = await self._whole(node) if node else None
        return found

    async def _whole(self, node: dict[str, Any]) -> dict[str, Any]:
        """Return the child with its connections as plain lists."""
        whole = dict(node)
        for name, value in node.items():
            if not isinstance(value, dict) or "nodes" not in value:
                continue
            nodes = list(value["nodes"])
            info = value["pageInfo"]
            while info["hasNextPage"]:
                document, operation = _MORE[name]
                cursor = info["endCursor"]
                data = await self._client.read(
                    document, operation=operation, id=node["id"], after=cursor
                )
                nodes += data["node"][name]["nodes"]
                info = data["node"][name]["pageInfo"]
            whole[name] = nodes
        return whole

    def _change(self, identifier: str, raw: dict[str, Any] | None, at: datetime) -> Change:
        if raw is None:
            return Change(id=identifier, token=token_of(at), at=at, deleted=True)
        # The order's time is where it stands in a window, and no part of what it is.
        order = dict(raw.get("order") or {})
        at = read_instant(order.pop("updatedAt")) if "updatedAt" in order else at
        own = next((raw[name] for name in self._child.token if raw.get(name)), None)
        token = token_of(read_instant(own) if own else at)
        return Change(id=identifier, token=token, at=at, raw={**raw, "order": order})


#: Connection of a child -> (document for more of it, its operation).
_MORE = {
    "fulfillmentLineItems": (q.MORE_FULFILLED_LINES, "MoreFulfilledLines"),
    "refundLineItems": (q.MORE_REFUND_LINES, "MoreRefundLines"),
}

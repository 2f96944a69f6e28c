"""Reads orders and customers: list by time, then fetch what was listed.

Why two steps: a page of 250 whole orders would cost far more points than one query may; a page of
250 ids and times is cheap, and details are fetched in batches as large as the server allows.
Everything nested is paged to its end, so a long order loses no line.
Must not: interpret what it reads; that is `mapping`'s work.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec import Struct

from knect.sdk.contract import Change, Page, Window
from knect.sdk.errors import Fatal, UnexpectedAnswer
from knect.sdk.paging import by_cursor, in_order
from knect_connectors.shopify import queries
from knect_connectors.shopify.client import CostTooHighError, ShopifyClient
from knect_connectors.shopify.payload import read_instant

__all__ = ["ENTITIES", "Entity", "Reader", "search_text", "token_of"]

_LIST_SIZE = 250
_FIRST_BATCH = 3
_LARGEST_BATCH = 100
_QUERY_LIMIT = 1_000  # points one query may cost; shopify.dev, rate limits
_SECONDS = "%Y-%m-%dT%H:%M:%SZ"
_FILTERS = frozenset(
    {
        "financial_status",
        "fulfillment_status",
        "status",
        "tag",
        "tag_not",
        "channel",
        "source_name",
        "test",
        "location_id",
        "sales_channel",
    }
)


class Entity(Struct, frozen=True, kw_only=True):
    """How one entity is read. `connections`: field -> (document for more, its operation)."""

    root: str
    single: str
    list: str
    detail: str
    operation: str
    bulk: str
    scopes: tuple[str, ...]
    connections: Mapping[str, tuple[str, str]]


ENTITIES: Mapping[str, Entity] = {
    "orders": Entity(
        root="orders",
        single="order",
        list=queries.ORDERS_LIST,
        detail=queries.ORDERS_DETAIL,
        operation="Orders",
        bulk=queries.ORDERS_BULK,
        # an order names its customer, which is a customer's data
        scopes=("read_orders", "read_customers"),
        connections={
            "lineItems": (queries.MORE_LINES, "MoreLines"),
            "shippingLines": (queries.MORE_SHIPPING_LINES, "MoreShippingLines"),
        },
    ),
    "customers": Entity(
        root="customers",
        single="customer",
        list=queries.CUSTOMERS_LIST,
        detail=queries.CUSTOMERS_DETAIL,
        operation="Customers",
        bulk=queries.CUSTOMERS_BULK,
        scopes=("read_customers",),
        connections={"addressesV2": (queries.MORE_ADDRESSES, "MoreAddresses")},
    ),
}


def token_of(at: datetime) -> str:
    """Return the ordering token of a change time."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def search_text(window: Window) -> str:
    """Return Shopify's search text for a window: whole seconds that contain it.

    Instants are written in UTC with a zone, because text without one is taken as shop time.
    """
    since = window.since.astimezone(UTC).replace(microsecond=0)
    until = window.until.astimezone(UTC)
    if until.microsecond:
        until = until.replace(microsecond=0) + timedelta(seconds=1)
    parts = [
        f"updated_at:>='{since:%Y-%m-%dT%H:%M:%SZ}'",
        f"updated_at:<'{until:%Y-%m-%dT%H:%M:%SZ}'",
    ]
    for name, value in sorted(window.filter.items()):
        if name not in _FILTERS:
            raise Fatal(
                f"source.filter.{name} is not something Shopify filters orders by;"
                f" known: {', '.join(sorted(_FILTERS))}",
                path=f"source.filter.{name}",
            )
        text = str(value).lower() if isinstance(value, bool) else str(value)
        quoted = text.replace("\\", "\\\\").replace("'", "\\'")
        parts.append(f"{name}:'{quoted}'")
    return " ".join(parts)


class Reader:
    """Reads one entity of one shop."""

    def __init__(self, client: ShopifyClient, entity: Entity) -> None:
        self._client = client
        self._entity = entity
        self._batch = _FIRST_BATCH

    def read(self, window: Window, extra: Mapping[str, Any]) -> AsyncIterator[Page]:
        """Yield the window's changes; `extra` is added to every raw record."""
        size = max(1, min(window.page_size, _LIST_SIZE))
        return in_order(self._changes(window, size, extra), size)

    async def _changes(
        self, window: Window, size: int, extra: Mapping[str, Any]
    ) -> AsyncIterator[Sequence[Change]]:
        query = search_text(window)

        async def fetch(cursor: str | None) -> tuple[Sequence[dict[str, Any]], str | None]:
            data = await self._client.read(
                self._entity.list,
                operation=f"{self._entity.operation}List",
                query=query,
                first=size,
                after=cursor,
            )
            connection = _connection(data, self._entity.root)
            return connection["nodes"], _next(connection)

        async for listed in by_cursor(fetch):
            # Shopify's search is coarser than the window (for customers by a whole day).
            wanted = {
                str(node["id"]): at
                for node in listed
                if window.since <= (at := _updated(node)) < window.until
            }
            raws = await self._details(list(wanted), extra)
            yield [
                change
                for identifier, at in wanted.items()
                if (change := _change(identifier, raws[identifier], at)).at < window.until
            ]

    async def fetch(self, ids: Sequence[str], extra: Mapping[str, Any]) -> Sequence[Change]:
        """Return the current state of each id, in order."""
        if not ids:
            return []
        raws = await self._details(list(dict.fromkeys(ids)), extra)
        now = self._client.server_time
        if now is None:
            raise UnexpectedAnswer("Shopify answers without a Date header")
        return [_change(identifier, raws[identifier], now) for identifier in ids]

    async def _details(
        self, ids: Sequence[str], extra: Mapping[str, Any]
    ) -> dict[str, dict[str, Any] | None]:
        found: dict[str, dict[str, Any] | None] = {}
        rest = list(ids)
        while rest:
            batch, rest = rest[: self._batch], rest[self._batch :]
            try:
                data = await self._client.read(
                    self._entity.detail, operation=f"{self._entity.operation}Detail", ids=batch
                )
            except CostTooHighError as error:
                if len(batch) == 1:
                    raise Fatal(f"one record costs more than a query may: {error}") from None
                self._batch = max(1, len(batch) // 2)
                rest = batch + rest
                continue
            self._learn(len(batch))
            nodes = data.get("nodes")
            if not isinstance(nodes, list) or len(nodes) != len(batch):
                raise UnexpectedAnswer(f"Shopify answered {len(batch)} ids with another number")
            for identifier, node in zip(batch, nodes, strict=True):
                # A record of another type than asked for comes back as an empty object.
                found[identifier] = await self._complete(node, extra) if node else None
        return found

    def _learn(self, asked: int) -> None:
        """Take the largest batch whose cost stays below what one query may cost."""
        cost = self._client.cost_of(f"{self._entity.operation}Detail")
        if cost and asked:
            room = int(_QUERY_LIMIT * 0.95 // (cost / asked))
            self._batch = max(1, min(room, _LARGEST_BATCH))

    async def _complete(self, raw: dict[str, Any], extra: Mapping[str, Any]) -> dict[str, Any]:
        """Return the record with every nested connection read to its end, as plain lists."""
        whole = {**raw, **extra}
        for name, (document, operation) in self._entity.connections.items():
            if not isinstance(raw.get(name), dict):
                continue  # gone from the payload: the mapping names it
            nodes = list(raw[name]["nodes"])
            cursor = _next(raw[name])
            while cursor is not None:
                data = await self._client.read(
                    document, operation=operation, id=raw["id"], after=cursor
                )
                connection = _connection(data.get(self._entity.single) or {}, name)
                nodes += connection["nodes"]
                cursor = _next(connection)
            whole[name] = nodes
        if len(raw.get("transactions") or ()) >= queries.TRANSACTIONS:
            data = await self._client.read(
                queries.MORE_TRANSACTIONS, operation="MoreTransactions", id=raw["id"]
            )
            whole["transactions"] = (data.get("order") or {}).get("transactions", [])
        if raw.get("edited"):
            whole["agreements"] = await self.agreements(raw["id"])
        return whole

    async def agreements(self, identifier: str) -> list[dict[str, Any]]:
        """Return the sales agreements of an order, each with all its sales."""
        agreements: list[dict[str, Any]] = []
        cursor: str | None = None
        while True:
            data = await self._client.read(
                queries.AGREEMENTS, operation="Agreements", id=identifier, after=cursor
            )
            connection = _connection(data.get("order") or {}, "agreements")
            for node in connection["nodes"]:
                sales = list(node["sales"]["nodes"])
                after = _next(node["sales"])
                while after is not None:
                    more = await self._client.read(
                        queries.MORE_SALES,
                        operation="MoreSales",
                        id=identifier,
                        after=cursor,
                        sales=after,
                    )
                    (same,) = _connection(more.get("order") or {}, "agreements")["nodes"]
                    sales += same["sales"]["nodes"]
                    after = _next(same["sales"])
                agreements.append({**node, "sales": sales})
            cursor = _next(connection)
            if cursor is None:
                return agreements


def _connection(data: Mapping[str, Any], name: str) -> dict[str, Any]:
    connection = data.get(name)
    if not isinstance(connection, dict) or not isinstance(connection.get("nodes"), list):
        raise UnexpectedAnswer(f"Shopify's answer has no list of {name}", path=name)
    return connection


def _next(connection: Mapping[str, Any]) -> str | None:
    page = connection.get("pageInfo")
    if not isinstance(page, dict) or "hasNextPage" not in page:
        raise UnexpectedAnswer("Shopify's answer does not say whether there is a next page")
    return str(page["endCursor"]) if page["hasNextPage"] else None


def _updated(node: Mapping[str, Any]) -> datetime:
    try:
        return read_instant(str(node.get("updatedAt")))
    except ValueError:
        raise UnexpectedAnswer(
            "Shopify's list has no time of change", path="updatedAt", value=node.get("updatedAt")
        ) from None


def _change(identifier: str, raw: dict[str, Any] | None, at: datetime) -> Change:
    """Return the change; without `raw` the record is gone since it was listed (at `at`)."""
    if raw is None:
        return Change(id=identifier, token=token_of(at), at=at, deleted=True)
    at = _updated(raw)
    return Change(id=identifier, token=token_of(at), at=at, raw=raw)

"""The Shopify connector: reads orders and customers, with webhooks; writes the catalog.

Must not: keep anything between calls that a new process would need.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from knect.model import Record
from knect.sdk.contract import (
    Change,
    CheckReport,
    Connector,
    ConnectorContext,
    Destination,
    EntityCheck,
    Page,
    Source,
    Webhooks,
    Window,
)
from knect.sdk.errors import BadRecord, Fatal, UnexpectedAnswer
from knect_connectors.shopify import queries
from knect_connectors.shopify.bulk import Backfill
from knect_connectors.shopify.children import CHILDREN, ChildReader
from knect_connectors.shopify.client import ShopifyClient
from knect_connectors.shopify.config import Config, read_config
from knect_connectors.shopify.destination import PARTS, ShopifyDestination
from knect_connectors.shopify.entities import ENTITIES, Entity, Reader
from knect_connectors.shopify.mapping import to_customer, to_order
from knect_connectors.shopify.webhooks import ShopifyWebhooks

#: Entity -> scopes to read it.
_READ: Mapping[str, Sequence[str]] = {
    **{name: entity.scopes for name, entity in ENTITIES.items()},
    **{name: child.scopes for name, child in CHILDREN.items()},
}

__all__ = ["ShopifyConnector", "ShopifySource", "open_connector"]


class ShopifySource:
    """The reading side."""

    def __init__(self, client: ShopifyClient, config: Config, context: ConnectorContext) -> None:
        self._client = client
        self._config = config
        self._clock = context.clock
        self._readers = {name: Reader(client, entity) for name, entity in ENTITIES.items()}
        self._children = {name: ChildReader(client, child) for name, child in CHILDREN.items()}
        self._shop: dict[str, Any] | None = None

    async def server_time(self) -> datetime:
        """Return the Date of a fresh answer; whole seconds, never ahead of the server."""
        await self.shop(fresh=True)
        if self._client.server_time is None:
            raise UnexpectedAnswer(f"{self._config.shop} answers without a Date header")
        return self._client.server_time

    def read(self, entity: str, window: Window) -> AsyncIterator[Page]:
        """Yield every record changed in the window, ordered by (time, id)."""
        if entity in self._children:
            return self._children[entity].read(window)
        return self._read(entity, window)

    async def _read(self, entity: str, window: Window) -> AsyncIterator[Page]:
        _known(entity)
        async for page in self._readers[entity].read(window, await self._extra(entity)):
            yield page

    def backfill(self, entity: str, window: Window) -> AsyncIterator[Page]:
        """Like `read`, by a bulk operation; what belongs to orders is read with them."""
        if entity in self._children:
            return self._children[entity].read(window)
        return self._backfill(entity, window)

    async def _backfill(self, entity: str, window: Window) -> AsyncIterator[Page]:
        backfill = Backfill(
            self._client, self._config, _known(entity), self._readers[entity], self._clock
        )
        async for page in backfill.read(window, await self._extra(entity)):
            yield page

    async def fetch(self, entity: str, ids: Sequence[str]) -> Sequence[Change]:
        """Return the current state of each id, in order; `deleted` for those that are gone."""
        if entity in self._children:
            return await self._children[entity].fetch(ids)
        _known(entity)
        return await self._readers[entity].fetch(ids, await self._extra(entity))

    def to_record(self, entity: str, raw: Any) -> Record:
        """Return the canonical record; raises BadRecord with path and value."""
        if not isinstance(raw, dict):
            raise BadRecord("the record is no object", value=raw)
        if entity in CHILDREN:
            return CHILDREN[entity].record(raw, self._config.money)
        _known(entity)
        if entity == "orders":
            return to_order(raw, self._config.money)
        return to_customer(raw)

    async def shop(self, *, fresh: bool = False) -> Mapping[str, Any]:
        """Return what the shop says of itself, asked once unless `fresh`."""
        if self._shop is None or fresh:
            self._shop = await self._client.read(queries.SHOP, operation="Shop")
        return self._shop

    async def _extra(self, entity: str) -> Mapping[str, Any]:
        if entity != "orders":
            return {}
        shop = (await self.shop()).get("shop") or {}
        return {"shop": {"ianaTimezone": shop.get("ianaTimezone") or "UTC"}}


class ShopifyConnector:
    """One shop at work."""

    def __init__(self, context: ConnectorContext) -> None:
        self._config = read_config(context.config)
        self._client = ShopifyClient(context, self._config)
        self._source = ShopifySource(self._client, self._config, context)
        self.source: Source | None = self._source
        self.destination: Destination | None = ShopifyDestination(self._client)
        self.webhooks: Webhooks | None = ShopifyWebhooks(
            self._client, context.secrets, self._config.shop
        )

    async def check(self) -> CheckReport:
        """Ask the shop who it is and which scopes the token has."""
        data = await self._source.shop(fresh=True)
        shop = data.get("shop") or {}
        installation = data.get("currentAppInstallation") or {}
        scopes = {scope["handle"] for scope in installation.get("accessScopes") or ()}
        return CheckReport(
            product=f"Shopify {shop.get('name', self._config.shop)}",
            version=self._config.api_version,
            entities=[_checked(name, scopes) for name in sorted({*_READ, *PARTS})],
        )

    async def close(self) -> None:
        """Let go of connections."""
        await self._client.close()


def open_connector(context: ConnectorContext) -> Connector:
    """Open the connector. Raises Fatal when the config cannot be right."""
    return ShopifyConnector(context)


def _known(name: str) -> Entity:
    entity = ENTITIES.get(name)
    if entity is None:
        raise Fatal(f"Shopify has no entity {name!r} here; known: {', '.join(ENTITIES)}")
    return entity


def _checked(name: str, scopes: set[str]) -> EntityCheck:
    # A write scope includes reading.
    granted = scopes | {scope.replace("write_", "read_") for scope in scopes}
    lacks_read = [scope for scope in _READ.get(name, ()) if scope not in granted]
    part = PARTS.get(name)
    lacks_write = [scope for scope in part.rights if scope not in granted] if part else []
    # Who only reads is not told of what writing needs.
    missing = lacks_read if name in _READ else lacks_write
    return EntityCheck(
        entity=name,
        read=name in _READ and not lacks_read,
        write=part is not None and not lacks_read and not lacks_write,
        problem=f"the app lacks the scope {' and '.join(missing)}" if missing else None,
    )

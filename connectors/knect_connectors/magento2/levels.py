"""Reads stock levels: all of them, each time, because Magento keeps no mark of change on stock.

What is the same as before is no new version: the content tells. A level is of one SKU at one
source; where the inventory modules were taken out, of one SKU.
Must not: know time; a level has no instant of its own. Nor take off what open orders reserve: that
is what a source has, and the shop itself subtracts what it promised.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from knect.model import InventoryLevel
from knect.sdk.contract import Change, Page, Window
from knect.sdk.errors import ConnectorError
from knect_connectors.magento2.client import MagentoClient
from knect_connectors.magento2.config import Config, Stock
from knect_connectors.magento2.payload import Node, tidy_quantity
from knect_connectors.magento2.reader import walked
from knect_connectors.magento2.refusals import is_gone
from knect_connectors.magento2.search import Filter, segment

__all__ = ["LOCATION", "SOURCE_ITEMS", "LevelReader", "read_stock_item", "to_level"]

#: What the one stock is called where there are no sources.
LOCATION = "default"
SOURCE_ITEMS = "inventory/source-items"

_SEPARATOR = "@"
#: What has a stock item but no pieces: those are its simple products'.
_EMPTY = "configurable,grouped,bundle"


async def read_stock_item(client: MagentoClient, sku: str) -> dict[str, Any] | None:
    """Return the one stock of a SKU; None: there is no such product."""
    try:
        answer = await client.get(
            f"stockItems/{segment(sku)}", template="stockItems/{sku}", may_be_gone=True
        )
    except ConnectorError as error:
        if is_gone(error):
            return None
        raise
    return answer if isinstance(answer, dict) else None


class LevelReader:
    """Reads the levels of one shop."""

    def __init__(self, client: MagentoClient) -> None:
        self._client = client

    async def read(self, window: Window) -> AsyncIterator[Page]:
        """Yield every level there is; all have the window's first instant."""
        size = max(1, window.page_size)
        held: list[Change] = []
        async for raws in self._all(min(size, self._client.config.page)):
            held += [Change(id=_name(raw), token="", at=window.since, raw=raw) for raw in raws]
            while len(held) > size:
                yield Page(changes=held[:size])
                held = held[size:]
        if held:
            yield Page(changes=held)

    async def _all(self, size: int) -> AsyncIterator[Sequence[dict[str, Any]]]:
        if self._client.config.stock is Stock.SOURCES:
            keys = ("sku", "source_code"), ("sku", "source_code")
            async for rows in walked(self._client, SOURCE_ITEMS, (), keys, size):
                yield rows
            return
        bounds = [[Filter(field="type_id", value=_EMPTY, condition="nin")]]
        keys = ("created_at", "id"), ("created_at", "entity_id")
        async for rows in walked(self._client, "products", bounds, keys, size):
            yield [raw for row in rows if (raw := await self._item(str(row["sku"]))) is not None]

    async def _item(self, sku: str) -> dict[str, Any] | None:
        found = await read_stock_item(self._client, sku)
        return None if found is None else {**found, "sku": sku, "source_code": LOCATION}

    async def fetch(self, ids: Sequence[str]) -> Sequence[Change]:
        """Return each level; `deleted` for those that are gone."""
        if not ids:
            return []
        found: dict[str, dict[str, Any] | None] = {}
        for one in dict.fromkeys(ids):
            sku, _, source = one.rpartition(_SEPARATOR)
            found[one] = await self._one(sku, source)
        at: datetime = self._client.server_time or await self._client.now()
        return [
            Change(id=one, token="", at=at, raw=found[one], deleted=found[one] is None)
            for one in ids
        ]

    async def _one(self, sku: str, source: str) -> dict[str, Any] | None:
        if self._client.config.stock is Stock.STOCK_ITEM:
            return await self._item(sku)
        groups = [[Filter(field="sku", value=sku)], [Filter(field="source_code", value=source)]]
        rows, _ = await self._client.search(SOURCE_ITEMS, groups, size=2)
        same = [row for row in rows if str(row.get("sku")) == sku]
        return same[0] if same else None


def _name(raw: Mapping[str, Any]) -> str:
    return f"{raw.get('sku')}{_SEPARATOR}{raw.get('source_code')}"


def to_level(raw: Mapping[str, Any], config: Config) -> InventoryLevel:
    """Return a level: the pieces that lie there."""
    del config
    node = Node(raw)
    quantity = node.get("quantity") if not node.get("quantity").is_nothing else node.get("qty")
    return InventoryLevel(
        source_id=_name(raw),
        sku=node["sku"].text(),
        location=node["source_code"].text(),
        on_hand=tidy_quantity(quantity.number_or_zero()),
        tracked=node.get("manage_stock").is_nothing or node.get("manage_stock").flag(),
    )

"""Reads stock levels: all of them, each time, because Magento keeps no mark of change on stock.

What is the same as before is no new version: the content tells. The catalog is walked by ranges of
product ids, and stock is asked for by SKU, because the shop takes a number for a SKU first.
Must not: know time; a level has no instant of its own.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from knect.model import InventoryLevel
from knect.sdk.contract import Change, Page, Window
from knect.sdk.errors import UnexpectedAnswer
from knect_connectors.magento1.client import MagentoClient
from knect_connectors.magento1.config import Config
from knect_connectors.magento1.lines import tidy_quantity
from knect_connectors.magento1.listing import rows_of
from knect_connectors.magento1.payload import Node

__all__ = ["LOCATION", "LevelReader", "to_level"]

#: Magento has one stock and no name for it.
LOCATION = "default"

_AT_ONCE = 500
_KINDS = {"virtual": "service", "downloadable": "service", "bundle": "bundle"}
#: What has a stock item but no pieces: those are its simple products'.
_EMPTY = frozenset({"configurable", "grouped"})


class LevelReader:
    """Reads the levels of one shop."""

    def __init__(self, client: MagentoClient) -> None:
        self._client = client

    async def read(self, window: Window) -> AsyncIterator[Page]:
        """Yield every level there is; all have the window's first instant."""
        size = max(1, window.page_size)
        async for rows in self._catalog():
            changes = await self._levels(rows, window.since)
            for start in range(0, len(changes), size):
                yield Page(changes=changes[start : start + size])

    async def fetch(self, ids: Sequence[str]) -> Sequence[Change]:
        """Return the level of each product id; `deleted` for products that are gone."""
        if not ids:
            return []
        rows = await self._listed({"in": list(dict.fromkeys(ids))})
        now = self._client.server_time
        if now is None:
            raise UnexpectedAnswer("the shop answers without a Date header")
        found = {change.id: change for change in await self._levels(rows, now)}
        return [found.get(one) or Change(id=one, token="", at=now, deleted=True) for one in ids]

    async def _catalog(self) -> AsyncIterator[list[dict[str, Any]]]:
        """Yield all products, some at a time; behind a gap in the ids, all that are left."""
        start = 1
        while True:
            rows = await self._listed({"from": start, "to": start + _AT_ONCE - 1})
            start += _AT_ONCE
            if rows:
                yield rows
                continue
            rest = await self._listed({"gteq": start})
            for first in range(0, len(rest), _AT_ONCE):
                yield rest[first : first + _AT_ONCE]
            return

    async def _listed(self, ids: Mapping[str, Any]) -> list[dict[str, Any]]:
        answer = await self._client.read("catalog_product.list", {"product_id": ids})
        rows = rows_of(self._client, "catalog_product.list", answer)
        return [row for row in rows if row.get("type") not in _EMPTY and row.get("sku")]

    async def _levels(self, rows: Sequence[Mapping[str, Any]], at: datetime) -> list[Change]:
        if not rows:
            return []
        answer = await self._client.read(
            "cataloginventory_stock_item.list", [str(row["sku"]) for row in rows]
        )
        listed = rows_of(self._client, "cataloginventory_stock_item.list", answer)
        levels = {str(one["product_id"]): one for one in listed}
        found = []
        for row in sorted(rows, key=lambda one: str(one["product_id"])):
            identifier = str(row["product_id"])
            if (level := levels.get(identifier)) is not None:
                raw = {**level, "type": row.get("type")}
                found.append(Change(id=identifier, token="", at=at, raw=raw))
        return found


def to_level(raw: Mapping[str, Any], config: Config) -> InventoryLevel:
    """Return a level. What may be sold is all Magento tells: orders take from it at once."""
    del config
    node = Node(raw)
    return InventoryLevel(
        source_id=node["product_id"].text(),
        sku=node["sku"].text(),
        location=LOCATION,
        available=tidy_quantity(node["qty"].number_or_zero()),
        kind=_KINDS.get(node.get("type").text_or_none() or "", "goods"),
    )

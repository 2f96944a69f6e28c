"""The reading side: hands each entity to the module that knows it.

Must not: know an entity beyond its line in the tables.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from knect.model import Record
from knect.sdk.contract import Change, Page, Window
from knect.sdk.errors import BadRecord, Fatal
from knect_connectors.magento2.broken import BROKEN, is_broken
from knect_connectors.magento2.client import MagentoClient
from knect_connectors.magento2.config import Config, Stock
from knect_connectors.magento2.document_mapping import to_payment, to_refund, to_shipment
from knect_connectors.magento2.documents import PAYMENTS, REFUNDS, SHIPMENTS
from knect_connectors.magento2.goods import PRICES, PRODUCTS, to_price, to_product
from knect_connectors.magento2.levels import SOURCE_ITEMS, LevelReader, to_level
from knect_connectors.magento2.mapping import to_customer, to_order
from knect_connectors.magento2.orders import ORDERS
from knect_connectors.magento2.people import CUSTOMERS
from knect_connectors.magento2.reader import Kind, Reader

__all__ = ["MagentoSource", "reads"]

_KINDS: Mapping[str, Kind] = {
    "customers": CUSTOMERS,
    "orders": ORDERS,
    "payments": PAYMENTS,
    "prices": PRICES,
    "products": PRODUCTS,
    "refunds": REFUNDS,
    "shipments": SHIPMENTS,
}
_MAPPINGS: Mapping[str, Callable[[Mapping[str, Any], Config], Record]] = {
    "customers": to_customer,
    "inventory": to_level,
    "orders": to_order,
    "payments": to_payment,
    "prices": to_price,
    "products": to_product,
    "refunds": to_refund,
    "shipments": to_shipment,
}


def reads(config: Config) -> Mapping[str, str]:
    """Return entity -> the list that reading it walks."""
    stock = SOURCE_ITEMS if config.stock is Stock.SOURCES else "products"
    return {**{name: kind.path for name, kind in _KINDS.items()}, "inventory": stock}


class MagentoSource:
    """The reading side of one shop."""

    def __init__(self, client: MagentoClient, config: Config) -> None:
        self._client = client
        self._config = config
        self._readers: dict[str, Reader | LevelReader] = {
            name: Reader(client, kind) for name, kind in _KINDS.items()
        }
        self._readers["inventory"] = LevelReader(client)

    async def server_time(self) -> datetime:
        """Return the Date of a fresh answer; whole seconds, never ahead of the server."""
        return await self._client.now()

    def read(self, entity: str, window: Window) -> AsyncIterator[Page]:
        """Yield every record changed in the window, ordered by (time, id)."""
        return self._reader(entity).read(window)

    def backfill(self, entity: str, window: Window) -> AsyncIterator[Page]:
        """Like `read`: there is no other road."""
        return self._reader(entity).read(window)

    async def fetch(self, entity: str, ids: Sequence[str]) -> Sequence[Change]:
        """Return the current state of each id, in order; `deleted` for those that are gone."""
        return await self._reader(entity).fetch(ids)

    def to_record(self, entity: str, raw: Any) -> Record:
        """Return the canonical record; raises BadRecord with path and value."""
        if not isinstance(raw, dict):
            raise BadRecord("the record is no object", value=raw)
        if is_broken(raw):
            raise BadRecord(
                f"the shop itself cannot tell it: {raw[BROKEN]}; repair it in the shop (its log"
                " has the report), then replay it"
            )
        mapping = _MAPPINGS.get(entity)
        if mapping is None:
            raise _unknown(entity)
        return mapping(raw, self._config)

    def _reader(self, entity: str) -> Reader | LevelReader:
        reader = self._readers.get(entity)
        if reader is None:
            raise _unknown(entity)
        return reader


def _unknown(entity: str) -> Fatal:
    return Fatal(f"Magento has no entity {entity!r} here; known: {', '.join(sorted(_MAPPINGS))}")

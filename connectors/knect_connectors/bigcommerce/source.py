"""The reading side: hands each entity to the module that knows it.

Must not: know an entity beyond its line in the tables.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from knect.model import Record
from knect.sdk.contract import Change, Page, Window
from knect.sdk.errors import BadRecord, Fatal, UnexpectedAnswer
from knect_connectors.bigcommerce.catalog_mapping import to_level, to_product
from knect_connectors.bigcommerce.child_mapping import to_payment, to_refund, to_shipment
from knect_connectors.bigcommerce.levels import LevelReader
from knect_connectors.bigcommerce.mapping import to_customer, to_order
from knect_connectors.bigcommerce.people import CUSTOMER_KIND, PRODUCT_KIND
from knect_connectors.bigcommerce.reader import Kind, Reader, Shop
from knect_connectors.bigcommerce.sold import (
    ORDER_KIND,
    PAYMENT_KIND,
    REFUND_KIND,
    SHIPMENT_KIND,
)

__all__ = ["READ", "BigCommerceSource"]

_KINDS: Mapping[str, Kind] = {
    "customers": CUSTOMER_KIND,
    "orders": ORDER_KIND,
    "payments": PAYMENT_KIND,
    "products": PRODUCT_KIND,
    "refunds": REFUND_KIND,
    "shipments": SHIPMENT_KIND,
}
_Mapping = Callable[[Mapping[str, Any]], Record]
_MAPPINGS: Mapping[str, _Mapping] = {
    "customers": to_customer,
    "inventory": to_level,
    "orders": to_order,
    "payments": to_payment,
    "products": to_product,
    "shipments": to_shipment,
}
#: Entity -> a list that answers only whoever may read it.
READ: Mapping[str, str] = {
    "customers": "/v3/customers",
    "inventory": "/v3/inventory/items",
    "orders": "/v2/orders",
    "payments": "/v3/orders/payment_actions/refunds",  # transactions and refunds are one scope
    "products": "/v3/catalog/products",
    "refunds": "/v3/orders/payment_actions/refunds",
    "shipments": "/v2/orders",
}


class BigCommerceSource:
    """The reading side of one store."""

    def __init__(self, shop: Shop) -> None:
        self._client = shop.client
        self._mappings: dict[str, _Mapping] = {
            **_MAPPINGS,
            "refunds": partial(to_refund, restocks=shop.config.restocks),
        }
        self._readers: dict[str, Reader | LevelReader] = {
            name: Reader(shop, kind) for name, kind in _KINDS.items()
        }
        self._readers["inventory"] = LevelReader(shop.client)

    async def server_time(self) -> datetime:
        """Return the Date of a fresh answer; whole seconds, never ahead of the server."""
        await self._client.read("/v2/time")
        if self._client.server_time is None:
            raise UnexpectedAnswer("the store answers without a Date header")
        return self._client.server_time

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
        mapping = self._mappings.get(entity)
        if mapping is None:
            raise _unknown(entity)
        return mapping(raw)

    def _reader(self, entity: str) -> Reader | LevelReader:
        reader = self._readers.get(entity)
        if reader is None:
            raise _unknown(entity)
        return reader


def _unknown(entity: str) -> Fatal:
    known = ", ".join(sorted(READ))
    return Fatal(f"BigCommerce has no entity {entity!r} here; known: {known}")

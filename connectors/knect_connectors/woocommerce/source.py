"""The reading side: hands each entity to the module that knows it.

Must not: know an entity beyond its line in the tables.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from knect.model import Record
from knect.sdk.contract import Change, Page, Window
from knect.sdk.errors import BadRecord, Fatal
from knect_connectors.woocommerce.client import WooClient
from knect_connectors.woocommerce.config import Config
from knect_connectors.woocommerce.goods import to_level, to_price, to_product
from knect_connectors.woocommerce.mapping import to_customer, to_order
from knect_connectors.woocommerce.money_mapping import to_payment, to_refund
from knect_connectors.woocommerce.orders import ORDERS, PAYMENTS, REFUNDS
from knect_connectors.woocommerce.products import INVENTORY, PRICES, PRODUCTS
from knect_connectors.woocommerce.reader import Kind, Reader
from knect_connectors.woocommerce.snapshots import CUSTOMERS, Snapshot, SnapshotReader

__all__ = ["READ", "WooSource"]

_KINDS: Mapping[str, Kind] = {
    "orders": ORDERS,
    "payments": PAYMENTS,
    "products": PRODUCTS,
    "refunds": REFUNDS,
}
_SNAPSHOTS: Mapping[str, Snapshot] = {
    "customers": CUSTOMERS,
    "inventory": INVENTORY,
    "prices": PRICES,
}
_MAPPINGS: Mapping[str, Callable[[Mapping[str, Any], Config], Record]] = {
    "customers": to_customer,
    "inventory": to_level,
    "orders": to_order,
    "payments": to_payment,
    "prices": to_price,
    "products": to_product,
    "refunds": to_refund,
}
#: Entity -> the list that shows whether the key may read it.
READ: Mapping[str, str] = {
    **{name: kind.path for name, kind in _KINDS.items()},
    **{name: kind.path for name, kind in _SNAPSHOTS.items()},
}


class WooSource:
    """The reading side of one shop."""

    def __init__(self, client: WooClient, config: Config) -> None:
        self._client = client
        self._config = config
        self._readers: dict[str, Reader | SnapshotReader] = {
            **{name: Reader(client, kind) for name, kind in _KINDS.items()},
            **{name: SnapshotReader(client, kind) for name, kind in _SNAPSHOTS.items()},
        }

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
        mapping = _MAPPINGS.get(entity)
        if mapping is None:
            raise _unknown(entity)
        return mapping(raw, self._config)

    def _reader(self, entity: str) -> Reader | SnapshotReader:
        reader = self._readers.get(entity)
        if reader is None:
            raise _unknown(entity)
        return reader


def _unknown(entity: str) -> Fatal:
    return Fatal(
        f"WooCommerce has no entity {entity!r} here; known: {', '.join(sorted(_MAPPINGS))}"
    )

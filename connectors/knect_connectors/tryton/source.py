"""Reading from Tryton: hands each entity to the reader that knows it.

Must not: know an entity beyond its line in the table.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from knect.model import Record
from knect.sdk.contract import Change, Page, Window
from knect.sdk.errors import BadRecord, Fatal
from knect_connectors.tryton.client import TrytonClient
from knect_connectors.tryton.inventory import INVENTORY
from knect_connectors.tryton.orders import ORDERS
from knect_connectors.tryton.parcels import SHIPMENTS
from knect_connectors.tryton.people import CUSTOMERS
from knect_connectors.tryton.prices import PRICES
from knect_connectors.tryton.products import PRODUCTS
from knect_connectors.tryton.rows import Reader

__all__ = ["TrytonSource"]

_READERS: Mapping[str, Reader] = {
    "customers": CUSTOMERS,
    "inventory": INVENTORY,
    "orders": ORDERS,
    "prices": PRICES,
    "products": PRODUCTS,
    "shipments": SHIPMENTS,
}


class TrytonSource:
    """The reading side."""

    def __init__(self, client: TrytonClient) -> None:
        self._client = client

    async def server_time(self) -> datetime:
        """Return the server's clock."""
        return await self._client.server_time()

    async def read(self, entity: str, window: Window) -> AsyncIterator[Page]:
        """Yield what changed in the window, by (time, id)."""
        await self._client.facts()
        async for page in _reader(entity).read(self._client, window):
            yield page

    def backfill(self, entity: str, window: Window) -> AsyncIterator[Page]:
        """Like `read`: Tryton has no bulk interface."""
        return self.read(entity, window)

    async def fetch(self, entity: str, ids: Sequence[str]) -> Sequence[Change]:
        """Return the current state of each id, in order; `deleted` for those that are gone."""
        await self._client.facts()
        return await _reader(entity).fetch(self._client, ids)

    def to_record(self, entity: str, raw: Any) -> Record:
        """Return the canonical record."""
        try:
            return _reader(entity).to_record(raw)
        except KeyError as error:
            raise BadRecord(
                f"Tryton's record has no field {error.args[0]!r}", path=str(error.args[0])
            ) from None


def _reader(entity: str) -> Reader:
    reader = _READERS.get(entity)
    if reader is None:
        raise Fatal(f"Tryton's connector does not read {entity}")
    return reader

"""Reading from GP: hands each entity to the reader that knows it.

Must not: know an entity beyond its line in the table.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from knect.model import Record
from knect.sdk.contract import Change, Page, Window
from knect.sdk.errors import BadRecord, Fatal
from knect_connectors.dynamics_gp.client import GpClient
from knect_connectors.dynamics_gp.documents import ORDERS, SHIPMENTS
from knect_connectors.dynamics_gp.goods import INVENTORY, PRICES, PRODUCTS
from knect_connectors.dynamics_gp.listed import Listed
from knect_connectors.dynamics_gp.people import CUSTOMERS

__all__ = ["READERS", "GpSource"]

READERS: Mapping[str, Listed] = {
    "customers": CUSTOMERS,
    "inventory": INVENTORY,
    "orders": ORDERS,
    "prices": PRICES,
    "products": PRODUCTS,
    "shipments": SHIPMENTS,
}


class GpSource:
    """The reading side."""

    def __init__(self, client: GpClient) -> None:
        self._client = client

    async def server_time(self) -> datetime:
        """Return the server's clock."""
        return await self._client.now()

    def read(self, entity: str, window: Window) -> AsyncIterator[Page]:
        """Yield what changed in the window, by (time, id)."""
        return _reader(entity).read(self._client, window)

    def backfill(self, entity: str, window: Window) -> AsyncIterator[Page]:
        """Like `read`: the views are the bulk interface."""
        return self.read(entity, window)

    async def fetch(self, entity: str, ids: Sequence[str]) -> Sequence[Change]:
        """Return the current state of each id, in order; `deleted` for those that are gone."""
        return await _reader(entity).fetch(self._client, ids)

    def to_record(self, entity: str, raw: Any) -> Record:
        """Return the canonical record."""
        try:
            return _reader(entity).record(self._client, raw)
        except KeyError as error:
            raise BadRecord(
                f"GP's record has no field {error.args[0]!r}", path=str(error.args[0])
            ) from None


def _reader(entity: str) -> Listed:
    reader = READERS.get(entity)
    if reader is None:
        raise Fatal(f"GP's connector does not read {entity}")
    return reader

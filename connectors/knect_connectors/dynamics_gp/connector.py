"""The connector: one Connection to one GP company database.

Must not: hold logic of its own; it hands out the parts.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from knect.model import Customer, Order, Record, Refund
from knect.sdk.contract import (
    Call,
    CheckReport,
    ConnectorContext,
    Delivered,
    Delivery,
    Destination,
    Effect,
    Found,
    Outcome,
    Reference,
    Removal,
    Source,
    Webhooks,
)
from knect.sdk.errors import Fatal
from knect.sdk.parts import find_nothing
from knect_connectors.dynamics_gp import customers, returns, sales
from knect_connectors.dynamics_gp.checking import check
from knect_connectors.dynamics_gp.client import GpClient
from knect_connectors.dynamics_gp.config import Config, read_config
from knect_connectors.dynamics_gp.mapping import (
    customer_document,
    order_document,
    order_references,
)
from knect_connectors.dynamics_gp.plan import plan_order, plan_removal
from knect_connectors.dynamics_gp.plan_people import plan_customer
from knect_connectors.dynamics_gp.presence import find_present
from knect_connectors.dynamics_gp.resolve import Answers, resolve
from knect_connectors.dynamics_gp.source import GpSource

__all__ = ["GpConnector", "GpDestination", "open_connector"]

_Writer = Callable[[GpClient, Sequence[Call]], Awaitable[list[Outcome]]]
_Finder = Callable[[GpClient, Sequence[Call]], Awaitable[list[Found | None]]]

_WRITERS: Mapping[str, _Writer] = {
    "customer": customers.write_customers,
    "details": customers.write_details,
    "order": sales.write_orders,
    "return": returns.write_returns,
    "void": sales.write_voids,
}
_FINDERS: Mapping[str, _Finder] = {
    "customer": customers.find_customers,
    "details": find_nothing,
    "order": sales.find_orders,
    "return": returns.find_returns,
    "void": sales.find_voids,
}


class GpDestination:
    """The writing side."""

    def __init__(self, client: GpClient, config: Config) -> None:
        self._client = client
        self._config = config

    def to_document(
        self, entity: str, record: Record, settings: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return the fields of a sales order or a customer."""
        del settings
        match entity, record:
            case "orders", Order():
                return order_document(self._config, record)
            case "customers", Customer():
                return customer_document(record)
            case "refunds", Refund():
                return returns.refund_document(record)
            case _:
                raise Fatal(f"GP's connector does not write {entity}")

    def references(self, entity: str, record: Record) -> Sequence[Reference]:
        """Return what an order or a refund names."""
        if entity == "orders" and isinstance(record, Order):
            return order_references(self._config, record)
        if isinstance(record, Refund):
            return returns.refund_references(self._config, record)
        return ()

    async def resolve(self, references: Sequence[Reference]) -> Answers:
        """Look them up in bulk."""
        return await resolve(self._client, references)

    def plan(self, delivery: Delivery) -> Sequence[Effect]:
        """Return the writes."""
        if delivery.entity == "orders":
            return plan_order(self._config, delivery)
        if delivery.entity == "refunds":
            return returns.plan_refund(self._config, delivery)
        return plan_customer(self._config, delivery)

    def plan_removal(self, removal: Removal) -> Sequence[Effect]:
        """Return the writes of a deletion in the shop."""
        return plan_removal(removal)

    async def candidates(self, calls: Sequence[Call]) -> Sequence[Sequence[Found]]:
        """Find orders an older integration made; all calls are of one write."""
        return await sales.find_candidates(self._client, calls) if calls else []

    async def lookup(self, calls: Sequence[Call]) -> Sequence[Found | None]:
        """Find what the calls may have made; all of one write."""
        return await _FINDERS[calls[0].effect.write](self._client, calls) if calls else []

    async def present(self, documents: Sequence[Delivered]) -> Sequence[bool | None]:
        """Tell which documents are still there."""
        return await find_present(self._client, documents)

    async def write(self, calls: Sequence[Call]) -> Sequence[Outcome]:
        """Send calls of one write."""
        return await _WRITERS[calls[0].effect.write](self._client, calls) if calls else []


class GpConnector:
    """One Connection at work."""

    def __init__(self, context: ConnectorContext) -> None:
        config = read_config(context.config)
        self._client = GpClient(context, config)
        self.source: Source | None = GpSource(self._client)
        self.destination: Destination | None = GpDestination(self._client, config)
        self.webhooks: Webhooks | None = None

    async def check(self) -> CheckReport:
        """Log in and look at everything this connector needs."""
        return await check(self._client)

    async def close(self) -> None:
        """Let go of connections."""
        await self._client.close()


def open_connector(context: ConnectorContext) -> GpConnector:
    """Return the connector for a Connection. Raises Fatal when its config cannot be used."""
    return GpConnector(context)

"""Writing to Magento: hands each entity, write and kind of reference to the module that knows it.

Must not: know an entity beyond its line in the table.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from knect.model import Record
from knect.sdk.contract import Call, Delivery, Effect, Found, Outcome, Reference, Removal
from knect.sdk.errors import ConnectorError, Fatal
from knect_connectors.magento1.accounts import CUSTOMERS
from knect_connectors.magento1.catalog import PRODUCTS
from knect_connectors.magento1.client import MagentoClient
from knect_connectors.magento1.invoices import PAYMENTS
from knect_connectors.magento1.part import Part, Write
from knect_connectors.magento1.presence import find_present, is_audit
from knect_connectors.magento1.pricing import PRICES
from knect_connectors.magento1.shipments import SHIPMENTS
from knect_connectors.magento1.states import ORDERS
from knect_connectors.magento1.stock import INVENTORY

__all__ = ["PARTS", "MagentoDestination"]

#: Entity -> how it is written.
PARTS: Mapping[str, Part] = {
    "customers": CUSTOMERS,
    "inventory": INVENTORY,
    "orders": ORDERS,
    "payments": PAYMENTS,
    "prices": PRICES,
    "products": PRODUCTS,
    "shipments": SHIPMENTS,
}

_WRITES = {name: write for part in PARTS.values() for name, write in part.writes.items()}
_RESOLVERS = {kind: ask for part in PARTS.values() for kind, ask in part.resolvers.items()}


class MagentoDestination:
    """The writing side."""

    def __init__(self, client: MagentoClient) -> None:
        self._client = client

    def to_document(
        self, entity: str, record: Record, settings: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return the destination's fields for a record."""
        return _part(entity).document(record, settings)

    def references(self, entity: str, record: Record) -> Sequence[Reference]:
        """Return what the shop must know first."""
        return _part(entity).references(record)

    async def resolve(
        self, references: Sequence[Reference]
    ) -> Mapping[tuple[str, str], str | ConnectorError]:
        """Look them up in bulk, by kind."""
        wanted: dict[str, set[str]] = defaultdict(set)
        for reference in references:
            wanted[reference.kind].add(reference.value)
        found: dict[tuple[str, str], str | ConnectorError] = {}
        for kind, values in wanted.items():
            if ask := _RESOLVERS.get(kind):
                answers = await ask(self._client, sorted(values))
                found |= {(kind, value): answer for value, answer in answers.items()}
        return found

    def plan(self, delivery: Delivery) -> Sequence[Effect]:
        """Return the writes of a record."""
        return _part(delivery.entity).plan(delivery)

    def plan_removal(self, removal: Removal) -> Sequence[Effect]:
        """Return the writes of a deletion at the source."""
        plan = _part(removal.entity).removal
        if plan is None:
            raise Fatal(
                f"Magento's connector cannot {removal.how} {removal.entity};"
                " set destination.onSourceDelete to Ignore",
                path="destination.onSourceDelete",
            )
        return plan(removal)

    async def candidates(self, calls: Sequence[Call]) -> Sequence[Sequence[Found]]:
        """Find what an older integration made; all calls are of one write."""
        ask = _write(calls).candidates if calls else None
        return await ask(self._client, calls) if ask else [() for _ in calls]

    async def lookup(self, calls: Sequence[Call]) -> Sequence[Found | None]:
        """Find what the calls may have made (all of one write), or what is audited of it."""
        audited = [call for call in calls if is_audit(call)]
        there = iter(await find_present(self._client, audited) if audited else ())
        others = [call for call in calls if not is_audit(call)]
        made = iter(await _write(others).find(self._client, others) if others else ())
        return [next(there) if is_audit(call) else next(made) for call in calls]

    async def write(self, calls: Sequence[Call]) -> Sequence[Outcome]:
        """Send calls of one write."""
        return await _write(calls).send(self._client, calls) if calls else []


def _part(entity: str) -> Part:
    part = PARTS.get(entity)
    if part is None:
        raise Fatal(f"Magento's connector does not write {entity}")
    return part


def _write(calls: Sequence[Call]) -> Write:
    return _WRITES[calls[0].effect.write]

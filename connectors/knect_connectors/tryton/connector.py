"""The connector: one Connection to one Tryton database.

Must not: hold logic of its own; it hands out the parts.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from knect.model import Customer, Order, Payment, Record, Refund
from knect.sdk.contract import (
    Call,
    CheckReport,
    ConnectorContext,
    Delivered,
    Delivery,
    Destination,
    Effect,
    EntityCheck,
    Found,
    Outcome,
    Reference,
    Removal,
    Source,
    Webhooks,
)
from knect.sdk.errors import CredentialsRejected, Fatal, ScopeMissing, WaitForPerson
from knect.sdk.parts import find_nothing
from knect_connectors.tryton import addresses, details, parties, payments, refunds, sales, states
from knect_connectors.tryton.client import TrytonClient
from knect_connectors.tryton.config import Config, read_config
from knect_connectors.tryton.mapping import (
    customer_document,
    customer_references,
    order_document,
    order_references,
)
from knect_connectors.tryton.plan import plan_customer, plan_order, plan_removal
from knect_connectors.tryton.resolve import Answers, resolve
from knect_connectors.tryton.source import TrytonSource

__all__ = ["TrytonConnector", "TrytonDestination", "open_connector"]

_Writer = Callable[[TrytonClient, Sequence[Call]], Awaitable[list[Outcome]]]
_Finder = Callable[[TrytonClient, Sequence[Call]], Awaitable[list[Found | None]]]

_WRITERS: Mapping[str, _Writer] = {
    "party": parties.write_parties,
    "address": addresses.write_addresses,
    "details": details.write_details,
    "credit": refunds.write_credits,
    "payment": payments.write_payments,
    "sale": sales.write_sales,
    "state": states.write_states,
}
_FINDERS: Mapping[str, _Finder] = {
    "party": parties.find_parties,
    "address": addresses.find_addresses,
    "details": find_nothing,
    "credit": refunds.find_credits,
    "payment": payments.find_payments,
    "sale": sales.find_sales,
    "state": states.find_states,
}
#: Entity -> what its documents are in Tryton.
_MODELS: Mapping[str, str] = {
    "customers": "party.party",
    "orders": "sale.sale",
    "payments": "account.payment",
    "refunds": "sale.sale",
}
#: What Knect's user must be able to do, per entity.
_NEEDED = {
    "orders": (("sale.sale", "read write create"), ("sale.line", "read write create delete")),
    "customers": (
        ("party.party", "read write create"),
        ("party.address", "read write create"),
        ("party.contact_mechanism", "read write create"),
    ),
    "inventory": (
        *(("product.product", "read"), ("stock.move", "read"), ("stock.location", "read")),
        ("sale.line", "read"),
    ),
    "payments": (("account.payment", "read write create"), ("account.payment.journal", "read")),
    "prices": (("product.product", "read"),),
    "products": (("product.template", "read"), ("product.product", "read")),
    "refunds": (("sale.sale", "read write create"), ("sale.line", "read write create")),
    "shipments": (
        ("stock.shipment.out", "read"),
        ("stock.move", "read"),
        ("stock.package", "read"),
    ),
}
_WRITTEN = frozenset({"customers", "orders", "payments", "refunds"})
_READ = frozenset({"customers", "inventory", "orders", "prices", "products", "shipments"})


class TrytonDestination:
    """The writing side."""

    def __init__(self, client: TrytonClient, config: Config) -> None:
        self._client = client
        self._config = config

    def to_document(
        self, entity: str, record: Record, settings: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return the fields of a sale or a party."""
        del settings  # they steer the plan
        match entity, record:
            case "orders", Order():
                return order_document(self._config, record)
            case "customers", Customer():
                return customer_document(self._config, record)
            case "payments", Payment():
                return payments.payment_document(record)
            case "refunds", Refund():
                return refunds.refund_document(record)
            case _:
                raise Fatal(f"Tryton's connector does not write {entity}")

    def references(self, entity: str, record: Record) -> Sequence[Reference]:
        """Return products, taxes, currency and countries an order names."""
        if entity == "orders" and isinstance(record, Order):
            return order_references(self._config, record)
        match record:
            case Customer():
                return customer_references(record)
            case Payment():
                return payments.payment_references(record)
            case Refund():
                return refunds.refund_references(self._config, record)
            case _:
                return ()

    async def resolve(self, references: Sequence[Reference]) -> Answers:
        """Look them up in bulk."""
        return await resolve(self._client, references)

    def plan(self, delivery: Delivery) -> Sequence[Effect]:
        """Return the writes."""
        match delivery.entity:
            case "orders":
                return plan_order(self._config, delivery)
            case "payments":
                return payments.plan_payment(delivery)
            case "refunds":
                return refunds.plan_refund(self._config, delivery)
            case _:
                return plan_customer(self._config, delivery)

    def plan_removal(self, removal: Removal) -> Sequence[Effect]:
        """Return the writes of a deletion in the shop."""
        return plan_removal(removal)

    async def candidates(self, calls: Sequence[Call]) -> Sequence[Sequence[Found]]:
        """Find sales an older integration made; all calls are of one write."""
        return await sales.find_candidates(self._client, calls) if calls else []

    async def lookup(self, calls: Sequence[Call]) -> Sequence[Found | None]:
        """Find what the calls may have made; all of one write."""
        return await _FINDERS[calls[0].effect.write](self._client, calls) if calls else []

    async def present(self, documents: Sequence[Delivered]) -> Sequence[bool | None]:
        """Tell which documents are still there, in whatever state."""
        if not documents:
            return []
        ids = [int(one.destination_id) for one in documents]
        there = await self._client.read(_MODELS[documents[0].entity], sorted(set(ids)), ["id"])
        return [one in there for one in ids]

    async def write(self, calls: Sequence[Call]) -> Sequence[Outcome]:
        """Send calls of one write; a batch a person must look at is sent call by call."""
        if not calls:
            return []
        writer = _WRITERS[calls[0].effect.write]
        try:
            return await writer(self._client, calls)
        except (CredentialsRejected, ScopeMissing):
            raise
        except WaitForPerson as error:
            if len(calls) == 1:
                return [Outcome(error=error)]
            return [outcome for call in calls for outcome in await self.write([call])]


class TrytonConnector:
    """One Connection at work."""

    def __init__(self, context: ConnectorContext) -> None:
        config = read_config(context.config)
        self._client = TrytonClient(context, config)
        self.source: Source | None = TrytonSource(self._client)
        self.destination: Destination | None = TrytonDestination(self._client, config)
        self.webhooks: Webhooks | None = None

    async def check(self) -> CheckReport:
        """Log in, find company and shop, and compare rights with what is needed."""
        version = await self._client.version()
        await self._client.facts()
        models = sorted({model for needs in _NEEDED.values() for model, _ in needs})
        rights = await self._client.call("model.ir.model.access.get_access", models)
        return CheckReport(
            product="Tryton",
            version=version,
            entities=[_entity_check(entity, rights) for entity in _NEEDED],
        )

    async def close(self) -> None:
        """Let go of connections."""
        await self._client.close()


def _entity_check(entity: str, rights: Mapping[str, Mapping[str, Any]]) -> EntityCheck:
    lacking = [
        f"{right} {model}"
        for model, needed in _NEEDED[entity]
        for right in needed.split()
        if not rights.get(model, {}).get(right)
    ]
    problem = (
        f"Knect's user may not {', '.join(lacking)}; give it the groups README.md names"
        if lacking
        else None
    )
    readable = entity in _READ and not any(entry.startswith("read ") for entry in lacking)
    writable = not lacking and entity in _WRITTEN
    return EntityCheck(entity=entity, read=readable, write=writable, problem=problem)


def open_connector(context: ConnectorContext) -> TrytonConnector:
    """Return the connector for a Connection. Raises Fatal when its config cannot be used."""
    return TrytonConnector(context)

"""Magento's bench for the conformance rules: a simulated shop and a connector to it.

Must not: be imported by the connector.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from msgspec import structs

from knect.model import (
    Customer,
    InventoryLevel,
    Payment,
    Price,
    Product,
    Record,
    Shipment,
    ShipmentLine,
    Tracking,
    Variant,
)
from knect.sdk.contract import Connector, ConnectorContext, Delivery, Effect, WebhookRequest
from knect.sdk.http import ClientFactory, Egress
from knect.sdk.secret import Secret
from knect.sdk.testing import Fault, FaultPlan, NotOnThisBenchError, running
from knect.seams import SystemClock
from knect_connectors.magento2.connector import open_connector
from knect_connectors.magento2.simulator import (
    KEYS,
    Books,
    Bought,
    MagentoSimulator,
    OrderPlan,
    acts,
    bills,
    build_order,
    parts,
)
from knect_connectors.magento2.simulator.books import Row
from knect_connectors.magento2.simulator.generator import person
from knect_connectors.magento2.simulator.money import text_of

__all__ = ["MagentoBench", "open_bench"]

_STORES = [{"code": "all", "currency": "EUR"}]
_SECRETS = {
    "consumerKey": "consumer_key",
    "consumerSecret": "consumer_secret",
    "accessToken": "token",
    "accessTokenSecret": "token_secret",
}
_TABLES = {
    "customers": "customers",
    "orders": "orders",
    "payments": "invoices",
    "prices": "products",
    "products": "products",
    "refunds": "creditmemos",
    "shipments": "shipments",
}


class MagentoBench:
    """See `knect.sdk.testing.bench`."""

    secrets: Sequence[str] = (KEYS["consumer_secret"], KEYS["token"], KEYS["token_secret"])

    def __init__(
        self, simulator: MagentoSimulator, faults: FaultPlan, connector: Connector
    ) -> None:
        self.connector = connector
        self._simulator = simulator
        self._books = simulator.books
        self._faults = faults
        self._made = 0

    async def create(self, entity: str, times: Sequence[datetime]) -> list[str]:
        """Make records, with ids that do not follow the times."""
        return [self._one(entity, at) for at in times]

    def _one(self, entity: str, at: datetime) -> str:
        self._made += 1
        number = 90_000 - self._made * 7 if self._made % 2 else 50_000 + self._made
        if entity in ("products", "prices", "inventory"):
            self._books.counters["product"] = number - 1
            row = self._books.add_product(f"KN-{number}", "Kettle", Decimal("9.95"))
            row |= {"created_at": text_of(at), "updated_at": text_of(at)}
            names = {"prices": f"{number}@all", "inventory": f"KN-{number}@default"}
            return names.get(entity, str(number))
        if entity == "customers":
            self._books.counters["customer"] = number - 1
            row = self._books.add_customer(f"c{number}@example.com", "Ana", "G", at)
            return str(row["id"])
        self._books.counters["order"] = number - 1
        order = self._order(at)
        if entity == "orders":
            return str(order["entity_id"])
        for name in ("invoice", "creditmemo", "shipment"):
            self._books.counters[name] = number - 1
        invoice = bills.invoice(self._books, order, at=at)
        row = invoice
        if entity == "refunds":
            row = bills.refund(self._books, order, at=at)
        elif entity == "shipments":
            row = acts.ship(self._books, order, at=at)
        return str(row["entity_id"])

    def _order(self, at: datetime) -> Row:
        bought = Bought(sku="KN-1", title="Kettle", price=Decimal("9.95"), quantity=Decimal(2))
        plan = OrderPlan(at=at, bought=(bought,), address=person(0), shipping=Decimal("4.90"),
                         email="ana@example.com")  # fmt: skip
        return build_order(self._books, plan)

    async def change(self, entity: str, identifier: str) -> None:
        """Change a record; the clock moves on, so that it is never in the second of another act."""
        if entity == "inventory":
            sku, _, source = identifier.rpartition("@")
            self._books.source_items[sku, source]["quantity"] = Decimal(self._made)
            return
        self._books.skew += timedelta(seconds=1)
        row = getattr(self._books, _TABLES[entity])[int(identifier.partition("@")[0])]
        parts.touch(self._books, row)
        self._books.skew += timedelta(seconds=1)

    async def delete(self, entity: str, identifier: str) -> None:
        """Delete for good."""
        if entity == "inventory":
            sku, _, source = identifier.rpartition("@")
            del self._books.source_items[sku, source]
            return
        del getattr(self._books, _TABLES[entity])[int(identifier.partition("@")[0])]

    def webhook(self, entity: str, identifier: str) -> WebhookRequest:
        """Magento has none."""
        del entity, identifier
        raise NotOnThisBenchError("Magento Open Source has no webhooks")

    def fail(self, *faults: Fault | None) -> None:
        """Force the next faults; none: no more of those that are left."""
        self._faults.clear()
        self._faults.force(*faults)

    def revoke(self) -> None:
        """Give the integration other secrets."""
        self._simulator.access.keys |= {"token": "another", "token_secret": "another"}

    async def effects(self) -> Sequence[Effect]:
        """What each write makes of something new: in the order the manifest lists them."""
        now = self._books.now()
        self._books.add_product("KN-1", "Kettle", Decimal("9.95"))
        variant = Variant(source_id="1", sku="TEE-S", price=Decimal(15))
        price = Price(source_id="1", sku="KN-1", currency="EUR", amount=Decimal("9.90"))
        shipped, paid = self._order(now), self._order(now)
        paid["payment"]["method"] = "authorizenet"
        line = ShipmentLine(line_id=str(shipped["items"][0]["item_id"]), quantity=Decimal(2))
        records: Sequence[tuple[str, Record, Mapping[str, Any], str | None]] = (
            ("customers", Customer(source_id="1", email="new@example.com", first_name="Ana",
                                   last_name="G"), {}, None),
            ("products", Product(source_id="7", title="Tee", variants=(variant,)), {}, None),
            ("inventory", InventoryLevel(source_id="1", sku="KN-1", location="default",
                                         available=Decimal(5)), {}, None),
            ("prices", price, {}, None),
            ("prices", structs.replace(price, minimum_quantity=Decimal(10)), {}, None),
            ("shipments", Shipment(source_id="parcel-1", order_id=str(shipped["entity_id"]),
                                   lines=(line,), trackings=(Tracking(number="T1"),)), {}, None),
            ("payments", Payment(source_id="pay-1", order_id=str(paid["entity_id"]),
                                 kind="capture", status="success",
                                 amount=paid["base_grand_total"], currency="EUR"),
             {"capture": "Always"}, None),
        )  # fmt: skip
        found: list[Effect] = []
        for entity, record, settings, bound in records:
            found += await self._planned(entity, record, settings, bound)
        return found

    async def _planned(
        self, entity: str, record: Record, settings: Mapping[str, Any], bound: str | None
    ) -> Sequence[Effect]:
        destination = self.connector.destination
        assert destination is not None
        references = destination.references(entity, record)
        answers = await destination.resolve(references)
        resolved = {key: one for key, one in answers.items() if isinstance(one, str)}
        resolved |= {("orders", one.value): one.value for one in references if one.kind == "orders"}
        return destination.plan(
            Delivery(
                entity=entity,
                external_id=f"bench:{record.source_id}",
                document=destination.to_document(entity, record, settings),
                record=record,
                bound=bound,
                resolved=resolved,
                settings=settings,
            )
        )

    async def documents(self) -> int:
        """Count what a write may make."""
        tables = ("invoices", "shipments", "creditmemos", "customers", "products")
        tracks = sum(len(row["tracks"]) for row in self._books.shipments.values())
        tiers = sum(len(row["tier_prices"]) for row in self._books.products.values())
        return (
            sum(len(getattr(self._books, name)) for name in tables)
            + tracks
            + tiers
            + len(self._books.mails)
        )


class _Hurried(SystemClock):
    """Seconds that pass a hundred times as fast, so that lasting trouble is told soon."""

    def monotonic(self) -> float:
        return super().monotonic() * 100

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds / 100)


@asynccontextmanager
async def open_bench() -> AsyncIterator[MagentoBench]:
    """Open a simulated shop and a connector to it."""
    clock = _Hurried()
    simulator = MagentoSimulator(Books(clock=clock), clock=clock)
    faults = FaultPlan()
    async with running(simulator, faults=faults) as server:
        connector = open_connector(
            ConnectorContext(
                name="bench",
                config={"url": server.url, "stores": _STORES},
                secrets={name: Secret(KEYS[key]) for name, key in _SECRETS.items()},
                http=ClientFactory(clock=clock, egress=Egress(["127.0.0.1"])),
                clock=clock,
            )
        )
        try:
            yield MagentoBench(simulator, faults, connector)
        finally:
            await connector.close()

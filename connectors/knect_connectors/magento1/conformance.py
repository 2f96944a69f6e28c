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
from knect_connectors.magento1.connector import open_connector
from knect_connectors.magento1.simulator import (
    Books,
    Bought,
    MagentoSimulator,
    OrderPlan,
    acts,
    bills,
    build_order,
    parts,
)
from knect_connectors.magento1.simulator.books import Row
from knect_connectors.magento1.simulator.generator import person
from knect_connectors.magento1.simulator.money import text_of

__all__ = ["MagentoBench", "open_bench"]

_USER, _KEY = "bench", "magento-bench-canary"
_STORES = [{"code": "admin", "currency": "EUR"}]
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

    secrets: Sequence[str] = (_KEY,)

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
        number = 900_000_000 - self._made * 7 if self._made % 2 else 500_000_000 + self._made
        if entity in ("products", "prices", "inventory"):
            # the next id is the sequence's; so it is set where this one is to be
            self._books.counters["product"] = number // 10_000 - 1
            if str(number // 10_000) in self._books.products:
                self._books.counters["product"] = 10_000 + self._made
            row = self._books.add_product(f"KN-{number}", "Kettle", Decimal("9.95"))
            row |= {"created_at": text_of(at), "updated_at": text_of(at)}
            return f"{row['product_id']}@admin" if entity == "prices" else str(row["product_id"])
        if entity == "customers":
            self._books.counters["customer"] = number - 1
            row = self._books.add_customer(f"c{number}@example.com", "Ana", "G", at)
            return str(row["customer_id"])
        order = self._order(str(number), at)
        if entity == "orders":
            return str(order["increment_id"])
        bills.invoice(self._books, order, at=at)
        if entity == "payments":
            row = self._books.invoices.popitem()[1]
        elif entity == "refunds":
            row = bills.refund(self._books, order, at=at)
            self._books.creditmemos.popitem()
        else:
            row = acts.ship(self._books, order, at=at)
            self._books.shipments.popitem()
        row["increment_id"] = str(number)
        getattr(self._books, _TABLES[entity])[str(number)] = row
        return str(number)

    def _order(self, number: str, at: datetime) -> Row:
        bought = Bought(sku="KN-1", title="Kettle", price=Decimal("9.95"), quantity=Decimal(2))
        plan = OrderPlan(number=number, at=at, bought=(bought,), address=person(0),
                         shipping=Decimal("4.90"), email="ana@example.com")  # fmt: skip
        self._books.orders[number] = build_order(self._books, plan)
        return self._books.orders[number]

    async def change(self, entity: str, identifier: str) -> None:
        """Change a record; the clock moves on, so that it is never in the second of another act."""
        if entity == "inventory":
            self._books.stock[identifier]["qty"] = f"{self._made}.0000"
            return
        self._books.skew += timedelta(seconds=1)
        row = getattr(self._books, _TABLES[entity])[identifier.partition("@")[0]]
        parts.touch(self._books, row)
        self._books.skew += timedelta(seconds=1)

    async def delete(self, entity: str, identifier: str) -> None:
        """Delete for good."""
        name = identifier.partition("@")[0]
        if entity == "inventory":
            del self._books.products[name], self._books.stock[name]
            return
        del getattr(self._books, _TABLES[entity])[name]

    def webhook(self, entity: str, identifier: str) -> WebhookRequest:
        """Magento has none."""
        del entity, identifier
        raise NotOnThisBenchError("Magento 1 has no webhooks")

    def fail(self, *faults: Fault | None) -> None:
        """Force the next faults; none: no more of those that are left."""
        self._faults.clear()
        self._faults.force(*faults)

    def revoke(self) -> None:
        """Give the API user another key, and end its sessions."""
        self._simulator.sessions.key = "another"
        self._simulator.sessions.end_all()

    async def effects(self) -> Sequence[Effect]:
        """What each write makes of something new: in the order the manifest lists them."""
        now = self._books.now()
        self._books.add_product("KN-1", "Kettle", Decimal("9.95"))
        variant = Variant(source_id="1", sku="TEE-S", price=Decimal(15))
        price = Price(source_id="1", sku="KN-1", currency="EUR", amount=Decimal("9.90"))
        shipped, paid = (self._order(str(310_000_000 + n), now) for n in (1, 2))
        paid["payment"]["method"] = "authorizenet"
        line = ShipmentLine(line_id=shipped["items"][0]["item_id"], quantity=Decimal(2))
        records: Sequence[tuple[str, Record, Mapping[str, Any], str | None]] = (
            ("customers", Customer(source_id="1", email="new@example.com", first_name="Ana",
                                   last_name="G"), {}, None),
            ("products", Product(source_id="7", title="Tee", variants=(variant,)), {}, None),
            ("inventory", InventoryLevel(source_id="1", sku="KN-1", location="WH",
                                         available=Decimal(5)), {}, None),
            ("prices", price, {}, None),
            ("prices", structs.replace(price, minimum_quantity=Decimal(10)), {}, None),
            ("shipments", Shipment(source_id="parcel-1", order_id=shipped["increment_id"],
                                   lines=(line,), trackings=(Tracking(number="T1"),)), {}, None),
            ("payments", Payment(source_id="pay-1", order_id=paid["increment_id"], kind="capture",
                                 status="success", amount=Decimal(paid["base_grand_total"]),
                                 currency="EUR"), {"capture": "Always"}, None),
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
        tables = ("invoices", "shipments", "creditmemos", "customers", "addresses", "products")
        tracks = sum(len(row["tracks"]) for row in self._books.shipments.values())
        return (
            sum(len(getattr(self._books, name)) for name in tables)
            + tracks
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
    simulator = MagentoSimulator(Books(clock=clock), clock=clock, user=_USER, key=_KEY)
    faults = FaultPlan()
    async with running(simulator, faults=faults) as server:
        connector = open_connector(
            ConnectorContext(
                name="bench",
                config={"url": server.url, "stores": _STORES},
                secrets={"apiUser": Secret(_USER), "apiKey": Secret(_KEY)},
                http=ClientFactory(clock=clock, egress=Egress(["127.0.0.1"])),
                clock=clock,
            )
        )
        try:
            yield MagentoBench(simulator, faults, connector)
        finally:
            await connector.close()

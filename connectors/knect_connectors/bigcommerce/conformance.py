"""BigCommerce's bench for the conformance rules: a simulated store and a connector to it.

Must not: be imported by the connector.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from msgspec import structs

from knect.model import (
    Address,
    Customer,
    InventoryLevel,
    Order,
    Price,
    Product,
    Record,
    Shipment,
    ShipmentLine,
    Totals,
    Tracking,
    Variant,
)
from knect.sdk.contract import Connector, ConnectorContext, Delivery, Effect, WebhookRequest
from knect.sdk.http import ClientFactory, Egress
from knect.sdk.secret import Secret
from knect.sdk.testing import Fault, FaultPlan, running
from knect.seams import SystemClock
from knect_connectors.bigcommerce.connector import open_connector
from knect_connectors.bigcommerce.payload import read_instant
from knect_connectors.bigcommerce.simulator import (
    BigCommerceSimulator,
    Books,
    Bought,
    OrderPlan,
    acts,
    build_order,
)
from knect_connectors.bigcommerce.simulator.books import Row, iso, mail
from knect_connectors.bigcommerce.simulator.hooks_api import delivery

__all__ = ["BigCommerceBench", "open_bench"]

_TOKEN, _SECRET = "bigcommerce-bench-canary", "bench-secret-canary"
#: A scope that tells of each, and what it says.
_SCOPES = {
    "customers": "store/customer/updated",
    "orders": "store/order/updated",
    "products": "store/product/updated",
    "refunds": "store/order/refund/created",
    "shipments": "store/shipment/updated",
}
_TEE = Variant(source_id="1", sku="TEE-S", options={"Size": "S"}, price=Decimal(15))
_PLACE = Address(
    name="Ana G", street=("Dawson Street 3",), city="Dublin", postal_code="D02 X285", country="IE",
    region_name="Dublin",
)  # fmt: skip


class BigCommerceBench:
    """See `knect.sdk.testing.bench`."""

    secrets: Sequence[str] = (_TOKEN, _SECRET)

    def __init__(
        self, simulator: BigCommerceSimulator, faults: FaultPlan, connector: Connector
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
        number = 900_000 - self._made * 7 if self._made % 2 else 500_000 + self._made
        if entity == "customers":
            self._books.add_customer(f"c{number}@example.com", "Ana", "G", at, number=number)
            return str(number)
        if entity in ("products", "inventory"):
            row = self._books.add_product(
                f"KN-{number}", f"Kettle {number}", Decimal("9.95"), at=at, number=number
            )
            place = self._place()
            return (
                str(number) if entity == "products" else f"{row['base_variant_id']}@{place['id']}"
            )
        order = self._order(number, at)
        if entity == "payments":
            return f"{number}/{acts.pay(self._books, order, at=at)['id']}"
        if entity == "refunds":
            return str(acts.refund(self._books, order, [{"line": 0, "quantity": 1}], at=at)["id"])
        if entity == "shipments":
            return f"{number}/{acts.ship(self._books, order, at=at)['id']}"
        return str(number)

    def _place(self) -> Row:
        return next(iter(self._books.locations.values()), None) or self._books.add_location("Shop")

    def _order(self, number: int, at: datetime) -> Row:
        bought = Bought(sku="KN-1", title="Kettle", price=Decimal("9.95"), quantity=2)
        plan = OrderPlan(number=number, at=at, bought=(bought,), shipping=Decimal("4.90"))
        return build_order(self._books, plan)

    async def change(self, entity: str, identifier: str) -> None:
        """Change a record; the clock moves on, so that it is never in the second of another act."""
        if entity == "inventory":
            variant, _, place = identifier.partition("@")
            self._books.levels[int(place), int(variant)] = self._made
            return
        self._books.offset += timedelta(seconds=1)
        now = self._books.now()
        order, _, child = identifier.partition("/")
        if entity == "customers":
            self._books.customers[int(identifier)]["date_modified"] = iso(now)
        elif entity == "products":
            self._books.products[int(identifier)]["date_modified"] = iso(now)
        elif entity == "refunds":
            owner, row = self._refund(identifier)
            row["created"] = iso(now)
            self._books.touch(owner)
        else:
            owner = self._books.orders[int(order)]
            name = {"payments": "_transactions", "shipments": "_shipments"}.get(entity)
            for row in owner[name] if name else ():
                if str(row["id"]) == child:
                    row["date_created"] = iso(now) if entity == "payments" else mail(now)
            self._books.touch(owner)
        self._books.offset += timedelta(seconds=1)

    def _refund(self, identifier: str) -> tuple[Row, Row]:
        return next(
            (order, row)
            for order in self._books.orders.values()
            for row in order["_refunds"]
            if str(row["id"]) == identifier
        )

    async def delete(self, entity: str, identifier: str) -> None:
        """Delete for good; what belongs to an order goes with it."""
        if entity == "customers":
            del self._books.customers[int(identifier)]
        elif entity == "products":
            del self._books.products[int(identifier)]
        elif entity == "inventory":
            del self._books.variants[int(identifier.partition("@")[0])]
        elif entity == "refunds":
            owner, row = self._refund(identifier)
            owner["_refunds"].remove(row)
        else:
            order, _, child = identifier.partition("/")
            if not child:
                del self._books.orders[int(order)]
                return
            owner = self._books.orders[int(order)]
            name = "_transactions" if entity == "payments" else "_shipments"
            owner[name] = [row for row in owner[name] if str(row["id"]) != child]

    def webhook(self, entity: str, identifier: str) -> WebhookRequest:
        """Return what the store would send."""
        sent = delivery(
            _SCOPES[entity],
            _data(entity, identifier, self._books),
            url="https://hooks.example",
            store=self._simulator.store,
            secret=_SECRET,
            at=self._books.now(),
        )
        headers = {name.lower(): value for name, value in sent.headers.items()}
        return WebhookRequest(headers=headers, body=sent.body, received=self._books.now())

    def fail(self, *faults: Fault | None) -> None:
        """Force the next faults; none: no more of those that are left."""
        self._faults.clear()
        self._faults.force(*faults)

    def revoke(self) -> None:
        """Let no token be good."""
        self._simulator.tokens = set()

    async def effects(self) -> Sequence[Effect]:
        """Return what each write makes of something new."""
        now = self._books.now()
        self._place()
        self._books.add_product("KN-1", "Kettle", Decimal("9.95"))
        self._books.add_price_list("Wholesale")
        order, other = (self._order(310_000 + number, now) for number in (1, 2))
        line = ShipmentLine(line_id=str(order["_products"][0]["id"]), quantity=Decimal(2))
        price = Price(source_id="1", sku="KN-1", currency="EUR", amount=Decimal("9.90"))
        records: Sequence[tuple[str, Record, str | None]] = (
            ("customers", Customer(source_id="1", email="new@example.com", first_name="Ana",
                                   last_name="G", addresses=(_PLACE,)), None),
            ("inventory", InventoryLevel(source_id="1", sku="KN-1", location="Shop",
                                         available=Decimal(5)), None),
            ("products", Product(source_id="7", title="Tee", variants=(_TEE,)), None),
            ("prices", price, None),
            ("prices", structs.replace(price, price_list="Wholesale"), None),
            ("shipments", Shipment(source_id="parcel-1", order_id=str(order["id"]), lines=(line,),
                                   trackings=(Tracking(number="T1"),)), None),
            ("orders", _cancelled(other), str(other["id"])),
        )  # fmt: skip
        found: list[Effect] = []
        for entity, record, bound in records:
            found += await self._planned(entity, record, bound)
        return found

    async def _planned(self, entity: str, record: Record, bound: str | None) -> Sequence[Effect]:
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
                document=destination.to_document(entity, record, {}),
                record=record,
                bound=bound,
                resolved=resolved,
                settings={},
            )
        )

    async def documents(self) -> int:
        """Count what a write may make."""
        books = self._books
        addresses = sum(len(row["addresses"]) for row in books.customers.values())
        parcels = sum(len(order["_shipments"]) for order in books.orders.values())
        rows = [*books.customers, *books.products, *books.variants, *books.prices, *books.mails]
        return len(rows) + addresses + parcels


def _cancelled(order: Row) -> Order:
    total = Decimal(order["total_inc_tax"])
    at = read_instant(order["date_created"])
    return Order(
        source_id="sale-1", number="1", name="1", currency="EUR", totals=Totals(total=total),
        placed_at=at, updated_at=at, cancelled_at=at,
    )  # fmt: skip


def _data(entity: str, identifier: str, books: Books) -> Row:
    if entity == "shipments":
        order, _, number = identifier.partition("/")
        return {"type": "shipment", "id": int(number), "orderId": int(order)}
    if entity == "refunds":
        order_id = next(
            order["id"]
            for order in books.orders.values()
            if any(str(row["id"]) == identifier for row in order["_refunds"])
        )
        return {"type": "order", "id": order_id, "refund": {"refund_id": int(identifier)}}
    return {"type": entity.removesuffix("s"), "id": int(identifier)}


class _Hurried(SystemClock):
    """Seconds that pass a hundred times as fast, so that lasting trouble is told soon."""

    def monotonic(self) -> float:
        return super().monotonic() * 100

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds / 100)


@asynccontextmanager
async def open_bench(**simulator: Any) -> AsyncIterator[BigCommerceBench]:
    """Open a simulated store and a connector to it."""
    clock = _Hurried()
    simulated = BigCommerceSimulator(
        Books(clock=clock), clock=clock, token=_TOKEN, secret=_SECRET, **simulator
    )
    faults = FaultPlan()
    async with running(simulated, faults=faults) as server:
        connector = open_connector(
            ConnectorContext(
                name="bench",
                config={"storeHash": simulated.store, "url": server.url},
                secrets={"accessToken": Secret(_TOKEN), "clientSecret": Secret(_SECRET)},
                http=ClientFactory(clock=clock, egress=Egress(["127.0.0.1"])),
                clock=clock,
            )
        )
        try:
            yield BigCommerceBench(simulated, faults, connector)
        finally:
            await connector.close()
            await simulated.webhooks.close()

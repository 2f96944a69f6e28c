"""BigCommerce's bench for the conformance rules: a simulated store and a connector to it.

Must not: be imported by the connector.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from knect.sdk.contract import Connector, ConnectorContext, Effect, WebhookRequest
from knect.sdk.http import ClientFactory, Egress
from knect.sdk.secret import Secret
from knect.sdk.testing import Fault, FaultPlan, running
from knect.seams import SystemClock
from knect_connectors.bigcommerce.connector import open_connector
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
        return ()

    async def documents(self) -> int:
        """Count what a write may make."""
        return 0


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

"""WooCommerce's bench for the conformance rules: a simulated shop and a connector to it.

Must not: be imported by the connector.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

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
from knect_connectors.woocommerce.connector import open_connector
from knect_connectors.woocommerce.payload import instant_text
from knect_connectors.woocommerce.simulator import (
    Books,
    Bought,
    OrderPlan,
    WooSimulator,
    build_order,
    merchant,
)
from knect_connectors.woocommerce.simulator.books import Row
from knect_connectors.woocommerce.simulator.generator import person

__all__ = ["WooBench", "open_bench"]

_KEY, _SECRET, _HOOK_SECRET = "ck_bench_canary", "cs_bench_canary", "bench-hook-canary"
_GOODS = ("inventory", "prices", "products")
#: What moves where there is no mark of change.
_CHANGED: Mapping[str, Row] = {
    "inventory": {"stock_quantity": 77},
    "prices": {"regular_price": "77.00", "price": "77.00"},
}


class WooBench:
    """See `knect.sdk.testing.bench`."""

    secrets: Sequence[str] = (_KEY, _SECRET, _HOOK_SECRET)

    def __init__(self, simulator: WooSimulator, faults: FaultPlan, connector: Connector) -> None:
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
        number = 9_000_000 - self._made * 7 if self._made % 2 else 5_000_000 + self._made
        if entity == "customers":
            self._books.counters["user"] = number - 1
            return str(self._books.add_customer(f"c{number}@example.com", "Ana", "G", at)["id"])
        self._books.counters["post"] = number - 1
        if entity in _GOODS:
            row = self._books.add_product(f"KN-{number}", "Kettle", "9.95", stock=5)
            row |= dict.fromkeys(("date_created_gmt", "date_modified_gmt"), instant_text(at))
            return str(row["id"])
        order = self._order(at)
        name = str(order["id"])
        if entity == "refunds":
            name = f"{name}-{merchant.refund(self._books, order, {}, amount='1.00')['id']}"
            order["date_modified_gmt"] = instant_text(at)
        return name

    def _order(self, at: datetime) -> Row:
        bought = Bought(sku="KN-1", title="Kettle", price=Decimal("9.95"), quantity=Decimal(2))
        plan = OrderPlan(at=at, bought=(bought,), address=person(0), shipping=Decimal("4.90"))
        return build_order(self._books, plan)

    async def change(self, entity: str, identifier: str) -> None:
        """Change a record; the clock moves on, so that it is never in the second of another act."""
        number = int(identifier.partition("-")[0])
        if entity == "customers":
            self._books.customers[number]["last_name"] = f"G{self._made}"
            return
        self._books.skew += timedelta(seconds=1)
        rows = self._books.products if entity in _GOODS else self._books.orders
        rows[number] |= _CHANGED.get(entity, {})
        self._books.touch(rows[number])
        self._books.skew += timedelta(seconds=1)

    async def delete(self, entity: str, identifier: str) -> None:
        """Delete for good."""
        number, _, part = identifier.partition("-")
        if part:
            self._books.orders[int(number)]["refunds"] = []
            del self._books.refunds[int(number)][:]
            return
        tables = {"customers": self._books.customers, **dict.fromkeys(_GOODS, self._books.products)}
        del tables.get(entity, self._books.orders)[int(number)]

    def webhook(self, entity: str, identifier: str) -> WebhookRequest:
        """Return a delivery about a record that changed."""
        tables = {"customers": self._books.customers, "products": self._books.products}
        row = tables.get(entity, self._books.orders)[int(identifier)]
        resource = entity.removesuffix("s")
        hook = {
            "id": 142, "topic": f"{resource}.updated", "resource": resource, "event": "updated",
            "delivery_url": "https://hooks.example", "secret": _HOOK_SECRET,
        }  # fmt: skip
        sent = self._simulator.delivery(hook, row)
        headers = {name.lower(): value for name, value in sent.headers.items()}
        return WebhookRequest(headers=headers, body=sent.body, received=self._books.now())

    def fail(self, *faults: Fault | None) -> None:
        """Force the next faults; none: no more of those that are left."""
        self._faults.clear()
        self._faults.force(*faults)

    def revoke(self) -> None:
        """Make another secret the key's."""
        self._simulator.access.secret = "another"  # noqa: S105 - the simulator's own

    async def effects(self) -> Sequence[Effect]:
        """What each write makes of something new: in the order the manifest lists them."""
        now = self._books.now()
        self._books.add_product("KN-1", "Kettle", "9.95")
        tee = self._books.add_product("TEE", "Tee", "15.00", kind="variable", stock=None)
        self._books.add_variation(tee, "TEE-S", {"Size": "S"}, "15.00")
        told, shipped = (self._order(now) for _ in range(2))
        price = Price(source_id="1", sku="KN-1", currency="EUR", amount=Decimal("9.90"))
        line = ShipmentLine(line_id=str(shipped["line_items"][0]["id"]), quantity=Decimal(2))
        level = InventoryLevel(source_id="1", sku="KN-1", location="WH", available=Decimal(5))
        small = InventoryLevel(source_id="2", sku="TEE-S", location="WH", available=Decimal(7))
        shipment = Shipment(source_id="parcel-1", order_id=str(shipped["id"]), lines=(line,),
                            trackings=(Tracking(number="T1", carrier="DHL"),))  # fmt: skip
        order = Order(
            source_id="sale-1",
            number="1",
            name="1",
            currency="EUR",
            placed_at=now,
            updated_at=now,
            cancelled_at=now,
            totals=Totals(total=Decimal(0)),
        )
        sizes = tuple(
            Variant(source_id=size, sku=f"SHIRT-{size}", options={"Size": size}, price=Decimal(15))
            for size in ("S", "L")
        )
        shirt = Product(source_id="7", title="Shirt", option_names=("Size",), variants=sizes)
        cap = Product(source_id="8", title="Cap", variants=(Variant(source_id="1", sku="CAP"),))
        ana = Customer(source_id="9", email="new@example.com", first_name="Ana", phone="1",
                       addresses=(Address(city="Madrid", country="ES"),))  # fmt: skip
        found: list[Effect] = []
        for entity, record, bound, more in (
            ("customers", ana, None, {}),
            ("products", shirt, None, {}),
            ("products", cap, None, {}),
            ("inventory", level, None, {}),
            ("inventory", small, None, {}),
            ("prices", price, None, {}),
            ("shipments", shipment, None, {}),
            ("orders", order, str(told["id"]), {"cancelled": False, "status": "on-hold"}),
            ("orders", order, str(told["id"]), {"note": "It is being packed."}),
        ):
            found += await self._planned(entity, record, bound, more)
        return found

    async def _planned(
        self, entity: str, record: Record, bound: str | None, more: Mapping[str, Any]
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
                document={**destination.to_document(entity, record, {}), **more},
                record=record,
                bound=bound,
                resolved=resolved,
                settings={},
            )
        )

    async def documents(self) -> int:
        """Count what a write may make."""
        entries = sum(len(row["meta_data"]) for row in self._books.orders.values())
        notes = sum(map(len, self._books.notes.values()))
        variations = sum(map(len, self._books.variations.values()))
        goods = len(self._books.products) + variations
        return entries + notes + goods + len(self._books.customers) + len(self._books.mails)


class _Hurried(SystemClock):
    """Seconds that pass a hundred times as fast, so that lasting trouble is told soon."""

    def monotonic(self) -> float:
        return super().monotonic() * 100

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds / 100)


@asynccontextmanager
async def open_bench() -> AsyncIterator[WooBench]:
    """Open a simulated shop and a connector to it."""
    clock = _Hurried()
    simulator = WooSimulator(Books(clock=clock), clock=clock, key=_KEY, secret=_SECRET)
    faults = FaultPlan()
    async with running(simulator, faults=faults) as server:
        connector = open_connector(
            ConnectorContext(
                name="bench",
                config={"url": server.url},
                secrets={
                    "consumerKey": Secret(_KEY),
                    "consumerSecret": Secret(_SECRET),
                    "webhookSecret": Secret(_HOOK_SECRET),
                },
                http=ClientFactory(clock=clock, egress=Egress(["127.0.0.1"])),
                clock=clock,
            )
        )
        try:
            yield WooBench(simulator, faults, connector)
        finally:
            await connector.close()
            await simulator.sender.close()

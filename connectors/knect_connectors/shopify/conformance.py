"""Shopify's bench for the conformance rules: a simulated shop and a connector to it.

Needs graphql-core. Must not: be imported by the connector.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from msgspec import structs

from knect.model import (
    Image,
    InventoryLevel,
    Price,
    Product,
    Record,
    Shipment,
    ShipmentLine,
    Variant,
)
from knect.sdk.contract import Connector, ConnectorContext, Delivery, Effect, WebhookRequest
from knect.sdk.http import ClientFactory, Egress
from knect.sdk.secret import Secret
from knect.sdk.testing import Fault, FaultPlan, running
from knect.seams import SystemClock
from knect_connectors.shopify.connector import open_connector
from knect_connectors.shopify.simulator import (
    Line,
    OrderPlan,
    Shop,
    ShopifySimulator,
    build_customer,
    build_order,
)
from knect_connectors.shopify.simulator.books import instant
from knect_connectors.shopify.simulator.parcels import fulfill
from knect_connectors.shopify.simulator.refunds import Back, give_back

__all__ = ["ShopifyBench", "open_bench"]

_TOKEN = "shpat_bench_canary"  # noqa: S105 - a simulated token
_KEY = "bench-canary-key"

#: A topic that tells of a change of each.
_TOPICS = {
    "customers": "customers/update",
    "orders": "orders/updated",
    "payments": "order_transactions/create",
    "refunds": "refunds/create",
    "shipments": "fulfillments/update",
}


class ShopifyBench:
    """See `knect.sdk.testing.bench`."""

    secrets: Sequence[str] = (_TOKEN, _KEY)

    def __init__(
        self, simulator: ShopifySimulator, faults: FaultPlan, connector: Connector
    ) -> None:
        self.connector = connector
        self._simulator = simulator
        self._shop = simulator.shop
        self._faults = faults
        self._made = 0

    async def create(self, entity: str, times: Sequence[datetime]) -> list[str]:
        """Make records, with ids that do not follow the times."""
        ids: list[str] = []
        for at in times:
            self._made += 1
            number = 900_000 - self._made * 7 if self._made % 2 else 500_000 + self._made
            if entity == "customers":
                thing = build_customer(
                    number, at=at, first="Ana", last="G", email=f"c{number}@example.com"
                )
                self._shop.put(entity, thing)
            else:
                thing = self._child(entity, self._order(number, at), at)
            ids.append(str(thing["id"]))
        return ids

    def _order(self, number: int, at: datetime) -> dict[str, Any]:
        line = Line(sku="KN-1", title="Kettle", quantity=2, price=Decimal("9.95"))
        plan = OrderPlan(number=number, at=at, lines=[line], shipping=Decimal("4.90"))
        order = build_order(plan)
        self._shop.put("orders", order)
        return order

    def _child(self, entity: str, order: dict[str, Any], at: datetime) -> dict[str, Any]:
        """Return the order, or the one record of this kind that belongs to it."""
        made: dict[str, Any] = order
        if entity == "payments":
            made = order["transactions"][0]
        elif entity == "refunds":
            made = give_back(order, at, lines=[Back(line=0, units=1)])
        elif entity == "shipments":
            each = order["fulfillmentOrders"][0]
            made = fulfill(order, [{"fulfillmentOrderId": each["id"]}], {"number": "T1"}, at)
        self._shop.index(order)
        return made

    async def change(self, entity: str, identifier: str) -> None:
        """Change the note."""
        del entity
        # The shop's clock moves on, so that a change is never in the second of another act.
        self._shop.time_offset += timedelta(seconds=1)
        thing = self._shop.get(identifier)
        assert thing is not None
        if "order" not in thing:
            await self._simulator.do("touch", {"id": identifier, "note": f"changed {self._made}"})
            return
        order = thing["order"]
        for name in ("fulfillments", "refunds", "transactions"):
            for child in order[name]:
                if child["id"] == identifier:
                    moment = instant(self._shop.now())
                    child.update(dict.fromkeys({"updatedAt", "processedAt"} & set(child), moment))
        self._shop.touch(order)

    async def delete(self, entity: str, identifier: str) -> None:
        """Delete for good; what belongs to an order goes with it."""
        del entity
        thing = self._shop.get(identifier) or {}
        self._shop.remove(str(thing.get("order", thing).get("id", identifier)))

    def webhook(self, entity: str, identifier: str) -> WebhookRequest:
        """Return what the shop would send."""
        thing = self._shop.get(identifier)
        assert thing is not None
        sent = self._simulator.webhook(_TOPICS[entity], thing, "https://hooks.example")
        headers = {name.lower(): value for name, value in sent.headers.items()}
        return WebhookRequest(headers=headers, body=sent.body, received=self._shop.now())

    def fail(self, *faults: Fault | None) -> None:
        """Force the next faults; none: no more of those that are left."""
        self._faults.clear()
        self._faults.force(*faults)

    def revoke(self) -> None:
        """Let no token be good."""
        self._shop.tokens = set()

    async def effects(self) -> Sequence[Effect]:
        """A new product, then the stock and the price of something that is there already."""
        catalog, destination = self._shop.catalog, self.connector.destination
        assert destination is not None
        place = catalog.add_location("Hamburg")
        catalog.add_variant(catalog.add_product("Kettle"), "KN-1")
        catalog.stock("KN-1", place, 1)
        catalog.add_price_list("Wholesale", "EUR")
        options = {"Size": "S"}
        image = Image(url="https://erp.example/tee.jpg", hash="0" * 64)
        variant = Variant(source_id="1", sku="TEE-S", options=options, price=Decimal(15))
        price = Price(source_id="1", sku="KN-1", currency="EUR", amount=Decimal("9.90"))
        records: Mapping[str, Sequence[Record]] = {
            "products": (
                Product(source_id="7", title="Tee", variants=(variant,), images=(image,)),
            ),
            "inventory": (
                InventoryLevel(source_id="1", sku="KN-1", location="Hamburg", available=Decimal(5)),
            ),
            "prices": (price, structs.replace(price, price_list="Wholesale")),
        }
        found: list[Effect] = []
        for entity, ones in records.items():
            for record in ones:
                answers = await destination.resolve(destination.references(entity, record))
                delivery = Delivery(
                    entity=entity,
                    external_id=f"bench:{record.source_id}",
                    document=destination.to_document(entity, record, {}),
                    record=record,
                    bound=None,
                    resolved={key: one for key, one in answers.items() if isinstance(one, str)},
                    settings={},
                )
                found += destination.plan(delivery)
        return [*found, *self._parcel()]

    def _parcel(self) -> Sequence[Effect]:
        """Plan a parcel of an order that waits to be shipped."""
        self._made += 1
        order = self._order(300_000 + self._made, self._shop.now())
        shipment = Shipment(
            source_id=f"parcel-{self._made}",
            order_id="17",
            lines=(ShipmentLine(line_id=order["lineItems"][0]["id"], quantity=Decimal(2)),),
        )
        destination = self.connector.destination
        assert destination is not None
        return destination.plan(
            Delivery(
                entity="shipments",
                external_id=shipment.source_id,
                document=destination.to_document("shipments", shipment, {}),
                record=shipment,
                bound=None,
                resolved={("orders", "17"): str(order["id"])},
                settings={},
            )
        )

    async def documents(self) -> int:
        """Count products, variants, images, fixed prices, and what was shipped."""
        catalog = self._shop.catalog
        images = sum(len(product["_media"]) for product in catalog.of("Product"))
        things = [*catalog.of("Product"), *catalog.of("ProductVariant"), *catalog.fixed]
        orders = self._shop.objects["orders"].values()
        shipped = sum(len(order["fulfillments"]) for order in orders)
        return len(things) + images + shipped


class _Hurried(SystemClock):
    """Seconds that pass a hundred times as fast, so that lasting trouble is told soon."""

    def monotonic(self) -> float:
        return super().monotonic() * 100

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds / 100)


@asynccontextmanager
async def open_bench() -> AsyncIterator[ShopifyBench]:
    """Open a simulated shop and a connector to it."""
    clock = _Hurried()
    shop = Shop(clock=clock, token=_TOKEN, client_secret=_KEY)
    simulator = ShopifySimulator(shop, clock=clock)
    faults = FaultPlan()
    async with running(simulator, faults=faults) as server:
        connector = open_connector(
            ConnectorContext(
                name="bench",
                config={
                    "shop": "acme.myshopify.com",
                    "apiVersion": "2026-04",
                    "baseUrl": server.url,
                },
                secrets={"accessToken": Secret(_TOKEN), "clientSecret": Secret(_KEY)},
                http=ClientFactory(clock=clock, egress=Egress(["127.0.0.1"])),
                clock=clock,
            )
        )
        try:
            yield ShopifyBench(simulator, faults, connector)
        finally:
            await connector.close()
            await simulator.webhooks.close()

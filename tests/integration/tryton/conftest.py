"""A real Tryton for the tests of this folder, and a hand that delivers as the engine does."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import pytest
import pytest_asyncio
from tests.support.real.require import require

from knect.model import Order
from knect.sdk.contract import Call, ConnectorContext, Delivery, Effect, Found, Outcome
from knect.sdk.http import ClientFactory, Egress
from knect.sdk.secret import Secret
from knect.seams import SystemClock
from knect_connectors.tryton import open_connector
from knect_connectors.tryton.demo import (
    ADMINISTRATOR,
    PASSWORD,
    USER,
    DemoCompany,
    DemoProduct,
    TrytonServer,
    make_database,
)

SKUS = tuple(f"SKU-{i:03}" for i in range(1, 21))


@pytest.fixture(scope="session")
def company():
    require("tryton")
    return DemoCompany(products=tuple(DemoProduct(sku=sku, name=f"Thing {sku}") for sku in SKUS))


@pytest.fixture(scope="session")
def server(company, tmp_path_factory):
    """One Tryton shared by tests that do not disturb each other."""
    path = tmp_path_factory.mktemp("tryton") / "erp.sqlite"
    make_database(company, path)
    with TrytonServer(path) as running:
        yield running


def a_context(server, **changes: Any) -> ConnectorContext:
    clock = SystemClock()
    config = {"url": server.url, "database": server.database, "webShop": "acme"}
    return ConnectorContext(
        name="acme-erp",
        config={**config, **changes.get("config", {})},
        secrets=changes.get("secrets", {"username": Secret(USER), "password": Secret(PASSWORD)}),
        http=ClientFactory(clock=clock, egress=Egress(["127.0.0.1"])),
        clock=clock,
    )


class Hand:
    """Delivers one order the way the engine does: resolve, plan, write effect after effect."""

    def __init__(self, connector) -> None:
        self.connector = connector
        self.destination = connector.destination
        self.client = connector._client
        self.bound: dict[str, str] = {}
        self.delivered: dict[str, Mapping[str, Any]] = {}

    async def effects(self, order: Order, **settings: Any) -> Sequence[Effect]:
        references = self.destination.references("orders", order)
        resolved = await self.destination.resolve(references)
        missing = [r for r in references if (r.kind, r.value) not in resolved]
        assert not missing, missing
        return self.destination.plan(
            Delivery(
                entity="orders",
                external_id=order.source_id,
                document=self.destination.to_document("orders", order, settings),
                record=order,
                bound=self.bound.get(order.source_id),
                previous=self.delivered.get(order.source_id),
                resolved=resolved,
                settings=settings,
            )
        )

    async def write(self, effects: Sequence[Effect], given: dict[str, str]) -> Outcome | None:
        """Write until an error; `given` collects the ids."""
        outcome = None
        for effect in effects:
            (outcome,) = await self.destination.write([self.call(effect, given)])
            if outcome.error is not None:
                return outcome
            assert outcome.found is not None
            given[effect.name] = outcome.found.destination_id
        return outcome

    @staticmethod
    def call(effect: Effect, given: dict[str, str]) -> Call:
        needed = {name: given[name] for name in effect.needs}
        return Call(effect=effect, given=needed, idempotency_key=f"{effect.external_id}-key")

    async def deliver(self, order: Order, **settings: Any) -> Found:
        given: dict[str, str] = {}
        outcome = await self.write(await self.effects(order, **settings), given)
        assert outcome is not None
        if outcome.error is not None:
            raise outcome.error
        assert outcome.found is not None
        self.bound[order.source_id] = given.get("sale", outcome.found.destination_id)
        document = self.destination.to_document("orders", order, settings)
        self.delivered[order.source_id] = document
        return outcome.found

    async def sale(self, order: Order) -> dict[str, Any]:
        """Return the one sale of an order as Tryton has it; fails unless there is exactly one."""
        fields = ["number", "state", "total_amount", "tax_amount", "untaxed_amount", "party"]
        fields += ["currency.code", "sale_date", "reference", "lines", "invoice_address.rec_name"]
        fields += ["shipment_address.rec_name"]
        sales = await self.client.search_read(
            "sale.sale", [["web_id", "=", order.source_id]], fields
        )
        assert len(sales) == 1, f"{len(sales)} sales for {order.number}"
        return sales[0]

    async def lines(self, order: Order) -> list[tuple[str, Decimal, Decimal]]:
        """Return (product code, quantity, amount) of the sale's lines."""
        sale = await self.sale(order)
        rows = await self.client.search_read(
            "sale.line",
            [["sale", "=", sale["id"]]],
            ["product.code", "quantity", "amount"],
            order=[["id", "ASC"]],
        )
        return [(row["product."]["code"], row["quantity"], row["amount"]) for row in rows]


@asynccontextmanager
async def a_hand(server) -> AsyncIterator[Hand]:
    connector = open_connector(a_context(server))
    await connector._client.facts()
    try:
        yield Hand(connector)
    finally:
        await connector.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def hand(server):
    async with a_hand(server) as one:
        yield one


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def clerk(server):
    """Somebody who works in Tryton beside Knect: a client logged in as another user."""
    user, password = ADMINISTRATOR
    secrets = {"username": Secret(user), "password": Secret(password)}
    connector = open_connector(a_context(server, secrets=secrets))
    await connector._client.facts()
    yield connector._client
    await connector.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def clerk_user(clerk):
    """Login and password of a user who may look at sales and nothing else."""
    company = (await clerk.facts()).company
    user = {"name": "Only looking", "login": "looker", "password": "looker-password-1"}
    user |= {"companies": [["add", [company]]], "company": company}
    await clerk.call("model.res.user.create", [user])
    return "looker", "looker-password-1"

"""A simulated shop and a connector that speaks to it."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from knect.model import Order, Record
from knect.sdk.contract import Call, Change, ConnectorContext, Delivery, Effect, Outcome, Window
from knect.sdk.errors import ConnectorError
from knect.sdk.http import ClientFactory, Egress
from knect.sdk.secret import Secret
from knect.sdk.testing import DEFAULT_SKUS, FaultPlan, RunningSimulator, running
from knect.seams import SystemClock
from knect_connectors.magento2.connector import MagentoConnector
from knect_connectors.magento2.simulator import (
    KEYS,
    Books,
    Bought,
    MagentoSimulator,
    OrderPlan,
    build_order,
    fill_catalog,
)
from knect_connectors.magento2.simulator.generator import person

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
STORES = [
    {"code": "all", "currency": "EUR"},
    {"code": "default", "currency": "EUR"},
    {"code": "uk", "currency": "GBP"},
]
SECRETS = {
    "consumerKey": KEYS["consumer_key"],
    "consumerSecret": KEYS["consumer_secret"],
    "accessToken": KEYS["token"],
    "accessTokenSecret": KEYS["token_secret"],
    "username": "knect",
    "password": "simulated-password-1",
}
KETTLE = Bought(sku="KN-100", title="Kettle", price=Decimal("39.90"), quantity=Decimal(3))


class Hurried(SystemClock):
    """Seconds that pass a hundred times as fast, so that trouble is over soon."""

    def monotonic(self) -> float:
        return super().monotonic() * 100

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds / 100)


class AtWork:
    """A shop, its server and a connector to it."""

    def __init__(
        self, simulator: MagentoSimulator, server: RunningSimulator, connector: MagentoConnector
    ) -> None:
        self.simulator = simulator
        self.books = simulator.books
        self.server = server
        self.connector = connector
        assert connector.source is not None
        assert connector.destination is not None
        self.source = connector.source
        self.destination = connector.destination

    # ------------------------------------------------ reading

    async def pages(
        self,
        since: datetime = NOON - timedelta(days=1),
        until: datetime = NOON + timedelta(days=1),
        *,
        entity: str = "orders",
        size: int = 50,
        **window: Any,
    ) -> list[list[Change]]:
        asked = Window(since=since, until=until, page_size=size, **window)
        return [list(page.changes) async for page in self.source.read(entity, asked)]

    async def all(self, *args: Any, **window: Any) -> list[Change]:
        return [change for page in await self.pages(*args, **window) for change in page]

    async def order(self, row: Mapping[str, Any]) -> Order:
        (change,) = await self.source.fetch("orders", [str(row["entity_id"])])
        record = self.source.to_record("orders", change.raw)
        assert isinstance(record, Order)
        return record

    def requests(self) -> int:
        return len(self.server.log.entries)

    # ------------------------------------------------ the shop

    def put(self, *bought: Bought, **plan: Any) -> dict[str, Any]:
        """Place an order."""
        given = {"at": NOON, "bought": bought or (KETTLE,), "address": person(0),
                 "email": "a@b.example", **plan}  # fmt: skip
        return build_order(self.books, OrderPlan(**given))

    def product(self, sku: str) -> dict[str, Any]:
        row = self.books.product(sku)
        assert row is not None
        return row

    # ------------------------------------------------ writing

    async def plan(
        self,
        entity: str,
        record: Record,
        *,
        settings: Mapping[str, Any] | None = None,
        bound: str | None = None,
        **more: Any,
    ) -> Sequence[Effect]:
        document = self.destination.to_document(entity, record, settings or {})
        document |= more.pop("set", {})
        references = self.destination.references(entity, record)
        answers = await self.destination.resolve(references)
        for answer in answers.values():
            if isinstance(answer, ConnectorError):
                raise answer
        resolved = {key: one for key, one in answers.items() if isinstance(one, str)}
        resolved |= {("orders", one.value): one.value for one in references if one.kind == "orders"}
        delivery = Delivery(
            entity=entity, external_id=f"erp:{record.source_id}", document=document,
            record=record, bound=bound, resolved=resolved, settings=settings or {}, **more
        )  # fmt: skip
        return self.destination.plan(delivery)

    async def send(self, effects: Sequence[Effect]) -> list[Outcome]:
        given: dict[str, str] = {}
        outcomes = []
        for effect in effects:
            (outcome,) = await self.destination.write([call_of(effect, given)])
            outcomes.append(outcome)
            if outcome.found is None:
                break
            given[effect.name] = outcome.found.destination_id
        return outcomes

    async def write(self, entity: str, record: Record, **more: Any) -> list[Outcome]:
        return await self.send(await self.plan(entity, record, **more))


def call_of(effect: Effect, given: Mapping[str, str] | None = None, **more: Any) -> Call:
    needed = {name: (given or {})[name] for name in effect.needs}
    return Call(effect=effect, given=needed, idempotency_key="k", **more)


@asynccontextmanager
async def open_shop(
    *,
    config: dict[str, Any] | None = None,
    secrets: dict[str, Secret] | None = None,
    faults: FaultPlan | None = None,
    limits: bool = False,
    **books: Any,
) -> AsyncIterator[AtWork]:
    clock = Hurried()
    kept = Books(clock=clock, **books)
    fill_catalog(kept, DEFAULT_SKUS, stock=10)
    simulated = MagentoSimulator(kept, clock=clock, limits=limits)
    async with running(simulated, faults=faults) as server:
        context = ConnectorContext(
            name="acme",
            config={"url": server.url, "stores": STORES, **(config or {})},
            secrets=(
                {name: Secret(text) for name, text in SECRETS.items()}
                if secrets is None
                else secrets
            ),
            http=ClientFactory(clock=clock, egress=Egress(["127.0.0.1"])),
            clock=clock,
        )
        connector = MagentoConnector(context)
        try:
            yield AtWork(simulated, server, connector)
        finally:
            await connector.close()


@pytest.fixture
async def acme() -> AsyncIterator[AtWork]:
    async with open_shop() as at_work:
        yield at_work

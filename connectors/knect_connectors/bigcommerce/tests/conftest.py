"""A simulated store and a connector that speaks to it."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from knect.model import Order
from knect.sdk.contract import Change, ConnectorContext, Window
from knect.sdk.http import ClientFactory, Egress
from knect.sdk.secret import Secret
from knect.sdk.testing import DEFAULT_SKUS, FaultPlan, RunningSimulator, SendPlan, running
from knect.seams import SystemClock
from knect_connectors.bigcommerce.connector import BigCommerceConnector
from knect_connectors.bigcommerce.simulator import (
    BigCommerceSimulator,
    Books,
    Bought,
    OrderPlan,
    build_order,
    fill_catalog,
    person,
)

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)


class Hurried(SystemClock):
    """Seconds that pass a hundred times as fast, so that trouble is over soon."""

    def monotonic(self) -> float:
        return super().monotonic() * 100

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds / 100)


class AtWork:
    """A store, its server and a connector to it."""

    def __init__(
        self,
        simulator: BigCommerceSimulator,
        server: RunningSimulator,
        connector: BigCommerceConnector,
    ) -> None:
        self.simulator = simulator
        self.books = simulator.books
        self.server = server
        self.connector = connector
        assert connector.source is not None
        assert connector.webhooks is not None
        self.source = connector.source
        self.webhooks = connector.webhooks

    def order(self, *bought: Bought, **plan: Any) -> dict[str, Any]:
        """Put an order into the books: a kettle, if nobody says of what."""
        lines = bought or (a_line(),)
        plan = {"at": NOON, "addresses": (person(0),), **plan}
        return build_order(self.books, OrderPlan(bought=lines, **plan))

    async def pages(
        self,
        since: datetime = NOON - DAY,
        until: datetime = NOON + DAY,
        *,
        entity: str = "orders",
        size: int = 50,
        **window: Any,
    ) -> list[list[Change]]:
        asked = Window(since=since, until=until, page_size=size, **window)
        return [list(page.changes) async for page in self.source.read(entity, asked)]

    async def all(self, *args: Any, **window: Any) -> list[Change]:
        return [change for page in await self.pages(*args, **window) for change in page]

    async def record(self, entity: str = "orders") -> Any:
        """Return the one record there is, as it is read."""
        (change,) = await self.all(entity=entity)
        return self.source.to_record(entity, change.raw)

    async def sold(self) -> Order:
        record = await self.record()
        assert isinstance(record, Order)
        return record

    def requests(self, key: str | None = None) -> int:
        return sum(key in (None, one["key"]) for one in self.server.log.entries)


def a_line(sku: str = "KN-100", price: str = "39.90", quantity: int = 1, **more: Any) -> Bought:
    return Bought(sku=sku, title=sku.title(), price=Decimal(price), quantity=quantity, **more)


Open = Callable[..., AbstractAsyncContextManager[AtWork]]


@asynccontextmanager
async def open_store(
    *,
    config: dict[str, Any] | None = None,
    secrets: dict[str, Secret] | None = None,
    faults: FaultPlan | None = None,
    share: int = 100,
    send: SendPlan | None = None,
    **simulator: Any,
) -> AsyncIterator[AtWork]:
    clock = Hurried()
    books = Books(clock=clock)
    fill_catalog(books, DEFAULT_SKUS, place="Hamburg", stock=10)
    simulated = BigCommerceSimulator(books, clock=clock, send=send, **simulator)
    async with running(simulated, faults=faults) as server:
        context = ConnectorContext(
            name="acme",
            config={"storeHash": "acme1", "url": server.url, **(config or {})},
            secrets=(
                {
                    "accessToken": Secret("simulated-token"),
                    "clientSecret": Secret("simulated-secret"),
                }
                if secrets is None
                else secrets
            ),
            http=ClientFactory(clock=clock, egress=Egress(["127.0.0.1"])),
            clock=clock,
            share_percent=share,
        )
        connector = BigCommerceConnector(context)
        try:
            yield AtWork(simulated, server, connector)
        finally:
            await connector.close()
            await simulated.webhooks.close()


@pytest.fixture
async def acme() -> AsyncIterator[AtWork]:
    async with open_store() as at_work:
        yield at_work

"""A simulated shop and a connector that speaks to it."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from knect.sdk.contract import Change, ConnectorContext, Window
from knect.sdk.http import ClientFactory, Egress
from knect.sdk.secret import Secret
from knect.sdk.testing import DEFAULT_SKUS, FaultPlan, RunningSimulator, running
from knect.seams import SystemClock
from knect_connectors.magento1.connector import MagentoConnector
from knect_connectors.magento1.simulator import Books, MagentoSimulator, fill_catalog

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
STORES = [
    {"code": "default", "currency": "EUR"},
    {"code": "uk", "currency": "GBP"},
    {"code": "us", "currency": "USD"},
]


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
        self.source = connector.source

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

    def requests(self) -> int:
        return len(self.server.log.entries)


Open = Callable[..., AbstractAsyncContextManager[AtWork]]


@asynccontextmanager
async def open_shop(
    *,
    config: dict[str, Any] | None = None,
    secrets: dict[str, Secret] | None = None,
    faults: FaultPlan | None = None,
    **simulator: Any,
) -> AsyncIterator[AtWork]:
    clock = Hurried()
    books = Books(clock=clock)
    fill_catalog(books, DEFAULT_SKUS, stock=10)
    simulated = MagentoSimulator(books, clock=clock, **simulator)
    async with running(simulated, faults=faults) as server:
        context = ConnectorContext(
            name="acme",
            config={"url": server.url, "stores": STORES, **(config or {})},
            secrets=(
                {"apiUser": Secret("knect"), "apiKey": Secret("simulated-api-key")}
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

"""A simulated shop and a connector that speaks to it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from knect.sdk.contract import Change, ConnectorContext, Window
from knect.sdk.http import ClientFactory, Egress
from knect.sdk.secret import Secret
from knect.sdk.testing import Answer, FaultPlan, Request, RunningSimulator, SendPlan, running
from knect.seams import SystemClock
from knect_connectors.shopify.connector import ShopifyConnector
from knect_connectors.shopify.simulator import Shop, ShopifySimulator

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


class AtWork:
    """A shop, its server and a connector to it."""

    def __init__(
        self, simulator: ShopifySimulator, server: RunningSimulator, connector: ShopifyConnector
    ) -> None:
        self.simulator = simulator
        self.shop = simulator.shop
        self.server = server
        self.connector = connector
        self.source = connector._source
        assert connector.webhooks is not None
        self.webhooks = connector.webhooks

    def put(self, *orders: dict[str, Any]) -> None:
        for order in orders:
            kind = "customers" if order["__typename"] == "Customer" else "orders"
            self.shop.put(kind, order)

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

    def before(self, operation: str, act: Callable[[], Awaitable[Any]]) -> None:
        """Let somebody act right before the next request of this name arrives."""
        handle = self.simulator.handle

        async def handled(request: Request) -> Answer:
            if operation.encode() in request.body:
                self.simulator.handle = handle  # type: ignore[method-assign]
                await act()
            return await handle(request)

        self.simulator.handle = handled  # type: ignore[method-assign]

    def asked(self, operation: str) -> int:
        return sum(entry["key"] == operation for entry in self.server.log.entries)


Open = Callable[..., AbstractAsyncContextManager[AtWork]]


@asynccontextmanager
async def open_shop(
    *,
    config: dict[str, Any] | None = None,
    secrets: dict[str, Secret] | None = None,
    faults: FaultPlan | None = None,
    send: SendPlan | None = None,
    **simulator: Any,
) -> AsyncIterator[AtWork]:
    clock = SystemClock()
    simulated = ShopifySimulator(Shop(clock=clock), clock=clock, send=send, **simulator)
    async with running(simulated, faults=faults) as server:
        context = ConnectorContext(
            name="acme",
            config={
                "shop": "acme.myshopify.com",
                "apiVersion": "2026-04",
                "baseUrl": server.url,
                **(config or {}),
            },
            secrets=(
                {
                    "accessToken": Secret("shpat_simulated"),
                    "clientSecret": Secret("simulated-secret"),
                }
                if secrets is None
                else secrets
            ),
            http=ClientFactory(clock=clock, egress=Egress(["127.0.0.1"])),
            clock=clock,
        )
        connector = ShopifyConnector(context)
        try:
            yield AtWork(simulated, server, connector)
        finally:
            await connector.close()
            await simulated.webhooks.close()


@pytest.fixture
async def acme() -> AsyncIterator[AtWork]:
    async with open_shop() as at_work:
        yield at_work

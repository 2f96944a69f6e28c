"""A simulated shop and a connector that speaks to it."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from knect.model import Record
from knect.sdk.contract import Call, Change, ConnectorContext, Delivery, Effect, Outcome, Window
from knect.sdk.http import ClientFactory, Egress
from knect.sdk.secret import Secret
from knect.sdk.testing import DEFAULT_SKUS, FaultPlan, RunningSimulator, running
from knect.seams import SystemClock
from knect_connectors.woocommerce.connector import WooConnector
from knect_connectors.woocommerce.simulator import (
    Books,
    Bought,
    OrderPlan,
    WooSimulator,
    build_order,
    fill_catalog,
)
from knect_connectors.woocommerce.simulator.generator import person

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
KEY, SECRET = "ck_simulated", "cs_simulated"


class Hurried(SystemClock):
    """Seconds that pass a hundred times as fast, so that trouble is over soon."""

    def monotonic(self) -> float:
        return super().monotonic() * 100

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds / 100)


class AtWork:
    """A shop, its server and a connector to it."""

    def __init__(
        self, simulator: WooSimulator, server: RunningSimulator, connector: WooConnector
    ) -> None:
        self.simulator = simulator
        self.books = simulator.books
        self.server = server
        self.connector = connector
        assert connector.source is not None
        assert connector.destination is not None
        self.source = connector.source
        self.destination = connector.destination

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

    def order(self, *bought: Bought, at: datetime = NOON, **plan: Any) -> dict[str, Any]:
        """Place an order, of a kettle unless told otherwise."""
        wanted = bought or (Bought(sku="KN-100", title="Kettle", price=Decimal("39.90")),)
        given = {"address": person(0), **plan}
        return build_order(self.books, OrderPlan(at=at, bought=wanted, **given))

    async def planned(
        self, entity: str, record: Record, *, settings: Any = None, **delivery: Any
    ) -> list[Effect]:
        """Return the effects of a record, as the engine would plan them."""
        settings = settings or {}
        references = self.destination.references(entity, record)
        answers = await self.destination.resolve(references)
        for answer in answers.values():
            if not isinstance(answer, str):
                raise answer
        resolved = {key: one for key, one in answers.items() if isinstance(one, str)}
        resolved |= {("orders", one.value): one.value for one in references if one.kind == "orders"}
        more = delivery.pop("document", {})
        return list(
            self.destination.plan(
                Delivery(
                    entity=entity,
                    external_id=delivery.pop("external_id", f"acme:{record.source_id}"),
                    document={**self.destination.to_document(entity, record, settings), **more},
                    record=record,
                    bound=delivery.pop("bound", None),
                    resolved=resolved,
                    settings=settings,
                    **delivery,
                )
            )
        )

    async def sent(self, effects: list[Effect], *, again: bool = False) -> list[Outcome]:
        """Send effects one after the other, as the engine does; stop at the first error."""
        given: dict[str, str] = {}
        outcomes = []
        for effect in effects:
            call = Call(effect=effect, given=given, idempotency_key="k", again=again)
            (outcome,) = await self.destination.write([call])
            outcomes.append(outcome)
            if outcome.found is None:
                break
            given[effect.name] = outcome.found.destination_id
        return outcomes

    async def written(self, entity: str, record: Record, **plan: Any) -> list[Outcome]:
        return await self.sent(await self.planned(entity, record, **plan))

    def requests(self, method: str = "") -> int:
        return len([one for one in self.server.log.entries if method in ("", one["method"])])


Open = Callable[..., AbstractAsyncContextManager[AtWork]]


@asynccontextmanager
async def open_shop(
    *,
    config: dict[str, Any] | None = None,
    secrets: dict[str, Secret] | None = None,
    faults: FaultPlan | None = None,
    books: dict[str, Any] | None = None,
    **simulator: Any,
) -> AsyncIterator[AtWork]:
    clock = Hurried()
    kept = Books(clock=clock, **(books or {}))
    fill_catalog(kept, DEFAULT_SKUS, stock=10)
    simulated = WooSimulator(kept, clock=clock, **simulator)
    async with running(simulated, faults=faults) as server:
        context = ConnectorContext(
            name="acme",
            config={"url": server.url, **(config or {})},
            secrets=(
                {"consumerKey": Secret(KEY), "consumerSecret": Secret(SECRET)}
                if secrets is None
                else secrets
            ),
            http=ClientFactory(clock=clock, egress=Egress(["127.0.0.1"])),
            clock=clock,
        )
        connector = WooConnector(context)
        try:
            yield AtWork(simulated, server, connector)
        finally:
            await connector.close()
            await simulated.sender.close()


@pytest.fixture
async def acme() -> AsyncIterator[AtWork]:
    async with open_shop() as at_work:
        yield at_work

"""A simulated shop, the real engine and the real Tryton: one pipeline, run as often as told."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import select
from tests.integration.tryton.conftest import a_context

from knect.api.catalog import Catalog
from knect.api.worker import WorkerDocument
from knect.engine.telling.audit import audit_both_ends
from knect.engine.working.options import WorkerOptions
from knect.engine.working.worker import Worker
from knect.ledger import Ledger, open_ledger
from knect.ledger import schema as s
from knect.ledger.inbox import store_hints
from knect.ledger.instants import to_us
from knect.ledger.questions.queries import equations
from knect.sdk.http import ClientFactory, Egress
from knect.sdk.secret import Secret
from knect.sdk.testing import running
from knect.seams import SystemClock
from knect_connectors.shopify.simulator import (
    Line,
    OrderPlan,
    Shop,
    ShopifySimulator,
    build_customer,
    build_order,
)
from knect_connectors.tryton.demo import PASSWORD, USER

CUSTOMERS = "gid://shopify/Customer/"
ORDERS = "gid://shopify/Order/"


def a_pipeline(entity: str, *, back: bool = False, **spec: Any) -> dict[str, Any]:
    """A pipeline from the shop to the ERP, or (`back`) from the ERP to the shop."""
    here, there = ("erp", "shop") if back else ("shop", "erp")
    # One ERP serves all tests: what the others did before is not this one's.
    start = datetime.now(UTC).replace(microsecond=0).isoformat() if back else "Beginning"
    destination = {"connectionRef": {"name": there}, **spec.pop("destination", {})}
    return {
        "name": f"{entity}-back" if back else entity,
        "spec": {
            "entity": entity,
            "source": {"connectionRef": {"name": here}, "start": start},
            "destination": destination,
            "trigger": {"poll": {"every": "1m"}},
            "delivery": {
                "batchSize": 25,
                "maxInFlight": 2,
                "retry": {"attempts": 3, "initial": "1s", "max": "5s"},
            },
            **spec,
        },
    }


class Journey:
    ledger: Ledger

    def __init__(
        self, server: Any, url: str, simulator: ShopifySimulator, ledger_path: Path
    ) -> None:
        self.simulator = simulator
        self.shop = simulator.shop
        self._ledger_path = ledger_path
        self.pipelines: list[dict[str, Any]] = []
        self.log: Sequence[Any] = ()
        self._context = a_context(server)
        self._url = url

    # ------------------------------------------------ the shop

    def order(self, number: int, *prices: str, customer: dict[str, Any] | None = None, **more: Any):
        sku = more.pop("sku", "SKU-{:03}")
        lines = more.pop("plan_lines", None) or [
            Line(sku=sku.format(i), title=f"Thing {i}", quantity=2, price=Decimal(price))
            for i, price in enumerate(prices or ("10.00",), start=1)
        ]
        email = more.pop("email", None if customer else f"buyer{number}@example.com")
        plan = OrderPlan(
            number=number, at=self.shop.now(), lines=lines, customer=customer, email=email, **more
        )
        self.shop.put("orders", build_order(plan))
        return f"{ORDERS}{number}"

    def customer(self, number: int, email: str | None, first: str = "Ann", **more: Any):
        made = build_customer(
            number, at=self.shop.now(), first=first, last="Example", email=email, **more
        )
        self.shop.put("customers", made)
        return made

    async def does(self, act: str, **arguments: Any) -> None:
        self.shop.time_offset += timedelta(seconds=2)
        await self.simulator.do(act, arguments)

    async def is_told(self, entity: str, identifier: str) -> None:
        """A webhook says: look at this id."""
        now = to_us(datetime.now(UTC))
        hint = {
            "entity": entity, "source_id": identifier, "event_id": f"about {identifier} {now}",
            "triggered_us": now, "received_us": now,
        }  # fmt: skip
        await self.ledger.write(lambda c: store_hints(c, "shop", [hint]))

    # ------------------------------------------------ the engine

    def _document(self) -> WorkerDocument:
        shop = {"shop": "acme.myshopify.com", "apiVersion": "2026-04", "baseUrl": self._url}
        return WorkerDocument.model_validate(
            {
                "pipelines": self.pipelines,
                "connections": [
                    {"name": "shop", "spec": {"connector": "shopify", "config": shop}},
                    {
                        "name": "erp",
                        "spec": {"connector": "tryton", "config": dict(self._context.config)},
                    },
                ],
            }
        )

    @asynccontextmanager
    async def a_worker(self) -> AsyncIterator[Worker]:
        """A worker that was started, to be told what to do."""
        self.shop.time_offset += timedelta(seconds=2)
        worker = self._worker()
        await worker.start()
        try:
            yield worker
        finally:
            await worker.close()

    async def run(self) -> None:
        """One whole life of a worker; nothing may go wrong with reading."""
        async with self.a_worker() as worker:
            assert await worker.run_once() == []
        for one in await self.ledger.read(equations):
            assert one.seen == sum(one.fates.values()), one

    async def until(self, holds: Callable[[], Awaitable[bool]], seconds: float = 30) -> None:
        """Run again and again until something holds: an ERP tells of a second when it is over."""
        deadline = time.monotonic() + seconds
        while not await holds() and time.monotonic() < deadline:
            await self.run()
        assert await holds()

    async def audit(self) -> list[str]:
        """Ask both ends; return kind and key of each finding."""
        worker = self._worker()
        await worker.start()
        try:
            told = await audit_both_ends(
                self.ledger, worker.document, worker.connectors, Catalog.installed()
            )
        finally:
            await worker.close()
        assert (told.failed, told.beyond) == ([], [])
        return [f"{one.kind} {one.key}" for one in told.findings]

    def _worker(self) -> Worker:
        return Worker(
            self._document(),
            ledger=self.ledger,
            catalog=Catalog.installed(),
            http=ClientFactory(clock=SystemClock(), egress=Egress(["127.0.0.1"])),
            secrets={
                "shop": {
                    "accessToken": Secret("shpat_simulated"),
                    "clientSecret": Secret("simulated-secret"),
                },
                "erp": {"username": Secret(USER), "password": Secret(PASSWORD)},
            },
            options=WorkerOptions(name="journey"),
        )

    async def loses_its_ledger(self) -> None:
        """Begin anew with an empty one."""
        await self.ledger.close()
        for path in self._ledger_path.parent.glob(f"{self._ledger_path.name}*"):
            path.unlink()
        self.ledger = await open_ledger(str(self._ledger_path))

    async def bound_to(self, entity: str) -> dict[str, str]:
        """Return external id -> destination id."""
        b = s.bindings.c
        query = select(b.external_id, b.destination_id).where(b.entity == entity)
        return {row[0]: row[1] for row in await self.ledger.read(lambda c: list(c.execute(query)))}

    async def transactions(self, pipeline: str | None = None) -> Sequence[Any]:
        t = s.transactions
        query = select(t).order_by(t.c.seq)
        query = query.where(t.c.pipeline == pipeline) if pipeline else query
        return await self.ledger.read(lambda c: list(c.execute(query)))

    async def fates(self, pipeline: str | None = None) -> list[str]:
        rows = await self.transactions(pipeline)
        for row in rows:  # shown when a test fails
            print(row.key, row.fate, row.reason or "", row.message or "")
        return [row.fate for row in rows]


@asynccontextmanager
async def a_journey(
    server: Any, folder: Path, *pipelines: dict[str, Any]
) -> AsyncIterator[Journey]:
    simulator = ShopifySimulator(Shop(clock=SystemClock()))
    async with running(simulator) as there:
        journey = Journey(server, there.url, simulator, folder / "ledger.db")
        journey.ledger = await open_ledger(str(folder / "ledger.db"))
        journey.log = there.log.entries
        journey.pipelines = list(pipelines)
        try:
            yield journey
        finally:
            await journey.ledger.close()
            await simulator.webhooks.close()

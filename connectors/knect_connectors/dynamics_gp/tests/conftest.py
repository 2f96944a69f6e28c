"""A simulated GP company, and connectors to it with whatever config a test declares."""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

import pytest

from knect.model import Record
from knect.sdk.contract import Call, ConnectorContext, Delivery, Effect, Outcome, Window
from knect.sdk.errors import ConnectorError
from knect.sdk.http import ClientFactory, Egress
from knect.sdk.secret import Secret
from knect.sdk.testing import FaultPlan
from knect.seams import SystemClock
from knect_connectors.dynamics_gp import GpConnector, open_connector
from knect_connectors.dynamics_gp.simulator import (
    Company,
    GpControl,
    People,
    Server,
    open_simulator,
    running,
)


class Gp:
    """One company at work. `connect` opens a connector; all of them are closed at the end."""

    def __init__(self, server: Server, port: int, stack: AsyncExitStack) -> None:
        self.server = server
        self.port = port
        self.company: Company = server.company
        self.people = People(server.company)
        self.control = GpControl(server.company, server)
        self._stack = stack

    def connect(self, *, password: str = "simulated", **config: Any) -> GpConnector:
        clock = SystemClock()
        connector = open_connector(
            ConnectorContext(
                name="gp",
                config={
                    "host": "127.0.0.1",
                    "port": self.port,
                    "database": "TWO",
                    "site": "WAREHOUSE",
                    "encryption": "Plain",
                    **config,
                },
                secrets={"username": Secret("knect"), "password": Secret(password)},
                http=ClientFactory(clock=clock, egress=Egress(["127.0.0.1", "localhost"])),
                clock=clock,
            )
        )
        self._stack.push_async_callback(connector.close)
        return connector

    def documents(self, **wanted: Any) -> list[dict[str, Any]]:
        return [
            one
            for one in self.control.snapshot()["documents"]
            if all(one[name] == value for name, value in wanted.items())
        ]

    def plan(self, statement: str, *kinds: str) -> None:
        self.server.planned[statement] = deque(kinds)

    async def give_up(self, statement: str, work: Coroutine[Any, Any, Any]) -> None:
        """Start work, and cancel it once what is planned for a statement was met."""
        task = asyncio.create_task(work)
        async with asyncio.timeout(30):
            while self.server.planned[statement] and not task.done():  # noqa: ASYNC110 - not ours
                await asyncio.sleep(0.005)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@pytest.fixture
async def gp() -> AsyncIterator[Gp]:
    async with AsyncExitStack() as stack:
        company = open_simulator({}).company
        server = Server(company, faults=FaultPlan(hang_seconds=30), lock_seconds=1.0)
        port = await stack.enter_async_context(running(server))
        yield Gp(server, port, stack)


async def effects_of(
    connector: GpConnector,
    record: Record,
    *,
    entity: str = "orders",
    external_id: str = "shop:1001",
    bound: str | None = None,
    match: Mapping[str, Any] | None = None,
    before: Record | None = None,
) -> list[Effect]:
    """Resolve and plan a record as the engine does; `before` was delivered last. Raises what stops
    it.
    """
    destination = connector.destination
    assert destination is not None
    answers = await destination.resolve(destination.references(entity, record))
    for answer in answers.values():
        if isinstance(answer, ConnectorError):
            raise answer
    return list(
        destination.plan(
            Delivery(
                entity=entity,
                external_id=external_id,
                document=destination.to_document(entity, record, {}),
                record=record,
                bound=bound,
                resolved={k: v for k, v in answers.items() if isinstance(v, str)},
                settings={},
                match=match or {},
                previous=destination.to_document(entity, before, {}) if before else None,
            )
        )
    )


async def deliver(connector: GpConnector, record: Record, **more: Any) -> Outcome:
    """Write a record's effects one after the other; return the last outcome, or the first error."""
    destination = connector.destination
    assert destination is not None
    given: dict[str, str] = {}
    outcome = Outcome()
    for effect in await effects_of(connector, record, **more):
        call = Call(effect=effect, given=given, idempotency_key=effect.external_id)
        found = None
        if effect.operation in ("Ensure", "Create"):
            (found,) = await destination.lookup([call])
        if found is not None:
            outcome = Outcome(found=found)
        else:
            (outcome,) = await destination.write([call])
        if outcome.error is not None:
            return outcome
        assert outcome.found is not None
        given[effect.name] = outcome.found.destination_id
    return outcome


async def listed(connector: GpConnector, entity: str, hours: int = 3) -> dict[str, Record]:
    """Read everything of the last hours as records, by id."""
    source = connector.source
    assert source is not None
    now = await source.server_time()
    window = Window(since=now - timedelta(hours=hours), until=now + timedelta(seconds=1))
    return {
        change.id: source.to_record(entity, change.raw)
        async for page in source.read(entity, window)
        for change in page.changes
    }

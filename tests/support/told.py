"""Records that are told, through the engine, into the simulator of a real connector.

Why: what a lost answer, a kill between two steps or a newer version makes of a write of several
steps shows in what stands there in the end, and the engine decides what is looked up and sent.
Must not: know a platform; a test says what is told, what goes wrong, and looks at what came of it.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import Connection
from tests.support.lifetimes import works_until
from tests.support.toy import World, a_pipeline
from tests.support.toy.connector import PLATFORMS

from knect.api.catalog import Catalog, InstalledConnector, read_manifest
from knect.api.manifest import Manifest
from knect.ledger.bindings import BindingWrite, write_bindings
from knect.ledger.questions.queries import equations
from knect.ledger.schema import metadata
from knect.model import Customer, Order, Payment, Product, Record, Refund, Shipment
from knect.sdk.contract import Change, Connector, ConnectorContext, Outcome, Page, Window
from knect.sdk.errors import ConnectorError
from knect.sdk.http import ClientFactory, Egress
from knect.sdk.testing import Fault, FaultPlan, RunningSimulator, Simulator, running
from knect.seams import Clock, SystemClock

__all__ = ["Rows", "Served", "Told", "opened", "serving", "speaks", "told"]

#: A ledger's rows by table.
Rows = Mapping[str, Sequence[Mapping[str, Any]]]
#: How long, in the world's seconds, a request is at work after its connection broke.
LATE = 8.0
_OPEN = {"in_flight", "waiting", "unknown"}
_ENTITIES: Mapping[type, str] = {
    Customer: "customers", Order: "orders", Payment: "payments", Product: "products",
    Refund: "refunds", Shipment: "shipments",
}  # fmt: skip


class Served(Protocol):
    """A simulator that is listening."""

    @property
    def faults(self) -> FaultPlan:
        """What its requests meet."""
        ...


class _Hurried(SystemClock):
    """The connector's own pauses pass a hundred times as fast."""

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds / 100)


class _Teller:
    """The source: it has the records it was told."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.records: list[Record] = []
        self.changes: dict[str, dict[str, Change]] = {}

    def tell(self, record: Record, *, deleted: bool = False) -> None:
        self._world.clock.advance(1)
        at = self._world.clock.now()
        token = at.astimezone(UTC).isoformat(timespec="microseconds")
        raw = None if deleted else {"id": record.source_id, "number": len(self.records)}
        self.records.append(record)
        of_its_kind = self.changes.setdefault(_ENTITIES[type(record)], {})
        of_its_kind[record.source_id] = Change(
            id=record.source_id, token=token, at=at, raw=raw, deleted=deleted
        )
        self._world.clock.advance(1)

    async def server_time(self) -> datetime:
        return self._world.clock.now()

    async def read(self, entity: str, window: Window) -> AsyncIterator[Page]:
        there = self.changes.get(entity, {}).values()
        found = [one for one in there if window.since <= one.at < window.until]
        if found:
            yield Page(changes=sorted(found, key=lambda one: (one.at, one.id)))

    def backfill(self, entity: str, window: Window) -> AsyncIterator[Page]:
        return self.read(entity, window)

    async def fetch(self, entity: str, ids: Sequence[str]) -> Sequence[Change]:
        return [self.changes[entity][one] for one in ids]

    def to_record(self, entity: str, raw: Any) -> Record:
        del entity
        return self.records[raw["number"]]


class _Watched:
    """The connector's destination: time stands still while it is asked, and it can be killed."""

    def __init__(self, destination: Any) -> None:
        self._destination = destination
        self.under_way = 0
        self.kills = 0
        self.killed = asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._destination, name)
        if name not in ("resolve", "candidates", "lookup", "present", "write"):
            return found

        async def asked(*args: Any) -> Any:
            self.under_way += 1
            try:
                answers = await found(*args)
            except ConnectorError:
                await self._may_die()
                raise
            else:
                if any(isinstance(one, Outcome) and one.error for one in answers):
                    await self._may_die()
                return answers
            finally:
                self.under_way -= 1

        return asked

    async def _may_die(self) -> None:
        if self.kills:
            self.kills -= 1
            self.killed.set()
            await asyncio.Event().wait()


class Told:
    """A world at work."""

    def __init__(self, world: World, server: Served, to: _Watched) -> None:
        self.world = world
        self.server = server
        self._teller = _Teller(world)
        self._to = to
        PLATFORMS[world.platform("shop")] = self._teller
        PLATFORMS[world.platform("erp")] = to
        busy = world.clock.busy
        world.clock.busy = lambda: busy() or to.under_way > 0

    def tell(self, *records: Record) -> None:
        """Let records be there, or be others now."""
        for one in records:
            self._teller.tell(one)

    def deleted(self, record: Record) -> None:
        """Let a record be there no more; the source says so."""
        self._teller.tell(record, deleted=True)

    def goes_wrong(self, at: int, fault: Fault) -> None:
        """Let the request after the next `at` meet a fault."""
        self.server.faults.force(*[None] * at, fault)

    def dies(self) -> None:
        """Let the worker be killed by the next thing that goes wrong."""
        self._to.kills = 1

    async def lives(self) -> None:
        """Let a worker read and work until nothing moves by itself, or until it is killed."""
        self._to.killed.clear()
        worker = self.world.worker()
        await worker.start()
        try:
            await works_until(worker, self._to.killed)
        finally:
            await worker.close(drain_seconds=0 if self._to.killed.is_set() else 45)

    async def passes(self, seconds: float) -> None:
        """Let time pass, in which what is still at work at the simulator comes to its end."""
        await self.world.clock.sleep(seconds)

    async def settles(self) -> list[str]:
        """Let workers come and go until nothing moves; return what became of the versions.

        The next one after a kill comes at once.
        """
        for life in range(4):
            await self.lives()
            self.server.faults.clear()
            await self.passes(1 if self._to.killed.is_set() else 120)
            fates = await self.fates()
            if life and _OPEN.isdisjoint(fates):
                break
        return fates

    async def fates(self) -> list[str]:
        assert all(sums.balanced for sums in await self.world.ledger.read(equations))
        return await self.world.fates()

    async def copied(self) -> Rows:
        """Return all rows of the ledger, to put back."""
        return await self.world.ledger.read(
            lambda c: {
                table.name: [row._asdict() for row in c.execute(table.select())]
                for table in metadata.sorted_tables
            }
        )

    async def put_back(self, rows: Rows) -> None:
        """Lose the ledger: it is what it was when it was copied. No worker may live."""

        def replaced(connection: Connection) -> None:
            for table in reversed(metadata.sorted_tables):
                connection.execute(table.delete())
            for table in metadata.sorted_tables:
                if there := rows[table.name]:
                    connection.execute(table.insert(), there)

        await self.world.ledger.write(replaced)

    async def reasons(self) -> list[tuple[str, str | None]]:
        return [(row.fate, row.message) for row in await self.world.transactions()]

    async def sold(self, number: str) -> None:
        """Let an order of the simulator be known to the source."""
        now = int(self.world.clock.now().timestamp() * 1e6)
        row = BindingWrite(
            destination="shop", entity="orders", external_id=f"there:{number}",
            destination_id=f"SO-{number}", number=None, source="erp", source_id=number, token="1",
            hash="x", applied="1", transaction=0, updated_us=now,
        )  # fmt: skip
        await self.world.ledger.write(lambda c: write_bindings(c, [row]))


@cache
def _read(folder: Path) -> Manifest:
    return read_manifest(folder / "manifest.yaml")


def _manifest(folder: Path) -> dict[str, Any]:
    return _read(folder).model_dump(mode="json", by_alias=True)


def serving(simulator: Simulator, clock: Clock) -> AbstractAsyncContextManager[RunningSimulator]:
    """Start a simulator of an HTTP API in a world's time."""
    return running(simulator, clock=clock)


@asynccontextmanager
async def told(
    folder: Path,
    entities: Sequence[str],
    serve: Callable[[Clock], AbstractAsyncContextManager[Served]],
    package: Any,
    *,
    config: Callable[[Any], Mapping[str, Any]],
    secrets: Mapping[str, Any],
    retry: Mapping[str, Any] | None = None,
    **destination: Any,
) -> AsyncIterator[Told]:
    """Open a world whose destination is a connector's package at a simulator.

    `serve` starts that in the world's time, `config` says where it is.
    """
    more: dict[str, Any] = {"delivery": {"retry": retry}} if retry else {}
    pipelines = [a_pipeline(one, entity=one, destination=destination, **more) for one in entities]
    world = World(folder, *pipelines, lease=1e6)
    speaks(world, package, there="toyerp", here="toyshop")
    async with serve(world.clock) as server, world:
        server.faults.late_commit_seconds = LATE
        async with opened(package, config=config(server), secrets=secrets) as connector:
            yield Told(world, server, _Watched(connector.destination))


def speaks(world: World, package: Any, *, there: str, here: str) -> None:
    """Let the end `there` be as the connector's manifest says, and the other one speak of as much."""
    real = _manifest(Path(package.__file__).parent)
    real |= {"id": there, "credentials": [], "config": {}, "roles": ["Hub", "Spoke"]}
    toy = world.catalog[here].model_dump(mode="json", by_alias=True)
    toy["entities"] |= dict.fromkeys(real["entities"], toy["entities"]["orders"])
    world.catalog = Catalog(
        InstalledConnector("tests.support.toy", Path(), Manifest.model_validate(one))
        for one in (toy, real)
    )


@asynccontextmanager
async def opened(
    package: Any, *, config: Mapping[str, Any], secrets: Mapping[str, Any]
) -> AsyncIterator[Connector]:
    """Open a connector to a simulator."""
    connector: Connector = package.open_connector(
        ConnectorContext(
            name="it",
            config=config,
            secrets=secrets,
            http=ClientFactory(clock=SystemClock(), egress=Egress(["127.0.0.1"])),
            clock=_Hurried(),
        )
    )
    try:
        yield connector
    finally:
        await connector.close()

"""A declared API as the source, through the engine: older states, and deletions in odd moments."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.support.heard import watched
from tests.support.toy import World, a_pipeline
from tests.support.toy.connector import PLATFORMS
from tests.unit.engine.test_source_gone import is_told

from knect.ledger.questions.queries import equations
from knect.sdk.contract import ConnectorContext
from knect.sdk.http import ClientFactory, Egress
from knect.sdk.secret import Secret
from knect.sdk.testing import running
from knect.seams import SystemClock
from knect_connectors.rest import open_connector
from knect_connectors.rest.simulator import InHouse

TODAY = datetime(2026, 11, 1, 12, tzinfo=UTC)
STOCK = a_pipeline("stock", entity="inventory")


class _ServersClock(SystemClock):
    """Stands still until it is put on."""

    def __init__(self) -> None:
        self.at = TODAY

    def now(self) -> datetime:
        return self.at


class Scene:
    """An in-house ERP that is read through `rest`, and a shop that takes what comes."""

    def __init__(self, world: World, system: InHouse, clock: _ServersClock) -> None:
        self.world = world
        self.system = system
        self._clock = clock

    def stock(self, pieces: int, at: datetime) -> None:
        level = {"sku": "KN-1", "place": "main", "pieces": pieces}
        self.system.shelf.put("levels", level, identifier="L1", at=at)

    async def reads(self, at: datetime, *, told: str = "") -> None:
        """Let the server's clock be at an instant, and read: all, or what a webhook tells of."""
        self._clock.at = at
        self.world.clock.advance(60)
        worker = self.world.worker()
        await worker.start()
        try:
            if told:
                await is_told(self.world, "L1", event=told, entity=STOCK["spec"]["entity"])
                await worker.feeds[0].look_at_hints()
            else:
                await worker.feeds[0].poll()
            await worker.pipelines[0].work()
        finally:
            await worker.close()

    async def fates(self) -> list[tuple[str, str | None]]:
        (sums,) = await self.world.ledger.read(equations)
        assert sums.balanced
        return [(row.fate, row.reason) for row in await self.world.transactions()]

    @property
    def sent(self) -> Any:
        (document,) = self.world.erp.documents.values()
        return document.get("stock")


@asynccontextmanager
async def a_scene(folder: Path, **spec: Any) -> AsyncIterator[Scene]:
    clock = _ServersClock()
    read = {
        "path": "/api/levels",
        "query": {"changed_from": "{since}", "changed_to": "{until}"},
        "records": "data",
        "id": "id",
        "cursor": "changed",
        "fetch": {"path": "/api/levels/{id}", "record": "data"},
        "record": {"sku": "sku", "location": "place", "on_hand": "pieces"},
    }
    system = InHouse(clock)
    stock = {**STOCK, "spec": {**STOCK["spec"], **spec}}
    async with running(system) as server, World(folder, stock) as world:
        connector = open_connector(
            ConnectorContext(
                name="shop",
                config={
                    "baseUrl": server.url,
                    "check": {"path": "/api/ping"},
                    "auth": {"kind": "Bearer"},
                    "entities": {"inventory": {"read": read}},
                },
                secrets={"token": Secret("in-house-token")},
                http=ClientFactory(clock=SystemClock(), egress=Egress(["127.0.0.1"])),
                clock=SystemClock(),
            )
        )
        PLATFORMS[world.platform("shop")] = watched(world, connector.source)
        yield Scene(world, system, clock)
        await connector.close()


async def test_yesterdays_stock_is_not_sent_over_todays(tmp_path: Path) -> None:
    """A list answered from an old copy, and a record fetched from one."""
    async with a_scene(tmp_path) as scene:
        scene.stock(5, TODAY - timedelta(seconds=30))
        await scene.reads(TODAY)
        assert scene.sent == 5
        scene.stock(12, TODAY - timedelta(seconds=50))  # within the overlap of the next window
        await scene.reads(TODAY + timedelta(seconds=60))
        scene.stock(40, TODAY - timedelta(days=1))
        await scene.reads(TODAY + timedelta(seconds=90), told="w1")
        older = ("superseded", "OlderVersion")
        assert await scene.fates() == [("delivered", None), older, older]
        assert scene.sent == 5
        scene.stock(3, TODAY + timedelta(seconds=95))
        await scene.reads(TODAY + timedelta(seconds=120))
        assert scene.sent == 3


async def test_a_deletion_in_the_second_of_the_last_change_is_the_newer_one(tmp_path: Path) -> None:
    """The record has parts of a second, and the Date of the answer that it is gone has none."""
    async with a_scene(tmp_path, destination=_CANCELS) as scene:
        changed = TODAY + timedelta(milliseconds=400)
        scene.stock(5, changed)
        await scene.reads(TODAY + timedelta(milliseconds=600), told="w1")
        assert await scene.fates() == [("delivered", None)]
        scene.system.shelf.of("levels").clear()
        await scene.reads(TODAY + timedelta(milliseconds=800), told="w2")
        assert await scene.fates() == [("delivered", None), ("delivered", None)]
        (document,) = scene.world.erp.documents.values()
        assert document["state"] == "cancelled"
        scene.stock(7, TODAY + timedelta(milliseconds=900))  # there again, in the same second
        await scene.reads(TODAY + timedelta(seconds=1), told="w3")
        assert scene.sent == 7


async def test_an_older_deletion_stays_older(tmp_path: Path) -> None:
    async with a_scene(tmp_path, destination=_CANCELS) as scene:
        scene.stock(5, TODAY + timedelta(seconds=1, milliseconds=100))
        await scene.reads(TODAY + timedelta(seconds=2), told="w1")
        scene.system.shelf.of("levels").clear()
        await scene.reads(TODAY, told="w2")  # answered by a copy that is a second behind
        assert (await scene.fates())[-1] == ("superseded", "OlderVersion")


_CANCELS = {"connectionRef": {"name": "erp"}, "onSourceDelete": "Cancel"}

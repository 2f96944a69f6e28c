"""Records that are read, through the engine, from the simulator of a real connector.

Why: a question whose answer is lost is asked again, and what must not come of that (a change passed
over, or told twice) shows in what the other end has in the end.
Must not: know a platform; a test says what is changed, what goes wrong, and looks at what came.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

from tests.support.lifetimes import works_until
from tests.support.told import Served, opened, speaks
from tests.support.toy import ToyErp, World, a_pipeline
from tests.support.toy.connector import PLATFORMS

from knect.ledger.questions.queries import equations
from knect.model import Record, encode_json, to_scope
from knect.sdk.contract import Page, Reference, Window
from knect.sdk.errors import ConnectorError
from knect.sdk.testing import Fault
from knect.seams import Clock

__all__ = ["Heard", "heard", "watched"]


class _Taker(ToyErp):
    """Takes any record as it is; of when a figure is, is no part of it."""

    def to_document(
        self, entity: str, record: Record, settings: Mapping[str, Any]
    ) -> dict[str, Any]:
        content = {name: one for name, one in to_scope(record).items() if name != "as_of"}
        return {"record": encode_json(content).decode()}

    def references(self, entity: str, record: Record) -> Sequence[Reference]:
        return ()


class _Watched:
    """The connector's source: time stands still while it is asked."""

    def __init__(self, source: Any) -> None:
        self._source = source
        self.under_way = 0
        self.kills = 0
        self.killed = asyncio.Event()

    async def server_time(self) -> Any:
        return await self._asked(self._source.server_time())

    async def fetch(self, entity: str, ids: Sequence[str]) -> Any:
        return await self._asked(self._source.fetch(entity, ids))

    async def read(self, entity: str, window: Window) -> AsyncIterator[Page]:
        pages = self._source.read(entity, window)
        while True:
            try:
                page = await self._asked(anext(pages))
            except StopAsyncIteration:
                return
            yield page

    def to_record(self, entity: str, raw: Any) -> Record:
        record: Record = self._source.to_record(entity, raw)
        return record

    async def _asked(self, answer: Any) -> Any:
        self.under_way += 1
        try:
            return await answer
        except ConnectorError:
            if self.kills:
                self.kills -= 1
                self.killed.set()
                await asyncio.Event().wait()
            raise
        finally:
            self.under_way -= 1


def watched(world: World, source: Any) -> _Watched:
    """Return a connector's source; the world's time stands still while it is asked."""
    found = _Watched(source)
    busy = world.clock.busy
    world.clock.busy = lambda: busy() or found.under_way > 0
    return found


class Heard:
    """A world that reads."""

    def __init__(self, world: World, server: Served, source: _Watched) -> None:
        self.world = world
        self.server = server
        self._source = source
        self.erp = _Taker()
        self.others: tuple[str, ...] = ()  # what may become of a version besides
        PLATFORMS[world.platform("shop")] = source
        PLATFORMS[world.platform("erp")] = self.erp

    async def reads(self) -> None:
        """Let a minute pass, and a worker read and work until nothing moves by itself."""
        await self.world.clock.sleep(60)
        await self.world.run()

    @asynccontextmanager
    async def one_life(self) -> AsyncIterator[Callable[[], Awaitable[None]]]:
        """Have a worker, and what lets it read and work until nothing moves, or it is killed."""
        self._source.killed.clear()
        worker = self.world.worker()
        await worker.start()

        async def reads() -> None:
            await self.world.clock.sleep(60)
            await works_until(worker, self._source.killed)

        try:
            yield reads
        finally:
            await worker.close(drain_seconds=0 if self._source.killed.is_set() else 45)

    def dies(self) -> None:
        """Let the worker be killed by the next answer it does not get."""
        self._source.kills = 1

    def goes_wrong(self, at: int, fault: Fault) -> None:
        """Let the request after the next `at` meet a fault."""
        self.server.faults.force(*[None] * at, fault)

    async def has(self) -> dict[str, str]:
        """Return the content of each record that came, by our id."""
        assert all(sums.balanced for sums in await self.world.ledger.read(equations))
        fates = set(await self.world.fates())
        assert fates <= {"delivered", "superseded", *self.others}, fates
        return {one["external_id"]: one["record"] for one in self.erp.documents.values()}


@asynccontextmanager
async def heard(
    folder: Path,
    entity: str,
    serve: Callable[[Clock], AbstractAsyncContextManager[Served]],
    package: Any,
    *,
    config: Callable[[Any], Mapping[str, Any]],
    secrets: Mapping[str, Any],
) -> AsyncIterator[Heard]:
    """Open a world whose source is a connector's package at a simulator."""
    world = World(folder, a_pipeline(entity, entity=entity), lease=1e6)
    speaks(world, package, there="toyshop", here="toyerp")
    async with (
        serve(world.clock) as server,
        world,
        opened(package, config=config(server), secrets=secrets) as connector,
    ):
        yield Heard(world, server, watched(world, connector.source))

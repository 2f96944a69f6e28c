"""Group commit: one task writes, everybody else waits for the same fsync.

Why: a commit with synchronous=FULL costs milliseconds whatever it holds, so what waits is gathered
into one database transaction. A unit returns only after its commit: what is answered is on disk.
A unit that fails takes nobody with it: the group is rolled back and each unit tried alone.
Must not: hold a transaction open during a remote call (units cannot await), or reorder units.
"""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from knect.ledger.errors import translate
from knect.seams import crash_point

__all__ = ["Writer"]

T = TypeVar("T")
_Unit = tuple[Callable[[Connection], Any], "asyncio.Future[Any]"]

_GROUP_LIMIT = 500


class Writer:
    """Runs units in order, in groups; start is lazy, `close` finishes what waits."""

    def __init__(self, engine: AsyncEngine, where: str) -> None:
        self._engine = engine
        self._where = where
        self._waiting: list[_Unit] = []
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._closing = False

    async def submit(self, unit: Callable[[Connection], T]) -> T:
        """Queue a unit; return its result after its commit, or raise what it raised."""
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="ledger-writer")
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append((unit, future))
        self._wake.set()
        return await asyncio.shield(future)

    async def close(self) -> None:
        """Commit everything queued, then stop."""
        self._closing = True
        self._wake.set()
        if self._task is not None:
            await self._task
        await self._engine.dispose()

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            if not self._waiting:
                if self._closing:
                    return
                self._wake.clear()
                continue
            group, self._waiting = self._waiting[:_GROUP_LIMIT], self._waiting[_GROUP_LIMIT:]
            await self._commit(group)

    async def _commit(self, group: list[_Unit]) -> None:
        try:
            results = await self._attempt(group)
        except Exception as error:  # noqa: BLE001 - handed to whoever waits, one by one
            if len(group) == 1:
                _fail(group[0][1], self._sentence(error))
                return
            for unit in group:
                await self._commit([unit])
            return
        for (_, future), result in zip(group, results, strict=True):
            if not future.done():
                future.set_result(result)

    async def _attempt(self, group: list[_Unit]) -> list[Any]:
        def run(connection: Connection) -> list[Any]:
            return [unit(connection) for unit, _ in group]

        async with self._engine.connect() as connection, connection.begin():
            results = await connection.run_sync(run)
            crash_point("commit.begin")
        crash_point("commit.done")
        return results

    def _sentence(self, error: Exception) -> Exception:
        if isinstance(error, DBAPIError):
            return translate(error, self._where) or error
        return error


def _fail(future: "asyncio.Future[Any]", error: Exception) -> None:
    if not future.done():
        future.set_exception(error)

"""Group commit on a server: one task writes, everybody else waits for the same commit.

Why: a commit costs milliseconds whatever it holds, so what waits is gathered into one database
transaction. A file has `knect.ledger.store.file_writer` for it. A unit returns only after its
commit: what is answered is on disk. A unit that fails takes nobody with it: the group is rolled
back and each unit tried alone.
A database server may go away at any moment, also between a commit and its answer: each group then
carries a number in the writer's own row, which is looked up once the server is back (decision
note 0011). Must not: hold a transaction open during a remote call (units cannot await), or reorder
units.
"""

import asyncio
import random
from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import Connection

from knect.ledger.store.backends import Backend
from knect.ledger.store.errors import LedgerUnreachable
from knect.ledger.store.marker import CommitMarker
from knect.ledger.store.trouble import Kind, TroubleLog, kind_of
from knect.seams import Clock

__all__ = ["Writer"]

T = TypeVar("T")
_Unit = tuple[Callable[[Connection], Any], "asyncio.Future[Any]"]

_GROUP_LIMIT = 500
#: How often a group is tried again at once after a conflict with another writer.
_TRIES = 5
_FIRST_PAUSE, _LONGEST_PAUSE = 0.02, 1.0


class Writer:
    """Runs units in order, in groups; start is lazy, `close` finishes what waits.

    `marked`: commits can lose their answer, so each is given a number to look up.
    """

    def __init__(
        self, backend: Backend, troubles: TroubleLog, clock: Clock, *, marked: bool
    ) -> None:
        self._backend = backend
        self._troubles = troubles
        self._marker = CommitMarker(clock) if marked else None
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
        await self._backend.dispose()

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
            results = await (self._persist(group) if self._marker else self._attempt(group))
        except Exception as error:  # noqa: BLE001 - handed to whoever waits, one by one
            if len(group) == 1 or isinstance(error, LedgerUnreachable):
                for _, future in group:
                    _fail(future, self._troubles.told(error))
                return
            for unit in group:
                await self._commit([unit])
            return
        for (_, future), result in zip(group, results, strict=True):
            if not future.done():
                future.set_result(result)

    async def _attempt(self, group: list[_Unit]) -> list[Any]:
        def run(connection: Connection) -> list[Any]:
            results = [unit(connection) for unit, _ in group]
            if self._marker is not None:
                self._marker.set(connection)
            return results

        committing = self._marker.committing if self._marker is not None else None
        return await self._backend.write(run, committing)

    # ------------------------------------------------------------ a server that goes away

    async def _persist(self, group: list[_Unit]) -> list[Any]:
        """Commit a group on a server; raise what the units raised, or LedgerUnreachable."""
        assert self._marker is not None
        conflicts = pauses = 0
        while True:
            try:
                results = self._marker.found(await self._settled())
                if results is None:
                    self._marker.next()
                    results = await self._attempt(group)
            except Exception as error:
                kind = kind_of(error)
                if kind is Kind.CONFLICT and conflicts < _TRIES:
                    conflicts += 1
                elif kind is Kind.GONE:
                    await self._backend.dispose()
                    told = self._troubles.note(error)
                    if self._closing or not self._troubles.patient:
                        self._marker.forget()
                        raise told from error
                else:
                    self._marker.forget()
                    raise
            else:
                self._marker.forget()
                self._troubles.over()
                return results
            pauses += 1
            longest = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** min(pauses, 10))
            await asyncio.sleep(longest * random.random())  # noqa: S311 - spreads workers

    async def _settled(self) -> int | None:
        """Return the number of the group the server has, if one was sent and not answered."""
        assert self._marker is not None
        if not self._marker.uncertain:
            return None
        return await self._backend.write(self._marker.look_up)


def _fail(future: "asyncio.Future[Any]", error: Exception) -> None:
    if not future.done():
        future.set_exception(error)

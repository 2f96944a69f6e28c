"""Group commit on a file: a thread of its own takes what waits, again and again.

Why: a commit with synchronous=FULL costs milliseconds whatever it holds, so what waits is gathered
into one database transaction. The thread takes it itself: if the event loop handed each group over,
the file would rest while the loop works, and the loop while the file does. A unit returns only
after its commit: what is answered is on disk. A unit that fails takes nobody with it: the group is
rolled back and each unit tried alone. Must not: reorder units, or know what they do.
"""

import asyncio
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import Connection, Engine

from knect.ledger.store.trouble import TroubleLog
from knect.seams import crash_point

__all__ = ["FileWriter"]

T = TypeVar("T")

_GROUP_LIMIT = 500


class _Ending(NamedTuple):
    """What came of a unit."""

    result: Any = None
    error: Exception | None = None


class FileWriter:
    """Runs units in their order; `close` finishes what waits."""

    def __init__(self, engine: Engine, troubles: TroubleLog) -> None:
        self._engine = engine
        self._troubles = troubles
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="ledger-writer")
        self._lock = threading.Lock()  # of the two below
        self._waiting: list[tuple[Callable[[Connection], Any], asyncio.Future[Any]]] = []
        self._works = False

    async def submit(self, unit: Callable[[Connection], T]) -> T:
        """Queue a unit; return its result after its commit, or raise what it raised.

        Raises RuntimeError if it is closed.
        """
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        with self._lock:
            if not self._works:
                self._thread.submit(self._work)
                self._works = True
            self._waiting.append((unit, future))
        return await asyncio.shield(future)

    async def close(self) -> None:
        """Commit everything queued, then close the file."""
        await asyncio.to_thread(self._thread.shutdown)
        self._engine.dispose()

    def _work(self) -> None:
        """Commit group after group until nothing waits; runs in the thread."""
        while True:
            with self._lock:
                group, self._waiting = self._waiting[:_GROUP_LIMIT], self._waiting[_GROUP_LIMIT:]
                if not group:
                    self._works = False
                    return
            endings = self._commit([unit for unit, _ in group])
            told = [(future, ending) for (_, future), ending in zip(group, endings, strict=True)]
            for loop in {future.get_loop() for future, _ in told}:
                with suppress(RuntimeError):  # it is closed: nobody waits there any more
                    loop.call_soon_threadsafe(
                        _tell, [one for one in told if one[0].get_loop() is loop]
                    )

    def _commit(self, units: Sequence[Callable[[Connection], Any]]) -> list[_Ending]:
        """Run units in one transaction, or each in one of its own if one of them fails."""
        try:
            with self._engine.connect() as connection, connection.begin():
                endings = [_Ending(unit(connection)) for unit in units]
                crash_point("commit.begin")
            crash_point("commit.done")
        except BaseException as error:  # noqa: BLE001 - handed to whoever waits
            if len(units) == 1:
                return [_Ending(error=self._told(error))]
            return [ending for unit in units for ending in self._commit([unit])]
        return endings

    def _told(self, error: BaseException) -> Exception:
        """Return an error as it may be raised where a unit's result is awaited."""
        if isinstance(error, Exception) and not isinstance(error, StopIteration):
            return self._troubles.told(error)
        wrong = RuntimeError(f"a unit of the ledger raised {type(error).__name__}")
        wrong.__cause__ = error
        return wrong


def _tell(endings: Sequence[tuple[asyncio.Future[Any], _Ending]]) -> None:
    for future, ending in endings:
        if future.done():
            continue
        if ending.error is not None:
            future.set_exception(ending.error)
        else:
            future.set_result(ending.result)

"""How a function that is given a Connection is run: in a thread on a file, in the loop on a server.

Why: SQLite blocks whoever calls it and lets Python's lock go meanwhile, so its work belongs in a
thread, as a whole and not statement by statement; a server is waited for in the event loop.
What is written to a file has a thread of its own, see `knect.ledger.store.file_writer`.
Must not: know what the functions do, or try anything again.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection, Engine

__all__ = ["Backend", "Committing", "FileReading", "Reading"]

T = TypeVar("T")
#: Told the results when nothing is left to do but COMMIT.
Committing = Callable[[Any], None]


class Reading(Protocol):
    """Where questions meet connections."""

    async def read(self, query: Callable[[Connection], T]) -> T:
        """Run a question in a transaction that is not committed."""
        ...

    async def dispose(self) -> None:
        """Close the connections; they are made anew when they are needed again."""
        ...


class Backend(Reading, Protocol):
    """Where units meet connections, too."""

    async def write(
        self, unit: Callable[[Connection], T], committing: Committing | None = None
    ) -> T:
        """Run a unit in a transaction and commit it; return once it is on disk."""
        ...


class FileReading:
    """Connections to a file, each used by one of so many threads at a time."""

    def __init__(self, engine: Engine, *, threads: int) -> None:
        self._engine = engine
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="ledger")

    async def read(self, query: Callable[[Connection], T]) -> T:
        """Run a question in a thread."""

        def run() -> T:
            with self._engine.connect() as connection:
                return query(connection)

        return await asyncio.get_running_loop().run_in_executor(self._threads, run)

    async def dispose(self) -> None:
        """Let the threads end, close the connections."""
        await asyncio.to_thread(self._threads.shutdown)
        self._engine.dispose()

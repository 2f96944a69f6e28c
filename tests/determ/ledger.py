"""The ledger of a simulation: production's tables and SQL in memory, run in the loop.

Why: SQLite's thread would bring an order of its own into every schedule. Here a unit runs in the
loop as a whole, after a delay that is drawn; a commit can be made and its answer lost.
Must not: know a table's meaning, or let a dead life read or write.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from typing import TypeVar

from sqlalchemy import Connection, create_engine, text
from sqlalchemy.pool import StaticPool

from knect.ledger import Ledger, schema
from knect.ledger.store.backends import Committing
from knect.ledger.store.trouble import TroubleLog
from knect.ledger.store.versions import bring_up_to_date
from knect.ledger.store.writer import Writer
from knect.seams import Clock, crash_point

__all__ = ["Database", "MemoryBackend", "open_memory"]

T = TypeVar("T")


class Database:
    """One SQLite in memory for all schedules of a process: emptied, not made anew."""

    def __init__(self) -> None:
        self.raw = sqlite3.connect(":memory:", check_same_thread=False, cached_statements=1024)
        self.raw.isolation_level = None
        engine = create_engine("sqlite://", creator=lambda: self.raw, poolclass=StaticPool)
        self.connection = engine.connect()  # its own transactions are never begun: see `within`
        bring_up_to_date(self.connection, "memory")
        self._kept = [tuple(row) for row in self.raw.execute("select * from meta")]
        self._tables = [
            name
            for (name,) in self.raw.execute("select name from sqlite_master where type = 'table'")
            if name in schema.metadata.tables
        ]

    def empty(self) -> None:
        """Make it the ledger it was at first."""
        raw = self.raw
        if raw.in_transaction:
            raw.execute("rollback")
        raw.execute("pragma foreign_keys = off")
        raw.execute("begin")
        for name in self._tables:
            raw.execute(f'delete from "{name}"')
        raw.execute("delete from sqlite_sequence")
        marks = ", ".join("?" * len(self._kept[0])) if self._kept else ""
        raw.executemany(f"insert into meta values ({marks})", self._kept)
        raw.execute("commit")
        raw.execute("pragma foreign_keys = on")

    def copied(self) -> bytes:
        """Return a copy of it, as it is now."""
        return self.raw.serialize()

    def put_back(self, rows: bytes) -> None:
        """Make it what it was when it was copied."""
        with closing(sqlite3.connect(":memory:")) as copy:
            copy.deserialize(rows)
            copy.backup(self.raw)

    @contextmanager
    def within(self) -> Iterator[None]:
        """A transaction: committed at its end, rolled back by whatever is raised in it.

        Begun beside SQLAlchemy, which would spend more on it than on a statement.
        """
        self.raw.execute("begin immediate")
        try:
            yield
        except BaseException:
            self.raw.execute("rollback")
            raise
        self.raw.execute("commit")


class MemoryBackend:
    """What one process has of the database. `delay` draws seconds, `trouble` what goes wrong."""

    def __init__(
        self, database: Database, delay: Callable[[], float], trouble: Callable[[], str | None]
    ) -> None:
        self._database = database
        self._delay = delay
        self._trouble = trouble

    async def read(self, query: Callable[[Connection], T]) -> T:
        await asyncio.sleep(self._delay())
        if self._trouble() is not None:
            raise ConnectionResetError("the database is away")
        return query(self._database.connection)

    async def write(
        self, unit: Callable[[Connection], T], committing: Committing | None = None
    ) -> T:
        await asyncio.sleep(self._delay())
        trouble = self._trouble() if committing is not None else None
        if trouble == "away":
            raise ConnectionResetError("the database is away")
        connection = self._database.connection
        with self._database.within():
            results = unit(connection)
            crash_point("commit.begin")
            if committing is not None:
                committing(results)
            if trouble == "rolled back":
                raise ConnectionResetError("the connection was lost")
        crash_point("commit.done")
        if trouble == "answer lost":
            raise ConnectionResetError("the connection was lost")
        await asyncio.sleep(self._delay())
        return results

    async def dispose(self) -> None:
        """There is nothing to close."""


class _Ledger(Ledger):
    """A ledger whose database has the simulation's clock."""

    clock: Clock

    async def server_time(self) -> datetime | None:
        if not self.shared:
            return None
        await self.read(lambda c: c.execute(text("select 1")).scalar())
        return self.clock.now()


def open_memory(
    database: Database,
    *,
    shared: bool,
    clock: Clock,
    database_clock: Clock,
    delay: Callable[[], float],
    trouble: Callable[[], str | None],
) -> Ledger:
    """Open the ledger as one process would: with a writer of its own."""
    troubles = TroubleLog("memory", clock, patience=30.0 if shared else 0.0)
    backend = MemoryBackend(database, delay, trouble)
    writer = Writer(backend, troubles, clock, marked=shared)
    ledger = _Ledger(backend, writer, troubles, shared=shared)
    ledger.clock = database_clock
    return ledger

"""Opening a ledger, reading it, writing it: the same on a file and on a database server.

Why: on SQLite one process writes, on PostgreSQL any number do; who uses a ledger need not know
which it is, except by `shared`. Must not: know what the rows mean.
"""

import asyncio
import os
import random
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection, text

from knect.ledger.instants import from_us
from knect.ledger.store.backends import FileReading, Reading
from knect.ledger.store.dsn import is_postgres, parse_dsn
from knect.ledger.store.errors import LedgerBusy, LedgerMisnamed
from knect.ledger.store.file_writer import FileWriter
from knect.ledger.store.sqlite import (
    READERS,
    check_readable,
    migrate_file,
    sqlite_engine,
    take_lock,
)
from knect.ledger.store.trouble import Kind, Trouble, TroubleLog, kind_of
from knect.ledger.store.writer import Writer
from knect.seams import Clock, SystemClock

__all__ = ["Ledger", "open_ledger", "sqlite_path"]

T = TypeVar("T")

#: Seconds a staying worker lets its units wait for a database that is away.
PATIENCE_SECONDS = 30.0
_TRIES = 3
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0


def sqlite_path(dsn: str) -> Path | None:
    """Return the file of a SQLite ledger, None for a database server.

    A DSN is a path, `sqlite:///path`, or `postgresql://…`.
    """
    if "://" in dsn and not dsn.startswith("sqlite:///"):
        return None
    return Path(dsn.removeprefix("sqlite:///"))


class Ledger:
    """An open ledger. `read` runs a function in a read-only connection, `write` in the next
    group commit; both functions get a SQLAlchemy Connection and must not await or call out.
    `shared`: other processes write it as well.
    """

    def __init__(
        self,
        reader: Reading,
        writer: Writer | FileWriter | None,
        troubles: TroubleLog,
        *,
        shared: bool,
        lock: int | None = None,
    ) -> None:
        self.name = troubles.where
        self.shared = shared
        self._reader = reader
        self._writer = writer
        self._troubles = troubles
        self._lock = lock

    @property
    def writable(self) -> bool:
        """True if this process is a writer of the ledger."""
        return self._writer is not None

    @property
    def trouble(self) -> Trouble | None:
        """What keeps the database from answering now, and since when; None if it answers."""
        return self._troubles.current

    async def read(self, query: Callable[[Connection], T]) -> T:
        """Run `query` on a snapshot and return its result. Raises LedgerError."""
        tries = 0
        while True:
            tries += 1
            try:
                result = await self._reader.read(query)
            except Exception as error:
                if not self.shared:
                    raise self._troubles.told(error) from error
                await self._once_more(error, tries)
            else:
                self._troubles.over()
                return result

    async def _once_more(self, error: Exception, tries: int) -> None:
        """Wait until a question may be asked again; raise if it may not."""
        kind = kind_of(error)
        if kind is Kind.OURS or (kind is Kind.CONFLICT and tries >= _TRIES):
            raise self._troubles.told(error) from error
        if kind is Kind.GONE:
            told = self._troubles.note(error)
            # A connection that waited in the pool may be dead while the server lives.
            if tries > 1 and not self._troubles.patient:
                raise told from error
        await asyncio.sleep(min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**tries) * random.random())  # noqa: S311

    async def write(self, unit: Callable[[Connection], T]) -> T:
        """Run `unit` in the next group commit; return once it is on disk. Raises LedgerError.

        On a database that is away it waits for a while; an error means that it is not known to
        be committed, never that half of it is.
        """
        if self._writer is None:
            message = f"{self.name} was opened for reading only"
            raise LedgerBusy(message)
        return await self._writer.submit(unit)

    async def server_time(self) -> datetime | None:
        """Return the database's clock, by which several workers measure; None for a file."""
        if not self.shared:
            return None
        ask = text("select (extract(epoch from clock_timestamp()) * 1000000)::bigint")
        return from_us(int(await self.read(lambda c: c.execute(ask).scalar_one())))

    async def close(self) -> None:
        """Commit what waits, close the connections, give the lock back.

        The writer goes last: only then does SQLite move its log into the file.
        """
        await self._reader.dispose()
        if self._writer is not None:
            await self._writer.close()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


async def open_ledger(
    dsn: str,
    *,
    write: bool = True,
    namespace: str | None = None,
    patience: float = PATIENCE_SECONDS,
    clock: Clock | None = None,
) -> Ledger:
    """Open (and for a writer create or migrate) the ledger at `dsn`. Raises LedgerError.

    `namespace` is the worker's, in a cluster: the first becomes the ledger's owner. `patience` is
    how many seconds a writer waits for a database that went away.
    """
    path = sqlite_path(dsn)
    clock = clock or SystemClock()
    if path is None or is_postgres(dsn):
        return await _open_postgres(
            dsn, write=write, namespace=namespace, patience=patience, clock=clock
        )
    if namespace is not None:
        message = (
            "in a cluster the ledger is PostgreSQL, and this one is a file: a pod's files die with "
            "it; put postgresql://… into the Secret knect-ledger, key dsn"
        )
        raise LedgerMisnamed(message)
    troubles = TroubleLog(str(path), clock, patience=0)
    if not write:
        await asyncio.to_thread(check_readable, path)
        reader = FileReading(sqlite_engine(path, write=False), threads=READERS)
        return Ledger(reader, None, troubles, shared=False)
    lock = take_lock(path)
    try:
        await asyncio.to_thread(migrate_file, path)
        writer = FileWriter(sqlite_engine(path, write=True), troubles)
        reader = FileReading(sqlite_engine(path, write=False), threads=READERS)
        return Ledger(reader, writer, troubles, shared=False, lock=lock)
    except BaseException:
        os.close(lock)
        raise


async def _open_postgres(
    dsn: str, *, write: bool, namespace: str | None, patience: float, clock: Clock
) -> Ledger:
    from knect.ledger.store.postgres import (  # noqa: PLC0415 - 0.1 s that a file does not cost
        ServerBackend,
        check_postgres,
        migrate_postgres,
        postgres_engine,
    )

    address = parse_dsn(dsn)
    troubles = TroubleLog(address.name, clock, patience=patience if write else 0)
    if write:
        await migrate_postgres(address, namespace)
    reading = postgres_engine(address, write=False)
    reader = ServerBackend(reading)
    if not write:
        try:
            await check_postgres(address, reading, namespace)
        except BaseException:
            await reader.dispose()
            raise
        return Ledger(reader, None, troubles, shared=True)
    backend = ServerBackend(postgres_engine(address, write=True))
    writer = Writer(backend, troubles, clock, marked=True)
    return Ledger(reader, writer, troubles, shared=True)

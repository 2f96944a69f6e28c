"""Opening a ledger: engine, pragmas, migrations, who may write.

Why: on SQLite exactly one connection writes and checkpoints (the WAL-reset defect of SQLite 3.7.0
to 3.51.2 needs two), so a writer holds an exclusive lock on a file beside the ledger for as long
as it lives, and readers open the file read-only. On PostgreSQL any number of workers write.
Must not: know what the rows mean.
"""

import asyncio
import fcntl
import os
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qsl, quote

from sqlalchemy import URL, Connection, Engine, event, make_url, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from knect.ledger.errors import LedgerBroken, LedgerBusy, LedgerMissing, LedgerNewer, translate
from knect.ledger.writer import Writer
from knect.seams import crash_point

__all__ = ["CODE_VERSION", "Ledger", "open_ledger", "sqlite_path"]

T = TypeVar("T")

#: Raised with every migration that older code must not write through.
CODE_VERSION = 1

_WRITE_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
    "PRAGMA busy_timeout=5000",
    "PRAGMA temp_store=MEMORY",
    "PRAGMA cache_size=-32768",
    "PRAGMA journal_size_limit=67108864",
)
#: Takes effect only while a file is still empty; lets retention give space back.
_NEW_FILE_PRAGMA = "PRAGMA auto_vacuum=INCREMENTAL"
_READ_PRAGMAS = ("PRAGMA query_only=ON", "PRAGMA busy_timeout=5000", "PRAGMA wal_autocheckpoint=0")


def sqlite_path(dsn: str) -> Path | None:
    """Return the file of a SQLite ledger, None for a database server.

    A DSN is a path, `sqlite:///path`, or `postgresql://…`.
    """
    if dsn.startswith("postgresql"):
        return None
    return Path(dsn.removeprefix("sqlite:///"))


class Ledger:
    """An open ledger. `read` runs a function in a read-only connection, `write` in the next
    group commit; both functions get a SQLAlchemy Connection and must not await or call out.
    """

    def __init__(
        self, name: str, reader: AsyncEngine, writer: Writer | None, lock: int | None
    ) -> None:
        self.name = name
        self._reader = reader
        self._writer = writer
        self._lock = lock

    @property
    def writable(self) -> bool:
        """True if this process is a writer of the ledger."""
        return self._writer is not None

    async def read(self, query: Callable[[Connection], T]) -> T:
        """Run `query` on a snapshot and return its result."""
        try:
            async with self._reader.connect() as connection:
                return await connection.run_sync(query)
        except DBAPIError as error:
            raise (translate(error, self.name) or error) from error

    async def write(self, unit: Callable[[Connection], T]) -> T:
        """Run `unit` in the next group commit; return once it is on disk."""
        if self._writer is None:
            message = f"{self.name} was opened for reading only"
            raise LedgerBusy(message)
        return await self._writer.submit(unit)

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


async def open_ledger(dsn: str, *, write: bool = True) -> Ledger:
    """Open (and for a writer create or migrate) the ledger at `dsn`. Raises LedgerError."""
    path = sqlite_path(dsn)
    if path is None:
        return await _open_postgresql(dsn, write=write)
    if not write:
        if not path.exists():
            message = f"there is no ledger at {path}; run `knect run` first or name one (--ledger)"
            raise LedgerMissing(message)
        _refuse_folder(path)
        await asyncio.to_thread(_check_readable, path)
        return Ledger(str(path), _sqlite_engine(path, write=False), None, None)
    _refuse_folder(path)
    lock = _take_lock(path)
    try:
        url = URL.create("sqlite", database=str(path))
        await asyncio.to_thread(_migrate, url, path)
        engine = _sqlite_engine(path, write=True)
        return Ledger(str(path), _sqlite_engine(path, write=False), Writer(engine, str(path)), lock)
    except BaseException:
        os.close(lock)
        raise


async def _open_postgresql(dsn: str, *, write: bool) -> Ledger:
    url = dsn.replace("postgresql://", "postgresql+asyncpg://", 1)
    if write:
        await asyncio.to_thread(_migrate, make_url(dsn), None)
    engine = create_async_engine(url)
    return Ledger(
        "the ledger database", engine, Writer(engine, "the ledger") if write else None, None
    )


def _take_lock(path: Path) -> int:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        cause = sqlite3.OperationalError(str(error))
        cause.sqlite_errorname = "SQLITE_READONLY"
        raise (translate(cause, str(path)) or error) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        message = (
            f"{path}: another knect process writes this ledger; stop it, or let it do the work"
        )
        raise LedgerBusy(message) from None
    return lock


def _refuse_folder(path: Path) -> None:
    if path.is_dir():
        message = f"{path} is a folder and no ledger; name a file with --ledger"
        raise LedgerBroken(message)


def _uri(path: Path, mode: str) -> str:
    """Return the file as SQLite's URI.

    Who may not write the folder cannot make the shared memory a reader of a WAL file needs; where
    no writer has left a log beside it, the file stands for itself.
    """
    uri = f"file:{quote(str(path))}?mode={mode}"
    alone = not Path(f"{path}-wal").exists() and not os.access(path.parent, os.W_OK)
    return f"{uri}&immutable=1" if mode == "ro" and alone else uri


def _sqlite_engine(path: Path, *, write: bool) -> AsyncEngine:
    uri, _, query = _uri(path, "rwc" if write else "ro").partition("?")
    url = URL.create(
        "sqlite+aiosqlite", database=uri, query={**dict(parse_qsl(query)), "uri": "true"}
    )
    pool: dict[str, Any] = {"pool_size": 1, "max_overflow": 0} if write else {"pool_size": 4}
    engine = create_async_engine(url, **pool)

    pragmas = _WRITE_PRAGMAS if write else _READ_PRAGMAS
    _prepare_sqlite(engine.sync_engine, pragmas, "BEGIN IMMEDIATE" if write else "BEGIN")
    return engine


def _prepare_sqlite(engine: Engine, pragmas: Sequence[str], begin: str) -> None:
    """Let SQLAlchemy begin transactions itself: the driver would commit before every DDL."""

    @event.listens_for(engine, "connect")
    def _connected(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        for pragma in pragmas:
            connection.execute(pragma)

    @event.listens_for(engine, "begin")
    def _begun(connection: Connection) -> None:
        connection.exec_driver_sql(begin)


def _check_readable(path: Path) -> None:
    try:
        connection = sqlite3.connect(_uri(path, "ro"), uri=True)
    except sqlite3.Error as error:
        raise (translate(error, str(path)) or error) from error
    try:
        row = connection.execute("select value from meta where name = 'oldest_code'").fetchone()
    except sqlite3.OperationalError as error:
        if "no such" in str(error):  # table, or column of a table that happens to be called so
            message = f"{path} is no Knect ledger; name another with --ledger"
            raise LedgerBroken(message) from None
        raise (translate(error, str(path)) or error) from error
    except sqlite3.DatabaseError as error:
        raise (translate(error, str(path)) or error) from error
    finally:
        connection.close()
    _refuse_newer(int(row[0]) if row else 0, str(path))


def _refuse_newer(oldest: int, where: str) -> None:
    if oldest > CODE_VERSION:
        message = (
            f"{where} was written by a newer Knect (it asks for code {oldest}, this is "
            f"{CODE_VERSION}); upgrade this one"
        )
        raise LedgerNewer(message)


def _migrate(url: URL, path: Path | None) -> None:
    """Bring the schema up to this code, under the writer's lock; refuse a newer one."""
    from alembic import command  # noqa: PLC0415 - costs 0.2 s, only writers pay it
    from alembic.config import Config  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415
    from sqlalchemy import create_engine, inspect  # noqa: PLC0415

    where = str(path) if path else "the ledger database"
    engine = create_engine(url)
    if path:
        _prepare_sqlite(engine, (_NEW_FILE_PRAGMA, *_WRITE_PRAGMAS), "BEGIN IMMEDIATE")
    try:
        with engine.connect() as connection:
            tables = inspect(connection).get_table_names()
            if tables and not {"meta", "alembic_version"}.issubset(tables):
                message = f"{where} holds other tables and no ledger; name another with --ledger"
                raise LedgerBroken(message)
            if tables:
                oldest = connection.execute(
                    text("select value from meta where name = 'oldest_code'")
                ).scalar()
                _refuse_newer(int(oldest or 0), where)
            config = Config()
            config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
            scripts = ScriptDirectory.from_config(config)
            current = (
                connection.execute(text("select version_num from alembic_version")).scalar()
                if "alembic_version" in tables
                else None
            )
            known = {script.revision for script in scripts.walk_revisions()}
            if current == scripts.get_current_head() or (current and current not in known):
                return  # newer code has only added to it, else `oldest_code` would have said so
            connection.commit()
            config.attributes["connection"] = connection
            config.attributes["before_commit"] = lambda: crash_point("migration.half")
            command.upgrade(config, "head")
            connection.commit()
    except DBAPIError as error:
        raise (translate(error, where) or error) from error
    finally:
        engine.dispose()

"""The ledger as a file on this machine.

Why: exactly one connection writes and checkpoints (the WAL-reset defect of SQLite 3.7.0 to 3.51.2
needs two), so a writer holds an exclusive lock on a file beside the ledger for as long as it
lives, and readers open the file read-only. Must not: know what the rows mean.
"""

import fcntl
import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError

from knect.ledger.store.errors import LedgerBroken, LedgerBusy, LedgerMissing, translate
from knect.ledger.store.versions import bring_up_to_date, refuse_newer

__all__ = ["READERS", "check_readable", "migrate_file", "sqlite_engine", "take_lock"]

#: So many questions are answered at the same time.
READERS = 4

_WRITE_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
    "PRAGMA busy_timeout=5000",
    "PRAGMA temp_store=MEMORY",
    "PRAGMA cache_size=-8192",
    "PRAGMA journal_size_limit=67108864",
    "PRAGMA wal_autocheckpoint=8000",  # pages: what is written again and again is copied once
)
#: Takes effect only while a file is still empty; lets retention give space back.
_NEW_FILE_PRAGMA = "PRAGMA auto_vacuum=INCREMENTAL"
_READ_PRAGMAS = ("PRAGMA query_only=ON", "PRAGMA busy_timeout=5000", "PRAGMA wal_autocheckpoint=0")


def take_lock(path: Path) -> int:
    """Become the one writer: return the descriptor that holds the lock. Raises LedgerError."""
    _refuse_folder(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = _made(f"{path}.lock")
        if not path.exists():  # SQLite would let everybody read it; what it puts beside it is alike
            os.close(_made(path))
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


def _made(path: Path | str) -> int:
    """Open a file, made for its owner alone if it is not there."""
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


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


def sqlite_engine(path: Path, *, write: bool) -> Engine:
    """Return the engine of the one writing connection, or of a few reading ones."""
    uri, _, query = _uri(path, "rwc" if write else "ro").partition("?")
    url = URL.create("sqlite", database=uri, query={**dict(parse_qsl(query)), "uri": "true"})
    pool: dict[str, Any] = {"pool_size": 1, "max_overflow": 0} if write else {"pool_size": READERS}
    engine = create_engine(
        url, connect_args={"cached_statements": 512}, hide_parameters=True, **pool
    )

    pragmas = _WRITE_PRAGMAS if write else _READ_PRAGMAS
    _prepare(engine, pragmas, "BEGIN IMMEDIATE" if write else "BEGIN")
    return engine


def _prepare(engine: Engine, pragmas: Sequence[str], begin: str) -> None:
    """Let SQLAlchemy begin transactions itself: the driver would commit before every DDL."""

    @event.listens_for(engine, "connect")
    def _connected(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        for pragma in pragmas:
            connection.execute(pragma)

    @event.listens_for(engine, "begin")
    def _begun(connection: Connection) -> None:
        connection.exec_driver_sql(begin)


def check_readable(path: Path) -> None:
    """Make sure that this is a ledger this code can read. Raises LedgerError."""
    if not _is_there(path):
        message = (
            f"there is no ledger at {path}; run `knect run` first or name one (--ledger), or a"
            " cluster's namespace (-n)"
        )
        raise LedgerMissing(message)
    _refuse_folder(path)
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
    refuse_newer(int(row[0]) if row else 0, str(path))


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a name no file can have, or a folder that may not be looked into
        return False


def migrate_file(path: Path) -> None:
    """Bring the file up to this code; the caller holds the writer's lock. Raises LedgerError."""
    engine = create_engine(URL.create("sqlite", database=str(path)), hide_parameters=True)
    _prepare(engine, (_NEW_FILE_PRAGMA, *_WRITE_PRAGMAS), "BEGIN IMMEDIATE")
    try:
        with engine.connect() as connection:
            bring_up_to_date(connection, str(path))
            connection.commit()
    except DBAPIError as error:
        raise (translate(error, str(path)) or error) from error
    finally:
        engine.dispose()

"""On which database the ledgers of a test lie: files, or a real PostgreSQL.

Why: one suite, two databases. A test names a path as ever; `place(path)` is what it opens.
Must not: start a server before the first test that wants it.
"""

import atexit
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.real.postgres import PostgresServer, ensure_postgres
from tests.support.real.require import Unavailable, unavailable

__all__ = ["on_postgres", "place", "server"]


class _Session:
    """The server of this test session, and the databases of the test that runs now."""

    server: PostgresServer | None = None
    template: str | None = None
    active = False
    placed: dict[Path, str] = {}  # noqa: RUF012 - one per process, on purpose
    free: list[str] = []  # noqa: RUF012 - databases with an empty ledger
    made = 0


def server() -> PostgresServer:
    """Return the session's server, started at the first call; skip or fail where none can be."""
    if _Session.server is None:
        try:
            ensure_postgres()
        except Unavailable as error:
            unavailable("postgres", str(error))
        started = PostgresServer()
        started.__enter__()
        atexit.register(started.__exit__)
        _Session.server = started
    return _Session.server


def _template(real: PostgresServer) -> str:
    """Return a database with an empty ledger, to be copied."""
    if _Session.template is None:
        name = real.fresh_database()
        code = (
            "import asyncio, sys; from knect.ledger import open_ledger\n"
            "async def main():\n"
            "    await (await open_ledger(sys.argv[1])).close()\n"
            "asyncio.run(main())"
        )
        subprocess.run([sys.executable, "-c", code, real.dsn(name)], check=True)
        _Session.template = name
    return _Session.template


def _another(real: PostgresServer) -> str:
    template = _template(real)
    _Session.made += 1
    name = f"{template}_{_Session.made}"
    real.sql(f"create database {name} template {template} strategy file_copy")
    return name


def _empty(real: PostgresServer, name: str) -> None:
    """Make a used ledger a new one again, unless a test migrated it: faster than a new database."""
    if real.sql("select version_num from knect.alembic_version", name) != "0001":
        real.sql(f"drop database {name} with (force)")
        return
    kept = ("meta", "alembic_version")
    tables = real.sql(
        "select string_agg(format('%I.%I', schemaname, tablename), ', ') from pg_tables "
        f"where schemaname = 'knect' and tablename not in {kept}",
        name,
    )
    real.sql(f"truncate {tables} restart identity", name)
    real.sql("delete from knect.meta where name <> 'oldest_code'", name)
    _Session.free.append(name)


def place(path: Path) -> str:
    """Return the DSN of the ledger a test calls `path`: the same for the same path."""
    if not _Session.active:
        return str(path)
    if path not in _Session.placed:
        _Session.placed[path] = _Session.free.pop() if _Session.free else _another(server())
    return server().dsn(_Session.placed[path])


@contextmanager
def on_postgres() -> Iterator[PostgresServer]:
    """Let ledgers lie on the server while the block runs; its databases go with it."""
    real = server()
    _Session.active = True
    try:
        yield real
    finally:
        _Session.active = False
        for name in _Session.placed.values():
            _empty(real, name)
        _Session.placed.clear()

"""On which database the ledgers of a test lie: files, or a real PostgreSQL.

Why: one suite, two databases. A test names a path as ever; `place(path)` is what it opens.
Must not: start a server before the first test that wants it.
"""

import atexit
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from tests.support.real.postgres import PostgresServer, Session, ensure_postgres
from tests.support.real.require import Unavailable, unavailable

__all__ = ["laid", "on_postgres", "place", "server"]


#: Only tables that hold something: a new file for each of them, and for each of their indexes,
#: costs more than most tests do.
_EMPTYING = """do $$
declare one record; used boolean; names text;
begin
  for one in
    select format('%I.%I', schemaname, tablename) as name from pg_tables
    where schemaname = 'knect' and tablename not in ('meta', 'alembic_version')
  loop
    execute 'select exists (select from ' || one.name || ')' into used;
    if used then names := concat_ws(', ', names, one.name); end if;
  end loop;
  if names is not null then execute 'truncate ' || names || ' cascade'; end if;
  perform setval(format('%I.%I', schemaname, sequencename)::regclass, 1, false)
    from pg_sequences where schemaname = 'knect' and last_value is not null;
  delete from knect.meta where name <> 'oldest_code';
end $$"""


class _Session:
    """The server of this test session, and the databases of the test that runs now."""

    server: PostgresServer | None = None
    template: str | None = None
    active = False
    placed: dict[Path, str] = {}  # noqa: RUF012 - one per process, on purpose
    free: list[str] = []  # noqa: RUF012 - databases with an empty ledger
    kept: dict[str, Session] = {}  # noqa: RUF012 - who empties them, by name
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
        atexit.register(_leave)
        _Session.server = started
    return _Session.server


def _lay(dsn: str) -> None:
    """Make an empty ledger, in a process: a test may be within an event loop."""
    code = (
        "import asyncio, sys; from knect.ledger import open_ledger\n"
        "async def main():\n"
        "    await (await open_ledger(sys.argv[1])).close()\n"
        "asyncio.run(main())"
    )
    subprocess.run([sys.executable, "-c", code, dsn], check=True)


def _template(real: PostgresServer) -> str:
    """Return a database with an empty ledger, to be copied."""
    if _Session.template is None:
        name = real.fresh_database()
        _lay(real.dsn(name))
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
    if _told(real, name, "select version_num from knect.alembic_version") != "0001":
        _Session.kept.pop(name).close()
        real.sql(f"drop database {name} with (force)")
        return
    _told(real, name, _EMPTYING)
    _Session.free.append(name)


def _told(real: PostgresServer, name: str, statement: str) -> str:
    """Run a statement in a session that stays; in a new one if a test ended the server."""
    if name in _Session.kept:
        try:
            return _Session.kept[name].run(statement)
        except OSError:
            _Session.kept.pop(name).close()
    session = _Session.kept[name] = real.session(name)
    return session.run(statement)


def _leave() -> None:
    for session in _Session.kept.values():
        session.close()
    if _Session.server is not None:
        _Session.server.__exit__()


def place(path: Path) -> str:
    """Return the DSN of the ledger a test calls `path`: the same for the same path."""
    if not _Session.active:
        return str(path)
    if path not in _Session.placed:
        _Session.placed[path] = _Session.free.pop() if _Session.free else _another(server())
    return server().dsn(_Session.placed[path])


def laid(path: Path) -> str:
    """Return the same, with an empty ledger there: a file is copied, which no test waits for."""
    if not _Session.active and not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_empty_file())
        path.chmod(0o600)  # as it is made
    return place(path)


@cache
def _empty_file() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.db"
        _lay(str(path))
        return path.read_bytes()


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

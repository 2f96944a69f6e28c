"""The ledger in a PostgreSQL database, shared by any number of processes.

Why: what a shared database needs and a file does not: limits on how long a statement, a lock or an
idle transaction may last, a schema of its own, one migration at a time, an owner.
With `pgbouncer=true` nothing outlives a transaction: settings are made anew in each, and no
statement stays prepared. A unit runs whole in one greenlet, which waits for the driver; the asyncio
extension would do the same in five, and bring an object mapper nobody uses (0.07 s of a command).
Must not: know what the rows mean, or use session locks or LISTEN.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from uuid import uuid4
from weakref import WeakKeyDictionary

from sqlalchemy import URL, Connection, Engine, create_engine, event, text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.pool import NullPool
from sqlalchemy.util import greenlet_spawn

from knect.ledger.facts import OWNER, fact
from knect.ledger.store.backends import Committing
from knect.ledger.store.dsn import DEFAULT_PORT, PostgresDsn
from knect.ledger.store.errors import (
    LedgerBroken,
    LedgerMisnamed,
    LedgerMissing,
    LedgerUnreachable,
    sentence_of,
    translate,
)
from knect.ledger.store.trouble import Kind, kind_of, sqlstate_of
from knect.ledger.store.versions import bring_up_to_date, refuse_newer
from knect.seams import crash_point

__all__ = ["ServerBackend", "check_postgres", "migrate_postgres", "postgres_engine"]

T = TypeVar("T")

#: How long PostgreSQL lets us: one statement, one wait for a row, one pause within a transaction.
_LIMITS = {
    "statement_timeout": "30s",
    "lock_timeout": "10s",
    "idle_in_transaction_session_timeout": "30s",
}
#: A migration may wait for the one another worker runs.
_PATIENT = {**_LIMITS, "statement_timeout": "0", "lock_timeout": "10min"}
#: The driver gives up a little later than the server: also when the network swallows answers.
_ANSWER_SECONDS = 45.0
#: Alembic keeps what it migrates in a global: within a process one ledger after the other.
_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()


def postgres_engine(dsn: PostgresDsn, *, write: bool) -> Engine:
    """Return the engine of the writer's one connection, or of a few reading ones.

    A reader sees one snapshot over all statements of a question.
    """
    if write:
        pool: dict[str, Any] = {"pool_size": 1, "max_overflow": 0}
        isolation, options = "READ COMMITTED", {}
    else:
        pool = {"pool_size": 2, "max_overflow": 4}
        isolation, options = "REPEATABLE READ", {"postgresql_readonly": True}
    return _engine(
        dsn,
        _LIMITS,
        isolation_level=isolation,
        execution_options=options,
        command_timeout=_ANSWER_SECONDS,
        **pool,
    )


def _engine(
    dsn: PostgresDsn,
    limits: Mapping[str, str],
    *,
    command_timeout: float | None = None,
    **options: Any,
) -> Engine:
    settings = {"search_path": '"' + dsn.schema + '"', **limits}
    connect: dict[str, Any] = {
        "ssl": dsn.tls(),
        "timeout": dsn.connect_timeout,
        "command_timeout": command_timeout,
        "server_settings": {"application_name": "knect"},
    }
    if dsn.pgbouncer:
        connect["statement_cache_size"] = 0
        connect["prepared_statement_cache_size"] = 0
        connect["prepared_statement_name_func"] = lambda: f"knect_{uuid4().hex}"
    else:
        connect["server_settings"] |= settings
    url = URL.create(
        "postgresql+asyncpg",
        username=dsn.user,
        password=dsn.password,
        host=dsn.host,
        port=dsn.port,
        database=dsn.database,
    )
    engine = create_engine(url, connect_args=connect, hide_parameters=True, **options)
    if dsn.pgbouncer:
        _set_in_each_transaction(engine, settings)
    return engine


def _set_in_each_transaction(engine: Engine, settings: Mapping[str, str]) -> None:
    calls = ", ".join(f"set_config('{name}', :{name}, true)" for name in settings)
    statement = text(f"select {calls}")  # names of our own; values are parameters

    @event.listens_for(engine, "begin")
    def _begun(connection: Connection) -> None:
        connection.execute(statement, settings)


class ServerBackend:
    """Connections to a database server."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def read(self, query: Callable[[Connection], T]) -> T:
        """Run a question."""

        def whole() -> T:
            with self._engine.connect() as connection:
                try:
                    return query(connection)
                except Exception as error:
                    if kind_of(error) is Kind.GONE:  # this one is of no use to the next either
                        connection.invalidate()
                    raise

        return await greenlet_spawn(whole)

    async def write(
        self, unit: Callable[[Connection], T], committing: Committing | None = None
    ) -> T:
        """Run a unit, then commit."""

        def whole() -> T:
            with self._engine.connect() as connection:
                transaction = connection.begin()
                results = unit(connection)
                crash_point("commit.begin")
                if committing is not None:
                    committing(results)
                transaction.commit()
            return results

        results = await greenlet_spawn(whole)
        crash_point("commit.done")
        return results

    async def dispose(self) -> None:
        """Close the connections."""
        await greenlet_spawn(self._engine.dispose)


async def check_postgres(dsn: PostgresDsn, engine: Engine, namespace: str | None) -> None:
    """Make sure that a ledger this code can read is there, and whose. Raises LedgerError."""

    def whole() -> None:
        with engine.connect() as connection:
            _check(connection, dsn, namespace)

    try:
        await greenlet_spawn(whole)
    except Exception as error:
        raise _told(error, dsn, namespace) from error


def _check(connection: Connection, dsn: PostgresDsn, namespace: str | None) -> None:
    try:
        rows = connection.execute(text("select name, value from meta")).all()
    except ProgrammingError as error:
        if sqlstate_of(error) == "42P01":
            message = f"there is no ledger in {dsn.name}; start a worker first, or fix the DSN"
            raise LedgerMissing(message) from None
        if sqlstate_of(error) == "42703":
            message = f"{dsn.name} holds other tables and no ledger; name another schema"
            raise LedgerBroken(message) from None
        raise
    facts = {row.name: row.value for row in rows}
    refuse_newer(int(facts.get("oldest_code", 0)), dsn.name)
    if namespace is not None and facts.get(OWNER, namespace) != namespace:
        raise _somebody_elses(dsn, facts[OWNER], namespace)


async def migrate_postgres(dsn: PostgresDsn, namespace: str | None) -> None:
    """Bring the schema up to this code and note its owner, one process at a time.

    Everything is one database transaction under an advisory lock that ends with it: of ten workers
    that start at once one migrates, nine find it done; one that dies half-way leaves nothing.
    """
    engine = _engine(dsn, _PATIENT, poolclass=NullPool, isolation_level="READ COMMITTED")
    turn = _turns.setdefault(asyncio.get_running_loop(), asyncio.Lock())

    def whole() -> None:
        with engine.begin() as connection:
            _migrate(connection, dsn, namespace)

    try:
        async with turn:
            await greenlet_spawn(whole)
    except Exception as error:
        raise _told(error, dsn, namespace) from error
    finally:
        await greenlet_spawn(engine.dispose)


def _migrate(connection: Connection, dsn: PostgresDsn, namespace: str | None) -> None:
    lock = text("select pg_advisory_xact_lock(hashtextextended(:name, 0))")
    connection.execute(lock, {"name": f"knect:{dsn.schema}"})
    exists = text("select true from pg_namespace where nspname = :name")
    if not connection.execute(exists, {"name": dsn.schema}).scalar():
        connection.exec_driver_sql(f'create schema "{dsn.schema}"')
    bring_up_to_date(connection, dsn.name, dsn.schema)
    if namespace is not None:
        owner = fact(connection, OWNER, namespace)
        if owner != namespace:
            raise _somebody_elses(dsn, owner, namespace)


def _somebody_elses(dsn: PostgresDsn, owner: str, namespace: str) -> LedgerMisnamed:
    return LedgerMisnamed(
        f"{dsn.name} belongs to namespace {owner!r}, and this is {namespace!r}; give each "
        "namespace a schema of its own (?schema=NAME in the DSN of Secret knect-ledger)"
    )


def _told(error: Exception, dsn: PostgresDsn, namespace: str | None) -> Exception:
    """Return the sentence for an error while opening, or the error if it is a defect of ours."""
    state = sqlstate_of(error)
    if kind_of(error) is Kind.GONE:
        sentence = sentence_of(error, state, dsn.name)
        kept_out = isinstance(error, TimeoutError | ConnectionRefusedError)
        if kept_out and namespace is not None and dsn.port != DEFAULT_PORT:
            needs = f"`worker.openPorts` (chart) needs {dsn.port}"
            sentence += f"; where NetworkPolicies have an effect, {needs}"
        return LedgerUnreachable(sentence)
    return (translate(error, dsn.name, state) if state else None) or error

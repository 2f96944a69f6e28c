"""A ledger on a server opens, or says in a sentence why not; ten at once lay it once."""

import asyncio
import errno
from collections.abc import Iterator
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from tests.support.ledgers import server
from tests.support.real.postgres import PASSWORD, PostgresServer

from knect.ledger import open_ledger
from knect.ledger.questions.queries import equations
from knect.ledger.schema import metadata
from knect.ledger.store.dsn import parse_dsn
from knect.ledger.store.errors import (
    LedgerBroken,
    LedgerBusy,
    LedgerMisnamed,
    LedgerMissing,
    LedgerNewer,
    LedgerReadOnly,
    LedgerUnreachable,
    sentence_of,
)
from knect.ledger.store.postgres import ServerBackend, postgres_engine
from knect.ledger.store.versions import CODE_VERSION, climb

pytestmark = pytest.mark.postgres_only("a file has test_opening.py")


@pytest.fixture
def real() -> PostgresServer:
    return server()


@pytest.fixture
def database_name(real: PostgresServer) -> Iterator[str]:
    name = real.fresh_database()
    yield name
    real.sql(f"drop database {name} with (force)")


async def _opened_and_closed(dsn: str, **options: Any) -> None:
    await (await open_ledger(dsn, **options)).close()


_CATALOG = """
select format('%s %s %s %s %s', table_name, ordinal_position, column_name, data_type,
              is_nullable || coalesce(column_default, '')) from information_schema.columns
 where table_schema = '{0}'
union all select indexdef from pg_indexes where schemaname = '{0}'
union all select conrelid::regclass || conname || pg_get_constraintdef(oid) from pg_constraint
 where connamespace = '"{0}"'::regnamespace
union all select format('%s %s', objoid::regclass, description) from pg_description
 where objoid in (select oid from pg_class where relnamespace = '"{0}"'::regnamespace)
order by 1
"""


async def test_a_ledger_laid_new_is_what_every_step_makes_of_none(
    real: PostgresServer, database_name: str
) -> None:
    laid = await open_ledger(real.dsn(database_name, schema="Acme-1"))
    await laid.close()
    real.sql('create schema "Acme-2"', database_name)
    engine = postgres_engine(parse_dsn(real.dsn(database_name, schema="Acme-2")), write=True)
    stepping = ServerBackend(engine)
    await stepping.write(climb)
    found = await stepping.read(lambda c: compare_metadata(MigrationContext.configure(c), metadata))
    await stepping.dispose()
    assert found == []
    first, second = (
        real.sql(_CATALOG.format(name), database_name).replace(name, "")
        for name in ("Acme-1", "Acme-2")
    )
    assert first == second
    assert len(first.splitlines()) > 200
    assert (
        real.sql("select count(*) from pg_tables where schemaname = 'public'", database_name) == "0"
    )


async def test_ten_that_start_at_once_lay_it_once(real: PostgresServer, database_name: str) -> None:
    dsn = real.dsn(database_name, schema="shared")
    ledgers = await asyncio.gather(*(open_ledger(dsn, namespace="acme") for _ in range(10)))
    assert await asyncio.gather(*(one.read(equations) for one in ledgers)) == [[]] * 10
    await asyncio.gather(*(one.close() for one in ledgers))


async def test_a_ledger_has_one_owner(real: PostgresServer, database_name: str) -> None:
    dsn = real.dsn(database_name)
    await _opened_and_closed(dsn, namespace="acme")
    await _opened_and_closed(dsn, namespace="acme")
    for write in (True, False):
        with pytest.raises(
            LedgerMisnamed, match="belongs to namespace 'acme', and this is 'other'"
        ):
            await open_ledger(dsn, namespace="other", write=write)
    await _opened_and_closed(dsn, write=False)  # a person's command names none
    await _opened_and_closed(real.dsn(database_name, schema="other"), namespace="other")


async def test_reading_makes_no_ledger(real: PostgresServer, database_name: str) -> None:
    with pytest.raises(LedgerMissing, match=r"there is no ledger in .*; start a worker first"):
        await open_ledger(real.dsn(database_name), write=False)
    assert (
        real.sql("select count(*) from pg_namespace where nspname = 'knect'", database_name) == "0"
    )


@pytest.mark.parametrize("write", [True, False])
async def test_what_is_no_ledger_is_left_alone(
    real: PostgresServer, database_name: str, write: bool
) -> None:
    real.sql("create table meta (id integer)", database_name)
    with pytest.raises(LedgerBroken, match="holds other tables and no ledger; name another"):
        await open_ledger(real.dsn(database_name, schema="public"), write=write)


@pytest.mark.parametrize("write", [True, False])
async def test_a_ledger_of_newer_code_is_refused(
    real: PostgresServer, database_name: str, write: bool
) -> None:
    dsn = real.dsn(database_name)
    await _opened_and_closed(dsn)
    newer = CODE_VERSION + 1
    real.sql(f"update knect.meta set value = '{newer}' where name = 'oldest_code'", database_name)
    with pytest.raises(LedgerNewer, match=f"asks for code {newer}, this is {CODE_VERSION}"):
        await open_ledger(dsn, write=write)


async def test_a_ledger_that_lacks_what_its_step_has_is_refused_by_who_writes(
    real: PostgresServer, database_name: str
) -> None:
    dsn = real.dsn(database_name)
    await _opened_and_closed(dsn)
    real.sql("alter table knect.feeds drop column failure", database_name)
    with pytest.raises(LedgerBroken, match=r"it lacks feeds\.failure; "):
        await open_ledger(dsn)


async def test_what_cannot_be_reached_is_a_sentence_without_the_password(
    real: PostgresServer, database_name: str
) -> None:
    real.sql("drop role if exists guest")
    real.sql("create role guest login password 'guest'")
    good = real.dsn(database_name)
    here = f"127.0.0.1:{real.port}"
    wrong = {
        f"postgresql://postgres:wrong-secret@{here}/{database_name}": (
            LedgerUnreachable, "refuses the password",
        ),
        real.dsn("nowhere"): (LedgerMissing, "there is no such database on that server"),
        real.dsn(database_name, port=1): (LedgerUnreachable, "the connection is refused"),
        f"postgresql://guest:guest@{here}/{database_name}": (
            LedgerReadOnly, "the role may not do that; grant it the schema",
        ),
        "postgresql://guest:wrong-secret@no-such-host.invalid/x": (
            LedgerUnreachable, "name is not known",
        ),
        real.dsn(database_name, sslmode="require"): (LedgerUnreachable, "no TLS|connection was lost"),
    }  # fmt: skip
    for dsn, (kind, says) in wrong.items():
        with pytest.raises(kind, match=says) as raised:
            await open_ledger(dsn)
        for secret in (PASSWORD, "wrong-secret", "guest:"):
            assert secret not in str(raised.value)
    await _opened_and_closed(good)


async def test_a_port_that_a_policy_may_keep_closed_is_named_in_a_cluster_only() -> None:
    """The chart opens 5432; a PgBouncer at 6432 is the case that everybody meets."""
    dsn = "postgresql://ana:x@127.0.0.1:1/db"
    with pytest.raises(LedgerUnreachable) as alone:
        await open_ledger(dsn)
    with pytest.raises(LedgerUnreachable) as in_cluster:
        await open_ledger(dsn, namespace="shops")
    hint = "; where NetworkPolicies have an effect, `worker.openPorts` (chart) needs 1"
    assert str(in_cluster.value) == f"{alone.value}{hint}"


def test_a_network_that_is_not_there_is_no_connection_that_was_lost() -> None:
    error = OSError(errno.ENETUNREACH, "Network is unreachable")
    said = sentence_of(error, None, "the ledger")
    assert said == "the ledger: no way leads there from here (network or host unreachable)"


async def test_a_role_without_the_right_to_create_uses_a_schema_it_was_given(
    real: PostgresServer, database_name: str
) -> None:
    real.sql("drop role if exists tenant")
    real.sql("create role tenant login password 'tenant'")
    real.sql("create schema acme authorization tenant", database_name)
    dsn = f"postgresql://tenant:tenant@127.0.0.1:{real.port}/{database_name}?schema=acme"
    await _opened_and_closed(dsn)
    real.sql(f"drop database {database_name} with (force)")
    real.sql("drop role tenant")
    real.sql(f"create database {database_name}")


async def test_a_reader_does_not_write_and_a_server_limits_what_hangs(
    real: PostgresServer, database_name: str
) -> None:
    dsn = real.dsn(database_name)
    await _opened_and_closed(dsn)
    reader = await open_ledger(dsn, write=False)
    with pytest.raises(LedgerBusy, match="reading only"):
        await reader.write(lambda _: None)
    limits = await reader.read(
        lambda c: [
            c.exec_driver_sql(f"show {name}").scalar()
            for name in (
                "statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout",
                "search_path", "transaction_read_only",
            )
        ]
    )  # fmt: skip
    await reader.close()
    assert limits == ["30s", "10s", "30s", '"knect"', "on"]

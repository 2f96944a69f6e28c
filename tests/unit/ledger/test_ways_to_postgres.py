"""What stands between a worker and its server: PgBouncer in transaction mode, TLS."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, text
from tests.support.ledgers import server
from tests.support.real.pgbouncer import PgBouncer, ensure_pgbouncer
from tests.support.real.postgres import PASSWORD, PostgresServer
from tests.support.real.require import Unavailable, unavailable

from knect.ledger import open_ledger
from knect.ledger import schema as s
from knect.ledger.questions.queries import equations
from knect.ledger.store.errors import LedgerError, LedgerMisnamed, LedgerUnreachable

pytestmark = pytest.mark.postgres_only("nothing stands before a file")


@pytest.fixture
def name() -> Iterator[str]:
    one = server().fresh_database()
    yield one
    server().sql(f"drop database {one} with (force)")


@pytest.fixture
def bouncer() -> Iterator[PgBouncer]:
    try:
        ensure_pgbouncer()
    except Unavailable as error:
        unavailable("postgres", str(error))
    with PgBouncer(server()) as one:
        yield one


def _entry(number: int) -> Any:
    row = {"at_us": number, "actor": "test", "verb": "write", "selector": "", "count": 1}
    return lambda c: c.execute(insert(s.actions).values(**row)).rowcount


async def test_several_workers_behind_a_pgbouncer(bouncer: PgBouncer, name: str) -> None:
    """Two server connections for four ledgers, each in a schema of its own or a shared one."""
    dsns = [
        server().dsn(name, port=bouncer.port, schema=schema, pgbouncer="true")
        for schema in ("acme", "acme", "other", "third")
    ]
    ledgers = await asyncio.gather(*(open_ledger(dsn) for dsn in dsns))
    for round_ in range(10):
        await asyncio.gather(*(one.write(_entry(round_)) for one in ledgers))
        assert await asyncio.gather(*(one.read(equations) for one in ledgers)) == [[]] * 4
    shown = await ledgers[2].read(
        lambda c: (
            c.execute(text("show search_path")).scalar(),
            c.execute(text("show lock_timeout")).scalar(),
        )
    )
    assert shown == ('"other"', "10s")
    await asyncio.gather(*(one.close() for one in ledgers))
    counts = [
        server().sql(f"select count(*) from {schema}.actions", name)
        for schema in ("acme", "other", "third")
    ]
    assert counts == ["20", "10", "10"]


async def test_a_pgbouncer_nobody_told_us_of_is_named(bouncer: PgBouncer, name: str) -> None:
    with pytest.raises(LedgerError, match="add pgbouncer=true to the DSN") as raised:
        await open_ledger(server().dsn(name, port=bouncer.port))
    assert isinstance(raised.value, LedgerMisnamed)


@pytest.fixture
def certificates(tmp_path: Path) -> Path:
    """Return a folder with `ca.crt`, `ca.key`, and `server.*` signed by it for 127.0.0.1."""
    if shutil.which("openssl") is None:
        unavailable("postgres", "no openssl to make certificates with")

    def openssl(*words: str) -> None:
        subprocess.run(["openssl", *words], cwd=tmp_path, check=True, capture_output=True)

    for one in ("ca", "stranger"):
        openssl(
            "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={one}",
            "-keyout", f"{one}.key", "-out", f"{one}.crt",
        )  # fmt: skip
    openssl(
        "req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=db", "-keyout", "server.key",
        "-out", "server.csr",
    )  # fmt: skip
    (tmp_path / "san").write_text("subjectAltName=IP:127.0.0.1")
    openssl(
        "x509", "-req", "-in", "server.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-days", "2",
        "-CAcreateserial", "-extfile", "san", "-out", "server.crt",
    )  # fmt: skip
    return tmp_path


async def test_tls_as_libpq_understands_it(certificates: Path) -> None:
    ca, stranger = str(certificates / "ca.crt"), str(certificates / "stranger.crt")
    with PostgresServer() as real:
        real.stop()
        for one in ("server.crt", "server.key"):
            shutil.copy(certificates / one, real.data / one)
            (real.data / one).chmod(0o600)
            if os.getuid() == 0:
                shutil.chown(real.data / one, "nobody")
        real.start(ssl="on")
        for parameters in (
            {"sslmode": "require"},
            {"sslmode": "require", "sslrootcert": ca},
            {"sslmode": "verify-ca", "sslrootcert": ca},
            {"sslmode": "verify-full", "sslrootcert": ca},
            {"sslmode": "prefer"},
        ):
            ledger = await open_ledger(real.dsn("postgres", **parameters))
            ssl = text("select ssl from pg_stat_ssl where pid = pg_backend_pid()")
            assert await ledger.read(lambda c, ssl=ssl: c.execute(ssl).scalar()) is True
            await ledger.close()
        for parameters in (
            {"sslmode": "verify-ca", "sslrootcert": stranger},
            {"sslmode": "verify-full", "sslrootcert": stranger},
            {"sslmode": "require", "sslrootcert": stranger},
            {"sslmode": "verify-full", "sslrootcert": "system"},
        ):
            with pytest.raises(LedgerUnreachable, match="no TLS as sslmode wants it") as raised:
                await open_ledger(real.dsn("postgres", **parameters))
            assert PASSWORD not in str(raised.value)
        named = real.dsn("postgres", sslmode="verify-full", sslrootcert=ca)
        with pytest.raises(LedgerUnreachable, match="no TLS as sslmode wants it"):
            await open_ledger(named.replace("127.0.0.1", "localhost"))

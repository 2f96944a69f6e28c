"""What is wrong with an address is said by its parameter, and never with the password."""

from pathlib import Path

import pytest

from knect.ledger import open_ledger
from knect.ledger.store.dsn import parse_dsn
from knect.ledger.store.errors import LedgerMisnamed

pytestmark = pytest.mark.sqlite_only("no database is asked")


def test_an_address_is_read_as_libpq_reads_it() -> None:
    dsn = parse_dsn(
        "postgres://ana:p%40ss%2Fword%23@db.acme.internal/erp?schema=acme&sslmode=verify-full"
        "&sslrootcert=%2Fca.crt&connect_timeout=3"
    )
    assert (dsn.host, dsn.port, dsn.database, dsn.schema) == (
        "db.acme.internal",
        5432,
        "erp",
        "acme",
    )
    assert (dsn.user, dsn.password) == ("ana", "p@ss/word#")
    assert (dsn.sslmode, dsn.sslrootcert, dsn.connect_timeout) == ("verify-full", "/ca.crt", 3)
    assert "p@ss" not in repr(dsn) + dsn.name
    assert "ana" not in dsn.name


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("mysql://u:hunter2@h/db", "scheme: 'mysql' is not understood, only postgresql"),
        ("postgresql://u:hunter2@/db", "host: it is missing"),
        ("postgresql:///db", "host: it is missing"),
        ("postgresql://u:hunter2@h", "database: it is missing"),
        ("postgresql://u:hunter2@h/", "database: it is missing"),
        ("postgresql://u:hunter2@h:99999/db", "port: it is no number from 1 to 65535"),
        ("postgresql://u:hunter2@a,b/db", "host: only one is understood"),
        ("postgresql://u:hunt#er2@h/db", "password: write `#` within it as %23"),
        ("postgresql://u:hunter2@h/db?shema=x", "shema: it is unknown; known are connect_timeout"),
        ("postgresql://u:hunter2@h/db?schema=", "schema: a name of 1 to 63 bytes"),
        ("postgresql://u:hunter2@h/db?schema=a&schema=b", "schema: it is given twice"),
        ('postgresql://u:hunter2@h/db?schema=a"b', "schema: a name of 1 to 63 bytes without quotes"),
        ("postgresql://u:hunter2@h/db?schema=pg_x", "schema: pg_x belongs to PostgreSQL itself"),
        ("postgresql://u:hunter2@h/db?sslmode=on", "sslmode: 'on' is none of disable, allow"),
        ("postgresql://u:hunter2@h/db?sslcert=/x", "sslcert: sslcert and sslkey go together"),
        ("postgresql://u:hunter2@h/db?pgbouncer=1", "pgbouncer: '1' is neither true nor false"),
        ("postgresql://u:hunter2@h/db?connect_timeout=0", "connect_timeout: '0' is no number"),
    ],
)  # fmt: skip
async def test_a_wrong_address_names_the_parameter(address: str, says: str) -> None:
    with pytest.raises(LedgerMisnamed, match=says) as raised:
        await open_ledger(address)
    assert "hunt" not in str(raised.value)
    assert "write it as postgresql://USER:PASSWORD@HOST" in str(raised.value)


async def test_a_certificate_that_is_not_there_is_named(tmp_path: Path) -> None:
    missing = tmp_path / "ca.crt"
    address = f"postgresql://u:hunter2@127.0.0.1/db?sslmode=verify-full&sslrootcert={missing}"
    with pytest.raises(LedgerMisnamed, match=f"sslrootcert: there is no file {missing}"):
        await open_ledger(address)
    missing.write_text("no certificate")
    with pytest.raises(LedgerMisnamed, match="is no certificate or key that can be read"):
        await open_ledger(address)


async def test_in_a_cluster_a_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LedgerMisnamed, match="in a cluster the ledger is PostgreSQL"):
        await open_ledger(str(tmp_path / "ledger.db"), namespace="acme")
    assert not (tmp_path / "ledger.db").exists()

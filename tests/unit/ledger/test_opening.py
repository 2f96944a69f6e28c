"""A ledger opens, or says in a sentence why not and what to do; nothing is ever damaged."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, text
from sqlalchemy.exc import IntegrityError
from tests.unit.ledger.book import Book

from knect.ledger import LedgerError, open_ledger
from knect.ledger.questions.queries import equations
from knect.ledger.schema import metadata
from knect.ledger.store.database import sqlite_path
from knect.ledger.store.errors import (
    LedgerBroken,
    LedgerBusy,
    LedgerMissing,
    LedgerNewer,
    LedgerOlder,
    LedgerReadOnly,
    translate,
)
from knect.ledger.store.versions import CODE_VERSION, climb

pytestmark = pytest.mark.sqlite_only("what a file can be; PostgreSQL has test_opening_postgres.py")

ROOT = Path(__file__).parents[3]


def _names(folder: Path) -> list[str]:
    return sorted(one.name for one in folder.iterdir())


def _open_in_a_child(path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    code = (
        "import asyncio, sys; from knect.ledger import open_ledger\n"
        "asyncio.run(open_ledger(sys.argv[1]))"
    )
    return subprocess.run(
        [sys.executable, "-c", code, str(path)],
        env={**os.environ, **environment}, cwd=ROOT, text=True, capture_output=True, check=False,
    )  # fmt: skip


async def test_a_new_ledger_is_made_with_its_folder_and_found_again(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "er" / "ledger.db"
    async with Book(path) as book:
        await book.see("1", "2")
    async with Book(path) as book:
        assert await book.fates() == {"1": "in_flight", "2": "in_flight"}
    with sqlite3.connect(path) as plain:
        assert plain.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert plain.execute("PRAGMA auto_vacuum").fetchone() == (2,)  # incremental
    plain.close()


def _modes(folder: Path) -> dict[str, int]:
    return {one.name: one.stat().st_mode & 0o777 for one in folder.iterdir()}


async def test_a_new_ledger_is_its_owners_alone(tmp_path: Path) -> None:
    async with Book(tmp_path / "ledger.db") as book:
        await book.see("501")
        modes = _modes(tmp_path)
    assert {"ledger.db", "ledger.db-wal"} <= set(modes)
    assert set(modes.values()) == {0o600}


async def test_a_ledger_laid_new_is_what_every_step_makes_of_none(tmp_path: Path) -> None:
    laid, stepped = tmp_path / "ledger.db", tmp_path / "stepped.db"
    await (await open_ledger(str(laid))).close()
    engine = create_engine(f"sqlite:///{stepped}")
    with engine.begin() as connection:
        climb(connection)
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()
    found = [_everything(path) for path in (laid, stepped)]
    assert found[0] == found[1]
    assert len(found[0]) > 60


def _everything(path: Path) -> set[tuple[Any, ...]]:
    """Return what a file consists of: tables, columns, indexes, rows of the first day."""
    with sqlite3.connect(path) as plain:
        made = plain.execute("select type, name, tbl_name from sqlite_master").fetchall()
        rows: set[tuple[Any, ...]] = set(made)
        for kind, name, _ in made:
            about = "table_xinfo" if kind == "table" else "index_xinfo"
            rows |= {(name, *row) for row in plain.execute(f'pragma {about}("{name}")')}
            if kind == "table":
                for more in ("foreign_key_list", "index_list"):
                    listed = plain.execute(f'pragma {more}("{name}")').fetchall()
                    rows |= {(name, more, *row[2:]) for row in listed}
            if kind == "index":
                made_by = plain.execute("select sql from sqlite_master where name = ?", (name,))
                rows.add((name, " ".join(str(made_by.fetchone()[0]).split())))
        rows |= set(
            plain.execute(
                "select * from meta union all select 'step', version_num from alembic_version"
            )
        )
    plain.close()
    return rows


async def test_a_second_writer_is_refused_and_readers_are_not(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    async with Book(path) as book:
        await book.see("1")
        with pytest.raises(LedgerBusy, match="another knect process writes this ledger; stop it"):
            await open_ledger(str(path))
        reader = await open_ledger(str(path), write=False)
        assert not reader.writable
        with pytest.raises(LedgerBusy, match="reading only"):
            await reader.write(lambda _: None)
        await reader.close()
    await (await open_ledger(str(path))).close()  # the lock is given back


async def test_a_writer_that_was_killed_leaves_no_lock(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    code = (
        "import asyncio, os, sys; from knect.ledger import open_ledger\n"
        "async def main():\n"
        "    await open_ledger(sys.argv[1]); os.kill(os.getpid(), 9)\n"
        "asyncio.run(main())"
    )
    child = await asyncio.create_subprocess_exec(sys.executable, "-c", code, str(path), cwd=ROOT)
    assert await child.wait() == -signal.SIGKILL
    await (await open_ledger(str(path))).close()


async def test_reading_makes_no_ledger(tmp_path: Path) -> None:
    path = tmp_path / "none.db"
    with pytest.raises(LedgerMissing, match=r"there is no ledger at .*none\.db; run `knect run`"):
        await open_ledger(str(path), write=False)
    assert _names(tmp_path) == []


@pytest.mark.parametrize("write", [True, False])
@pytest.mark.parametrize(
    ("what", "says"),
    [
        ("text", "no SQLite database; name another with --ledger"),
        ("other", "name another with --ledger"),
        ("folder", "is a folder and no ledger; name a file with --ledger"),
        ("empty tables", "name another with --ledger"),
    ],
)
async def test_what_is_no_ledger_is_left_alone(
    tmp_path: Path, what: str, says: str, write: bool
) -> None:
    path = tmp_path / "mine.db"
    if what == "text":
        path.write_text("my notes\n" * 500)
    elif what == "folder":
        path.mkdir()
    elif what == "other":
        with sqlite3.connect(path) as other:
            other.execute("create table invoices (id integer)")
        other.close()
    else:
        with sqlite3.connect(path) as other:
            other.execute("create table meta (id integer)")
        other.close()
    before = path.read_bytes() if path.is_file() else b""
    with pytest.raises(LedgerError) as raised:
        await open_ledger(str(path), write=write)
    assert says in str(raised.value)
    assert str(path) in str(raised.value)
    if what == "text":
        assert path.read_bytes() == before
    if what == "other":
        with sqlite3.connect(path) as other:
            assert [r[0] for r in other.execute("select name from sqlite_master")] == ["invoices"]
        other.close()


async def test_an_empty_file_becomes_a_ledger_but_cannot_be_read_as_one(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    path.touch()
    with pytest.raises(LedgerBroken, match="no Knect ledger"):
        await open_ledger(str(path), write=False)
    await (await open_ledger(str(path))).close()
    await (await open_ledger(str(path), write=False)).close()


@pytest.mark.parametrize("write", [True, False])
async def test_a_truncated_ledger_is_told_as_damaged(tmp_path: Path, write: bool) -> None:
    path = tmp_path / "ledger.db"
    async with Book(path) as book:
        await book.see(*map(str, range(200)))
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 3)

    async def use() -> None:
        ledger = await open_ledger(str(path), write=write)
        try:
            await ledger.read(equations)
        finally:
            await ledger.close()

    with pytest.raises(LedgerBroken, match="damaged; keep the file, restore a backup"):
        await use()


@pytest.mark.parametrize("write", [True, False])
async def test_a_ledger_of_newer_code_is_refused(tmp_path: Path, write: bool) -> None:
    path = tmp_path / "ledger.db"
    await (await open_ledger(str(path))).close()
    with sqlite3.connect(path) as plain:
        plain.execute("update meta set value = ? where name = 'oldest_code'", (CODE_VERSION + 1,))
    plain.close()
    sentence = f"asks for code {CODE_VERSION + 1}, this is {CODE_VERSION}.*upgrade this one"
    with pytest.raises(LedgerNewer, match=sentence):
        await open_ledger(str(path), write=write)


async def test_a_ledger_that_newer_code_only_expanded_is_used_on(tmp_path: Path) -> None:
    """So that a roll-back works: a migration unknown here, but one that lets older code write."""
    path = tmp_path / "ledger.db"
    async with Book(path) as book:
        await book.see("1")
    with sqlite3.connect(path) as plain:
        plain.execute("alter table transactions add column newer text")
        plain.execute("update alembic_version set version_num = '9999'")
    plain.close()
    async with Book(path) as book:
        await book.see("2")
        assert await book.fates() == {"1": "in_flight", "2": "in_flight"}


async def test_a_ledger_of_older_code_that_is_only_read_is_told(tmp_path: Path) -> None:
    """A reader brings no ledger up to date; it says who does."""
    path = tmp_path / "ledger.db"
    await (await open_ledger(str(path))).close()
    with sqlite3.connect(path) as plain:
        plain.execute("drop table retired")
    plain.close()
    ledger = await open_ledger(str(path), write=False)
    with pytest.raises(LedgerOlder, match="start the worker, or `knect run` once"):
        await ledger.read(equations)
    await ledger.close()


async def test_a_ledger_that_lacks_what_its_step_has_is_refused_by_who_writes(
    tmp_path: Path,
) -> None:
    """As one does that was laid before the first release: there is no step to mend it by."""
    path = tmp_path / "ledger.db"
    await (await open_ledger(str(path))).close()
    with sqlite3.connect(path) as plain:
        plain.execute("drop table retired")
        plain.execute("alter table feeds drop column failure")
    plain.close()
    with pytest.raises(LedgerBroken, match=r"it lacks feeds\.failure, retired; .* name another"):
        await open_ledger(str(path))


def test_sudden_death_in_the_middle_of_a_migration_leaves_a_usable_file(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    died = _open_in_a_child(path, KNECT_CRASH="migration.half")
    assert died.returncode == -signal.SIGKILL
    with sqlite3.connect(path) as plain:
        assert plain.execute("select count(*) from sqlite_master").fetchone() == (0,)
    plain.close()
    again = _open_in_a_child(path)
    assert again.returncode == 0, again.stderr
    assert _open_in_a_child(path).returncode == 0


_AS_NOBODY = """
import asyncio, os, sys, tempfile
from knect.ledger import LedgerError, open_ledger
async def main():
    try:
        ledger = await open_ledger(sys.argv[1], write=sys.argv[2] == "write")
    except LedgerError as error:
        print(type(error).__name__, error)
        return
    try:
        await ledger.write(lambda c: c.exec_driver_sql("delete from sightings").rowcount)
    except LedgerError as error:
        print(type(error).__name__, error)
    finally:
        await ledger.close()
async def import_everything():  # what is imported late may not be readable for nobody
    with tempfile.TemporaryDirectory() as folder:
        ledger = await open_ledger(folder + "/x.db")
        await ledger.read(lambda c: c.exec_driver_sql("select 1").scalar())
        await ledger.write(lambda c: None)
        await ledger.close()
asyncio.run(import_everything())
if os.getuid() == 0:  # root may write everything
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
asyncio.run(main())
"""


def _as_nobody(path: Path, how: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", _AS_NOBODY, str(path), how],
        cwd=ROOT, text=True, capture_output=True, check=False,
    )  # fmt: skip
    assert done.stderr == ""
    return done.stdout


@pytest.fixture
def open_to_all() -> Iterator[Path]:
    """Yield a folder everybody may look into.

    Not below pytest's own: that is shut to others whenever a pytest starts on this machine.
    """
    with TemporaryDirectory() as place:
        folder = Path(place)
        folder.chmod(0o755)
        yield folder


@pytest.fixture
async def others(open_to_all: Path) -> Path:
    """Return a ledger in a folder, both of somebody else."""
    folder = open_to_all / "others"
    async with Book(folder / "ledger.db") as book:
        await book.see("1")
    (folder / "ledger.db.lock").unlink()
    (folder / "ledger.db").chmod(0o444)
    folder.chmod(0o555)
    return folder / "ledger.db"


def test_a_read_only_folder_is_told(others: Path) -> None:
    said = _as_nobody(others, "write")
    assert said.startswith("LedgerReadOnly")
    assert "make the file and its folder writable for this user" in said


def test_a_read_only_file_is_told(others: Path) -> None:
    others.parent.chmod(0o777)
    said = _as_nobody(others, "write")
    assert said.startswith("LedgerReadOnly")
    assert "make the file and its folder writable for this user" in said


def test_a_read_only_ledger_can_still_be_read(others: Path) -> None:
    """`knect find` on a copy that somebody else owns: no lock, no write-ahead log beside it."""
    said = _as_nobody(others, "read")
    assert said.startswith("LedgerBusy")  # it opened; only the write was refused


def test_a_dsn_is_a_path_or_names_a_server() -> None:
    assert sqlite_path("x/y.db") == Path("x/y.db")
    assert sqlite_path("sqlite:////var/y.db") == Path("/var/y.db")
    assert sqlite_path("postgresql://user:secret@host/db") is None


async def test_a_path_with_odd_letters_is_one_file(tmp_path: Path) -> None:
    path = tmp_path / "a?b#c%20d é.db"
    async with Book(path) as book:
        await book.see("1")
    reader = await open_ledger(str(path), write=False)
    await reader.close()
    assert all(name.startswith(path.name) for name in _names(tmp_path))


async def test_a_read_only_error_while_at_work_is_a_sentence() -> None:
    """What SQLite calls READONLY, FULL or IOERR is never shown by that name."""
    kinds = {"SQLITE_READONLY_DBMOVED": LedgerReadOnly, "SQLITE_CORRUPT": LedgerBroken}
    for name, kind in kinds.items():
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorname = name
        told = translate(error, "ledger.db")
        assert isinstance(told, kind)
        assert "SQLITE" not in str(told)


async def test_what_a_statement_was_given_is_not_in_its_error(tmp_path: Path) -> None:
    ledger = await open_ledger(str(tmp_path / "a.db"))
    try:
        twice = text("insert into meta (name, value) values (:a, 'x'), (:a, 'x')")
        with pytest.raises(IntegrityError) as caught:
            await ledger.write(lambda c: c.execute(twice, {"a": "canary"}))
        assert "insert into meta" in str(caught.value)
        assert "canary" not in f"{caught.value}{caught.value!r}{caught.value.__cause__!r}"
    finally:
        await ledger.close()

"""The next migrations, before there are any: one that expands, a later one that contracts.

New code is this code with two more steps and a raised number. An old worker is one that opened the
ledger before.
"""

import asyncio
import shutil
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from tests.support.ledgers import place
from tests.unit.ledger.book import Book

from knect.ledger import open_ledger
from knect.ledger.store import versions
from knect.ledger.store.errors import LedgerBusy, LedgerNewer

_EXPANDS = '''"""Expand: a column that old code need not know."""
import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.execute("insert into meta (name, value) values ('migrated', '1')")
    with op.batch_alter_table("transactions") as batch:
        batch.add_column(sa.Column("colour", sa.Text(), server_default="blue"))
'''
_CONTRACTS = '''"""Contract: what only old code used goes, and with it old code."""
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.execute("update meta set value = '2' where name = 'oldest_code'")
    with op.batch_alter_table("transactions") as batch:
        batch.drop_column("colour")
'''


class Release:
    """Which code runs: `steps` more than today's, and its number."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder = folder
        self._patch = monkeypatch
        self._today = versions._STEPS

    def use(self, *steps: str, code: int = 1) -> None:
        if not steps:
            self._patch.setattr(versions, "_STEPS", self._today)
        else:
            folder = self._folder / f"steps{len(steps)}"
            if not folder.exists():
                shutil.copytree(self._today, folder, ignore=shutil.ignore_patterns("__pycache__"))
                for number, step in enumerate(steps, 2):
                    (folder / f"{number:04}_next.py").write_text(step)
            self._patch.setattr(versions, "_STEPS", folder)
        self._patch.setattr(versions, "CODE_VERSION", code)


@pytest.fixture
def release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Release:
    return Release(tmp_path, monkeypatch)


async def _value(ledger: Any, sql: str) -> Any:
    return await ledger.read(lambda c: c.execute(text(sql)).scalar())


def test_a_step_s_file_begins_with_its_number() -> None:
    for path in versions._STEPS.glob("*.py"):
        assert f'revision = "{path.name.partition("_")[0]}"\n' in path.read_text()


async def test_an_expanding_migration_and_a_roll_back(tmp_path: Path, release: Release) -> None:
    path = tmp_path / "ledger.db"
    async with Book(path) as old:
        await old.see("1")
    release.use(_EXPANDS)
    async with Book(path) as new:  # upgraded
        await new.see("2")
        assert (
            await _value(new.ledger, "select count(*) from transactions where colour = 'blue'") == 2
        )
    release.use()
    async with Book(path) as old:  # rolled back
        await old.see("3")
        await old.work("delivered")
        assert (await old.sum()).balanced
    release.use(_EXPANDS)
    async with Book(path) as new:  # and forward again: nothing is migrated twice
        assert (
            await _value(new.ledger, "select count(*) from transactions where colour = 'blue'") == 3
        )
        assert (await new.sum()).fates["delivered"] == 3


async def test_a_contracting_migration_refuses_old_code(tmp_path: Path, release: Release) -> None:
    path = tmp_path / "ledger.db"
    async with Book(path) as old:
        await old.see("1")
    release.use(_EXPANDS, _CONTRACTS, code=2)
    async with Book(path) as new:
        await new.see("2")
    release.use()
    for write in (True, False):
        with pytest.raises(LedgerNewer, match=r"asks for code 2, this is 1.*upgrade this one"):
            await open_ledger(place(path), write=write)
    release.use(_EXPANDS, _CONTRACTS, code=2)
    async with Book(path) as new:
        assert len(await new.fates()) == 2


@pytest.mark.sqlite_only("on a server several may write")
async def test_new_code_waits_for_a_file_that_old_code_writes(
    tmp_path: Path, release: Release
) -> None:
    path = tmp_path / "ledger.db"
    async with Book(path) as old:
        release.use(_EXPANDS)
        with pytest.raises(LedgerBusy, match="another knect process writes this ledger"):
            await open_ledger(place(path))
        await old.see("1")
    async with Book(path) as new:
        assert await _value(new.ledger, "select value from meta where name = 'migrated'") == "1"


@pytest.mark.postgres_only("a file has one writer")
async def test_new_workers_migrate_once_while_old_ones_work(
    tmp_path: Path, release: Release
) -> None:
    path = tmp_path / "ledger.db"
    async with Book(path) as old:
        stop = asyncio.Event()
        seen: list[str] = []

        async def keep_working() -> None:
            while not stop.is_set():
                seen.append(f"o{len(seen)}")
                await old.see(seen[-1])
                await old.work("delivered")

        working = asyncio.create_task(keep_working())
        while len(seen) < 5:
            await asyncio.sleep(0.01)
        release.use(_EXPANDS)
        ledgers = await asyncio.gather(*(open_ledger(place(path)) for _ in range(5)))
        after = len(seen)
        while len(seen) < after + 5 and not working.done():
            await asyncio.sleep(0.01)
        stop.set()
        await working  # the old worker met no error
        assert await _value(ledgers[0], "select value from meta where name = 'migrated'") == "1"
        equation = await old.sum()
        assert equation.balanced
        assert equation.fates["delivered"] == len(seen) >= 10
        await asyncio.gather(*(one.close() for one in ledgers))


@pytest.mark.postgres_only("a file has one writer")
async def test_one_that_dies_in_the_middle_of_a_migration_leaves_nothing_half(
    tmp_path: Path, release: Release
) -> None:
    path = tmp_path / "ledger.db"
    async with Book(path) as old:
        await old.see("1")
    release.use(_EXPANDS, _CONTRACTS + "    raise RuntimeError('half-way')\n", code=2)
    with pytest.raises(RuntimeError, match="half-way"):
        await open_ledger(place(path))
    release.use()
    async with Book(path) as old:
        assert await _value(old.ledger, "select version_num from alembic_version") == "0001"
        assert await _value(old.ledger, "select count(*) from meta where name = 'migrated'") == 0

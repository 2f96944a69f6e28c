"""The ledgers of tests: what one test left is not there for the next."""

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import func, select
from tests.support.ledgers import laid, on_postgres, place, server
from tests.unit.ledger.book import Book

from knect.ledger import open_ledger
from knect.ledger import schema as s
from knect.ledger.facts import OWNER, fact


async def _uses(path: Path) -> list[int]:
    """Leave something in all that fills by itself, and return the numbers the rows got."""
    async with Book(path, "orders", "stock") as book:
        assert await book.see("1", "2") == 2
        await book.ledger.write(lambda c: fact(c, OWNER, "shops"))
        return await book.ledger.read(lambda c: list(c.execute(select(s.versions.c.seq)).scalars()))


def test_a_used_ledger_is_a_new_one_for_the_next_test(tmp_path: Path) -> None:
    said = []
    for name in ("one", "other"):
        with on_postgres():
            said.append((place(tmp_path / name), asyncio.run(_uses(tmp_path / name))))
    assert said[0] == said[1], "the same database, and rows are numbered from the first again"
    assert said[0][1] == [1, 2]


def test_nothing_is_left_in_any_table(tmp_path: Path) -> None:
    async def counts() -> dict[str, int]:
        ledger = await open_ledger(place(tmp_path / "next"))
        tables = list(s.metadata.tables.values())
        found = await ledger.read(
            lambda c: {
                one.name: c.execute(select(func.count()).select_from(one)).scalar_one()
                for one in tables
            }
        )
        await ledger.close()
        return {name: count for name, count in found.items() if count}

    with on_postgres():
        asyncio.run(_uses(tmp_path / "one"))
        name = place(tmp_path / "one")
    with on_postgres():
        assert place(tmp_path / "next") == name
        assert asyncio.run(counts()) == {"meta": 1}


def test_a_server_that_was_away_is_told_all_the_same(tmp_path: Path) -> None:
    for name in ("one", "other"):
        with on_postgres():
            asyncio.run(_uses(tmp_path / name))
            server().kill()
            server().start()


@pytest.mark.parametrize("known", [False, True])
def test_a_file_that_is_laid_is_a_ledger_nobody_has_used(tmp_path: Path, known: bool) -> None:
    path = tmp_path / "ledger.db"
    if known:
        asyncio.run(_uses(path))
        before = path.read_bytes()
    laid(path)
    assert not known or path.read_bytes() == before
    assert asyncio.run(_uses(tmp_path / "another.db")) == [1, 2]

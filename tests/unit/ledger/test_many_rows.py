"""Many rows in one statement, and lists as one parameter: the same on both databases."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, bindparam, select
from sqlalchemy.dialects import sqlite
from tests.unit.ledger.book import Book

from knect.ledger import schema as s
from knect.ledger.store.bulk import DeleteMany, InsertMany, UpdateMany
from knect.ledger.store.sets import Rows, one_of

_COLUMNS = ("name", "holder", "fence", "expires_us")
_INSERT = InsertMany(s.leases, _COLUMNS)
_IGNORE = InsertMany(s.leases, _COLUMNS, ignore=True)
_UPSERT = InsertMany(s.leases, _COLUMNS, unique=("name",), changing=("holder",))
_UPDATE = UpdateMany(s.leases, ("name", "holder", "fence"), fixed="expires_us = 7")
_DELETE = DeleteMany(s.leases, ("name", "holder"))
_ALL = Rows(select(*(s.leases.c[n] for n in _COLUMNS)), tuple[str, str | None, int, int])
_NAMED = Rows(
    select(s.leases.c.name, s.leases.c.fence)
    .where(one_of(s.leases.c.name, "names"), s.leases.c.fence > bindparam("above"))
    .order_by(s.leases.c.fence),
    tuple[str, int],
)


def _some(count: int) -> list[tuple[str, str, int, int]]:
    return [(f"n{i:03}", "w", i, 0) for i in range(count)]


async def _after(tmp_path: Path, *units: Callable[[Connection], Any]) -> list[tuple[Any, ...]]:
    async with Book(tmp_path / "ledger.db") as book:
        for unit in units:
            await book.ledger.write(unit)
        rows: list[tuple[Any, ...]] = await book.ledger.read(_ALL.of)
        return sorted(rows)


@pytest.mark.parametrize("count", [0, 1, 4, 5, 99, 100, 101, 347, 500, 1_234])
async def test_any_number_of_rows_is_inserted_once(tmp_path: Path, count: int) -> None:
    rows = await _after(tmp_path, lambda c: _INSERT.run(c, _some(count)))
    assert rows == sorted(_some(count))


async def test_what_exists_is_left_alone_or_updated_and_the_last_one_counts(tmp_path: Path) -> None:
    new = [("n000", "x", 5, 5), ("n001", "y", 5, 5), ("n000", "z", 5, 5)]
    first: Callable[[Connection], Any] = lambda c: _INSERT.run(c, _some(1))  # noqa: E731
    rows = await _after(tmp_path, first, lambda c: _IGNORE.run(c, new))
    assert rows == [("n000", "w", 0, 0), ("n001", "y", 5, 5)]


async def test_of_several_rows_of_one_name_the_last_one_counts(tmp_path: Path) -> None:
    new = [("n000", "x", 5, 5), ("n001", "y", 5, 5), ("n000", "z", 5, 5)]
    rows = await _after(tmp_path, lambda c: _INSERT.run(c, _some(1)), lambda c: _UPSERT.run(c, new))
    assert rows == [("n000", "z", 0, 0), ("n001", "y", 5, 5)]


async def test_rows_are_updated_by_their_first_column(tmp_path: Path) -> None:
    changes = [(f"n{i:03}", f"h{i}", 100 + i) for i in range(120)]
    rows = await _after(
        tmp_path, lambda c: _INSERT.run(c, _some(121)), lambda c: _UPDATE.run(c, changes)
    )
    assert rows[:120] == [(f"n{i:03}", f"h{i}", 100 + i, 7) for i in range(120)]
    assert rows[120] == ("n120", "w", 120, 0)


async def test_only_rows_that_agree_in_all_columns_are_deleted(tmp_path: Path) -> None:
    gone = [("n000", "w"), ("n001", "somebody else"), ("n002", "w")]
    rows = await _after(
        tmp_path, lambda c: _INSERT.run(c, _some(4)), lambda c: _DELETE.run(c, gone)
    )
    assert [row[0] for row in rows] == ["n001", "n003"]


async def test_what_all_rows_have_in_common_may_be_anything(tmp_path: Path) -> None:
    first = [(f"n{i:03}", "it's", i // 30, 8) for i in range(60)]
    then = [(name, "all of them", fence) for name, _, fence, _ in first]
    insert, update, delete = (
        lambda c: _UPSERT.run(c, first),
        lambda c: _UPDATE.run(c, then),
        lambda c: _DELETE.run(c, [(name, holder) for name, holder, _ in then[:30]]),
    )
    assert await _after(tmp_path, insert) == first
    assert await _after(tmp_path, insert, update) == [(*row, 7) for row in then]
    assert await _after(tmp_path, update, delete) == [(*row, 7) for row in then[30:]]


@pytest.mark.parametrize("column", range(4))
async def test_of_a_group_with_one_exception_every_row_is_what_it_was(
    tmp_path: Path, column: int
) -> None:
    rows = [[f"n{i:03}", "w", 1, 1] for i in range(40)]
    rows[17][column] = ("other", "x", 2, 2)[column]
    told = [(str(name), str(holder), int(a), int(b)) for name, holder, a, b in rows]
    assert await _after(tmp_path, lambda c: _INSERT.run(c, told)) == sorted(told)


def test_whatever_rows_have_in_common_few_texts_are_kept() -> None:
    names = [column.name for column in s.versions.columns][:9]
    statement = InsertMany(s.versions, names)
    for common in range(2**8):
        rows = [
            (number, *(0 if common >> place & 1 else number for place in range(8)))
            for number in range(20)
        ]
        text, values = statement._statement(sqlite.dialect(), rows)
        assert text.count("?") == len(values) == 160 + 20 - 19 * common.bit_count()
    assert len(statement._texts) <= 100


async def test_how_many_were_written_is_told(tmp_path: Path) -> None:
    async with Book(tmp_path / "ledger.db") as book:
        for statement, rows, written in (
            (_IGNORE, _some(700), 700),
            (_IGNORE, _some(703), 3),
            (_IGNORE, [*_some(2), *_some(706)[-3:], *_some(706)[-3:]], 3),
            (_UPDATE, [("n001", "x", 1), ("nobody", "x", 1)], 1),
            (_DELETE, [("n001", "x"), ("n002", "x"), ("n003", "w")], 2),
        ):
            run = partial(statement.run, rows=rows)
            assert await book.ledger.write(run) == written


async def test_odd_texts_come_back_as_they_went_in(tmp_path: Path) -> None:
    odd = [
        'quote " and \\',
        "Łódź\n\t",
        "\N{GRINNING FACE}",
        "'; drop table leases; --",
        "%s :x $1 ?",
    ]
    rows = await _after(tmp_path, lambda c: _INSERT.run(c, [(text, text, 1, 1) for text in odd]))
    assert rows == sorted((text, text, 1, 1) for text in odd)


async def test_a_list_is_one_parameter_and_rows_come_in_order(tmp_path: Path) -> None:
    async with Book(tmp_path / "ledger.db") as book:
        await book.ledger.write(lambda c: _INSERT.run(c, _some(600)))
        names = [f"n{i:03}" for i in range(599, 89, -1)]
        rows = await book.ledger.read(lambda c: _NAMED.of(c, names=names, above=95))
        assert rows == [(f"n{i:03}", i) for i in range(96, 600)]
        assert await book.ledger.read(lambda c: _NAMED.of(c, names=[], above=0)) == []


@pytest.mark.sqlite_only("how PostgreSQL plans depends on its statistics")
async def test_a_list_of_ids_uses_the_index(tmp_path: Path) -> None:
    """`… = 1` behind it would make every group walk through the whole table."""
    async with Book(tmp_path / "ledger.db") as book:
        query = select(s.transactions.c.id).where(one_of(s.transactions.c.seq, [1, 2]))

        def plan(connection: Connection) -> str:
            text = query.compile(connection)
            asked = connection.exec_driver_sql(f"explain query plan {text}", ("[1,2]",))
            return "; ".join(str(row[3]) for row in asked)

        assert "SEARCH transactions USING INTEGER PRIMARY KEY" in await book.ledger.read(plan)

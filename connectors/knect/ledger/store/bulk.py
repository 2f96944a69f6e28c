"""Many rows in one statement, in the driver's own words: what every group of records writes.

Why: SQLAlchemy spends ten times on a row what the database does, and SQLite's driver takes and
gives back Python's lock for every row it is handed alone. A statement here is declared once, from
the table's own columns; its text is kept per number of rows, so that the driver finds it prepared;
the rows go in as plain values (no members of enumerations: SQLite's driver asks around what to
make of one). What all rows of a statement have in common (a group ends alike: half of its values)
is given once. Both databases get the same statements.
Must not: be used for what is written now and then; there SQLAlchemy reads better.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import chain, repeat
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Dialect, Table

__all__ = ["DeleteMany", "InsertMany", "UpdateMany"]

#: So many rows go into one statement; what is left over goes into smaller ones.
_SIZES = (1000, 500, 250, 100, 50, 20, 10, 5, 2, 1)
#: So many values at most: a text with more costs more memory than it saves time.
_MOST_VALUES = 4_000
#: Fewer rows are sent as they are: comparing them would only make more texts.
_WORTH_COMPARING = 20
#: So many texts are kept of a statement; drivers keep no more of all. Data decides what rows have
#: in common, so that there may be any number of texts.
_MOST_TEXTS = 100

Row = Sequence[Any]


class _Many(ABC):
    """A statement for many rows of the same columns, with its texts and conversions."""

    def __init__(self, table: Table, columns: Sequence[str]) -> None:
        self._table = table
        self._columns = [table.c[name] for name in columns]
        self._texts: dict[tuple[str, int, tuple[int, ...]], str] = {}

    def run(self, connection: Connection, rows: Sequence[Row]) -> int:
        """Execute for all rows, in their order; return how many rows were written."""
        dialect, written = connection.dialect, 0
        if dialect.name == "postgresql":
            rows = list(self._converted(dialect, rows))
        for chunk in self._chunks(rows):
            text, values = self._statement(dialect, chunk)
            written += connection.exec_driver_sql(text, values).rowcount
        return written

    def _statement(self, dialect: Dialect, chunk: Sequence[Row]) -> tuple[str, tuple[Any, ...]]:
        """Return text and parameters: first what the rows have in common, then the rows."""
        common: tuple[int, ...] = ()
        values = chain.from_iterable(chunk)
        if len(chunk) >= _WORTH_COMPARING:
            columns = list(zip(*chunk, strict=True))
            common = tuple(
                i
                for i, one in enumerate(columns)
                if i and one[0] == one[-1] and one.count(one[0]) == len(one)
            )
            own = [one for i, one in enumerate(columns) if i not in common]
            values = chain([columns[i][0] for i in common], chain.from_iterable(zip(*own)))  # noqa: B905 - they are equally long
        key = (dialect.name, len(chunk), common)
        text = self._texts.get(key)
        if text is None:
            if len(self._texts) == _MOST_TEXTS:
                self._texts.clear()
            text = self._texts[key] = self._text(dialect, len(chunk), common)
        return text, tuple(values)

    @abstractmethod
    def _text(self, dialect: Dialect, count: int, common: Sequence[int]) -> str:
        """Return the statement for so many rows whose columns `common` are given once."""

    def _converted(self, dialect: Dialect, rows: Iterable[Row]) -> Iterator[Row]:
        """Yield rows as PostgreSQL takes them; SQLite takes all of them as they are."""
        processors = [
            column.type.dialect_impl(dialect).bind_processor(dialect) for column in self._columns
        ]
        for row in rows:
            yield [
                value if process is None else process(value)
                for process, value in zip(processors, row, strict=True)
            ]

    def _given(self, dialect: Dialect, count: int, common: Sequence[int]) -> tuple[list[str], str]:
        """Return how each column is called in a statement, and the rows: `(?, ?), (?, ?)`.

        PostgreSQL is told the types, where nothing else does.
        """
        own = [i for i in range(len(self._columns)) if i not in common]
        if dialect.name == "postgresql":
            casts = [f"::{column.type.compile(dialect)}" for column in self._columns]
            marks: Iterator[str] = iter(
                f"${number}" for number in range(1, len(common) + len(own) * count + 1)
            )
        else:
            casts, marks = [""] * len(self._columns), repeat("?")
        called = {i: f"{next(marks)}{casts[i]}" for i in common}
        called |= {i: f"given.column{place}" for place, i in enumerate(own, start=1)}
        rows = (f"({', '.join(f'{next(marks)}{casts[i]}' for i in own)})" for _ in range(count))
        return [called[i] for i in range(len(called))], ", ".join(rows)

    def _named(self, dialect: Dialect, names: Iterable[str]) -> list[str]:
        return [dialect.identifier_preparer.quote(name) for name in names]

    def _chunks(self, rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
        start = 0
        for size in self._sizes:
            while len(rows) - start >= size:
                yield rows[start : start + size]
                start += size

    @cached_property
    def _sizes(self) -> list[int]:
        most = max(1, _MOST_VALUES // len(self._columns))
        return [size for size in _SIZES if size <= most]

    @cached_property
    def _names(self) -> list[str]:
        return [column.name for column in self._columns]


class InsertMany(_Many):
    """Inserts rows. With `ignore`, those that exist already are left alone; with `unique`, the
    columns `changing` of those that have the same values there are updated, and of several such
    rows in one call the last one counts.
    """

    def __init__(
        self,
        table: Table,
        columns: Sequence[str],
        *,
        ignore: bool = False,
        unique: Sequence[str] = (),
        changing: Sequence[str] = (),
    ) -> None:
        super().__init__(table, columns)
        self._ignore = ignore
        self._unique = unique
        self._changing = changing
        self._name = itemgetter(*(columns.index(name) for name in unique)) if unique else tuple

    def run(self, connection: Connection, rows: Sequence[Row]) -> int:
        """Execute for all rows, in their order; return how many rows were written."""
        if self._unique:
            rows = list({self._name(row): row for row in rows}.values())
        return super().run(connection, rows)

    def _text(self, dialect: Dialect, count: int, common: Sequence[int]) -> str:
        (table,) = self._named(dialect, [self._table.name])
        columns = ", ".join(self._named(dialect, self._names))
        called, rows = self._given(dialect, count, common)
        return (
            f"insert into {table} ({columns}) select {', '.join(called)} "  # noqa: S608 - names of our own tables
            f"from (values {rows}) as given where true{self._conflict(dialect)}"
        )

    def _conflict(self, dialect: Dialect) -> str:
        if self._ignore:
            return " on conflict do nothing"
        if not self._unique:
            return ""
        unique = ", ".join(self._named(dialect, self._unique))
        changes = (f"{n} = excluded.{n}" for n in self._named(dialect, self._changing))
        return f" on conflict ({unique}) do update set {', '.join(changes)}"


class UpdateMany(_Many):
    """Sets columns of rows found by the first of them, plus what `fixed` sets on all of them."""

    def __init__(self, table: Table, columns: Sequence[str], *, fixed: str = "") -> None:
        super().__init__(table, columns)
        self._fixed = fixed

    def _text(self, dialect: Dialect, count: int, common: Sequence[int]) -> str:
        (table,) = self._named(dialect, [self._table.name])
        key, *columns = self._named(dialect, self._names)
        (of_key, *called), rows = self._given(dialect, count, common)
        changes = [f"{name} = {value}" for name, value in zip(columns, called, strict=True)]
        changes += [self._fixed] if self._fixed else []
        return (
            f"update {table} set {', '.join(changes)} from (values {rows}) as given "  # noqa: S608 - as above
            f"where {table}.{key} = {of_key}"
        )


class DeleteMany(_Many):
    """Deletes the rows that have these values in these columns; the first of them is unique."""

    def _text(self, dialect: Dialect, count: int, common: Sequence[int]) -> str:
        (table,) = self._named(dialect, [self._table.name])
        columns = self._named(dialect, self._names)
        called, rows = self._given(dialect, count, common)
        same = [f"{table}.{name} = {value}" for name, value in zip(columns, called, strict=True)]
        first = "".join(f"{same[i]} and " for i in common)  # as their values come first
        own = " and ".join(one for i, one in enumerate(same) if i not in common)
        return (
            f"delete from {table} where {first}{columns[0]} in (select {table}.{columns[0]} from "  # noqa: S608 - as above
            f"(values {rows}) as given join {table} on {own})"
        )

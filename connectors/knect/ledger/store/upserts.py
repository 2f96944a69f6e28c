"""What SQLite and PostgreSQL say in different words: `insert … on conflict`, drawing row ids.

Must not: grow into a query builder; both dialects share the clause, this only picks the class.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection, Table, column, func, select, table, text
from sqlalchemy.dialects import sqlite

from knect.ledger.store.prepared import Prepared

__all__ = ["alone_with_versions", "draw_ids", "insert_ignore", "insert_or_update"]


def _insert(connection: Connection, table: Table) -> Any:
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects import postgresql  # noqa: PLC0415 - 25 ms where there is none

        return postgresql.insert(table)
    return sqlite.insert(table)


def insert_ignore(connection: Connection, table: Table) -> Any:
    """Return an insert that leaves rows alone that exist already."""
    return _insert(connection, table).on_conflict_do_nothing()


def insert_or_update(
    connection: Connection, table: Table, *, unique: Sequence[str], changing: Sequence[str]
) -> Any:
    """Return an insert that updates the columns `changing` of a row with the same `unique`."""
    statement = _insert(connection, table)
    return statement.on_conflict_do_update(
        index_elements=list(unique),
        set_={name: statement.excluded[name] for name in changing},
    )


def draw_ids(connection: Connection, table: Table, count: int) -> list[int]:
    """Return `count` new row ids of a table, ascending.

    SQLite has one writer, whose transaction is exclusive, so the next numbers are free; PostgreSQL
    draws them from the column's sequence. Where a table counts by itself none is given twice.
    """
    if connection.dialect.name == "postgresql":
        drawn = connection.execute(
            text("select nextval(pg_get_serial_sequence(:t, 'seq')) from generate_series(1, :n)"),
            {"t": table.name, "n": count},
        )
        return sorted(drawn.scalars())
    last = _newest(table).run(connection).scalar() or 0
    return list(range(last + 1, last + 1 + count))


#: SQLite's own: the largest number each of the tables that count ever had.
_SEQUENCE = table("sqlite_sequence", column("name"), column("seq"))


@cache
def _newest(table: Table) -> Prepared:
    newest = select(func.max(table.c.seq)).scalar_subquery()
    if not table.dialect_options["sqlite"]["autoincrement"]:
        return Prepared(select(newest))
    given = select(_SEQUENCE.c.seq).where(_SEQUENCE.c.name == table.name).scalar_subquery()
    return Prepared(select(func.max(func.coalesce(given, 0), func.coalesce(newest, 0))))


def alone_with_versions(connection: Connection) -> None:
    """Keep others who add transactions to old versions, or remove those, out until the commit.

    SQLite's writer is alone anyway.
    """
    if connection.dialect.name == "postgresql":
        lock = text("select pg_advisory_xact_lock(hashtextextended(current_schema(), 1))")
        connection.execute(lock)

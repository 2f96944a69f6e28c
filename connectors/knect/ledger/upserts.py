"""`insert … on conflict` in the words of whichever database it is.

Must not: grow into a query builder; both dialects share the clause, this only picks the class.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite

__all__ = ["insert_ignore", "insert_or_update"]


def _insert(connection: Connection, table: Table) -> Any:
    if connection.dialect.name == "postgresql":
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

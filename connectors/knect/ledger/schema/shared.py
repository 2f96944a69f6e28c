"""What all tables share: their names' pattern, their row ids, and which figures never go.

Must not: know a table.
"""

from sqlalchemy import Column, MetaData

from knect.ledger.store.columns import RowId, indexes_of_rows

__all__ = ["FIGURES", "OF_FIGURES", "metadata", "row_id"]

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)
indexes_of_rows(metadata)
#: Entities whose last word is never forgotten.
FIGURES, OF_FIGURES = ("inventory", "prices"), "entity in ('inventory', 'prices')"


def row_id() -> Column[int]:
    """Return the column of a row's id, which stays inside."""
    return Column("seq", RowId, primary_key=True, autoincrement=True)

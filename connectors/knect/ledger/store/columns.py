"""Types of columns that the two databases see differently.

Must not: know a table.
"""

from typing import Any

from sqlalchemy import BigInteger, Connection, Integer, MetaData, TypeDecorator, event, text
from sqlalchemy import Text as _PlainText

__all__ = ["RowId", "Text", "indexes_of_rows", "of_rows"]

_OF_ROWS = "of_rows"


class _Text(TypeDecorator[str]):
    """Text as PostgreSQL takes it: it refuses U+0000, which a shop's field may well have, and
    numbers, which a mapping's value may be; SQLite takes both.
    """

    impl = _PlainText
    cache_ok = True

    def process_bind_param(self, value: object, _dialect: object) -> str | None:
        """Return the text with what cannot be held replaced."""
        if value is None:
            return None
        written = value if isinstance(value, str) else str(value)
        return written.replace("\0", "\ufffd") if "\0" in written else written


#: What every text column here is.
Text = _PlainText().with_variant(_Text(), "postgresql")

#: SQLite makes only an INTEGER primary key a row id.
RowId = BigInteger().with_variant(Integer, "sqlite")


def of_rows(condition: str) -> dict[str, Any]:
    """Return what makes an index one of some rows only, on both databases."""
    return {"sqlite_where": text(condition), "info": {_OF_ROWS: text(condition)}}


def indexes_of_rows(metadata: MetaData) -> None:
    """Let PostgreSQL know what `of_rows` said, when its tables are about to be made.

    An index that names it earlier loads all of SQLAlchemy's PostgreSQL: 25 ms of every start.
    """

    @event.listens_for(metadata, "before_create")
    def _before(_metadata: MetaData, connection: Connection, **_options: object) -> None:
        if connection.dialect.name == "postgresql":
            for index in (one for table in metadata.tables.values() for one in table.indexes):
                if _OF_ROWS in index.info:
                    index.dialect_options["postgresql"]["where"] = index.info[_OF_ROWS]

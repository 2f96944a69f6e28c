"""GP's company database in memory: tables, what is in them, times, and the fixed point numbers.

numeric(19,5) is kept as an integer of hundred-thousandths, so that sums are exact; datetimes as
text with the milliseconds SQL Server's `datetime` can hold; char without its padding, which the
wire adds again. Must not: know eConnect; `sop` and `customers` do.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from knect.seams import Clock
from knect_connectors.dynamics_gp.simulator.dialect import views
from knect_connectors.dynamics_gp.simulator.tables import KEYS, TABLES

__all__ = ["NO_DATE", "Books", "money", "scaled", "sql_time"]

NO_DATE = "1900-01-01 00:00:00.000"
_SCALE = 100_000
_AFFINITY = {"numeric": "INTEGER", "char": "TEXT", "varchar": "TEXT", "datetime": "TEXT"}


def scaled(value: Any) -> int:
    """Return a number in hundred-thousandths."""
    return int((Decimal(value or 0) * _SCALE).to_integral_value())


def money(value: int) -> Decimal:
    """Return what `scaled` made."""
    return Decimal(value).scaleb(-5)


def sql_time(at: datetime) -> str:
    """Return an instant as `datetime` holds it: UTC, in steps of a three-hundredth of a second."""
    at = at.astimezone(UTC) if at.tzinfo else at
    ticks = round(at.microsecond * 3 / 10_000)
    at = at.replace(microsecond=0, tzinfo=None) + timedelta(milliseconds=round(ticks * 10 / 3))
    return at.isoformat(sep=" ", timespec="milliseconds")


def _as_text(value: Any) -> str:
    """Return a number as CAST(... AS varchar) writes numeric(19,5), an integer as it is."""
    if value is None:
        return ""
    return f"{money(value):.5f}"


class Books:
    """One company. `now` is the server's clock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.offset = timedelta()
        self.db = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        self.db.row_factory = sqlite3.Row
        self.db.create_function("now_utc", 0, self.now)
        self.db.create_function("as_text", 1, _as_text)
        for name, columns in TABLES.items():
            parts = [
                f"{column} {_AFFINITY.get(kind.partition('(')[0], 'INTEGER')}"
                f"{' COLLATE NOCASE' if 'char' in kind else ''} NOT NULL DEFAULT {_default(kind)}"
                for column, kind in columns.items()
            ]
            key = f", PRIMARY KEY ({KEYS[name]})" if name in KEYS else ""
            self.db.execute(f"CREATE TABLE {name} ({', '.join(parts)}{key})")
        for name, text in views():
            self.db.execute(f'CREATE VIEW "knect.{name}" AS {text}')

    def time(self) -> datetime:
        """Return the server's clock."""
        return self._clock.now() + self.offset

    def now(self) -> str:
        """Return the server's clock as SQL has it."""
        return sql_time(self.time())

    def one(self, text: str, *values: Any) -> dict[str, Any] | None:
        """Return the first row of a query."""
        row = self.db.execute(text, values).fetchone()
        return dict(row) if row is not None else None

    def all(self, text: str, *values: Any) -> list[dict[str, Any]]:
        """Return all rows of a query."""
        return [dict(row) for row in self.db.execute(text, values)]

    def run(self, text: str, *values: Any) -> int:
        """Execute; return how many rows it changed."""
        return self.db.execute(text, values).rowcount

    def put(self, table: str, values: Mapping[str, Any]) -> None:
        """Insert a row, or bring the one with the same key to these values.

        A table's `DEX_ROW_TS` becomes now, as GP's default and trigger make it.
        """
        known = TABLES[table]
        given = {name: _stored(known[name], value) for name, value in values.items()}
        if "DEX_ROW_TS" in known and "DEX_ROW_TS" not in given:
            given["DEX_ROW_TS"] = self.now()
        names = ", ".join(given)
        marks = ", ".join("?" * len(given))
        text = f"INSERT INTO {table} ({names}) VALUES ({marks})"
        if keys := KEYS.get(table):
            others = [name for name in given if name not in keys.split(", ")]
            sets = ", ".join(f"{name} = excluded.{name}" for name in others)
            text += f" ON CONFLICT ({keys}) DO " + (f"UPDATE SET {sets}" if sets else "NOTHING")
        self.db.execute(text, list(given.values()))

    def change(self, table: str, where: str, keys: Sequence[Any], **values: Any) -> int:
        """Update rows; their `DEX_ROW_TS` becomes now."""
        known = TABLES[table]
        given = {name: _stored(known[name], value) for name, value in values.items()}
        if "DEX_ROW_TS" in known:
            given["DEX_ROW_TS"] = self.now()
        sets = ", ".join(f"{name} = ?" for name in given)
        return self.run(f"UPDATE {table} SET {sets} WHERE {where}", *given.values(), *keys)


def _default(kind: str) -> str:
    if "char" in kind:
        return "''"
    return f"'{NO_DATE}'" if kind == "datetime" else "0"


def _stored(kind: str, value: Any) -> Any:
    if kind.startswith("numeric"):
        return value if isinstance(value, int) and not isinstance(value, bool) else scaled(value)
    if kind == "datetime":
        return sql_time(value) if isinstance(value, datetime) else value
    if "char" in kind:
        return str(value).rstrip(" ")
    return int(value or 0)

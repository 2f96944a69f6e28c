"""The ledger of a scene on a PostgreSQL that may be killed, and its rows for the judge.

Why: the history checker reads a file, with nothing of the engine's; so the rows are copied, by
psql, column by column. Must not: interpret a row.
"""

import json
import sqlite3
from operator import itemgetter
from pathlib import Path
from typing import Any

from tests.support.real.postgres import PostgresServer

__all__ = ["Postgres"]

#: What the judge reads, and by what the rows were added.
_TABLES = {
    "transactions": "seq",
    "versions": "seq",
    "windows": "seq",
    "sightings": '"window"',
    "effects": "seq",
    "exchanges": "started_us",
    "exchange_links": "span_id",
    "inbox": "seq",
    "lives": "began_us",
    "retired": "pipeline",
}


class Postgres:
    """One database of a server."""

    def __init__(self, server: PostgresServer) -> None:
        self.server = server
        self.name = server.fresh_database()
        self.dsn = server.dsn(self.name)

    def sql(self, statement: str) -> str:
        """Run a statement as administrator."""
        return self.server.sql(statement, self.name)

    def size_mib(self) -> float:
        """Return the size of the database. Raises RuntimeError while the server is away."""
        return int(self.sql(f"select pg_database_size('{self.name}')")) / 2**20

    def copy_to(self, path: Path) -> Path:
        """Write the rows into a new SQLite file, all as of one instant: workers may be at work."""
        path.unlink(missing_ok=True)
        # one statement sees one state of the database
        lines = self.sql(
            " union all ".join(
                f"select json_build_array('{table}', row_number() over (order by {order}), t)"
                f" from knect.{table} t"
                for table, order in _TABLES.items()
            )
        )
        rows: dict[str, list[tuple[int, Any]]] = {table: [] for table in _TABLES}
        for table, number, row in map(json.loads, lines.splitlines()):
            rows[table].append((number, row))
        with sqlite3.connect(path) as copy:
            for table, numbered in rows.items():
                self._copy(copy, table, [row for _, row in sorted(numbered, key=itemgetter(0))])
        copy.close()
        return path

    def _copy(self, copy: sqlite3.Connection, table: str, rows: list[Any]) -> None:
        columns = self.sql(
            "select string_agg(quote_ident(column_name), ',' order by ordinal_position) from "
            f"information_schema.columns where table_schema = 'knect' and table_name = '{table}'"
        )
        quoted = [f'"{name.strip(chr(34))}"' for name in columns.split(",")]
        copy.execute(f"create table {table} ({', '.join(quoted)})")
        marks = ", ".join("?" * len(quoted))
        copy.executemany(
            f"insert into {table} values ({marks})",
            [[_plain(row[name.strip(chr(34))]) for name in quoted] for row in rows],
        )


def _plain(value: Any) -> Any:
    if isinstance(value, str) and value.startswith("\\x"):
        return bytes.fromhex(value[2:])  # bytea: the timeline
    return value

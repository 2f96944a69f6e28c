"""The ledger of a scene on a PostgreSQL that may be killed, and its rows for the judge.

Why: the history checker reads a file, with nothing of the engine's; so the rows are copied, by
psql, column by column. Must not: interpret a row.
"""

import json
import sqlite3
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
        """Write the rows into a new SQLite file."""
        path.unlink(missing_ok=True)
        with sqlite3.connect(path) as copy:
            for table, order in _TABLES.items():
                query = f"select * from knect.{table} order by {order}"
                self._copy(copy, table, self.sql(f"select row_to_json(t) from ({query}) t"))
        copy.close()
        return path

    def _copy(self, copy: sqlite3.Connection, table: str, lines: str) -> None:
        columns = self.sql(
            "select string_agg(quote_ident(column_name), ',' order by ordinal_position) from "
            f"information_schema.columns where table_schema = 'knect' and table_name = '{table}'"
        )
        quoted = [f'"{name.strip(chr(34))}"' for name in columns.split(",")]
        copy.execute(f"create table {table} ({', '.join(quoted)})")
        rows = [json.loads(line) for line in lines.splitlines()]
        marks = ", ".join("?" * len(quoted))
        copy.executemany(
            f"insert into {table} values ({marks})",
            [[_plain(row[name.strip(chr(34))]) for name in quoted] for row in rows],
        )


def _plain(value: Any) -> Any:
    if isinstance(value, str) and value.startswith("\\x"):
        return bytes.fromhex(value[2:])  # bytea: the timeline
    return value

"""`knect find` on a ledger of a million transactions, as the process a person starts.

Must not: fill the ledger through the engine; that would take longer than anybody waits.
"""

import asyncio
import statistics
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.children import KNECT, environment
from tests.support.ledgers import on_postgres, place

from knect.ledger import Connection, open_ledger

__all__ = ["fill", "find_on_a_file", "find_on_postgres"]

ROWS, AT_ONCE = 1_000_000, 100_000
_ASKED = ("No. 777777", "gid-00424242", "SO-123456")

_FIRST = """
insert into feeds (seq, connection, entity, filter, cursor_us, started_us)
  values (1, 'shop', 'orders', '{{}}', 0, 0);
insert into subscriptions (pipeline, feed, start_us, destination) values ('orders', 1, 0, 'erp');
insert into windows (seq, feed, kind, trace_id, since_us, until_us, opened_us, closed_us)
  values (1, 1, 'poll', 't', 0, 1, 0, 1);
insert into mappings (seq, pipeline, revision, hash, body, created_us)
  values (1, 'orders', 1, 'h', '{{}}', 0)
"""
_ROWS = """
insert into versions (seq, feed, connection, entity, source_id, token, hash, at_us, seen_us,
  "window", deleted)
  select i, 1, 'shop', 'orders', 'gid-' || {padded}, 't', 'h' || i, i, i, 1, false from {numbers};
insert into transactions (seq, id, pipeline, entity, source_id, "key", version, mapping, fate, stage,
  attempt, created_us, since_us, timeline, destination_id, destination_number)
  select i, {id}, 'orders', 'orders', 'gid-' || {padded}, 'No. ' || i, i, 1, 'delivered',
  'delivered', 1, i, i, '[[0,"discovered",1]]', 'd' || i, 'SO-' || i from {numbers};
insert into keys (value, kind, version) select 'gid-' || {padded}, 'id', i from {numbers};
insert into keys (value, kind, version) select 'no. ' || i, 'number', i from {numbers};
insert into keys (value, kind, version) select 'kn-' || (i % 4000), 'sku', i from {numbers};
insert into bindings (destination, entity, external_id, destination_id, number, source, source_id,
  "transaction", updated_us)
  select 'erp', 'orders', 'shop:gid-' || {padded}, 'd' || i, 'SO-' || i, 'shop', 'gid-' || {padded},
  i, i from {numbers}
"""


def fill(connection: Connection, first: int, last: int) -> None:
    """Make the transactions `first` to `last`, delivered long ago."""
    if connection.dialect.name == "postgresql":
        numbers = f"generate_series({first}, {last}) as n(i)"
        padded, identifier = "lpad(i::text, 8, '0')", "lpad(to_hex(i), 32, '0')"
    else:
        numbers = (
            f"(with recursive n(i) as (select {first} union all select i + 1 from n "  # noqa: S608
            f"where i < {last}) select i from n)"
        )
        padded, identifier = "printf('%08d', i)", "printf('%032x', i)"
    text = (_FIRST + ";" if first == 1 else "") + _ROWS
    for statement in text.format(numbers=numbers, padded=padded, id=identifier).split(";"):
        if statement.strip():
            connection.exec_driver_sql(statement)
    if last % ROWS == 0 and connection.dialect.name == "postgresql":
        connection.exec_driver_sql("analyze")


async def _filled(dsn: str) -> None:
    ledger = await open_ledger(dsn)
    for first in range(1, ROWS, AT_ONCE):
        await ledger.write(lambda c, first=first: fill(c, first, first + AT_ONCE - 1))  # type: ignore[misc]
    await ledger.close()


def _find(dsn: str, runs: int) -> dict[str, float]:
    asyncio.run(_filled(dsn))
    taken = []
    for i in range(runs * len(_ASKED)):
        began = time.perf_counter()
        done = subprocess.run(
            [KNECT, "find", _ASKED[i % len(_ASKED)], "--ledger", dsn],
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        taken.append(time.perf_counter() - began)
        if done.returncode or "Delivered" not in done.stdout:
            sys.exit(f"the run is broken: {done.stdout} {done.stderr}")
    return {"seconds": round(statistics.median(taken), 3), "most": round(max(taken), 3)}


def find_on_a_file(folder: Path, runs: int) -> dict[str, float]:
    """Return the median of seconds of `knect find` on SQLite."""
    return _find(str(folder / "million.db"), runs)


def find_on_postgres(folder: Path, runs: int) -> dict[str, float]:
    """The same on PostgreSQL."""
    with on_postgres():
        return _find(place(folder / "million"), runs)

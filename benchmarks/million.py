"""A ledger of a million transactions, `knect find` and `knect list` in it, as the process a person starts.

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

__all__ = ["ASKED", "asked", "filled", "find_on_a_file", "find_on_postgres"]

ROWS, AT_ONCE = 1_000_000, 100_000
ASKED = ("No. 777777", "gid-00424242", "SO-123456")
LISTED = (("orders",), ("--fate", "delivered"), ("--since", "1970-01-01T00:00:00.999990Z"))

_FIRST = """
insert into feeds (seq, connection, entity, filter, cursor_us, started_us)
  values (1, 'shop', 'orders', '{{}}', 0, 0);
insert into subscriptions (pipeline, feed, start_us, served_us, attended_us, destination)
  values ('orders', 1, 0, 0, 0, 'erp');
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


_PAYLOADS = """;
insert into payloads (hash, size, stored_us, body) select 'h' || i, 1100, i, {body} from {numbers}
"""
#: What a packed order has.
_PACKED_BYTES = 480


def _fill(connection: Connection, first: int, *, payloads: bool) -> None:
    last = first + AT_ONCE - 1
    if connection.dialect.name == "postgresql":
        numbers = f"generate_series({first}, {last}) as n(i)"
        padded, identifier = "lpad(i::text, 8, '0')", "lpad(to_hex(i), 32, '0')"
        body = f"decode(repeat(md5(i::text), {_PACKED_BYTES // 16}), 'hex')"
    else:
        numbers = (
            f"(with recursive n(i) as (select {first} union all select i + 1 from n "  # noqa: S608
            f"where i < {last}) select i from n)"
        )
        padded, identifier = "printf('%08d', i)", "printf('%032x', i)"
        body = f"randomblob({_PACKED_BYTES})"
    text = (_FIRST + ";" if first == 1 else "") + _ROWS + (_PAYLOADS if payloads else "")
    words = {"numbers": numbers, "padded": padded, "id": identifier, "body": body}
    for statement in text.format(**words).split(";"):
        if statement.strip():
            connection.exec_driver_sql(statement)


def _counted(connection: Connection, rows: int) -> None:
    connection.exec_driver_sql(
        f"insert into sightings (\"window\", pipeline, seen) values (1, 'orders', {rows})"  # noqa: S608
    )
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("analyze")


async def filled(dsn: str, rows: int = ROWS, *, payloads: bool = False) -> None:
    """Lay a ledger and fill it with delivered orders, all of them from 1970."""
    ledger = await open_ledger(dsn)
    for first in range(1, rows, AT_ONCE):
        await ledger.write(lambda c, first=first: _fill(c, first, payloads=payloads))  # type: ignore[misc]
    await ledger.write(lambda c: _counted(c, rows))
    await ledger.close()


def asked(runs: int, expected: str, *words: str) -> float:
    """Return the median of seconds of a command, from its start to its end."""
    taken = []
    for _ in range(runs):
        began = time.perf_counter()
        done = subprocess.run(
            [KNECT, *words], env=environment(), capture_output=True, text=True, check=False
        )
        taken.append(time.perf_counter() - began)
        if done.returncode or expected not in done.stdout:
            sys.exit(f"the run is broken: {done.stdout} {done.stderr}")
    return round(statistics.median(taken), 3)


def _find(dsn: str, runs: int) -> dict[str, float]:
    asyncio.run(filled(dsn))
    taken = [asked(runs, "Delivered", "find", key, "--ledger", dsn) for key in ASKED]
    lists = [asked(runs, "delivered", "list", *words, "--ledger", dsn) for words in LISTED]
    return {
        "seconds": round(statistics.median(taken), 3),
        "most": max(taken),
        "list_seconds": round(statistics.median(lists), 3),
        "list_most": max(lists),
    }


def find_on_a_file(folder: Path, runs: int) -> dict[str, float]:
    """Return the median of seconds of `knect find` on SQLite."""
    return _find(str(folder / "million.db"), runs)


def find_on_postgres(folder: Path, runs: int) -> dict[str, float]:
    """The same on PostgreSQL."""
    with on_postgres():
        return _find(place(folder / "million"), runs)

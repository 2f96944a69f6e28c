"""A ledger of two million transactions: asked, cleaned while somebody writes, and shrunk.

Why: a ledger is kept for years; what it costs must not grow with what it holds. Must not: fill the
ledger through the engine (see million.py), or clean all of it: a slice is what work waits for.
"""

import asyncio
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.children import KNECT, environment
from benchmarks.million import fill
from sqlalchemy import text
from tests.support.ledgers import on_postgres, place

from knect.engine.housekeeping import sized
from knect.ledger import Connection, Ledger, open_ledger
from knect.ledger.instants import to_us
from knect.ledger.retention import RetentionPolicy, retire_slice, shrink
from knect.seams import SystemClock

__all__ = ["bounds"]

ROWS, AT_ONCE = 2_000_000, 100_000
_SLICES = 200
_RUNS = 5
_MIB = 2**20
_PAYLOADS = """
insert into payloads (hash, size, stored_us, body) select 'h' || i, 1100, i, {bytes} from {numbers}
"""
_SEEN = "insert into sightings (\"window\", pipeline, seen) values (1, 'orders', {rows})"


def bounds() -> dict[str, Any]:
    """Return the figures on both kinds of ledger."""
    with TemporaryDirectory() as folder:
        sqlite = _figures(str(Path(folder) / "bounds.db"), Path(folder) / "bounds.db")
        with on_postgres():
            return {"sqlite": sqlite, "postgres": _figures(place(Path(folder) / "bounds"), None)}


def _figures(dsn: str, file: Path | None) -> dict[str, Any]:
    began = time.monotonic()
    asyncio.run(_filled(dsn))
    print(f"  {ROWS:,} rows in {time.monotonic() - began:.0f} s", flush=True)
    found: dict[str, Any] = {"transactions": ROWS}
    if file is not None:
        found["mib"] = round(_mib(file))
    found["find_s"] = _asked(dsn, "find", "No. 77777")
    found["status_s"] = _asked(dsn, "status")
    found["stuck_s"] = _asked(dsn, "stuck")
    found |= asyncio.run(_cleaned(dsn, file))
    return found


async def _filled(dsn: str) -> None:
    ledger = await open_ledger(dsn)
    for first in range(1, ROWS, AT_ONCE):
        await ledger.write(lambda c, first=first: _fill(c, first))  # type: ignore[misc]
    await ledger.close()


def _fill(connection: Connection, first: int) -> None:
    last = first + AT_ONCE - 1
    fill(connection, first, last)
    is_server = connection.dialect.name == "postgresql"
    if is_server:
        numbers, bytes_ = (
            f"generate_series({first}, {last}) as n(i)",
            "decode(repeat('ab', 400), 'hex')",
        )
    else:
        numbers = (
            f"(with recursive n(i) as (select {first} union all select i + 1 from n "  # noqa: S608
            f"where i < {last}) select i from n)"
        )
        bytes_ = "zeroblob(400)"
    connection.exec_driver_sql(_PAYLOADS.format(bytes=bytes_, numbers=numbers))
    if last == ROWS:
        connection.exec_driver_sql(_SEEN.format(rows=ROWS))
        if is_server:
            connection.exec_driver_sql("analyze")


def _asked(dsn: str, *words: str) -> float:
    taken = []
    for _ in range(_RUNS):
        began = time.perf_counter()
        done = subprocess.run(
            [KNECT, *words, "--ledger", dsn],
            env=environment(), capture_output=True, text=True, check=False,
        )  # fmt: skip
        taken.append(time.perf_counter() - began)
        if done.returncode:
            sys.exit(f"the run is broken: {done.stdout} {done.stderr}")
    return round(statistics.median(taken), 3)


async def _cleaned(dsn: str, file: Path | None) -> dict[str, Any]:
    """Retire slices while somebody writes, then give space back."""
    ledger = await open_ledger(dsn)
    try:
        alone = await _writes(ledger, asyncio.Event(), 300)
        over = asyncio.Event()
        writing = asyncio.create_task(_writes(ledger, over, None))
        slices: list[float] = []
        retired, payloads, policy = 0, 0, RetentionPolicy()
        now = to_us(SystemClock().now())
        began = time.monotonic()
        for _ in range(_SLICES):
            at = time.perf_counter()
            one = await ledger.write(lambda c, policy=policy: retire_slice(c, policy, now))  # type: ignore[misc]
            slices.append(time.perf_counter() - at)
            policy = sized(policy, slices[-1])
            retired, payloads = retired + one.versions, payloads + one.payloads
            await asyncio.sleep(0.05)  # as the housekeeper does
        took = time.monotonic() - began
        over.set()
        beside = await writing
        found: dict[str, Any] = {
            "slice_ms": _spread(slices),
            "retired_per_s": round(retired / took),
            "payloads_dropped_per_s": round(payloads / took),
            "write_ms_alone": _spread(alone),
            "write_ms_beside_retention": _spread(beside),
        }
        if file is not None:
            found |= await _shrunk(ledger, file)
        return found
    finally:
        await ledger.close()


async def _writes(ledger: Ledger, over: asyncio.Event, most: int | None) -> list[float]:
    """Write a small row again and again, as a webhook does; seconds of each."""
    insert = text(
        "insert into inbox (connection, entity, source_id, event_id, received_us) "
        "values ('shop', 'orders', 'x', :event, 0)"
    )
    taken: list[float] = []
    while not over.is_set() and (most is None or len(taken) < most):
        event = {"event": f"{most}-{len(taken)}"}
        began = time.perf_counter()
        await ledger.write(lambda c, event=event: c.execute(insert, event).rowcount)  # type: ignore[misc]
        taken.append(time.perf_counter() - began)
        await asyncio.sleep(0.002)
    return taken


async def _shrunk(ledger: Ledger, file: Path) -> dict[str, Any]:
    before, taken = _mib(file), []
    while True:
        began = time.perf_counter()
        if not await ledger.write(shrink):
            break
        taken.append(time.perf_counter() - began)
    return {"shrunk_mib": round(before - _mib(file)), "shrink_1000_pages_ms": _spread(taken)}


def _mib(file: Path) -> float:
    return file.stat().st_size / _MIB


def _spread(seconds: Sequence[float]) -> dict[str, float]:
    values = sorted(seconds)
    return {
        "median": round(statistics.median(values) * 1e3, 1),
        "p99": round(values[min(len(values) - 1, int(len(values) * 0.99))] * 1e3, 1),
        "most": round(values[-1] * 1e3, 1),
    } if values else {}  # fmt: skip


if __name__ == "__main__":
    print(json.dumps(bounds(), indent=2))

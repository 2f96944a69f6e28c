"""A ledger of two million transactions: what people ask, and what is forgotten while others write.

Why: a ledger that is slow to ask or to clean is switched off. Must not: run with `make test`.
"""

import asyncio
import time
from itertools import count
from pathlib import Path
from typing import Any

from benchmarks.million import ASKED, asked, filled
from tests.support.ledgers import on_postgres, place

from knect.engine.working.housekeeping import sized
from knect.ledger import Connection, Ledger, open_ledger
from knect.ledger.actions import note_action
from knect.ledger.instants import to_us
from knect.ledger.retention import RetentionPolicy, ledger_size, retire_slice, shrink
from knect.seams import SystemClock

__all__ = ["large_on_a_file", "large_on_postgres"]

ROWS = 2_000_000
#: So many slices are measured, of the size the housekeeper finds; the rest would only take longer.
SLICES = 100
_NOW_US = to_us(SystemClock().now())


async def _others_write(ledger: Ledger, waits: list[float]) -> None:
    """Write one row after the other, as a worker does meanwhile."""
    for number in count():
        began = time.perf_counter()
        await ledger.write(
            lambda c, n=number: note_action(  # type: ignore[misc]
                c, verb="retry", selector=f"{n}", actor="ann", reason=None, count=1, now_us=_NOW_US
            )
        )
        waits.append(time.perf_counter() - began)


async def _forget(dsn: str) -> dict[str, Any]:
    """Retire slices while somebody else writes; give the space back."""
    ledger = await open_ledger(dsn)
    waits, slices, rows, policy = [0.0], [0.0], 0, RetentionPolicy()
    other = asyncio.create_task(_others_write(ledger, waits))
    began = time.perf_counter()
    for _ in range(SLICES):
        started = time.perf_counter()
        one = await ledger.write(lambda c, policy=policy: retire_slice(c, policy, _NOW_US))  # type: ignore[misc]
        slices.append(time.perf_counter() - started)
        policy = sized(policy, slices[-1])
        rows += one.versions + one.payloads
        await asyncio.sleep(0)
    took = time.perf_counter() - began
    other.cancel()
    await asyncio.gather(other, return_exceptions=True)
    before, started = await ledger.read(_pages), time.perf_counter()
    while await ledger.write(shrink):
        pass
    freed, shrinking = before - await ledger.read(_pages), time.perf_counter() - started
    used = await ledger.read(ledger_size)
    await ledger.close()
    return {
        "forgotten_rows_per_second": round(rows / took),
        "longest_slice_ms": round(max(slices) * 1e3),
        "longest_wait_of_a_writer_ms": round(max(waits) * 1e3),
        "writes_meanwhile": len(waits) - 1,
        "used_mib": round(used / 2**20),
        "pages_given_back": freed,
        "giving_back_seconds": round(shrinking, 2),
    }


def _pages(connection: Connection) -> int:
    if connection.dialect.name != "sqlite":
        return 0
    return int(connection.exec_driver_sql("PRAGMA page_count").scalar() or 0)


def _figures(dsn: str, runs: int) -> dict[str, Any]:
    asyncio.run(filled(dsn, ROWS, payloads=True))
    ledger = ("--ledger", dsn)
    return {
        "transactions": ROWS,
        "find_seconds": max(asked(runs, "Delivered", "find", key, *ledger) for key in ASKED),
        "status_seconds": asked(runs, "orders", "status", *ledger),
        "stuck_seconds": asked(runs, "", "stuck", *ledger),
        **asyncio.run(_forget(dsn)),
    }


def large_on_a_file(folder: Path, runs: int) -> dict[str, Any]:
    """Return the figures for SQLite."""
    return _figures(str(folder / "large.db"), runs)


def large_on_postgres(folder: Path, runs: int) -> dict[str, Any]:
    """The same for PostgreSQL, which gives space back by itself."""
    with on_postgres():
        return _figures(place(folder / "large"), runs)

"""A long line: what taking the next hundred costs when two hundred thousand stand behind them.

Why: after an outage, or with the first reading of a shop's history, everything is due at once; a
claim that looks at the whole line makes the worker the slower the more there is to do.
Must not: fill the line through the engine; that would take longer than anybody waits.
"""

import asyncio
import statistics
import time
from pathlib import Path
from typing import Any

from benchmarks.million import AT_ONCE, filled
from tests.support.ledgers import on_postgres, place

from knect.ledger import open_ledger
from knect.ledger import schema as s
from knect.ledger.claims import claim, next_due
from knect.ledger.instants import to_us
from knect.seams import SystemClock

__all__ = ["line_on_a_file", "line_on_postgres"]

STANDING, TAKEN_AT_ONCE, CLAIMS = 2 * AT_ONCE, 100, 50
_LEASE_US = 60_000_000


async def _figures(dsn: str) -> dict[str, Any]:
    await filled(dsn, STANDING)
    ledger = await open_ledger(dsn)
    now = to_us(SystemClock().now())
    due = s.transactions.update().values(
        fate="in_flight", stage="discovered", next_us=s.transactions.c.created_us
    )
    await ledger.write(lambda c: c.execute(due))
    claims, asked = [], []
    for i in range(CLAIMS):
        began = time.perf_counter()
        rows = await ledger.write(
            lambda c: claim(
                c, pipeline="orders", holder="w#1", calls="c" * 32, now_us=now,
                lease_us=_LEASE_US, limit=TAKEN_AT_ONCE,
            )
        )  # fmt: skip
        claims.append(time.perf_counter() - began)
        assert [row.seq for row in rows] == [i * TAKEN_AT_ONCE + k + 1 for k in range(len(rows))]
        assert len(rows) == TAKEN_AT_ONCE
        began = time.perf_counter()
        assert await ledger.read(lambda c: next_due(c, "orders")) is not None
        asked.append(time.perf_counter() - began)
    await ledger.close()
    return {
        "standing": STANDING,
        "taking_100_ms": round(statistics.median(claims) * 1e3, 1),
        "longest_ms": round(max(claims) * 1e3, 1),
        "next_due_ms": round(statistics.median(asked) * 1e3, 1),
    }


def line_on_a_file(folder: Path) -> dict[str, Any]:
    """Return the figures for SQLite."""
    return asyncio.run(_figures(str(folder / "line.db")))


def line_on_postgres(folder: Path) -> dict[str, Any]:
    """The same for PostgreSQL."""
    with on_postgres():
        return asyncio.run(_figures(place(folder / "line")))

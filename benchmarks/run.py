"""`make bench`: what a transaction costs, on this machine, now.

Why: a figure that cannot be repeated is an opinion. Medians of several runs, written to
`results.json` with the machine they come from. Must not: be a test; nothing here can fail a build.
"""

import asyncio
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.postgres import orders_per_second
from tests.support.ledgers import on_postgres, place
from tests.support.toy import World, a_pipeline, an_order

from knect.engine.mapping import compile_expression
from knect.engine.worker import Worker, WorkerOptions
from knect.ledger import open_ledger
from knect.ledger.queries import equations
from knect.sdk.http import ClientFactory
from knect.seams import SystemClock

RUNS = 5
ORDERS = 2_000
HERE = Path(__file__).parent


async def journey(folder: Path) -> float:
    """Seconds from an empty ledger to ORDERS delivered, with in-memory ends and a synced ledger."""
    pipeline = a_pipeline(delivery={"batchSize": 100, "maxInFlight": 8})
    world = World(folder, pipeline, batch=100)
    clock = SystemClock()
    world.shop.clock = clock
    world.shop.page_size = 250
    for i in range(ORDERS):
        world.shop.put(f"g{i:05}", **an_order(str(i)))
    ledger = await open_ledger(place(folder / "bench.db"))
    worker = Worker(
        world.document(),
        ledger=ledger,
        catalog=world.catalog,
        http=ClientFactory(clock=clock),
        options=WorkerOptions(clock=clock),
    )
    await worker.start()
    began = time.perf_counter()
    await worker.run_once()
    took = time.perf_counter() - began
    await worker.close()
    sums = await ledger.read(equations)
    await ledger.close()
    if sums[0].fates["delivered"] != ORDERS:
        sys.exit(f"the journey is broken: {sums}")
    return took


def run_journey() -> float:
    """Return microseconds per order."""
    with TemporaryDirectory() as folder:
        return asyncio.run(journey(Path(folder))) / ORDERS * 1e6


def run_journey_on_postgres() -> float:
    """Return microseconds per order on a real PostgreSQL (its fsync is off, as in tests)."""
    with on_postgres():
        return run_journey()


def run_expression() -> float:
    """Return microseconds for one condition over an order."""
    expression = compile_expression('order.payment_status == "pending" && size(order.lines) > 0')
    scope = {"order": {"payment_status": "paid", "lines": [{"sku": "KN-1"}]}}
    began = time.perf_counter()
    for _ in range(20_000):
        expression.evaluate(scope)
    return (time.perf_counter() - began) / 20_000 * 1e6


BENCHMARKS: dict[str, tuple[str, Callable[[], float]]] = {
    "order_journey_us": ("one order, discovery to delivered, SQLite synced", run_journey),
    "order_journey_postgres_us": ("the same, PostgreSQL", run_journey_on_postgres),
    "orders_per_s_1_worker": (
        "PostgreSQL, the destination is waited for: one worker",
        lambda: orders_per_second(1),
    ),
    "orders_per_s_2_workers": ("the same, two worker processes", lambda: orders_per_second(2)),
    "admit_condition_us": ("one admit condition", run_expression),
}


def main() -> None:
    """Run all benchmarks and write the table."""
    results: dict[str, object] = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}",
        "runs": RUNS,
    }
    print(f"{'BENCHMARK':<22} {'MEDIAN':>10} {'LEAST':>10} {'MOST':>10}  WHAT")
    for name, (what, run) in BENCHMARKS.items():
        figures = [run() for _ in range(RUNS)]
        median = statistics.median(figures)
        results[name] = {
            "median": round(median, 2),
            "least": round(min(figures), 2),
            "most": round(max(figures), 2),
        }
        print(f"{name:<22} {median:>10.1f} {min(figures):>10.1f} {max(figures):>10.1f}  {what}")
    path = HERE / "results.json"
    before = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    kept = {name: before[name] for name in ("scale",) if name in before}
    path.write_text(json.dumps({**results, **kept}, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

"""`make bench`: what a transaction costs, on this machine, now.

    python -m benchmarks.run [PART ...]    all parts, or those named; the others' figures stay

Why: a figure that cannot be repeated is an opinion. Medians of several runs, written to
`results.json` with the machine they come from, part by part, so that a part that breaks takes no
other figure with it. Must not: be a test; nothing here can fail a build.
"""

import asyncio
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks import levels
from benchmarks.backlog import line_on_a_file, line_on_postgres
from benchmarks.children import ROOT, counts, ends, environment
from benchmarks.cost import costs
from benchmarks.large import large_on_a_file, large_on_postgres
from benchmarks.million import find_on_a_file, find_on_postgres
from benchmarks.postgres import orders_per_second
from benchmarks.rate import rate_figures
from benchmarks.throughput import memory, start_up, throughput
from tests.support.ledgers import on_postgres, place
from tests.support.toy import World, a_pipeline, an_order

from knect.engine.mapping import compile_expression
from knect.engine.working.options import WorkerOptions
from knect.engine.working.worker import Worker
from knect.ledger import open_ledger
from knect.ledger.questions.queries import equations
from knect.sdk.http import ClientFactory
from knect.seams import SystemClock, crash_point

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


def run_crash_point() -> float:
    """Return microseconds for one crash point that is not armed."""
    began = time.perf_counter()
    for _ in range(200_000):
        crash_point("commit.begin")
    return (time.perf_counter() - began) / 200_000 * 1e6


MICRO: dict[str, tuple[str, Callable[[], float]]] = {
    "order_journey_us": ("one order, discovery to delivered, SQLite synced", run_journey),
    "order_journey_postgres_us": ("the same, PostgreSQL", run_journey_on_postgres),
    "orders_per_s_1_worker": (
        "PostgreSQL, the destination is waited for: one worker",
        lambda: orders_per_second(1),
    ),
    "orders_per_s_2_workers": ("the same, two worker processes", lambda: orders_per_second(2)),
    "admit_condition_us": ("one admit condition", run_expression),
    "crash_point_us": ("one crash point that is not armed", run_crash_point),
}


def _micro() -> dict[str, Any]:
    found: dict[str, Any] = {}
    print(f"{'BENCHMARK':<26} {'MEDIAN':>10} {'LEAST':>10} {'MOST':>10}  WHAT")
    for name, (what, run) in MICRO.items():
        figures = [run() for _ in range(RUNS)]
        median = statistics.median(figures)
        found[name] = {
            "median": round(median, 2),
            "least": round(min(figures), 2),
            "most": round(max(figures), 2),
        }
        print(f"{name:<26} {median:>10.1f} {min(figures):>10.1f} {max(figures):>10.1f}  {what}")
    one, two = (found[f"orders_per_s_{n}"]["median"] for n in ("1_worker", "2_workers"))
    found["two_workers_times_one"] = round(two / one, 2)
    return found


def _throughput() -> dict[str, Any]:
    found = throughput(RUNS)
    print(f"{'20,000 ORDERS':<14} {'SECONDS':>8} {'CPU':>7} {'MIB':>6}")
    for name, one in found.items():
        print(
            f"{name:<14} {one['seconds']:>8.2f} {one['cpu_seconds']:>7.2f} {one['peak_mib']:>6.0f}"
        )
    return {"throughput": found}


def _profile() -> dict[str, Any]:
    with ends(20_000) as url, TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.profile", url, folder],
            cwd=ROOT,
            env=environment(OTEL_EXPORTER_OTLP_ENDPOINT=url),
            capture_output=True,
            text=True,
            check=True,
        )
        arrived = counts(url)
    if arrived["documents"] != 20_000:
        sys.exit(f"the run is broken: {arrived}")
    return {"where_the_time_goes_us_per_order": json.loads(done.stdout)}


def _levels() -> dict[str, Any]:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "erp.sqlite"
        levels.fill(path)
        return {"stock_levels": asyncio.run(levels.measure(path))}


def _find() -> dict[str, Any]:
    with TemporaryDirectory() as folder:
        place_of_it = Path(folder)
        return {
            "find_in_a_million": {
                "sqlite": find_on_a_file(place_of_it, RUNS),
                "postgres": find_on_postgres(place_of_it, RUNS),
            }
        }


def _large() -> dict[str, Any]:
    with TemporaryDirectory() as folder:
        place_of_it = Path(folder)
        return {
            "two_million_transactions": {
                "sqlite": large_on_a_file(place_of_it, RUNS),
                "postgres": large_on_postgres(place_of_it, RUNS),
            }
        }


def _line() -> dict[str, Any]:
    with TemporaryDirectory() as folder:
        place_of_it = Path(folder)
        return {
            "long_line": {
                "sqlite": line_on_a_file(place_of_it),
                "postgres": line_on_postgres(place_of_it),
            }
        }


PARTS: dict[str, Callable[[], dict[str, Any]]] = {
    "throughput": _throughput,
    "memory": lambda: {"memory": memory()},
    "profile": _profile,
    "start": lambda: {"start_to_first_request": start_up(RUNS)},
    "find": _find,
    "large": _large,
    "line": _line,
    "levels": _levels,
    "rate": lambda: {"rate": rate_figures()},
    "cost": lambda: {"api_cost": costs()},
    "micro": _micro,
}


def main(wanted: Sequence[str]) -> None:
    """Run the parts named, or all, and write what they found."""
    if unknown := [name for name in wanted if name not in PARTS]:
        sys.exit(f"no part {', '.join(unknown)}; there are: {', '.join(PARTS)}")
    path = HERE / "results.json"
    results: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    for name in wanted or PARTS:
        print(f"► {name}", flush=True)
        found = PARTS[name]()
        for key, figures in found.items():
            if name not in ("throughput", "micro", "cost"):
                print(f"  {key}: {json.dumps(figures)}")
        results |= {
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}",
            "runs": RUNS,
            **found,
        }
        path.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])

"""20,000 orders from a shop to an ERP over HTTP: Knect beside those who do the same.

Why: one run, one machine, one pair of ends; each contender is a process of its own and is measured
from its start to its end. Only Knect keeps a ledger (SQLite, WAL, synchronous=FULL) and sends a
trace of each order. Must not: favour anybody; the mapping is the same, and so are the pages of 250
and the batches of 100.

    floor    aiohttp and orjson, nothing else          rivals/floor.py
    dlt      a resource and a custom destination       rivals/dlt_run.py
    singer   the Singer SDK: tap | target              rivals/singer_tap.py, singer_target.py
    knect    `knect run`, through the rest connector   orders.py
"""

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.children import KNECT, Spent, counts, ends, environment, run, run_piped
from benchmarks.orders import declare
from benchmarks.rivals.environments import python_of

__all__ = ["CONTENDERS", "knect", "memory", "start_up", "throughput"]

ORDERS, MANY = 20_000, 200_000
_RIVALS = Path(__file__).parent / "rivals"
#: A root, four stages and an effect.
_SPANS_OF_AN_ORDER = 6


def knect(url: str, folder: Path, ledger: str | None = None) -> Spent:
    """`knect run` with a new ledger and a trace of each order."""
    declare(folder, url)
    place = ledger or str(folder / "ledger.db")
    command = [KNECT, "run", "-f", str(folder), "--ledger", place, "--allow", "127.0.0.1", "-q"]
    spent = run(command, environment(OTEL_EXPORTER_OTLP_ENDPOINT=url))
    arrived = counts(url)
    if arrived["spans"] < _SPANS_OF_AN_ORDER * arrived["documents"]:
        sys.exit(f"the run is broken, traces are missing: {arrived}")
    return spent


def _floor(url: str, _folder: Path) -> Spent:
    return run([python_of("floor"), str(_RIVALS / "floor.py"), url], environment())


def _dlt(url: str, folder: Path) -> Spent:
    command = [python_of("dlt"), str(_RIVALS / "dlt_run.py"), url, str(folder)]
    return run(command, environment())


def _singer(url: str, folder: Path) -> Spent:
    config = folder / "config.json"
    config.write_text(f'{{"url": "{url}"}}', encoding="utf-8")
    python = python_of("singer")
    commands = [
        [python, str(_RIVALS / f"singer_{end}.py"), "--config", str(config)]
        for end in ("tap", "target")
    ]
    tap, target = run_piped(commands, environment(), cwd=folder)
    return tap + target


CONTENDERS: dict[str, Callable[[str, Path], Spent]] = {
    "floor": _floor,
    "dlt": _dlt,
    "singer": _singer,
    "knect": knect,
}


def _once(contender: Callable[[str, Path], Spent], orders: int) -> Spent:
    with ends(orders) as url, TemporaryDirectory() as folder:
        spent = contender(url, Path(folder))
        arrived = counts(url)
        if arrived["documents"] != orders:
            sys.exit(f"the run is broken: {arrived}")
    return spent


def throughput(runs: int) -> dict[str, dict[str, float]]:
    """Return the medians of each contender, taken in turns."""
    for name in ("floor", "dlt", "singer"):
        python_of(name)
    taken: dict[str, list[Spent]] = {name: [] for name in CONTENDERS}
    for i in range(runs):
        for name, contender in CONTENDERS.items():
            spent = _once(contender, ORDERS)
            taken[name].append(spent)
            print(f"  {i + 1}/{runs} {name:<7} {spent.seconds:6.2f} s  {spent.peak_mib:4.0f} MiB")
    return {name: _median(all_of_it) for name, all_of_it in taken.items()}


def _median(taken: list[Spent]) -> dict[str, float]:
    return {
        "seconds": round(statistics.median(one.seconds for one in taken), 2),
        "cpu_seconds": round(statistics.median(one.cpu for one in taken), 2),
        "peak_mib": round(statistics.median(one.peak_mib for one in taken), 1),
    }


def memory() -> dict[str, Any]:
    """Return Knect's peak memory for ten times as many orders."""
    spent = _once(knect, MANY)
    return {
        "orders": MANY,
        "seconds": round(spent.seconds, 1),
        "peak_mib": round(spent.peak_mib, 1),
    }


def start_up(runs: int) -> dict[str, float]:
    """Return seconds from the start of `knect run` to its first request."""
    taken = []
    for _ in range(runs):
        with ends(1) as url, TemporaryDirectory() as folder:
            place = Path(folder)
            declare(place, url)
            command = [KNECT, "run", "-f", folder, "--ledger", str(place / "l.db"), "-q"]
            began = time.time()
            subprocess.run([*command, "--allow", "127.0.0.1"], env=environment(), check=True)
            taken.append(counts(url)["first_request_at"] - began)
    return {"seconds": round(statistics.median(taken), 2)}

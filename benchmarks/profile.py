"""Where the time goes per order: `knect run` with a stop-watch at its stages.

    python -m benchmarks.profile URL FOLDER    prints microseconds per order, as JSON

The stages are functions that do not wait, in time of the processor; what is called within another
stage counts as its own. `loop` is what is left of the main thread: the event loop, HTTP, tasks.
When the main thread does not compute it rests (`main_rests`: nothing to do before a commit or an
answer) or it wants Python's lock, or a processor where others are at work (`main_wants_lock`). The
watch itself costs a few per cent.
Must not: run in the process that measures throughput.
"""

import atexit
import importlib
import json
import selectors
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.orders import declare

__all__ = ["STAGES"]

#: Stage -> where its functions are looked up: module, class or nothing, function.
STAGES: dict[str, tuple[tuple[str, str, str], ...]] = {
    "decode": (
        ("knect.sdk.http.call", "", "decode_json"),
        ("knect_connectors.rest.source", "_Reader", "_change"),
    ),
    "record": (("knect.engine.reading.sighter", "Sighter", "new_ones"),),
    "map": (
        ("knect.engine.delivering.stages", "Stages", "_extract"),
        ("knect.engine.delivering.stages", "Stages", "_map"),
    ),
    "pack": (
        ("knect.engine.reading.feed_windows", "", "pack"),
        ("knect.engine.delivering.settlement", "", "pack"),
    ),
    "deliver": (
        ("knect.engine.delivering.stages", "Stages", "_plan"),
        ("knect.engine.delivering.endings", "Endings", "take"),
        ("knect.engine.delivering.endings", "Endings", "finish"),
        ("knect.engine.delivering.job", "Job", "transition"),
        ("knect.sdk.http.client", "", "encode_json"),
    ),
    "trace": (
        ("knect.engine.telling.storyteller", "", "story_of"),
        ("knect.engine.telling.storyteller", "", "plain"),
        ("knect.telemetry.pattern", "Pattern", "filled"),
        ("knect.telemetry.traces", "", "render"),
        ("knect.telemetry.exporter", "", "encode_spans"),
        ("knect.telemetry.exporter", "", "encode_request"),
    ),
    "metrics": (("knect.engine.telling.gauges", "Gauges", "committed"),),
}

spent: Counter[str] = Counter()
_running = threading.local()


def watched(stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function with a stop-watch that is held while an inner stage runs."""

    def timed(*args: Any, **named: Any) -> Any:
        outer, _running.inner = getattr(_running, "inner", 0.0), 0.0
        began = time.thread_time()
        try:
            return function(*args, **named)
        finally:
            took = time.thread_time() - began
            spent[stage] += took - _running.inner
            _running.inner = outer + took

    return timed


def _watch() -> None:
    for stage, places in STAGES.items():
        for module, kind, name in places:
            place: Any = importlib.import_module(module)
            place = getattr(place, kind) if kind else place
            setattr(place, name, watched(stage, getattr(place, name)))
    for module, kind, name, stage in (
        ("knect.ledger.store.backends", "FileReading", "read", "ledger_read"),
        ("knect.ledger.store.file_writer", "FileWriter", "submit", "ledger_write"),
    ):
        place = getattr(importlib.import_module(module), kind)
        setattr(place, name, _in_thread(stage, getattr(place, name)))


def _watch_rest() -> None:
    kind: Any = selectors.DefaultSelector
    select = kind.select

    def timed(self: Any, timeout: float | None = None) -> Any:
        began = time.perf_counter()
        try:
            return select(self, timeout)
        finally:
            spent["main_rests"] += time.perf_counter() - began

    kind.select = timed


def _in_thread(stage: str, method: Callable[..., Any]) -> Callable[..., Any]:
    async def timed(self: Any, unit: Callable[[Any], Any], *args: Any) -> Any:
        return await method(self, watched(stage, unit), *args)

    return timed


def main(url: str, folder: str) -> None:
    """Run and print."""
    import urllib.request  # noqa: PLC0415 - not to be counted

    declare(Path(folder), url)
    cli = importlib.import_module("knect.cli.main")
    importlib.import_module("knect.cli.run")
    _watch()
    _watch_rest()
    started, began = time.thread_time(), time.perf_counter()

    def tell() -> None:
        main_thread, wall = time.thread_time() - started, time.perf_counter() - began
        with urllib.request.urlopen(f"{url}/counts") as answer:  # noqa: S310 - loopback
            orders = json.load(answer)["documents"]
        inner = sum(spent[stage] for stage in STAGES)
        everything = {
            "start": started,
            **{stage: spent[stage] for stage in STAGES},
            "loop": main_thread - inner,
            "main_rests": spent["main_rests"],
            "main_wants_lock": wall - main_thread - spent["main_rests"],
            "ledger_write": spent["ledger_write"],
            "ledger_read": spent["ledger_read"],
            "all_of_the_process": time.process_time(),
        }
        print(json.dumps({k: round(v / orders * 1e6, 1) for k, v in everything.items()}))

    atexit.register(tell)
    ledger = str(Path(folder) / "ledger.db")
    sys.argv = ["knect", "run", "-f", folder, "--ledger", ledger, "--allow", "127.0.0.1", "-q"]
    cli.main()


if __name__ == "__main__":
    main(*sys.argv[1:3])

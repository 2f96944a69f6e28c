"""A thousand pipelines on a cluster of played nodes: `python -m benchmarks.scale`.

Real: etcd, API server with RBAC and audit log, controller manager, scheduler, the operator process
with the chart's account and settings. Played: the nodes (KWOK) and the inside of the pods, which
answer `/status` as a worker would. Everything runs in a network namespace of its own where that is
possible. Must not: be a test; the figures are those of the machine and its load, which they name.

How each figure is taken:
  children, ready   from the first `apply` of Connections and pipelines to the operator's last
                    request that made a child (audit log), and to the last pipeline's Ready=True
                    as a watch saw it
  floor             the same on a fresh cluster, by a script (scale_floor.py)
  rest              after 30 s without a write: writes (audit log), CPU and memory (/proc)
  restart           a new process, from its start until every key was looked at and none is due
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import aiohttp
from benchmarks.scale_cluster import USER, chart_settings, cluster, component_pids, operator_process
from benchmarks.scale_floor import apply_all, floor
from benchmarks.scale_meter import Request, Usage, requests, rss_mib
from benchmarks.scale_objects import NAMESPACE, children_of, connections, pipelines, secrets
from benchmarks.scale_report import outlook, table
from benchmarks.scale_workers import Watches, Workers
from tests.support.cluster.binaries import helm, kwok
from tests.support.cluster.control_plane import ControlPlane, ensure_control_plane
from tests.support.kube.process import OperatorProcess, ready

from knect_operator.kube.aio import AioClient
from knect_operator.settings import OperatorSettings

__all__ = ["measure"]

Object = dict[str, Any]
_RESULTS = Path(__file__).parent / "results.json"
_CALM_SECONDS = 30.0
_LIMIT_SECONDS = 900.0
_TELL_SECONDS = 10.0


class Statuses:
    """What was written to Connections and pipelines, as a watch saw it."""

    def __init__(self, watches: Watches) -> None:
        self.written: dict[tuple[str, str], list[Object]] = {}
        self.ready_at: dict[tuple[str, str], float] = {}
        for kind in ("Connection", "SyncPipeline"):
            watches.begin(kind, NAMESPACE, changed=self._changed)

    def _changed(self, _event: str, document: Object) -> None:
        key = (document["kind"], document["metadata"]["name"])
        written = self.written.setdefault(key, [])
        status = document.get("status")
        if status and (not written or written[-1] != status):
            written.append(status)
        if ready(document)[0] == "True":
            self.ready_at.setdefault(key, time.time())
        else:
            self.ready_at.pop(key, None)


async def measure(count: int, ends: int, *, rest: float, keep: Callable[[Object], None]) -> None:
    """Measure so many pipelines over so many Connections; `keep` gets the figures of each part."""
    with TemporaryDirectory() as folder:
        with cluster(count) as plane:
            applied, statuses = await _with_operator(plane, Path(folder), count, ends, rest, keep)
        with cluster(count) as plane:
            bare = await _bare(plane, count, ends, statuses)
    keep(
        {
            "floor": bare,
            "times_floor": round(applied["ready_s"] / bare["ready_s"], 2),
            # of a shared machine's figures only this one does not depend on its load
            "cpu_times_floor": round(_own(applied["cpu_s"]) / _own(bare["cpu_s"]), 2),
        }
    )


def _own(cpu: dict[str, float]) -> float:
    return sum(spent for name, spent in cpu.items() if name != "others")


async def _with_operator(
    plane: ControlPlane,
    folder: Path,
    count: int,
    ends: int,
    rest: float,
    keep: Callable[[Object], None],
) -> tuple[Object, dict[tuple[str, str], list[Object]]]:
    declared = connections(ends) + pipelines(count, ends)
    async with AsyncExitStack() as stack:
        kube = await stack.enter_async_context(await AioClient.connect(str(plane.kubeconfig)))
        watches = await stack.enter_async_context(Watches(plane))
        await stack.enter_async_context(Workers(watches, NAMESPACE))
        statuses = Statuses(watches)
        await apply_all(kube, secrets(), 4)
        async with operator_process(plane, folder, 1) as operator:
            await _until(lambda: _gauge(operator, "knect_leader"), "the operator leads")
            applied = await _apply(plane, kube, operator, statuses, declared)
            keep({"apply": applied})
            keep({"rest": await _rest(plane, operator, rest)})
        written = {key: list(found) for key, found in statuses.written.items()}
        keep({"restart": await _restart(plane, folder, count + ends)})
    return applied, written


async def _apply(
    plane: ControlPlane,
    kube: AioClient,
    operator: OperatorProcess,
    statuses: Statuses,
    declared: list[Object],
) -> Object:
    usage, before = Usage(_pids(plane, operator)), rss_mib(_pid(operator))
    began = time.time()
    await apply_all(kube, declared, OperatorSettings().concurrency)
    applied = time.time()
    say(f"  {len(declared)} objects applied after {applied - began:.1f} s")

    async def all_ready() -> bool:
        return len(statuses.ready_at) == len(declared)

    await _until(all_ready, "all are Ready", lambda: f"{len(statuses.ready_at)} Ready")
    finished = max(statuses.ready_at.values())
    say(f"  all Ready after {finished - began:.1f} s")
    spent = usage.spent()
    await _calm(plane)
    done = [one for one in requests(plane.place.folder, USER) if one.at >= began]
    made = [one for one in done if one.verb == "patch" and "/" not in one.resource]
    last = max((one.at for one in done if one.writes), default=finished)
    pipelines = [key for key in statuses.written if key[0] == "SyncPipeline"]
    writes = sum(len(statuses.written[key]) for key in pipelines)
    return {
        "declared_s": round(applied - began, 1),
        "children_s": round(max(one.at for one in made) - began, 1),
        "ready_s": round(finished - began, 1),
        "last_write_s": round(last - began, 1),
        "status_writes_per_pipeline": round(writes / len(pipelines), 2),
        "requests": _counted(done),
        "cpu_s": spent,
        "rss_before_mib": round(before, 1),
        "rss_mib": round(rss_mib(_pid(operator)), 1),
        "load": os.getloadavg()[0],
    }


async def _calm(plane: ControlPlane) -> None:
    """Return once the operator has written nothing for a while."""

    async def holds() -> bool:
        writes = [one.at for one in requests(plane.place.folder, USER) if one.writes]
        return time.time() - max(writes, default=0) > _CALM_SECONDS

    await _until(holds, "the operator writes nothing")


async def _rest(plane: ControlPlane, operator: OperatorProcess, seconds: float) -> Object:
    """Watch the operator do nothing."""
    say(f"  at rest for {seconds:.0f} s")
    usage, began, memory = Usage(_pids(plane, operator)), time.time(), []
    while time.time() - began < seconds:
        memory.append(round(rss_mib(_pid(operator)), 1))
        await asyncio.sleep(min(5.0, seconds))
    spent, lasted = usage.spent(), time.time() - began
    done = [one for one in requests(plane.place.folder, USER) if one.at >= began]
    return {
        "seconds": round(lasted),
        "writes": sum(one.writes for one in done),
        "lease_renewals": sum(one.resource == "leases" and one.verb == "update" for one in done),
        "requests": _counted(done),
        "operator_cpu_percent": round(100 * spent["operator"] / lasted, 1),
        "cpu_s": spent,
        "rss_mib": {"first": memory[0], "last": memory[-1], "most": max(memory)},
        "load": os.getloadavg()[0],
    }


async def _restart(plane: ControlPlane, folder: Path, keys: int) -> Object:
    """Start a new operator over what is there."""
    say("  restart")
    began = time.time()
    async with operator_process(plane, folder, 2) as operator:
        usage = Usage(_pids(plane, operator))

        async def quiet() -> bool:
            looks = await _gauge(operator, "knect_reconcile_seconds_count")
            return looks >= keys and await _gauge(operator, "knect_queue_depth") == 0

        await _until(quiet, "the new operator is quiet")
        took, spent = time.time() - began, usage.spent()
        await asyncio.sleep(_CALM_SECONDS)  # whatever it still has to say
        done = [one for one in requests(plane.place.folder, USER) if one.at >= began]
        return {
            "quiet_s": round(took, 1),
            "writes": sum(one.writes for one in done),
            "requests": _counted(done),
            "cpu_s": spent,
            "rss_mib": round(rss_mib(_pid(operator)), 1),
            "load": os.getloadavg()[0],
        }


async def _bare(
    plane: ControlPlane, count: int, ends: int, statuses: dict[tuple[str, str], list[Object]]
) -> Object:
    """Apply the same without an operator."""
    say("  the floor")
    declared = connections(ends) + pipelines(count, ends)
    by_name = {one["metadata"]["name"]: one for one in declared if one["kind"] == "Connection"}
    settings = OperatorSettings.model_validate(chart_settings(), by_name=False, by_alias=True)
    children = {}
    for one in declared[ends:]:
        sides = (one["spec"][side]["connectionRef"]["name"] for side in ("source", "destination"))
        # a rendering needs the uid, which comes with the apply
        copy = {**one, "metadata": {**one["metadata"], "uid": "-"}}
        children[one["metadata"]["name"]] = children_of(copy, [by_name[s] for s in sides], settings)
    async with AsyncExitStack() as stack:
        kube = await stack.enter_async_context(await AioClient.connect(str(plane.kubeconfig)))
        watches = await stack.enter_async_context(Watches(plane))
        workers = await stack.enter_async_context(Workers(watches, NAMESPACE))
        await apply_all(kube, secrets(), 4)
        usage, began = Usage(_pids(plane, None)), time.time()
        await floor(
            kube,
            declared=declared,
            children=children,
            statuses=statuses,
            workers=workers,
            concurrency=settings.concurrency,
        )
        return {
            "ready_s": round(time.time() - began, 1),
            "cpu_s": usage.spent(),
            "load": os.getloadavg()[0],
        }


def _pids(plane: ControlPlane, operator: OperatorProcess | None) -> dict[str, int]:
    own = {"operator": _pid(operator)} if operator else {}
    return {**component_pids(plane), **own, "benchmark": os.getpid()}


def _pid(operator: OperatorProcess) -> int:
    return int(operator.process.pid)


def _counted(done: list[Request]) -> dict[str, int]:
    return dict(sorted(Counter(f"{one.verb} {one.resource}" for one in done).items()))


async def _gauge(operator: OperatorProcess, name: str) -> float:
    """Return the sum of a metric of the operator over its labels; 0 while it does not answer."""
    url = f"http://127.0.0.1:{operator.port}/metrics"
    try:
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            lines = (await answer.text()).splitlines()
    except aiohttp.ClientError:
        return 0.0
    return sum(
        float(line.rsplit(" ", 1)[1])
        for line in lines
        if line.startswith((f"{name} ", f"{name}{{"))
    )


async def _until(holds: Callable[[], Any], what: str, so_far: Callable[[], str] = str) -> None:
    began = told = time.monotonic()
    while not await holds():
        now = time.monotonic()
        if now - began > _LIMIT_SECONDS:
            raise TimeoutError(f"{what}: not within {_LIMIT_SECONDS:.0f} s; {so_far()}")
        if now - told > _TELL_SECONDS:
            told = now
            say(f"  waiting until {what} {so_far()}")
        await asyncio.sleep(0.5)


def say(text: str) -> None:
    """Tell whoever waits how far it is."""
    print(text, flush=True)


def main() -> None:
    """Measure, print, and merge into results.json."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale")
    parser.add_argument("--pipelines", type=int, default=1000)
    parser.add_argument("--connections", type=int, default=20)
    parser.add_argument("--rest", type=float, default=300.0, help="seconds to watch it do nothing")
    parser.add_argument("--results", type=Path, default=_RESULTS)
    told = parser.parse_args()
    ensure_control_plane()
    kwok()
    helm()
    if os.geteuid() == 0 and "KNECT_BENCH_INSIDE" not in os.environ:
        # nothing else on the machine may listen on the workers' port, or hear of it
        words = [sys.executable, "-m", "benchmarks.scale", *sys.argv[1:]]
        inside = 'ip link set lo up && exec "$@"'
        done = subprocess.run(
            ["/usr/bin/unshare", "--net", "/bin/sh", "-c", inside, "sh", *words],
            env={**os.environ, "KNECT_BENCH_INSIDE": "1"},
            check=False,
        )
        sys.exit(done.returncode)
    say(f"{told.pipelines} pipelines over {told.connections} Connections")
    figures: Object = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "pipelines": told.pipelines,
        "connections": told.connections,
    }

    def keep(part: Object) -> None:
        # at once: whoever ends a long run early keeps what was measured
        figures.update(part)
        before = json.loads(told.results.read_text()) if told.results.exists() else {}
        told.results.write_text(json.dumps({**before, "scale": figures}, indent=2) + "\n")

    asyncio.run(measure(told.pipelines, told.connections, rest=told.rest, keep=keep))
    print(table(figures))
    print(outlook(figures, 10_000))


if __name__ == "__main__":
    main()

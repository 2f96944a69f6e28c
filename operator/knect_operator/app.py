"""The operator put together: lease, listing, watches, queue, pages; and down again in good order.

Must not: hold behaviour of its own, or go on for a moment after the lease is lost.
"""

import asyncio
import logging
import os
import socket
import time
from collections.abc import Awaitable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp

from knect.api.catalog import Catalog
from knect_operator.checking import Checker
from knect_operator.controllers import (
    ConnectionController,
    ConnectionKey,
    ReconcileKey,
    Troubles,
    UnitController,
    UnitKey,
    World,
    wakes,
)
from knect_operator.controllers.outcome import Outcome
from knect_operator.handlers import watch
from knect_operator.health import Health, Pulse
from knect_operator.kube import KubeClient, KubeError, Unavailable
from knect_operator.leader import Leader, LeaseLost
from knect_operator.metrics import Metrics
from knect_operator.queue import WorkQueue
from knect_operator.recorder import Recorder
from knect_operator.reports import HttpWorkers, Reports
from knect_operator.resync import Resync
from knect_operator.server import pages, server_for
from knect_operator.settings import OperatorSettings
from knect_operator.store import Store, key_of
from knect_operator.tracing import ReconcileTraces

__all__ = ["Operator", "run_operator"]

_log = logging.getLogger("knect.operator")

#: A watch that held so long is none that gives up in a row.
_HELD_SECONDS = 60.0
_IN_A_ROW = 5


class Operator:
    """What runs while this process leads."""

    def __init__(self, world: World, metrics: Metrics, traces: ReconcileTraces) -> None:
        self.world = world
        self._metrics = metrics
        self._traces = traces
        self._units = UnitController(world)
        self._connections = ConnectionController(world)
        self._troubles = Troubles(world)
        self.queue: WorkQueue[ReconcileKey] = WorkQueue(
            self._reconcile,
            failed=self._failed,
            asked_for=_asked_for,
            is_shared=lambda error: isinstance(error, Unavailable),
            workers=world.settings.concurrency,
            monotonic=world.monotonic,
        )
        self.resync = Resync(world, lambda key, after: self.queue.add(key, after=after))
        world.wake = self.queue.add
        self.started = False
        self.waits_for = ""

    def observed(self, kind: str | None, document: Mapping[str, Any]) -> None:
        """Take an event in: keep the object, wake who depends on it."""
        store = self.world.store
        if kind == "DELETED":
            metadata = document["metadata"]
            before = store.remove(
                document["kind"],
                key_of(document),
                uid=metadata.get("uid"),
                version=metadata.get("resourceVersion"),
            )
            after = None
        else:
            before = store.put(document)
            after = store.get(document["kind"], key_of(document))
        for key in wakes(store, before, after):
            self.queue.add(key)

    async def run(self, stop: asyncio.Event | None = None) -> None:
        """List, watch and reconcile until cancelled. Without `stop`, others call `observed`."""
        await self._list()
        for key, after in self.resync.start_keys():
            self.queue.add(key, after=after)
        self.started = True
        async with asyncio.TaskGroup() as group:
            group.create_task(self.queue.run(), name="queue")
            group.create_task(self.resync.run(), name="resync")
            if stop is not None:
                group.create_task(self._watch(), name="watches")
                group.create_task(self._watch_namespaces(stop), name="namespaces")

    async def _list(self) -> None:
        while True:
            try:
                await self.resync.list_all()
            except KubeError as error:
                _log.warning("a listing failed", extra={"cause": str(error)})
                self.waits_for = f"listing fails: {error}"
                await asyncio.sleep(2.0)
            else:
                self.waits_for = ""
                return

    async def _watch(self) -> None:
        """Watch for ever, anew when an API server ends it. Raises KubeError if that is no use."""
        in_a_row = 0
        while True:
            began = self.world.monotonic()
            try:
                await watch(self.observed, self.resync.served or ())
            except KubeError as error:
                held = self.world.monotonic() - began >= _HELD_SECONDS
                in_a_row = 1 if held else in_a_row + 1
                if in_a_row >= _IN_A_ROW:
                    raise
                _log.warning("the watches begin anew", extra={"cause": str(error)})
                await asyncio.sleep(2.0 ** (in_a_row - 2))
            await self._list()  # what was deleted meanwhile, no watch would tell

    async def _watch_namespaces(self, stop: asyncio.Event) -> None:
        """End the process when other namespaces can be listed: its watches are made once."""
        await self.resync.others.wait()
        stop.set()

    async def _reconcile(self, key: ReconcileKey) -> float | None:
        began, began_ns = self.world.monotonic(), time.time_ns()
        kind = "Connection" if isinstance(key, ConnectionKey) else "SyncPipeline"
        outcome: Outcome | None = None
        try:
            if isinstance(key, UnitKey):
                outcome = await self._units.reconcile(key)
            else:
                outcome = await self._connections.reconcile(key)
        except Exception as error:
            await self._troubles.met(key, error)
            raise
        finally:
            word = "error" if outcome is None else "changed" if outcome.did_something else "same"
            spent = self.world.monotonic() - began
            self._metrics.reconciles.labels(kind, word).observe(spent)
        self._troubles.over(key)
        self._metrics.corrections.inc(outcome.corrected)
        if outcome.did_something:
            _log.info(
                "reconciled",
                extra={
                    "object": f"{key[0]}/{key[1]}",
                    "kind": kind,
                    "applied": outcome.applied,
                    "pruned": outcome.pruned,
                    "status": int(outcome.wrote_status),
                },
            )
            self._traces.tell(outcome, began_ns, time.time_ns(), None)
        return outcome.wait

    def _failed(self, key: ReconcileKey, error: Exception) -> None:
        extra = {"object": f"{key[0]}/{key[1]}", "cause": str(error)}
        if isinstance(error, Unavailable):
            _log.warning("the API server is not available", extra=extra)
        elif isinstance(error, KubeError):
            _log.warning("the API server did not do it", extra=extra)
        else:
            _log.error("a reconcile failed", extra=extra, exc_info=error)


async def run_operator(
    kube: KubeClient, settings: OperatorSettings, metrics: Metrics, stop: asyncio.Event
) -> bool:
    """Run until told to stop. Returns False if the lease was lost."""
    identity = f"{os.environ.get('KNECT_POD_NAME') or socket.gethostname()}_{os.getpid()}"
    monotonic = time.monotonic
    health, pulse = Health(), Pulse(monotonic)
    traces = ReconcileTraces()
    leader = Leader(
        kube,
        namespace=settings.namespace,
        name=settings.lease_name,
        identity=identity,
        seconds=settings.lease.seconds,
        now=_now,
        monotonic=monotonic,
    )
    async with aiohttp.ClientSession() as session:
        store = Store()
        catalog = Catalog.installed(Path(settings.manifests) if settings.manifests else None)
        for problem in catalog.problems:
            _log.warning("a manifest cannot be used", extra={"cause": problem})
        world = World(
            kube=kube,
            store=store,
            checker=Checker(store, catalog),
            reports=Reports(HttpWorkers(session)),
            recorder=Recorder(kube, instance=identity, now=_now, monotonic=monotonic),
            settings=settings,
            now=_now,
            monotonic=monotonic,
        )
        operator = Operator(world, metrics, traces)
        health.at_most("the event loop lags", lambda: pulse.late, 5.0)
        metrics.watch("knect_queue_depth", "Keys that are due.", lambda: operator.queue.depth)
        metrics.watch(
            "knect_queue_oldest_seconds",
            "How long the longest-waiting due key has waited.",
            lambda: operator.queue.oldest_seconds,
        )
        metrics.watch("knect_leader", "1 if this process leads.", lambda: float(operator.started))
        server = server_for(pages(health, metrics, lambda: operator.waits_for), settings.listen)
        try:
            return await _lead(operator, leader, settings, (health, pulse, server), stop)
        finally:
            traces.close()


async def _lead(
    operator: Operator,
    leader: Leader,
    settings: OperatorSettings,
    parts: tuple[Health, Pulse, Any],
    stop: asyncio.Event,
) -> bool:
    health, pulse, server = parts
    stopping = asyncio.create_task(stop.wait())
    around = [
        asyncio.create_task(pulse.run(), name="pulse"),
        asyncio.create_task(server.serve(), name="pages"),
    ]
    try:
        if settings.leader_election and not await _first(leader.wait(), stopping, around):
            return True
        health.at_most("the oldest key waits", lambda: operator.queue.oldest_seconds, 300.0)
        health.at_most("a reconcile takes", lambda: operator.queue.longest_look_seconds, 180.0)
        limit = 3 * settings.resync.seconds
        health.at_most("the last full listing is old", lambda: operator.resync.age, limit)
        if settings.leader_election:
            health.at_most(
                "the lease was not renewed", lambda: leader.unrenewed, settings.lease.seconds
            )
            around.append(asyncio.create_task(leader.keep(), name="lease"))
        await _first(operator.run(stop), stopping, around)
    except LeaseLost as error:
        _log.error("stopping", extra={"cause": str(error)})
        return False
    else:
        return True
    finally:
        server.should_exit = True
        for task in (stopping, *around):
            task.cancel()
        await asyncio.gather(stopping, *around, return_exceptions=True)
        await leader.release()


async def _first(
    work: Awaitable[None], stopping: "asyncio.Task[bool]", around: list["asyncio.Task[Any]"]
) -> bool:
    """Run work until it ends, somebody says stop, or one of the tasks around it ends.

    Returns whether the work ended; what ended in an error raises it.
    """
    working = asyncio.ensure_future(work)
    try:
        await asyncio.wait({working, stopping, *around}, return_when=asyncio.FIRST_COMPLETED)
        for task in (*around, working):
            if task.done():
                task.result()
        return working.done()
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)


def _asked_for(error: Exception) -> float:
    """Return the seconds for which a server wants to be left alone."""
    return (error.retry_after or 0.0) if isinstance(error, Unavailable) else 0.0


def _now() -> datetime:
    return datetime.now(UTC)

"""A worker with everything around it: ledger, traces, logs, door, webhooks, metrics.

Why: `knect run`, `knect worker`, `knect backfill` and `knect plan` bring the same parts up in the
same order and down in the reverse. Must not: hold behaviour of its own.
"""

import asyncio
import logging
import os
import secrets as chance
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any

import uvicorn
from msgspec import Struct
from starlette.applications import Starlette
from starlette.requests import Request as WebRequest
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from knect.api.catalog import Catalog
from knect.api.worker import WorkerDocument
from knect.engine.control import ControlDoor, door_of
from knect.engine.follow import Follower
from knect.engine.gauges import Gauges
from knect.engine.housekeeping import Housekeeper
from knect.engine.receiver import Receiver
from knect.engine.requests import Request, perform
from knect.engine.storyteller import Storyteller
from knect.engine.upkeep import Upkeep, webhook_paths
from knect.engine.worker import Worker, WorkerOptions, Wrap
from knect.ledger import Ledger, open_ledger
from knect.ledger.database import sqlite_path
from knect.ledger.instants import to_us
from knect.ledger.queries import coverage, equations
from knect.ledger.retention import RetentionPolicy
from knect.ledger.stories import untold
from knect.sdk.http import ClientFactory, Egress, Limits
from knect.sdk.secret import Secret
from knect.telemetry import (
    Metrics,
    Redactor,
    Sampler,
    TransactionTraces,
    open_exporter,
    read_settings,
)

__all__ = ["Host", "HostSettings", "hosted"]

_log = logging.getLogger("knect.host")

#: Ends that were committed but never told, e.g. by a killed worker, are told if this recent.
_TELL_AGAIN_US = 24 * 3600 * 1_000_000


class HostSettings(Struct, frozen=True, kw_only=True):
    """How a process is run. `allow` are private hosts it may connect to."""

    ledger: str
    allow: tuple[str, ...] = ()
    listen: str | None = None
    webhook_paths: Mapping[str, str] = {}


class Host:
    """What a command needs while it runs."""

    def __init__(
        self,
        worker: Worker,
        ledger: Ledger,
        gauges: Gauges,
        settings: HostSettings,
    ) -> None:
        self.worker = worker
        self.ledger = ledger
        self.gauges = gauges
        self._settings = settings

    async def follow(self, stop: asyncio.Event) -> None:
        """Run until told to stop, with webhooks, status and metrics where a listener is set."""
        follower = Follower(self.worker)
        path = sqlite_path(self._settings.ledger)
        door = None
        if path is not None:
            door = ControlDoor(door_of(path), lambda wish: self._carry(wish, follower))
            await door.open()
        age = self.worker.document.config.retention.delta.total_seconds()
        keeper = Housekeeper(
            self.ledger,
            RetentionPolicy(transactions_us=int(age * 1_000_000)),
            self.worker.options.clock,
        )
        keeping = asyncio.create_task(keeper.run(), name="housekeeping")
        paths = await webhook_paths(self.ledger, self.worker.connectors, chance.token_urlsafe(16))
        paths |= dict(self._settings.webhook_paths)
        upkeep = Upkeep(
            ledger=self.ledger,
            document=self.worker.document,
            connectors=self.worker.connectors,
            paths=paths,
            clock=self.worker.options.clock,
        )
        looking_after = asyncio.create_task(upkeep.run(), name="upkeep")
        server = self._server(follower, paths)
        serving = asyncio.create_task(server.serve()) if server else None
        try:
            await follower.run(stop)
        finally:
            keeping.cancel()
            looking_after.cancel()
            if server is not None and serving is not None:
                server.should_exit = True
                await serving
            if door is not None:
                await door.close()

    async def _carry(self, wish: Request, follower: Follower) -> dict[str, Any]:
        options = self.worker.options
        now = to_us(options.clock.now())
        answer = await self.ledger.write(lambda c: perform(c, wish, now_us=now, new_id=options.ids))
        follower.something_is_due()
        return answer

    def _server(self, follower: Follower, paths: Mapping[str, str]) -> uvicorn.Server | None:
        if self._settings.listen is None:
            return None
        host, _, port = self._settings.listen.rpartition(":")
        webhooks = {
            name: connector.webhooks
            for name, connector in self.worker.connectors.items()
            if connector.webhooks is not None
        }
        receiver = Receiver(
            ledger=self.ledger,
            webhooks=webhooks,
            paths=paths,
            clock=self.worker.options.clock,
            arrived=follower.hint_arrived,
        )
        for name in webhooks:
            _log.info("webhooks", extra={"connection": name, "path": f"/webhooks/{name}/…"})
        app = Starlette(
            routes=[
                Route("/healthz", self._health),
                Route("/status", self._status),
                Route("/metrics", self._metrics),
                *receiver.routes(),
            ]
        )
        return _QuietServer(
            uvicorn.Config(
                app, host=host, port=int(port), log_config=None, access_log=False, lifespan="off"
            )
        )

    async def _health(self, _request: WebRequest) -> Response:
        return PlainTextResponse("ok")

    async def _status(self, _request: WebRequest) -> Response:
        sums, feeds = await self.ledger.read(lambda c: (equations(c), coverage(c)))
        return JSONResponse(
            {
                "pipelines": [{"name": s.name, "seen": s.seen, **s.fates} for s in sums],
                "feeds": [
                    {
                        "connection": f.connection,
                        "entity": f.entity,
                        "completeUntilUs": f.complete_until_us,
                        "failure": f.failure,
                        "reason": f.reason,
                    }
                    for f in feeds
                ],
            }
        )

    async def _metrics(self, _request: WebRequest) -> Response:
        page = await self.gauges.read(self.ledger)
        return Response(page, media_type="application/openmetrics-text; version=1.0.0")


class _QuietServer(uvicorn.Server):
    """uvicorn without its own signal handlers: the process has one way to stop."""

    def install_signal_handlers(self) -> None:
        """Install none."""


@asynccontextmanager
async def hosted(
    document: WorkerDocument,
    settings: HostSettings,
    *,
    catalog: Catalog,
    redactor: Redactor,
    secrets: Mapping[str, Mapping[str, Secret]] | None = None,
    options: WorkerOptions | None = None,
    wrap: Wrap = lambda _name, destination: destination,
) -> AsyncIterator[Host]:
    """Bring a worker up, started; take it down with everything in hand finished or given back."""
    options = options or WorkerOptions()
    redactor.register(_confidential(document, catalog, secrets or {}))
    metrics = Metrics()
    gauges = Gauges(metrics, options.clock)
    http = ClientFactory(
        clock=options.clock,
        egress=Egress(settings.allow),
        limits=Limits(deadline=options.request_seconds),
    )
    traces = read_settings(os.environ)
    collector_http = ClientFactory(
        clock=options.clock,
        egress=Egress(["127.0.0.0/8", "::1", *_collector_host(traces.endpoint)]),
    )
    exporter, sender = open_exporter(
        traces, collector_http, options.clock, metrics, version("knect")
    )
    ledger = await open_ledger(settings.ledger)
    teller = Storyteller(
        ledger,
        TransactionTraces(exporter, Sampler(document.config.sample_percent / 100)),
        enabled=exporter.enabled,
    )
    exporter.start()
    worker = Worker(
        document,
        ledger=ledger,
        catalog=catalog,
        http=http,
        secrets=secrets,
        options=options,
        touched=teller.touched,
        wrap=wrap,
        committed=gauges.committed,
    )
    try:
        await worker.start()
        await _tell_what_was_not_told(worker, ledger, teller, options)
        yield Host(worker, ledger, gauges, settings)
    finally:
        await worker.close()
        await teller.close()
        await exporter.close()
        if sender is not None:
            await sender.close()
        await ledger.close()


def _confidential(
    document: WorkerDocument, catalog: Catalog, secrets: Mapping[str, Mapping[str, Secret]]
) -> Iterable[str]:
    """Yield every secret value but those a manifest says may be named, e.g. user names."""
    for connection in document.connections:
        manifest = catalog.get(connection.spec.connector)
        public = {k.key for k in manifest.credentials if not k.confidential} if manifest else set()
        for key, secret in secrets.get(connection.name, {}).items():
            if key not in public:
                yield secret.reveal()


async def _tell_what_was_not_told(
    worker: Worker, ledger: Ledger, teller: Storyteller, options: WorkerOptions
) -> None:
    names = [pipeline.name for pipeline in worker.live_pipelines]
    after = to_us(options.clock.now()) - _TELL_AGAIN_US
    if teller.enabled and names:
        teller.touched(await ledger.read(lambda c: untold(c, names, after_us=after)))


def _collector_host(endpoint: str | None) -> Iterable[str]:
    from urllib.parse import urlsplit  # noqa: PLC0415 - only when a collector is set

    host = urlsplit(endpoint).hostname if endpoint else None
    return (host,) if host else ()

"""Bringing a worker up with its ledger, traces and connections, and down again in the reverse.

Why: `knect run`, `knect worker`, `knect backfill` and `knect plan` do this in the same order.
Must not: do any work; `Host` and `Worker` do.
"""

import os
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from importlib.metadata import version

from knect.api.catalog import Catalog
from knect.api.worker import WorkerDocument
from knect.engine.delivering.job import Job
from knect.engine.telling.gauges import Gauges
from knect.engine.telling.storyteller import Storyteller
from knect.engine.working.assembly import Wrap
from knect.engine.working.book import open_book
from knect.engine.working.host import Host, HostSettings
from knect.engine.working.options import WorkerOptions
from knect.engine.working.secrets import MountedSecrets
from knect.engine.working.worker import Worker
from knect.ledger import Ledger
from knect.ledger.instants import to_us
from knect.ledger.questions.stories import untold
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

__all__ = ["hosted"]

#: Ends that were committed but never told, e.g. by a killed worker, are told if this recent.
_TELL_AGAIN_US = 24 * 3600 * 1_000_000


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
    metrics: Metrics | None = None,
    opened: Callable[[], None] = lambda: None,
) -> AsyncIterator[Host]:
    """Bring a worker up, started; take it down with everything in hand finished or given back.

    `secrets` are by Connection; of mounted ones the redactor has been told already. `opened` is
    called once the ledger is open.
    """
    options = options or WorkerOptions()
    secrets = secrets or {}
    redactor.register(_confidential(document, catalog, secrets))
    metrics = metrics or Metrics()
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
    ledger = await open_book(settings.ledger, settings.namespace)
    opened()
    teller = Storyteller(
        ledger,
        TransactionTraces(exporter, Sampler(document.config.sample_percent / 100)),
        enabled=exporter.enabled,
    )
    exporter.start()
    host: Host | None = None

    def committed(jobs: Sequence[Job]) -> None:
        gauges.committed(jobs)
        if host is not None:
            host.committed(jobs)

    worker = Worker(
        document,
        ledger=ledger,
        catalog=catalog,
        http=http,
        secrets=secrets,
        options=options,
        touched=teller.touched,
        wrap=wrap,
        committed=committed,
    )
    try:
        await worker.start()
        await _tell_what_was_not_told(worker, ledger, teller, options)
        live = {k: v for k, v in secrets.items() if isinstance(v, MountedSecrets)}
        host = Host(worker, ledger, gauges, settings, catalog=catalog, secrets=live)
        yield host
    finally:
        await worker.close(drain_seconds=document.config.drain.delta.total_seconds())
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
        found = secrets.get(connection.name, {})
        if isinstance(found, MountedSecrets):
            continue
        for key, secret in found.items():
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

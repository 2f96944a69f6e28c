"""`knect backfill`: older history of a source, from files or as a Job of the operator.

Must not: differ between the two in anything but where document and secrets come from.
"""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import click

from knect.api.catalog import Catalog
from knect.api.worker import WorkerDocument
from knect.cli.documents import declared, some_files_option
from knect.cli.failure import BAD_INPUT, FAILED, INTERRUPTED, NOT_FOUND, CommandError
from knect.cli.instants import zoned
from knect.cli.ledgers import ledger_option, remember, resolve_for, run_async
from knect.cli.output import say
from knect.cli.process import (
    allow_option,
    quiet_logs,
    settle_process,
    stop_on_signal,
    summary,
    told_failures,
)
from knect.cli.progress import Progress
from knect.cli.told import document_option, told
from knect.engine.working.host import Host, HostSettings
from knect.engine.working.hosting import hosted
from knect.engine.working.options import WorkerOptions
from knect.sdk.errors import ConnectorError
from knect.sdk.secret import Secret
from knect.telemetry import Redactor

__all__ = ["backfill"]


@click.command()
@some_files_option
@document_option
@ledger_option
@allow_option
@click.option("--since", required=True, help="RFC 3339 instant, e.g. 2026-01-01T00:00:00Z.")
@click.option("--until", help="RFC 3339 instant; default: now.")
@click.option("--pipeline", help="Only this pipeline's source.")
def backfill(
    files: tuple[Path, ...],
    document: Path | None,
    ledger: str | None,
    allow: tuple[str, ...],
    since: str,
    until: str | None,
    pipeline: str | None,
) -> int:
    """Read older history and deliver it; what is known already makes no difference."""
    if bool(files) == (document is not None):
        raise CommandError("say what to read: -f FILES, or --document FILE", code=BAD_INPUT)
    redactor = quiet_logs()
    settle_process()
    if document is not None:
        there = told(document, redactor)
        first, last = _span(since, until)
        there.working(pipeline)
        settings = HostSettings(
            ledger=there.ledger.read(),
            namespace=there.namespace,
            allow=(*there.config.egress_allow, *allow),
        )
        job = _Job(there.document, settings, there.catalog, there.secrets, there.options, redactor)
        return run_async(lambda: job.run(pipeline, first, last))
    found = declared(files)
    first, last = _span(since, until)
    dsn = resolve_for(ledger, files)
    settings = HostSettings(ledger=dsn, allow=allow)
    job = _Job(found.document, settings, found.catalog, found.secrets, WorkerOptions(), redactor)
    remember(dsn, files, allow)
    return run_async(lambda: job.run(pipeline, first, last))


class _Job:
    """One run of it."""

    def __init__(
        self,
        document: WorkerDocument,
        settings: HostSettings,
        catalog: Catalog,
        secrets: Mapping[str, Mapping[str, Secret]],
        options: WorkerOptions,
        redactor: Redactor,
    ) -> None:
        self._document = document
        self._settings = settings
        self._catalog = catalog
        self._secrets = secrets
        self._options = options
        self._redactor = redactor

    async def run(self, pipeline: str | None, first: datetime, last: datetime) -> int:
        stop = stop_on_signal()
        async with hosted(
            self._document,
            self._settings,
            catalog=self._catalog,
            redactor=self._redactor,
            secrets=self._secrets,
            options=self._options,
        ) as host:
            working = asyncio.create_task(_work(host, pipeline, first, last))
            stopping = asyncio.create_task(stop.wait())
            await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
            stopping.cancel()
            if working.done():
                return working.result()
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)
            say("interrupted; give the same command again, what is read makes no difference",
                err=True)  # fmt: skip
            return INTERRUPTED


async def _work(host: Host, pipeline: str | None, first: datetime, last: datetime) -> int:
    feeds = [
        feed
        for feed in host.worker.feeds
        if pipeline is None or pipeline in feed.settings.pipelines
    ]
    if not feeds:
        raise CommandError(f"there is no pipeline {pipeline!r} in force", code=NOT_FOUND)
    for feed in feeds:
        async with Progress(host.ledger, label=f"backfill {feed.name}"):
            try:
                asking = [pipeline] if pipeline else feed.settings.pipelines
                await feed.backfill(first, last, asking=asking)
            except ConnectorError as error:
                raise CommandError(f"{feed.name}: {error}", code=FAILED) from None
    async with Progress(host.ledger, label="delivering"):
        failures = await host.worker.run_once()
    await summary(host)
    return await told_failures(host, failures)


def _span(since: str, until: str | None) -> tuple[datetime, datetime]:
    first, last = _instant(since), _instant(until) if until else datetime.now(UTC)
    if first >= last:
        raise CommandError(f"--since {since} is not before --until", code=BAD_INPUT)
    return first, last


def _instant(text: str) -> datetime:
    instant = zoned(text)
    if instant is None:
        raise CommandError(
            f"{text!r} is no RFC 3339 instant with a zone, such as 2026-01-01T00:00:00Z",
            code=BAD_INPUT,
        )
    return instant

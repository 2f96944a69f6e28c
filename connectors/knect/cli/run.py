"""`knect run`, `knect worker`, `knect backfill`: the engine on this machine.

Must not: differ from the pod of a cluster in anything but where the document comes from.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

from knect.cli.documents import Declared, declared, files_option, installed_catalog
from knect.cli.failure import BAD_INPUT, FAILED, INTERRUPTED, STUCK, CommandError
from knect.cli.ledgers import ledger_option, remember, resolve_for, run_async
from knect.cli.output import say
from knect.cli.progress import Progress
from knect.engine.host import Host, HostSettings, hosted
from knect.engine.worker import WorkerOptions
from knect.ledger.queries import equations
from knect.telemetry import Redactor, configure_logging

__all__ = ["backfill", "run", "worker"]

_allow = click.option(
    "--allow",
    multiple=True,
    metavar="HOST|NETWORK",
    help="A private address that may be connected to (in-house ERP, simulator).",
)


@click.command()
@files_option
@ledger_option
@_allow
@click.option("--follow", is_flag=True, help="Stay: read when the triggers say so.")
@click.option("--listen", metavar="HOST:PORT", help="With --follow: webhooks, /status, /metrics.")
@click.option(
    "--webhook-path",
    multiple=True,
    metavar="CONNECTION=SECRET",
    help="The unguessable part of a webhook address; default: made once, kept in the ledger.",
)
@click.option("--lease", default=60.0, show_default=True, help="Seconds a worker may hold work.")
@click.option("--request-timeout", default=30.0, show_default=True, help="Seconds per remote call.")
@click.option("--name", default="local", show_default=True, help="The worker's name.")
@click.option("--fail-on-stuck", is_flag=True, help="Exit with 4 if anything is stuck.")
@click.option("-q", "--quiet", is_flag=True, help="No progress.")
def run(
    files: tuple[Path, ...],
    ledger: str | None,
    allow: tuple[str, ...],
    *,
    follow: bool,
    listen: str | None,
    webhook_path: tuple[str, ...],
    lease: float,
    request_timeout: float,
    name: str,
    fail_on_stuck: bool,
    quiet: bool,
) -> int:
    """Run pipelines from files: everything up to now, or with --follow until interrupted."""
    found = declared(files)
    dsn = resolve_for(ledger, files)
    settings = HostSettings(
        ledger=dsn,
        allow=allow,
        listen=listen,
        webhook_paths=dict(_pair(text) for text in webhook_path),
    )
    options = WorkerOptions(name=name, lease_seconds=lease, request_seconds=request_timeout)
    code = run_async(lambda: _run(found, settings, options, follow=follow, quiet=quiet))
    remember(dsn, files, allow)
    if code == 0 and fail_on_stuck:
        from knect.cli.stuck import anything_stuck  # noqa: PLC0415 - rarely asked

        return STUCK if run_async(lambda: anything_stuck(dsn)) else 0
    return code


def _pair(text: str) -> tuple[str, str]:
    name, _, secret = text.partition("=")
    return name, secret


@click.command()
@click.option(
    "--document",
    required=True,
    type=click.Path(path_type=Path, exists=True),
    help="The worker document (JSON), as the operator writes it.",
)
@_allow
def worker(document: Path, allow: tuple[str, ...]) -> int:
    """Run a worker document until told to stop."""
    from knect.api.worker import WorkerDocument  # noqa: PLC0415

    try:
        told = WorkerDocument.from_json(document.read_bytes())
    except ValueError as error:
        raise CommandError(f"{document}: {error}", code=BAD_INPUT) from None
    dsn = told.config.ledger or os.environ.get("KNECT_LEDGER", "")
    if told.config.ledger_file:
        dsn = Path(told.config.ledger_file).read_text(encoding="utf-8").strip()
    if not dsn:
        raise CommandError("the worker document names no ledger", code=BAD_INPUT)
    found = Declared(document=told, secrets={}, catalog=installed_catalog())
    settings = HostSettings(
        ledger=dsn, allow=(*told.config.egress_allow, *allow), listen=told.config.listen
    )
    options = WorkerOptions(lease_seconds=told.config.lease.delta.total_seconds())
    return run_async(lambda: _run(found, settings, options, follow=told.config.follow, quiet=True))


@click.command()
@files_option
@ledger_option
@_allow
@click.option("--since", required=True, help="RFC 3339 instant, e.g. 2026-01-01T00:00:00Z.")
@click.option("--until", help="RFC 3339 instant; default: now.")
@click.option("--pipeline", help="Only this pipeline's source.")
def backfill(
    files: tuple[Path, ...],
    ledger: str | None,
    allow: tuple[str, ...],
    since: str,
    until: str | None,
    pipeline: str | None,
) -> int:
    """Read older history and deliver it; what is known already makes no difference."""
    found = declared(files)
    first, last = _instant(since), _instant(until) if until else datetime.now(UTC)
    if first >= last:
        raise CommandError(f"--since {since} is not before --until", code=BAD_INPUT)
    dsn = resolve_for(ledger, files)

    async def work() -> int:
        redactor = _quiet_logs()
        async with hosted(
            found.document,
            HostSettings(ledger=dsn, allow=allow),
            catalog=found.catalog,
            redactor=redactor,
            secrets=found.secrets,
        ) as host:
            for feed in host.worker.feeds:
                if pipeline is None or pipeline in feed.settings.pipelines:
                    async with Progress(host.ledger, label=f"backfill {feed.name}"):
                        await feed.backfill(first, last)
            failures = await host.worker.run_once()
            await _summary(host)
            return _report(failures)

    code = run_async(work)
    remember(dsn, files, allow)
    return code


def _instant(text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise CommandError(
            f"{text!r} is no RFC 3339 instant with a zone, such as 2026-01-01T00:00:00Z",
            code=BAD_INPUT,
        )
    return instant.astimezone(UTC)


def _quiet_logs() -> Redactor:
    redactor = Redactor()
    level = os.environ.get("KNECT_LOG_LEVEL", "ERROR" if sys.stderr.isatty() else "WARNING")
    configure_logging(redactor, level=level)
    return redactor


async def _run(
    found: Declared,
    settings: HostSettings,
    options: WorkerOptions,
    *,
    follow: bool,
    quiet: bool,
) -> int:
    redactor = _quiet_logs()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with hosted(
        found.document,
        settings,
        catalog=found.catalog,
        redactor=redactor,
        secrets=found.secrets,
        options=options,
    ) as host:
        if follow:
            await host.follow(stop)
            return 0
        return await _once(host, stop, quiet=quiet)


async def _once(host: Host, stop: asyncio.Event, *, quiet: bool) -> int:
    working = asyncio.create_task(host.worker.run_once())
    stopping = asyncio.create_task(stop.wait())
    async with Progress(host.ledger, label="run", quiet=quiet):
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if not working.done():
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        say("interrupted; what was in hand is given back, `knect run` goes on with it", err=True)
        return INTERRUPTED
    if not quiet:
        await _summary(host)
    return _report(working.result())


async def _summary(host: Host) -> None:
    for one in await host.ledger.read(equations):
        parts = [f"{count} {fate}" for fate, count in one.fates.items() if count]
        say(f"{one.name}: {one.seen} seen = {' + '.join(parts) or '0'}")
        if not one.balanced:
            say(f"✗ {one.name}: this does not add up; run `knect status --audit`", style="red")


def _report(failures: Sequence[Exception]) -> int:
    for failure in failures:
        say(f"✗ {failure}", style="red", err=True)
    return FAILED if failures else 0

"""`knect run`: the engine on this machine, from files.

Must not: differ from the pod of a cluster in anything but where the document comes from.
"""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from knect.api.worker import WorkerDocument
from knect.cli.documents import Declared, declared, files_option
from knect.cli.failure import BAD_INPUT, INTERRUPTED, STUCK, CommandError
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
from knect.engine.working.host import Host, HostSettings
from knect.engine.working.hosting import hosted
from knect.engine.working.options import WorkerOptions

if TYPE_CHECKING:
    from knect.engine.working.pod import PodSettings

__all__ = ["run"]


@click.command()
@files_option
@ledger_option
@allow_option
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
    paths = dict(map(_pair, webhook_path))
    if listen is not None and not follow:
        raise CommandError(
            "--listen is for a run that stays; add --follow, or leave it out", code=BAD_INPUT
        )
    found = declared(files)
    dsn = resolve_for(ledger, files)
    remember(dsn, files, allow)
    options = WorkerOptions(name=name, lease_seconds=lease, request_seconds=request_timeout)
    if follow:
        from knect.engine.working.book import LedgerAddress  # noqa: PLC0415 - a web server, for this only
        from knect.engine.working.pod import PodSettings  # noqa: PLC0415

        settings = PodSettings(
            document=found.document,
            catalog=found.catalog,
            ledger=LedgerAddress(dsn=dsn),
            options=options,
            secrets=found.secrets,
            digest=WorkerDocument.digest(found.document.to_json()),
            allow=allow,
            listen=listen,
            webhook_paths=paths,
            patient=False,
        )
        code = run_async(lambda: _follow(settings))
    else:
        once = HostSettings(ledger=dsn, allow=allow)
        code = run_async(lambda: _run(found, once, options, quiet=quiet))
    if code == 0 and fail_on_stuck:
        from knect.cli.stuck import anything_stuck  # noqa: PLC0415 - rarely asked

        return STUCK if run_async(lambda: anything_stuck(dsn)) else 0
    return code


def _pair(text: str) -> tuple[str, str]:
    name, _, secret = text.partition("=")
    if not name or not secret:
        raise CommandError(
            f"--webhook-path {name or text} has no secret: CONNECTION=SECRET", code=BAD_INPUT
        )
    return name, secret


async def _follow(settings: "PodSettings") -> int:
    from knect.engine.working.pod import WorkerPod  # noqa: PLC0415 - as above

    redactor = quiet_logs()
    settle_process()
    await WorkerPod(settings, redactor).run(stop_on_signal())
    return 0


async def _run(
    found: Declared, settings: HostSettings, options: WorkerOptions, *, quiet: bool
) -> int:
    redactor = quiet_logs()
    settle_process()
    stop = stop_on_signal()
    async with hosted(
        found.document,
        settings,
        catalog=found.catalog,
        redactor=redactor,
        secrets=found.secrets,
        options=options,
    ) as host:
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
        await summary(host)
    return await told_failures(host, working.result())

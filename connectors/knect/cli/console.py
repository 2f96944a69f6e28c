"""`knect console`: the questions and wishes in a browser, for who has no shell.

Why: it runs where the command line runs and asks whom that asks, so that a person's own rights
count. Must not: listen where other machines could reach it; whoever reaches it has those rights.
"""

import webbrowser
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import click

from knect.cli.diagram import landscape_of
from knect.cli.documents import some_files_option
from knect.cli.failure import BAD_INPUT, CommandError
from knect.cli.landscape import to_svg
from knect.cli.ledgers import last_run, resolve, run_async
from knect.cli.output import say
from knect.cli.process import quiet_logs, stop_on_signal
from knect.cli.source import Chosen, source_options
from knect.cli.standing import Standing
from knect.console.app import Console
from knect.console.view import Drawing, Opening
from knect.engine.working.door import ListenError, served
from knect.gateway import Refusal
from knect.ledger.store.database import sqlite_path
from knect.seams import SystemClock

__all__ = ["console"]


@click.command()
@some_files_option
@source_options
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8300, show_default=True, help="0: any."
)
@click.option("--open", "open_it", is_flag=True, help="Open it in a browser.")
def console(files: tuple[Path, ...], source: Chosen, port: int, *, open_it: bool) -> int:
    """Find, explain and mend in a browser, with your own rights, until Ctrl-C.

    It listens on this machine alone and prints the address that lets in; -f names the files its
    map is drawn of (default: those of the last run here).
    """
    quiet_logs()
    return run_async(lambda: _serve(files, source, port, open_it=open_it))


async def _serve(files: Sequence[Path], source: Chosen, port: int, *, open_it: bool) -> int:
    stop = stop_on_signal()
    async with AsyncExitStack() as stack:
        opening: Opening = source.open
        if source.in_cluster:
            opening = (await stack.enter_async_context(Standing(source))).lent
        async with opening() as asked:
            await asked.unmapped(limit=1)  # what cannot be asked says so here, and not in a browser
        app = Console(opening, SystemClock(), whom=_whom(source), drawing=_drawing(files, source))
        try:
            at = await stack.enter_async_context(served(app, f"127.0.0.1:{port}"))
        except ListenError as error:
            raise CommandError(f"{error}; name another with --port", code=BAD_INPUT) from None
        address = app.guard.entrance(at)
        say(f"The console is at  {address}")
        say("Whoever has this address acts with your rights. Ctrl-C ends it.")
        if open_it:
            webbrowser.open(address)
        await stop.wait()
    return 0


def _whom(source: Chosen) -> str:
    """Return what the pages call it; a DSN may hold a password."""
    if source.in_cluster:
        return " / ".join(filter(None, (source.where.context, source.where.namespace))) or "cluster"
    path = sqlite_path(resolve(source.ledger))
    return "PostgreSQL" if path is None else str(path)


def _drawing(files: Sequence[Path], source: Chosen) -> Drawing | None:
    if not (files or source.in_cluster or last_run().files):
        return None

    async def drawn() -> str:
        try:
            return to_svg(await landscape_of(files, source))
        except CommandError as error:
            raise Refusal(503, str(error)) from None

    return drawn

"""`knect check`: is the installation sane, and does each Connection let us in.

Must not: write anywhere, at either end or in the ledger.
"""

import asyncio
import os
import platform
import sqlite3
from importlib.metadata import version
from pathlib import Path

import click

from knect.cli.documents import Declared, declared
from knect.cli.failure import FAILED
from knect.cli.ledgers import ledger_option, resolve, run_async
from knect.cli.output import say
from knect.engine.parts import open_connector
from knect.ledger import LedgerError, open_ledger
from knect.sdk.errors import ConnectorError
from knect.sdk.http import ClientFactory, Egress
from knect.seams import SystemClock
from knect.telemetry import read_settings

__all__ = ["check"]

#: SQLite before these can lose commits when two connections write or checkpoint at once.
_WAL_SAFE = ((3, 44, 6), (3, 50, 7), (3, 51, 3))


@click.command()
@click.option("-f", "--files", "files", multiple=True, type=click.Path(path_type=Path))
@click.option("--allow", multiple=True, metavar="HOST|NETWORK")
@click.argument("connection", required=False)
@ledger_option
def check(
    files: tuple[Path, ...], allow: tuple[str, ...], connection: str | None, ledger: str | None
) -> int:
    """Check versions, the ledger, the collector, and with -f each Connection's credentials."""
    good = run_async(lambda: _installation(ledger))
    if files:
        found = declared(files)
        good = run_async(lambda: _connections(found, allow, connection)) and good
    return 0 if good else FAILED


async def _installation(ledger: str | None) -> bool:
    say(f"✔ knect {version('knect')}, Python {platform.python_version()}")
    safe = (
        any(
            sqlite3.sqlite_version_info >= fixed and sqlite3.sqlite_version_info[:2] == fixed[:2]
            for fixed in _WAL_SAFE
        )
        or sqlite3.sqlite_version_info >= _WAL_SAFE[-1]
    )
    note = "" if safe else " (has the WAL-reset defect; Knect writes with one connection only)"
    say(f"✔ SQLite {sqlite3.sqlite_version}{note}")
    settings = read_settings(os.environ)
    say(f"✔ traces go to {settings.endpoint}" if settings.endpoint else "◎ no collector is set")
    dsn = resolve(ledger)
    try:
        book = await open_ledger(dsn, write=False)
    except LedgerError as error:
        say(f"◎ {error}" if ledger is None else f"✗ {error}")
        return ledger is None
    await book.close()
    say(f"✔ the ledger at {book.name} can be read")
    return True


async def _connections(found: Declared, allow: tuple[str, ...], only: str | None) -> bool:
    clock = SystemClock()
    http = ClientFactory(clock=clock, egress=Egress(allow))
    good = True
    for connection in found.document.connections:
        if only not in (None, connection.name):
            continue
        try:
            connector = open_connector(
                connection,
                catalog=found.catalog,
                http=http,
                clock=clock,
                secrets=found.secrets.get(connection.name),
            )
            try:
                async with asyncio.timeout(60):
                    report = await connector.check()
            finally:
                await connector.close()
        except (ConnectorError, TimeoutError) as error:
            why = str(error) or "no answer within 60 s"
            say(f"✗ {connection.name}: {why}", style="red")
            good = False
            continue
        say(f"✔ {connection.name}: {report.product} {report.version}")
        for entity in report.entities:
            can = [w for w, yes in (("read", entity.read), ("write", entity.write)) if yes]
            mark = "✗" if entity.problem else "✔"
            rights = " ".join(can) or "nothing"
            say(f"  {mark} {entity.entity}: {rights} {entity.problem or ''}".rstrip())
            good = good and entity.problem is None
    return good

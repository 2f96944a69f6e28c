"""`knect check`: is the installation sane, and does each Connection let us in.

For people it prints; with --document it checks the Connections of a worker document once and
leaves one JSON behind, which a Job of the operator makes its termination message.
Must not: write anywhere, at either end or in the ledger.
"""

import os
import platform
import sqlite3
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

import click

from knect.api.catalog import Catalog
from knect.api.report import ConnectionReport, VerdictState
from knect.api.worker import WorkerConnection
from knect.cli.documents import declared, some_files_option
from knect.cli.failure import BAD_INPUT, FAILED, NOT_FOUND, CommandError
from knect.cli.ledgers import ledger_option, resolve, resolve_for, run_async
from knect.cli.output import say
from knect.cli.process import allow_option, quiet_logs
from knect.cli.told import document_option, told
from knect.engine.working.checking import check_once, failed_as
from knect.engine.working.parts import open_connector
from knect.engine.working.secrets import MountedSecrets
from knect.ledger import LedgerError, open_ledger
from knect.sdk.errors import ConnectorError
from knect.sdk.http import ClientFactory, Egress
from knect.sdk.secret import Secret
from knect.seams import SystemClock
from knect.telemetry import read_settings

__all__ = ["REPORT_BYTES", "check", "in_short"]

#: What Kubernetes takes as a termination message is 4,096 bytes.
REPORT_BYTES = 4000
#: So long may each sentence be, tried in this order.
_SENTENCES = (1024, 400, 160, 60)
#: SQLite before these can lose commits when two connections write or checkpoint at once.
_WAL_SAFE = ((3, 44, 6), (3, 50, 7), (3, 51, 3))


@click.command()
@some_files_option
@document_option
@click.option(
    "--report",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="With --document: where the reports go, as JSON of at most 4,000 bytes.",
)
@allow_option
@click.argument("connection", required=False)
@ledger_option
def check(
    files: tuple[Path, ...],
    document: Path | None,
    report: Path | None,
    allow: tuple[str, ...],
    connection: str | None,
    ledger: str | None,
) -> int:
    """Check versions, the ledger, the collector, and with -f each Connection's credentials."""
    if document is not None:
        redactor = quiet_logs()
        there = told(document, redactor)
        chosen = _chosen(there.connections(), connection)
        hosts = (*there.config.egress_allow, *allow)
        found = run_async(lambda: _reports(chosen, there.catalog, there.secrets, hosts))
        text = redactor.clean(in_short(found))
        if report is not None:
            report.write_text(text, encoding="utf-8")
        else:
            say(text)
        return 0
    if connection is not None and not files:
        raise CommandError(
            f"say where Connection {connection!r} is declared: knect check -f DIR {connection}",
            code=BAD_INPUT,
        )
    dsn = resolve_for(ledger, files) if files else resolve(ledger)
    good = run_async(lambda: _installation(dsn, named=ledger is not None))
    if files:
        declaration = declared(files, to_run=False)
        chosen = _chosen(declaration.document.connections, connection)
        reports = run_async(
            lambda: _reports(chosen, declaration.catalog, declaration.secrets, allow)
        )
        seen = [_print(one) for one in reports]
        good = all(seen) and good
    return 0 if good else FAILED


def in_short(reports: Sequence[ConnectionReport]) -> str:
    """Return reports as one JSON array that fits a termination message; sentences give way first.

    Must still be read by whoever reads ConnectionReports.
    """
    for limit in _SENTENCES:
        short = [_shortened(one, limit) for one in reports]
        text = (
            f"[{','.join(one.model_dump_json(by_alias=True, exclude_none=True) for one in short)}]"
        )
        if len(text.encode()) <= REPORT_BYTES:
            return text
    first = [one.model_copy(update={"entities": ()}) for one in short[:1]]
    return f"[{','.join(one.model_dump_json(by_alias=True, exclude_none=True) for one in first)}]"


def _shortened(report: ConnectionReport, limit: int) -> ConnectionReport:
    def cut(text: str) -> str:
        return text if len(text) <= limit else f"{text[: limit - 1]}…"

    return report.model_copy(
        update={
            "credentials": report.credentials.model_copy(
                update={"message": cut(report.credentials.message)}
            ),
            "reachable": report.reachable.model_copy(
                update={"message": cut(report.reachable.message)}
            ),
            "entities": tuple(
                one.model_copy(update={"problem": cut(one.problem) if one.problem else None})
                for one in report.entities
            ),
        }
    )


def _chosen(there: Sequence[WorkerConnection], name: str | None) -> Sequence[WorkerConnection]:
    """Return the Connections to ask. Raises CommandError where there is none."""
    chosen = [one for one in there if name in (None, one.name)]
    if chosen:
        return chosen
    if name is None:
        raise CommandError("the files declare no Connection to check", code=BAD_INPUT)
    known = ", ".join(one.name for one in there) or "none"
    raise CommandError(f"there is no Connection {name!r}; there is: {known}", code=NOT_FOUND)


async def _installation(dsn: str, *, named: bool) -> bool:
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
    try:
        book = await open_ledger(dsn, write=False)
    except LedgerError as error:
        say(f"✗ {error}" if named else f"◎ {error}")
        return not named
    await book.close()
    say(f"✔ the ledger at {book.name} can be read")
    return True


async def _reports(
    connections: Sequence[WorkerConnection],
    catalog: Catalog,
    secrets: Mapping[str, Mapping[str, Secret]],
    allow: tuple[str, ...],
) -> list[ConnectionReport]:
    clock = SystemClock()
    http = ClientFactory(clock=clock, egress=Egress(allow))
    reports: list[ConnectionReport] = []
    for connection in connections:
        mine = secrets.get(connection.name, {})
        try:
            connector = open_connector(
                connection, catalog=catalog, http=http, clock=clock, secrets=mine
            )
        except ConnectorError as error:
            reports.append(failed_as(connection, error, None))
            continue
        try:
            reports.append(
                await check_once(
                    connection,
                    connector,
                    manifest=catalog.get(connection.spec.connector),
                    clock=clock,
                    secrets=mine if isinstance(mine, MountedSecrets) else None,
                )
            )
        finally:
            await connector.close()
    return reports


def _print(report: ConnectionReport) -> bool:
    for verdict in (report.credentials, report.reachable):
        if verdict.state is VerdictState.FALSE:
            say(f"✗ {report.name}: {verdict.message}", style="red")
            return False
    say(f"✔ {report.name}: {report.product} {report.version}")
    for entity in report.entities:
        can = [word for word, yes in (("read", entity.read), ("write", entity.write)) if yes]
        mark = "✗" if entity.problem else "✔"
        rights = " ".join(can) or "nothing"
        say(f"  {mark} {entity.name}: {rights} {entity.problem or ''}".rstrip())
    return not any(entity.problem for entity in report.entities)

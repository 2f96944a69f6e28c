"""`knect plan -f DIR`: what `knect run` would write, field by field, leave out, and be stopped by.

Must not: write at either end or in the ledger; it works on a copy that is thrown away.
"""

import asyncio
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote

import click
from msgspec import Struct, to_builtins

from knect.cli.documents import Declared, declared, files_option
from knect.cli.failure import BAD_INPUT, FAILED, CommandError
from knect.cli.ledgers import ledger_option, resolve_for, run_async
from knect.cli.output import emit, output_option, say
from knect.cli.process import allow_option
from knect.cli.progress import Progress
from knect.cli.stuck import as_document
from knect.engine.delivering.withheld import PlannedWrite, WithheldDestination
from knect.engine.working.host import Host, HostSettings
from knect.engine.working.hosting import hosted
from knect.engine.working.options import WorkerOptions
from knect.ledger import LedgerError, open_ledger
from knect.ledger.claims import hand_back_all
from knect.ledger.instants import to_us
from knect.ledger.questions.skipped import SkippedGroup, last_transaction, skipped_after
from knect.ledger.questions.stopped import StuckGroup, stuck
from knect.ledger.store.database import sqlite_path
from knect.model import encode_json
from knect.seams import SystemClock
from knect.telemetry import Redactor, configure_logging

__all__ = ["plan"]

_SHOWN_LENGTH = 60
_NO_COPY = (
    "a plan works on a copy of the ledger, and one on a database server is not copied: name the"
    " file of a SQLite ledger with --ledger, or one that is not there to plan from nothing"
)


class _Plan(Struct, frozen=True, kw_only=True):
    """What would be written, left out and stopped, and what went wrong with an end as a whole."""

    writes: Sequence[PlannedWrite]
    skipped: Sequence[SkippedGroup]
    stuck: Sequence[StuckGroup]
    failures: Sequence[Exception]


@click.command()
@files_option
@ledger_option
@output_option
@allow_option
@click.option("--limit", default=20, show_default=True, help="Records shown in the table.")
def plan(
    files: tuple[Path, ...],
    ledger: str | None,
    output: str,
    allow: tuple[str, ...],
    limit: int,
) -> int:
    """What would change at the destinations; not one write is sent."""
    found = declared(files)
    dsn = resolve_for(ledger, files)
    original = sqlite_path(dsn)
    if original is None:
        raise CommandError(_NO_COPY, code=BAD_INPUT)
    planned = run_async(lambda: _plan(found, original, allow))
    if output in ("json", "yaml"):
        emit(
            {
                "writes": [_document(write) for write in planned.writes],
                "skipped": [to_builtins(group) for group in planned.skipped],
                "stuck": [as_document(group) for group in planned.stuck],
                "failures": [str(failure) for failure in planned.failures],
            },
            output,
        )
    else:
        _print(planned, limit)
    for failure in planned.failures:
        say(f"✗ {failure}", style="red", err=True)
    return FAILED if planned.failures else 0


async def _plan(found: Declared, original: Path, allow: tuple[str, ...]) -> _Plan:
    redactor = Redactor()
    configure_logging(redactor, level="ERROR")
    withheld: list[WithheldDestination] = []

    def withhold(name: str, destination: Any) -> WithheldDestination:
        withheld.append(WithheldDestination(name, destination))
        return withheld[-1]

    with TemporaryDirectory(prefix="knect-plan-") as folder:
        copy = Path(folder) / "ledger.db"
        await _copied(original, copy)
        async with hosted(
            found.document,
            HostSettings(ledger=str(copy), allow=allow),
            catalog=found.catalog,
            redactor=redactor,
            secrets=found.secrets,
            options=WorkerOptions(name="plan"),
            wrap=withhold,
        ) as host:
            known = await host.ledger.read(last_transaction)
            failures = await _run(host)
            return _Plan(
                writes=[write for one in withheld for write in one.planned],
                skipped=await host.ledger.read(lambda c: skipped_after(c, known)),
                stuck=await host.ledger.read(stuck),
                failures=failures,
            )


async def _run(host: Host) -> list[Exception]:
    async with Progress(host.ledger, label="plan"):
        return list(await host.worker.run_once())


async def _copied(original: Path, copy: Path) -> None:
    """Copy a ledger as it is now; what a living worker has in hand is free in the copy."""
    if not await asyncio.to_thread(original.exists):
        return
    try:
        await (await open_ledger(str(original), write=False)).close()
        await asyncio.to_thread(_copy, original, copy)
        book = await open_ledger(str(copy))
        try:
            now = to_us(SystemClock().now())
            await book.write(lambda c: hand_back_all(c, now_us=now))
        finally:
            await book.close()
    except LedgerError as error:
        raise CommandError(str(error).replace(str(copy), str(original))) from None


def _copy(original: Path, copy: Path) -> None:
    source = sqlite3.connect(f"file:{quote(str(original))}?mode=ro", uri=True)
    target = sqlite3.connect(copy)
    try:
        source.backup(target)
    finally:
        source.close()
        target.close()


def _document(write: PlannedWrite) -> dict[str, Any]:
    return {
        "destination": write.destination,
        "external_id": write.external_id,
        "effect": write.name,
        "operation": write.operation.value,
        "target": write.target,
        "fields": dict(write.body),
    }


def _print(planned: _Plan, limit: int) -> None:
    if not planned.writes and not planned.stuck:
        say("Nothing would change.")
    by_record: dict[tuple[str, str], list[PlannedWrite]] = {}
    for write in planned.writes:
        by_record.setdefault((write.destination, write.external_id), []).append(write)
    for (destination, external_id), parts in list(by_record.items())[:limit]:
        say(f"{external_id} → {destination}")
        for part in parts:
            target = f" {part.target}" if part.target else ""
            say(f"  {part.operation.value} {part.name}{target}")
            for name, value in part.body.items():
                text = encode_json(value).decode()
                shown = text if len(text) <= _SHOWN_LENGTH else f"{text[: _SHOWN_LENGTH - 1]}…"
                say(f"    {name}: {shown}")
    if len(by_record) > limit:
        say(f"… and {len(by_record) - limit} more records (--limit, or -o json for all)")
    say(f"{len(planned.writes)} writes planned, none sent.")
    for left_out in planned.skipped:
        more = ", …" if left_out.count > len(left_out.examples) else ""
        say(
            f"  would skip: {left_out.count} of {left_out.pipeline} "
            f"({', '.join(left_out.examples)}{more}): {left_out.message}"
        )
    for group in planned.stuck[:limit]:
        say(f"  would stop: {group.count} {group.fate}: {group.message}")
    if len(planned.stuck) > limit:
        say(f"  … and {len(planned.stuck) - limit} more causes (--limit, or -o json for all)")

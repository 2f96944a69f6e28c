"""Which ledger a command reads: named, from the environment, or the one last run here.

Must not: create one for reading.
"""

import os
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import click
from msgspec import DecodeError, Struct, json

from knect.ledger import Ledger, open_ledger

__all__ = [
    "FOLDER",
    "LastRun",
    "last_run",
    "ledger_option",
    "opened",
    "remember",
    "resolve",
    "resolve_for",
    "run_async",
]

T = TypeVar("T")

#: Where a laptop's ledgers live.
FOLDER = Path(".knect")
_LAST = FOLDER / "last-run.json"


class LastRun(Struct, frozen=True, kw_only=True):
    """What `knect run` was last given in this folder: for commands beside it and after it."""

    ledger: str = str(FOLDER / "demo.db")
    files: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()


ledger_option = click.option(
    "--ledger",
    metavar="PATH|DSN",
    help="The ledger; default: $KNECT_LEDGER, else the one of the last run in this folder.",
)


def resolve(ledger: str | None) -> str:
    """Return the ledger to read or act on."""
    return ledger or os.environ.get("KNECT_LEDGER") or last_run().ledger


def resolve_for(ledger: str | None, files: Iterable[Path]) -> str:
    """Return the ledger to run these files with: the one they were last run with here.

    Another run of the same pipelines must not begin from nothing; other pipelines must not end up
    in the ledger of a demo.
    """
    named, last = ledger or os.environ.get("KNECT_LEDGER"), last_run()
    if named:
        return named
    same = {path.resolve() for path in files} == {Path(file).resolve() for file in last.files}
    return last.ledger if same else str(FOLDER / "ledger.db")


def last_run() -> LastRun:
    """Return what was last run in this folder."""
    try:
        return json.decode(_LAST.read_bytes(), type=LastRun)
    except (OSError, DecodeError):
        return LastRun()


def remember(ledger: str, files: Iterable[Path], allow: Iterable[str]) -> None:
    """Let other commands in this folder know of this run. No DSN: it may hold a password.

    Where the folder cannot be written they have to be told; no run fails for it.
    """
    if "://" in ledger:
        return
    last = LastRun(ledger=ledger, files=tuple(map(str, files)), allow=tuple(allow))
    with suppress(OSError):
        FOLDER.mkdir(exist_ok=True)
        _LAST.write_bytes(json.format(json.encode(last)))


@asynccontextmanager
async def opened(ledger: str | None, *, write: bool = False) -> AsyncIterator[Ledger]:
    """Open the ledger and close it. Raises LedgerError."""
    found = await open_ledger(resolve(ledger), write=write)
    try:
        yield found
    finally:
        await found.close()


def run_async(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine to its end."""
    import asyncio  # noqa: PLC0415 - not needed for --help

    return asyncio.run(work())

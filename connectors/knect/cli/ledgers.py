"""Which ledger a command reads: named, from the environment, or the one last run here.

Must not: create one for reading.
"""

import os
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import click

from knect.ledger import Ledger, open_ledger

__all__ = ["FOLDER", "ledger_option", "opened", "remember", "resolve", "run_async"]

T = TypeVar("T")

#: Where a laptop's ledgers live.
FOLDER = Path(".knect")
_LAST = FOLDER / "last-ledger"

ledger_option = click.option(
    "--ledger",
    metavar="PATH|DSN",
    help="The ledger; default: $KNECT_LEDGER, else the one last run in this folder.",
)


def resolve(ledger: str | None, *, default: str | None = None) -> str:
    """Return the ledger to use."""
    if ledger or os.environ.get("KNECT_LEDGER"):
        return ledger or os.environ["KNECT_LEDGER"]
    if default is not None:
        return default
    try:
        return _LAST.read_text(encoding="utf-8").strip() or str(FOLDER / "demo.db")
    except OSError:
        return str(FOLDER / "demo.db")


def remember(ledger: str) -> None:
    """Let later commands in this folder read this ledger. Only paths: a DSN may be secret."""
    if "://" in ledger:
        return
    FOLDER.mkdir(exist_ok=True)
    _LAST.write_text(f"{ledger}\n", encoding="utf-8")


@asynccontextmanager
async def opened(ledger: str | None, *, write: bool = False) -> AsyncIterator[Ledger]:
    """Open the ledger and close it. Raises LedgerError."""
    found = await open_ledger(resolve(ledger), write=write)
    try:
        yield found
    finally:
        await found.close()


def run_async(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine to its end, on uvloop where that is installed."""
    import asyncio  # noqa: PLC0415 - not needed for --help

    return asyncio.run(work())

"""`knect retry`, `replay`, `skip`: by id, key or cause; the count first, a reason where it matters.

Must not: write a SQLite ledger beside a living worker; the wish is handed to it.
"""

import getpass
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from knect.cli.failure import BAD_INPUT, FAILED, NOT_FOUND, CommandError
from knect.cli.ledgers import ledger_option, resolve, run_async
from knect.cli.output import say
from knect.cli.process import quiet_logs
from knect.cli.told import document_option, told
from knect.engine.control import ask, door_of
from knect.engine.requests import Request, perform
from knect.ledger import open_ledger
from knect.ledger.database import sqlite_path
from knect.ledger.instants import to_us
from knect.ledger.queries import show
from knect.seams import SystemClock, new_id

__all__ = ["carry_out", "replay", "retry", "skip"]

_ASK_ABOVE = 100
_SHORTEST_ID = 8


async def carry_out(ledger: str | None, wish: Request) -> dict[str, Any]:
    """Let the living worker do it, or do it here. Raises CommandError, LedgerError."""
    dsn = resolve(ledger)
    path = sqlite_path(dsn)
    if path is not None:
        if not path.exists():
            book = await open_ledger(dsn, write=False)  # says that there is none
            await book.close()
        answer = await ask(door_of(path), wish)
        if answer is not None:
            if "error" in answer:
                raise CommandError(str(answer["error"]), code=FAILED)
            return answer
    book = await open_ledger(dsn, patience=0)
    try:
        now = to_us(await book.server_time() or SystemClock().now())
        return await book.write(lambda c: perform(c, wish, now_us=now, new_id=new_id))
    finally:
        await book.close()


async def _ids_of(ledger: str | None, words: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """Tell ids from keys: a word that begins transactions' ids is an id."""
    book = await open_ledger(resolve(ledger), write=False)
    ids: list[str] = []
    keys: list[str] = []
    try:
        for word in words:
            begins = word.lower().replace("-", "")
            found = (
                await book.read(lambda c, b=begins: show(c, b))  # type: ignore[misc]
                if len(begins) >= _SHORTEST_ID
                else []
            )
            if len(found) > 1:
                raise CommandError(
                    f"several transactions begin with {word}; give more of the id", code=BAD_INPUT
                )
            if found:
                ids.append(found[0].id)
            else:
                keys.append(word.removeprefix("#"))
    finally:
        await book.close()
    return ids, keys


def _act(
    verb: str,
    words: tuple[str, ...],
    *,
    because: str | None,
    pipeline: str | None,
    everything: bool,
    reason: str | None,
    dry_run: bool,
    yes: bool,
    ledger: str | None,
    document: Path | None = None,
) -> int:
    if document is not None:
        there = told(document, quiet_logs())
        if pipeline is not None:
            there.working(pipeline)
        ledger = there.ledger.read()
    if not (words or because or pipeline or everything):
        raise CommandError(
            f"say what to {verb}: ids or keys, --because REASON, --pipeline NAME, or --all",
            code=BAD_INPUT,
        )
    ids, keys = run_async(lambda: _ids_of(ledger, words))
    wish = Request(
        verb=verb,
        actor=_actor(),
        reason=reason,
        ids=tuple(ids),
        keys=tuple(keys) if not ids else (),
        because=because,
        pipeline=pipeline,
        dry_run=True,
    )
    count = run_async(lambda: carry_out(ledger, wish))["count"]
    if count == 0:
        raise CommandError(f"nothing to {verb} there", code=NOT_FOUND)
    noun = "transaction" if count == 1 else "transactions"
    if dry_run:
        say(f"{count} {noun} would be affected")
        return 0
    if count > _ASK_ABOVE and not yes:
        raise CommandError(
            f"{count} {noun} would be affected; add --yes if that is meant", code=BAD_INPUT
        )
    import msgspec  # noqa: PLC0415 - only now needed

    answer = run_async(lambda: carry_out(ledger, msgspec.structs.replace(wish, dry_run=False)))
    say(f"{answer['count']} {noun}: {_DONE[verb]}")
    return 0


def _actor() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a pod's user has no name
        return os.environ.get("KNECT_WORKER_NAME", f"user {os.getuid()}")


_DONE = {
    "retry": "due now; `knect run` or the living worker takes them",
    "replay": "delivered anew by `knect run` or the living worker",
    "skip": "ended for good",
}


def _selector(command: Callable[..., int]) -> Callable[..., int]:
    for option in (
        click.argument("words", nargs=-1, metavar="[ID|KEY]..."),
        click.option("--because", metavar="REASON", help="All with this reason, e.g. UnknownSku."),
        click.option("--pipeline", help="Only of this pipeline."),
        click.option("--all", "everything", is_flag=True, help="Everything that is stopped."),
        click.option("--dry-run", is_flag=True, help="Only count."),
        click.option("--yes", is_flag=True, help="Also when it is more than 100."),
        ledger_option,
        document_option,
    ):
        command = option(command)
    return command


@click.command()
@_selector
@click.option("--reason", help="Why; kept in the ledger.")
def retry(words: tuple[str, ...], **options: Any) -> int:
    """Try stopped transactions again, now: a new attempt in the same trace."""
    return _act("retry", words, **options)


@click.command()
@_selector
@click.option("--reason", help="Why; kept in the ledger.")
def replay(words: tuple[str, ...], **options: Any) -> int:
    """Deliver transactions anew, with today's mapping: new transactions, linked to the old."""
    return _act("replay", words, **options)


@click.command()
@_selector
@click.option("--reason", required=True, help="Why; kept in the ledger.")
def skip(words: tuple[str, ...], **options: Any) -> int:
    """End stopped transactions for good; they count as skipped."""
    return _act("skip", words, **options)

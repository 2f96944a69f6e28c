"""`knect retry`, `approve`, `edit`, `replay`, `skip`: first the count, then the deed.

Must not: act on more than was counted without a word.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from knect.cli.failure import BAD_INPUT, CommandError
from knect.cli.ledgers import run_async
from knect.cli.output import say
from knect.cli.process import quiet_logs
from knect.cli.source import Chosen, source_options
from knect.cli.told import document_option, told
from knect.gateway.answers import Done, Wish
from knect.gateway.wishes import check
from knect.model import Edit
from knect.people.sentences import deed

__all__ = ["approve", "edit", "replay", "retry", "skip"]


def _act(
    verb: str,
    words: tuple[str, ...],
    *,
    source: Chosen,
    document: Path | None,
    **selector: Any,
) -> int:
    wish = Wish(words=words, **selector)
    check(verb, wish)
    if document is not None:
        there = told(document, quiet_logs())
        if wish.pipeline is not None:
            there.working(wish.pipeline)
        source = source.on_ledger(there.ledger.read())

    async def carry_out() -> Done:
        async with source.open() as asked:
            return await asked.act(verb, wish)

    say(deed(verb, run_async(carry_out), dry_run=wish.dry_run))
    return 0


def _selector(command: Callable[..., int]) -> Callable[..., int]:
    for option in (
        click.argument("words", nargs=-1, metavar="[ID|KEY]..."),
        click.option("--because", metavar="REASON", help="All with this reason, e.g. UnknownSku."),
        click.option("--pipeline", help="Only of this pipeline."),
        click.option("--all", "everything", is_flag=True, help="Everything that is stopped."),
        click.option("--dry-run", is_flag=True, help="Only count."),
        click.option("--yes", is_flag=True, help="Also when it is more than 100."),
        source_options,
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
@click.option("--reason", required=True, help="Why; kept in the ledger.")
def approve(words: tuple[str, ...], **options: Any) -> int:
    """Let pass what a guard or an admit rule holds; the next version is judged anew."""
    return _act("approve", words, **options)


@click.command()
@_selector
@click.option(
    "--set",
    "pairs",
    multiple=True,
    metavar="PATH=VALUE",
    help="A field and what it is to hold, e.g. lines[2].sku=KN-7; raw.FIELD: of the payload.",
)
@click.option("--clear", "cleared", multiple=True, metavar="PATH", help="A field to hold nothing.")
@click.option("--as-read", is_flag=True, help="Forget what was set before.")
@click.option("--reason", required=True, help="Why; kept in the ledger.")
def edit(
    words: tuple[str, ...], pairs: tuple[str, ...], cleared: tuple[str, ...], **options: Any
) -> int:
    """Set fields of a record that its source cannot correct, and deliver it so.

    For this version alone: the next one is taken as it is read.
    """
    edits = [_pair(one) for one in pairs] + [Edit(path=path, value=None) for path in cleared]
    return _act("edit", words, edits=tuple(edits), **options)


def _pair(text: str) -> Edit:
    path, sign, value = text.partition("=")
    if not sign:
        raise CommandError(f"{text} is not PATH=VALUE, e.g. lines[2].sku=KN-7", code=BAD_INPUT)
    return Edit(path=path.strip(), value=value)


@click.command()
@_selector
@click.option("--as-then", is_flag=True, help="By the mapping of that time, not by today's.")
@click.option("--reason", help="Why; kept in the ledger.")
def replay(words: tuple[str, ...], **options: Any) -> int:
    """Deliver transactions anew: new transactions, linked to the old.

    A document that is not there any more is made once more; one that is, is brought up to date.
    """
    return _act("replay", words, **options)


@click.command()
@_selector
@click.option("--reason", required=True, help="Why; kept in the ledger.")
def skip(words: tuple[str, ...], **options: Any) -> int:
    """End stopped transactions for good; they count as skipped."""
    return _act("skip", words, **options)

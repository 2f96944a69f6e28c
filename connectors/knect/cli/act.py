"""`knect retry`, `approve`, `replay`, `skip`: by id, key or cause; first the count, then the deed.

Must not: act on more than was counted without a word.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from knect.cli.ledgers import run_async
from knect.cli.output import say
from knect.cli.process import quiet_logs
from knect.cli.source import Chosen, source_options
from knect.cli.told import document_option, told
from knect.gateway.answers import Done, Wish
from knect.gateway.wishes import check
from knect.people.sentences import deed

__all__ = ["approve", "replay", "retry", "skip"]


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

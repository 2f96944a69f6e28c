"""`knect explain sku KN-7`: every term of what was sent, where it is from and of when.

Why: "the ERP has twelve, why does the shop say seven?" has an answer, and it is in the ledger.
Must not: compute anew; the figures of that moment are shown, and beside them what changed since.
"""

from datetime import UTC, datetime
from typing import Any

import click

from knect.cli.failure import NOT_FOUND
from knect.cli.ledgers import run_async
from knect.cli.output import emit, output_option, say
from knect.cli.source import Chosen, source_options
from knect.engine.deciding.terms import AS_OF, mapped_line, read_terms
from knect.gateway.answers import Explanation
from knect.ledger.questions.explaining import FIGURES, Explained
from knect.people.explaining import Figure, figure, formulas
from knect.people.sentences import never_seen
from knect.people.times import absolute

__all__ = ["explain"]


@click.command()
@click.argument("kind", type=click.Choice(["sku"]))
@click.argument("key")
@source_options
@output_option
def explain(kind: str, key: str, source: Chosen, output: str) -> int:
    """Why does the shop say 7? Every term of stock and prices of a SKU, with source and time."""
    del kind

    async def read() -> Explanation:
        async with source.open() as asked:
            return await asked.explain(key)

    answer = run_async(read)
    now = datetime.now(UTC)
    if output in ("json", "yaml"):
        emit([_document(one) for one in answer.items], output)
    elif output == "name":
        for one in answer.items:
            click.echo(one.id)
    elif not answer.items:
        feeds = [feed for feed in answer.feeds if feed.entity in FIGURES]
        for line in never_seen(f"A stock or price of {key}", feeds, now):
            say(line)
    for number, one in enumerate(answer.items if output in ("table", "wide") else ()):
        if number:
            say("")
        _print(figure(one, answer.feeds, now))
    return 0 if answer.items else NOT_FOUND


def _document(one: Explained) -> dict[str, Any]:
    terms, results = read_terms(mapped_line(one.timeline))
    return {
        "pipeline": one.pipeline,
        "entity": one.entity,
        "sku": one.key,
        "record": one.source_id,
        "source": one.source,
        "destination": one.destination,
        "changed": absolute(one.at_us),
        "read": absolute(one.seen_us),
        "formulas": formulas(one),
        "terms": {name: value for name, value in terms if name != AS_OF},
        "results": dict(results),
        "fate": one.fate,
        "since": absolute(one.since_us),
        "reason": one.reason,
        "message": one.message,
        "counted_as_of": absolute(one.counted_us),
        "open_orders": [
            {"order": taken.key, "quantity": taken.quantity, "since": absolute(taken.made_us)}
            for taken in one.taken
        ],
        "transaction": one.id,
    }


def _print(one: Figure) -> None:
    say(one.title, style="cyan")
    for formula in one.formulas:
        say(f"  {formula}")
    width = max((len(term.name) for term in one.terms), default=0)
    for term in one.terms:
        say(f"    {term.name:<{width}}  {term.value:>8}   {term.whence}")
    for result in one.results:
        say(f"  {result}")
    say(f"  {one.fate}", style="green" if one.good else "yellow")
    for line in one.since:
        say(f"  {line}")
    say(f"  Transaction {one.id}")

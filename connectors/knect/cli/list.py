"""`knect list`: all transactions that are like this, each with its name.

Must not: read a whole ledger for a screen of it.
"""

from datetime import UTC, datetime

import click

from knect.cli.find import to_document
from knect.cli.instants import ago_or_at
from knect.cli.ledgers import run_async
from knect.cli.output import emit, output_option, say, shortened, table
from knect.cli.source import Chosen, source_options
from knect.gateway.answers import Listed
from knect.ledger import Fate
from knect.ledger.instants import to_us
from knect.ledger.questions.listing import Which
from knect.ledger.questions.queries import Summary
from knect.people.times import clock

__all__ = ["list_"]

#: A table stays readable; `-o name` and `-o json` have all of it.
_LONGEST, _WIDEST = 50, 88


@click.command("list")
@click.argument("pipeline", required=False)
@source_options
@output_option
@click.option("--stopped", is_flag=True, help="Only what `knect stuck` counts.")
@click.option(
    "--fate",
    "fates",
    multiple=True,
    type=click.Choice([fate.value for fate in Fate]),
    metavar="FATE",
    help=f"Only what is so: {', '.join(Fate)}.",
)
@click.option("--all", "replaced", is_flag=True, help="Also what a newer version replaced.")
@click.option("--because", metavar="REASON", help="Only with this reason, e.g. UnknownSku.")
@click.option("--since", metavar="2h|INSTANT", help="Only what came to be so since then.")
def list_(
    pipeline: str | None,
    source: Chosen,
    output: str,
    *,
    stopped: bool,
    replaced: bool,
    fates: tuple[str, ...],
    because: str | None,
    since: str | None,
) -> int:
    """Which are they? Transactions by fate, reason and time, newest first."""
    which = Which(
        pipeline=pipeline,
        fates=fates,
        because=because,
        stopped=stopped,
        replaced=replaced,
        since_us=None if since is None else to_us(ago_or_at("--since", since, datetime.now(UTC))),
    )

    async def read() -> Listed:
        async with source.open() as asked:
            return await asked.listed(
                which, limit=_LONGEST if output in ("table", "wide") else None
            )

    answer = run_async(read)
    if output in ("json", "yaml"):
        emit([to_document(one, answer.trace) for one in answer.items], output)
    elif output == "name":
        for one in answer.items:
            say(one.key)
    elif answer.items:
        _print(answer.items, _WIDEST if output == "table" else None)
        if answer.truncated:
            say("… and older ones; all of them: the same with -o json")
    else:
        say("There is none.")
    return 0


def _print(items: list[Summary], widest: int | None) -> None:
    now = datetime.now(UTC)
    table(
        ["KEY", "PIPELINE", "FATE", "SINCE", "REASON", "WHAT"],
        [
            [
                one.key,
                one.pipeline,
                one.fate,
                clock(one.since_us, now),
                one.reason or "",
                shortened(one.message or one.destination_number or "", widest),
            ]
            for one in items
        ],
    )

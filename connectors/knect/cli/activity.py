"""`knect activity`: who did what, when and why.

Must not: leave out who it was.
"""

from datetime import UTC, datetime

import click
from msgspec import structs

from knect.cli.ledgers import run_async
from knect.cli.output import emit, output_option, say, table
from knect.cli.source import Chosen, source_options
from knect.gateway.answers import Activity
from knect.people.times import absolute, clock

__all__ = ["activity"]

#: A table stays readable; `-o json` has all of it.
_LONGEST = 50


@click.command()
@source_options
@output_option
def activity(source: Chosen, output: str) -> int:
    """Who did what: retries, approvals, edits, replays, skips and mappings, newest first."""
    limit = _LONGEST if output in ("table", "wide") else None

    async def read() -> Activity:
        async with source.open() as asked:
            return await asked.activity(limit=limit)

    answer = run_async(read)
    if output in ("json", "yaml"):
        emit(
            [
                {"at": absolute(one.at_us)}
                | {k: v for k, v in structs.asdict(one).items() if k != "at_us"}
                for one in answer.items
            ],
            output,
        )
    elif output == "name":
        for one in answer.items:
            say(one.selector)
    elif answer.items:
        now = datetime.now(UTC)
        rows = [
            [
                clock(one.at_us, now),
                one.actor,
                one.verb,
                one.selector,
                str(one.count),
                one.reason or "",
            ]
            for one in answer.items
        ]
        table(["AT", "WHO", "DID", "WHAT", "COUNT", "WHY"], rows)
        if answer.truncated:
            say("… and more; all of it: knect activity -o json")
    else:
        say("Nobody did anything yet: no retry, approve, edit, replay, skip or mapping.")
    return 0

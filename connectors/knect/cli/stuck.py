"""`knect stuck`: what is stopped, grouped by cause, not row by row.

Must not: count what was replaced by a newer version of the same record.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

import click

from knect.cli.ledgers import opened, run_async
from knect.cli.output import emit, output_option, say, shortened, table
from knect.cli.source import Chosen, source_options
from knect.gateway.answers import Groups
from knect.ledger import Fate
from knect.ledger.questions.queries import Coverage
from knect.ledger.questions.stopped import StuckGroup, stuck_totals
from knect.people.sentences import nobody_takes, reading_fails
from knect.people.times import absolute, ago

__all__ = ["anything_stuck", "as_document", "stuck"]

#: A table stays readable; `-o wide` shows everything of a cause, `-o json` every cause.
_WIDEST, _LONGEST = 88, 50

_STOPPED = (Fate.WAITING, Fate.REJECTED, Fate.UNKNOWN)


async def anything_stuck(ledger: str | None) -> bool:
    """Tell whether anything waits, was rejected or is unknown."""
    async with opened(ledger) as book:
        return any(fate in _STOPPED for fate in await book.read(stuck_totals))


@click.command()
@click.argument("pipeline", required=False)
@source_options
@output_option
@click.option("--fail-on-stuck", is_flag=True, help="Exit with 4 if anything is stuck.")
def stuck(pipeline: str | None, source: Chosen, output: str, *, fail_on_stuck: bool) -> int:
    """What is stopped, and why: groups by cause with count, oldest and who acts."""
    limit = _LONGEST if output in ("table", "wide") and not fail_on_stuck else None

    async def read() -> Groups:
        async with source.open() as asked:
            return await asked.stuck(pipeline, limit=limit)

    answer = run_async(read)
    groups = answer.items
    if output in ("json", "yaml"):
        emit([as_document(group) for group in groups], output)
    elif output == "name":
        for group in groups:
            click.echo(group.reason or group.fate)
    elif groups:
        _print(groups[:_LONGEST], _WIDEST if output == "table" else None)
        if answer.truncated or len(groups) > _LONGEST:
            say("… and more causes; all of them: knect stuck -o json")
    elif not answer.unread and not answer.unattended:
        say("Nothing is stuck.")
    if output in ("table", "wide"):
        _print_unread(answer.unread, alone=not groups)
        for one in answer.unattended:
            say(nobody_takes(one, datetime.now(UTC)), style="red")
    held = answer.unattended or any(group.fate in _STOPPED for group in groups)
    return 4 if fail_on_stuck and held else 0


def _print_unread(unread: Sequence[Coverage], *, alone: bool) -> None:
    """Say which sources are not read: what has changed there is not even known."""
    now = datetime.now(UTC)
    for number, feed in enumerate(unread):
        begins = "Nothing that was read is stuck, but " if alone and not number else ""
        told = reading_fails(feed, ago(feed.failing_since_us or 0, now))
        say(f"{begins}{feed.connection} {feed.entity}: {told}", style="red")


def as_document(group: StuckGroup) -> dict[str, object]:
    """Return what scripts get of a group."""
    return {
        "pipeline": group.pipeline,
        "destination": group.destination,
        "fate": group.fate,
        "reason": group.reason,
        "value": group.value,
        "message": group.message,
        "acts": group.acts,
        "count": group.count,
        "oldest": absolute(group.oldest_us),
        "examples": list(group.examples),
    }


def _print(groups: list[StuckGroup], widest: int | None) -> None:
    now = datetime.now(UTC)
    several = len({group.pipeline for group in groups}) > 1
    rows = [
        [
            str(group.count),
            *([group.pipeline] if several else []),
            group.fate.replace("_", " "),
            group.reason or "",
            shortened(group.message or "", widest),
            group.acts or "",
            ago(group.oldest_us, now),
            " ".join(group.examples),
        ]
        for group in groups
    ]
    pipeline = ["PIPELINE"] if several else []
    heads = ["COUNT", *pipeline, "FATE", "REASON", "WHAT", "ACTS", "OLDEST", "FOR EXAMPLE"]
    table(heads, rows)
    say("")
    say("One of them: knect find KEY    After a repair: knect retry --because REASON")

"""`knect find KEY`: where is it, since when, because of what, and who acts.

Must not: answer "not found" without saying until when reads are complete.
"""

from datetime import UTC, datetime
from typing import Any

import click

from knect.cli.failure import NOT_FOUND
from knect.cli.ledgers import run_async
from knect.cli.output import emit, output_option, say
from knect.cli.source import Chosen, source_options
from knect.gateway.answers import Found
from knect.gateway.questions import DETAILED
from knect.ledger import Fate
from knect.ledger.questions.queries import Summary
from knect.people.sentences import headline, never_seen, next_steps, story, why
from knect.people.times import absolute, clock
from knect.people.traces import trace_url

__all__ = ["find", "story_lines", "to_document"]

#: So many events of a story answer where it is; `knect show` has them all.
_LAST = 20
_GOOD = (Fate.DELIVERED, Fate.UNCHANGED, Fate.ECHO, Fate.SUPERSEDED, Fate.SKIPPED)


def to_document(one: Summary, trace: str | None = None) -> dict[str, Any]:
    """Return what scripts get; the names are fixed."""
    return {
        "id": one.id,
        "pipeline": one.pipeline,
        "entity": one.entity,
        "key": one.key,
        "fate": one.fate,
        "stage": one.stage,
        "since": absolute(one.since_us),
        "reason": one.reason,
        "field": one.field,
        "value": one.value,
        "message": one.message,
        "next_attempt": absolute(one.next_us),
        "acts": one.acts,
        "destination_id": one.destination_number or one.destination_id,
        "trace_url": trace_url(one.id, trace),
    }


def story_lines(one: Summary, now: datetime) -> list[str]:
    """Return the timeline, a line for each thing that happened."""
    lines = []
    for told in story(one):
        mark = " " if told.ok else "✗"
        lines.append(f"{clock(told.at_us, now):>20}  {told.what:<18}{mark} {told.note}".rstrip())
    return lines


@click.command()
@click.argument("key")
@source_options
@output_option
def find(key: str, source: Chosen, output: str) -> int:
    """Where is KEY? An order number (1001 or #1001), an e-mail, a SKU, an ERP document, an id."""

    async def read() -> Found:
        async with source.open() as asked:
            return await asked.find(key)

    answer = run_async(read)
    found, now = answer.items, datetime.now(UTC)
    if output in ("json", "yaml"):
        emit([to_document(one, answer.trace) for one in found], output)
    elif output == "name":
        for one in found:
            click.echo(one.id)
    elif found:
        _print(answer, now)
    else:
        for line in never_seen(key, answer.feeds, now, answer.forgotten, answer.like):
            say(line)
    if answer.truncated:
        say("… and more; a longer key, or a transaction's id, finds less", err=True)
    return 0 if found else NOT_FOUND


def _print(answer: Found, now: datetime) -> None:
    found, others = answer.items, answer.others
    for number, one in enumerate(found):
        if number == DETAILED and len(found) > DETAILED + 1:
            say(f"… and {len(found) - DETAILED} more:")
        if number >= DETAILED:
            say(f"  {headline(one)}  {one.id}")
            continue
        if number:
            say("")
        colour = "green" if one.fate in _GOOD else "yellow"
        say(headline(one), style="red" if one.fate == Fate.REJECTED else colour)
        reason = why(one, now)
        if reason:
            say(f"  {reason}")
        for step in next_steps(one, others.get(one.seq, 0), now):
            say(f"  {step}")
        lines = story_lines(one, now)
        if len(lines) > _LAST:
            say(f"  … {len(lines) - _LAST} earlier events: knect show {one.id}")
        for line in lines[-_LAST:]:
            say(f"  {line}")
        say(f"  Transaction {one.id}  trace {trace_url(one.id, answer.trace)}")

"""`knect find KEY`: where is it, since when, because of what, and who acts.

Must not: answer "not found" without saying until when reads are complete.
"""

import os
from datetime import UTC, datetime
from typing import Any

import click

from knect.cli.failure import NOT_FOUND
from knect.cli.ledgers import ledger_option, opened, run_async
from knect.cli.output import absolute, emit, output_option, say
from knect.cli.sentences import headline, never_seen, next_steps, story_lines, why
from knect.engine.keys import normalise
from knect.ledger import Fate
from knect.ledger.queries import Coverage, Summary, coverage, forgotten, waiting_for_same
from knect.ledger.queries import find as find_in
from knect.ledger.timeline import decode

__all__ = ["find", "to_document", "trace_url"]

_GOOD = (Fate.DELIVERED, Fate.UNCHANGED, Fate.ECHO, Fate.SUPERSEDED, Fate.SKIPPED)
_DETAILED = 3


def trace_url(identifier: str) -> str:
    """Return where a person sees the trace; `KNECT_TRACE_URL` holds the template."""
    template = os.environ.get("KNECT_TRACE_URL", "http://localhost:16686/trace/{id}")
    return template.replace("{id}", identifier)


def to_document(one: Summary) -> dict[str, Any]:
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
        "trace_url": trace_url(one.id),
    }


@click.command()
@click.argument("key")
@ledger_option
@output_option
def find(key: str, ledger: str | None, output: str) -> int:
    """Where is KEY? An order number (1001 or #1001), an e-mail, a SKU, an ERP document, an id."""

    async def read() -> tuple[list[Summary], list[Coverage], dict[int, int], int]:
        async with opened(ledger) as book:
            found = await book.read(lambda c: find_in(c, normalise(key), typed=key.strip()))
            feeds = await book.read(coverage)
            others = await book.read(
                lambda c: {
                    one.seq: waiting_for_same(c, one.waits_for, one.seq)
                    for one in found[:_DETAILED]
                    if one.waits_for and "@" in one.waits_for
                }
            )
            return found, feeds, others, await book.read(forgotten)

    found, feeds, others, gone = run_async(read)
    now = datetime.now(UTC)
    if output in ("json", "yaml"):
        emit([to_document(one) for one in found], output)
    elif output == "name":
        for one in found:
            click.echo(one.id)
    elif found:
        _print(found, others, now)
    else:
        for line in never_seen(key, feeds, now, gone):
            say(line)
    return 0 if found else NOT_FOUND


def _print(found: list[Summary], others: dict[int, int], now: datetime) -> None:
    for number, one in enumerate(found):
        if number == _DETAILED and len(found) > _DETAILED + 1:
            say(f"… and {len(found) - _DETAILED} more:")
        if number >= _DETAILED:
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
        events = [
            (event.at_us + event.duration_us, event.what, event.ok, event.note)
            for event in decode(one.timeline)
        ]
        for line in story_lines(events, now):
            say(f"  {line}")
        say(f"  Transaction {one.id}  trace {trace_url(one.id)}")

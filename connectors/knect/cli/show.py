"""`knect show ID`: everything the ledger knows of one transaction.

Must not: show a masked field; payloads only with --payload.
"""

import webbrowser
from datetime import UTC, datetime
from typing import Any

import click
import msgspec

from knect.cli.failure import BAD_INPUT, CommandError
from knect.cli.find import story_lines, to_document
from knect.cli.ledgers import run_async
from knect.cli.output import emit, output_option, say, table
from knect.cli.source import Chosen, source_options
from knect.gateway.answers import Shown
from knect.ledger.questions.details import EffectLine
from knect.ledger.questions.queries import Summary
from knect.ledger.timeline import decode
from knect.model import decode_json
from knect.people.sentences import headline, next_steps, why
from knect.people.times import absolute
from knect.people.traces import trace_url

__all__ = ["show"]

#: So many effects and calls are for people; a story has an end of its own.
_LONGEST = 60


@click.command()
@click.argument("identifier", metavar="ID")
@source_options
@output_option
@click.option("--payload", is_flag=True, help="Also what was read and what was mapped.")
@click.option("--open", "open_trace", is_flag=True, help="Open the trace in a browser.")
def show(identifier: str, source: Chosen, output: str, *, payload: bool, open_trace: bool) -> int:
    """One transaction: story, effects, remote calls; ID may be its beginning."""

    async def read() -> Shown:
        async with source.open() as asked:
            return await asked.show(identifier, payload=payload)

    answer = run_async(read)
    if answer.one is None:
        ids = "\n".join(f"  {one.id}  {headline(one)}" for one in answer.several)
        raise CommandError(f"several transactions begin with {identifier}:\n{ids}", code=BAD_INPUT)
    if output in ("json", "yaml"):
        emit(_document(answer.one, answer, payload=payload), output)
    else:
        _print(answer.one, answer)
    if open_trace:
        webbrowser.open(trace_url(answer.one.id, answer.trace))
    return 0


def _document(one: Summary, answer: Shown, *, payload: bool) -> dict[str, Any]:
    document = to_document(one, answer.trace) | {
        "source": one.source,
        "source_id": one.source_id,
        "destination": one.destination,
        "attempt": one.attempt,
        "mapping_revision": one.revision,
        "replay_of": one.replay_of,
        "timeline": [
            {
                "attempt": event.attempt,
                "what": event.what,
                "at": absolute(event.at_us),
                "duration_ms": event.duration_us / 1000,
                "ok": event.ok,
                "note": event.note,
            }
            for event in decode(one.timeline)
        ],
        "effects": [msgspec.structs.asdict(effect) for effect in answer.effects],
        "calls": [msgspec.structs.asdict(call) for call in answer.calls],
    }
    if payload:
        document["payloads"] = {
            side: decode_json(text.encode()) for side, text in answer.payloads.items()
        }
    return document


def _few(effects: list[EffectLine]) -> list[EffectLine]:
    """Return all effects, or of many those that are not done and the first of the others."""
    if len(effects) <= _LONGEST:
        return effects
    telling = sorted(range(len(effects)), key=lambda n: (effects[n].state == "done", n))
    return [effects[n] for n in sorted(telling[:_LONGEST])]


def _left_out(count: int, what: str) -> None:
    if count:
        say(f"  … {count} {what} are left out; all of them: knect show ID -o json")


def _print(one: Summary, answer: Shown) -> None:
    now = datetime.now(UTC)
    say(headline(one))
    for line in filter(None, [why(one, now), *next_steps(one, 0, now)]):
        say(f"  {line}")
    say("")
    for line in story_lines(one, now):
        say(f"  {line}")
    if answer.effects:
        effects = _few(answer.effects)
        say("")
        table(
            ["EFFECT", "WRITE", "STATE", "TRIES", "AT DESTINATION", "ERROR"],
            [
                [
                    e.name,
                    e.write,
                    e.state,
                    str(e.tries),
                    e.number or e.destination_id or "",
                    e.error or "",
                ]
                for e in effects
            ],
            indent="  ",
        )
        _left_out(len(answer.effects) - len(effects), "effects")
    if answer.calls:
        calls = answer.calls[-_LONGEST:]
        say("")
        _left_out(len(answer.calls) - len(calls), "earlier calls")
        table(
            ["CALL", "TO", "STATUS", "MS", "ERROR"],
            [
                [
                    f"{c.method} {c.template}",
                    c.connection,
                    str(c.status or "-"),
                    f"{c.duration_ms:.0f}",
                    c.error or "",
                ]
                for c in calls
            ],
            indent="  ",
        )
    for side, text in answer.payloads.items():
        say(f"\n  {side}:")
        say(msgspec.json.format(text))
    say(f"\n  Transaction {one.id}  trace {trace_url(one.id, answer.trace)}")

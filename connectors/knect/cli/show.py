"""`knect show ID`: everything the ledger knows of one transaction.

Must not: show a masked field; payloads only with --payload.
"""

import webbrowser
from datetime import UTC, datetime
from typing import Any

import click
import msgspec

from knect.cli.failure import NOT_FOUND, CommandError
from knect.cli.find import to_document, trace_url
from knect.cli.ledgers import ledger_option, opened, run_async
from knect.cli.output import absolute, emit, output_option, say, table
from knect.cli.sentences import headline, next_steps, story_lines, why
from knect.engine.masking import mask_payload
from knect.ledger import Ledger
from knect.ledger.details import CallLine, EffectLine, calls_of, effect_lines
from knect.ledger.payload import unpack
from knect.ledger.queries import Summary, payload_of
from knect.ledger.queries import show as show_in
from knect.ledger.timeline import decode
from knect.model import decode_json, encode_json

__all__ = ["show"]

_SHORTEST_ID = 6


class _Everything(msgspec.Struct, frozen=True):
    one: Summary
    effects: list[EffectLine]
    calls: list[CallLine]
    payloads: dict[str, bytes]


async def _read(book: Ledger, identifier: str) -> _Everything:
    found = await book.read(lambda c: show_in(c, identifier))
    if not found:
        raise CommandError(f"the ledger knows no transaction {identifier}", code=NOT_FOUND)
    if len(found) > 1:
        ids = "\n".join(f"  {one.id}  {headline(one)}" for one in found)
        raise CommandError(f"several transactions begin with {identifier}:\n{ids}", code=2)
    one = found[0]
    digests = [digest for digest in (one.hash, one.document) if digest]
    effects, calls, payloads = await book.read(
        lambda c: (effect_lines(c, one.seq), calls_of(c, one.seq), payload_of(c, digests))
    )
    return _Everything(one, effects, calls, payloads)


@click.command()
@click.argument("identifier", metavar="ID")
@ledger_option
@output_option
@click.option("--payload", is_flag=True, help="Also what was read and what was mapped.")
@click.option("--open", "open_trace", is_flag=True, help="Open the trace in a browser.")
def show(
    identifier: str, ledger: str | None, output: str, *, payload: bool, open_trace: bool
) -> int:
    """One transaction: story, effects, remote calls; ID may be its beginning."""
    wanted = identifier.strip().lower().replace("-", "")
    if len(wanted) < _SHORTEST_ID:
        raise CommandError(f"{identifier!r} is too short; give {_SHORTEST_ID} digits", code=2)

    async def read() -> _Everything:
        async with opened(ledger) as book:
            return await _read(book, wanted)

    everything = run_async(read)
    if output in ("json", "yaml"):
        emit(_document(everything, payload=payload), output)
    else:
        _print(everything, payload=payload)
    if open_trace:
        webbrowser.open(trace_url(everything.one.id))
    return 0


def _bodies(everything: _Everything) -> dict[str, Any]:
    one = everything.one
    named = {"source": one.hash, "destination": one.document}
    body = decode_json(one.mapping_body) if one.mapping_body else {}
    if body.get("mask") and one.hidden is None:
        return {"hidden": "the record could not be read, so what is to be masked is not known"}
    hidden = decode_json(one.hidden) if one.hidden else ()
    return {
        side: mask_payload(decode_json(unpack(everything.payloads[digest])), hidden)
        for side, digest in named.items()
        if digest in everything.payloads
    }


def _document(everything: _Everything, *, payload: bool) -> dict[str, Any]:
    one = everything.one
    document = to_document(one) | {
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
        "effects": [msgspec.structs.asdict(effect) for effect in everything.effects],
        "calls": [msgspec.structs.asdict(call) for call in everything.calls],
    }
    if payload:
        document["payloads"] = _bodies(everything)
    return document


def _print(everything: _Everything, *, payload: bool) -> None:
    one, now = everything.one, datetime.now(UTC)
    say(headline(one))
    for line in filter(None, [why(one, now), *next_steps(one, 0, now)]):
        say(f"  {line}")
    say("")
    events = [
        (event.at_us + event.duration_us, event.what, event.ok, event.note)
        for event in decode(one.timeline)
    ]
    for line in story_lines(events, now):
        say(f"  {line}")
    if everything.effects:
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
                for e in everything.effects
            ],
            indent="  ",
        )
    if everything.calls:
        say("")
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
                for c in everything.calls
            ],
            indent="  ",
        )
    if payload:
        for side, body in _bodies(everything).items():
            say(f"\n  {side}:")
            say(msgspec.json.format(encode_json(body).decode()))
    say(f"\n  Transaction {one.id}  trace {trace_url(one.id)}")

"""`knect explain sku KN-7`: every term of what was sent, where it is from and of when.

Why: "the ERP has twelve, why does the shop say seven?" has an answer, and it is in the ledger.
Must not: compute anew; the figures of that moment are shown, and beside them what changed since.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import click

from knect.cli.failure import NOT_FOUND
from knect.cli.ledgers import run_async
from knect.cli.output import absolute, emit, output_option, say
from knect.cli.sentences import clock, never_seen
from knect.cli.source import Chosen, source_options
from knect.engine.deciding.terms import AS_OF, mapped_line, read_terms
from knect.gateway.answers import Explanation
from knect.ledger import Fate
from knect.ledger.questions.explaining import FIGURES, Explained
from knect.ledger.questions.queries import Coverage
from knect.model import decode_json

__all__ = ["explain"]

_GOOD = (Fate.DELIVERED, Fate.UNCHANGED, Fate.ECHO)


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
        _print(one, now)
        for line in _unread(one, answer.feeds, now):
            say(line)
    return 0 if answer.items else NOT_FOUND


def _formulas(one: Explained) -> dict[str, str]:
    body = decode_json(one.mapping_body) if one.mapping_body else {}
    found: dict[str, str] = body.get("mapping", {}).get("set", {})
    return found


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
        "formulas": _formulas(one),
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


def _print(one: Explained, now: datetime) -> None:
    terms, results = read_terms(mapped_line(one.timeline))
    terms = [(name, value) for name, value in terms if name != AS_OF]
    noun = {"inventory": "Stock", "prices": "Price"}.get(one.entity, one.entity)
    say(f"{noun} of {one.key} at {one.destination or '?'}  (pipeline {one.pipeline})", style="cyan")
    for name, formula in _formulas(one).items():
        say(f"  {name} = {formula}")
    width = max((len(name) for name, _ in terms), default=0)
    read = f"{one.source}, changed {clock(one.at_us, now)}, read {clock(one.seen_us, now)}"
    for name, value in terms:
        from_ledger = name.startswith("open_orders(")
        of = f" of {clock(one.counted_us, now)}" if one.counted_us is not None else ""
        said = f"orders not yet in the figure of {one.source}{of}" if from_ledger else read
        if name == "previous" or name.startswith("previous."):
            said = f"delivered to {one.destination} last"
        say(f"    {name:<{width}}  {value:>8}   {said}")
    for name, value in results:
        say(f"  {name} is {value}")
    say(f"  {_fate(one, now)}", style="green" if one.fate in _GOOD else "yellow")
    for line in _open_lines(one, now):
        say(line)
    for name, value in terms:
        pieces = _open_now(one, name)
        if pieces is not None and str(pieces) != value:
            say(
                f"  It was sent with {value} of them, and now there are {pieces}: orders came or"
                " went since; the next figure counts them"
            )
    say(f"  Transaction {one.id}")


def _unread(one: Explained, feeds: Sequence[Coverage], now: datetime) -> list[str]:
    """Return until when a shop's orders are in its stock: what it sold since, nobody knows yet."""
    if one.entity != "inventory" or one.destination is None:
        return []
    read = [
        feed.complete_until_us
        for feed in feeds
        if (feed.connection, feed.entity) == (one.destination, "orders")
    ]
    if not read:
        return [
            f"  No pipeline reads the orders of {one.destination}: what it sells is in no figure"
            f" before {one.source} has it"
        ]
    return [
        f"  Orders of {one.destination} are read up to {clock(min(read), now)}; what it sold since"
        " is in no figure yet"
    ]


def _open_lines(one: Explained, now: datetime) -> list[str]:
    """Return a line per open order, whose pieces may be of several lines of it."""
    orders: dict[tuple[str, int, bool], list[Decimal]] = {}
    for taken in one.taken:
        whose = (taken.key, taken.made_us, taken.released_us is not None)
        orders.setdefault(whose, []).append(Decimal(taken.quantity))
    return [
        f"  Open now: order {key} takes {sum(pieces):f}"
        f"{f' on {len(pieces)} lines' if len(pieces) > 1 else ''}, since {clock(made_us, now)}"
        f"{' (in the next figure)' if is_released else ''}"
        for (key, made_us, is_released), pieces in orders.items()
    ]


def _open_now(one: Explained, name: str) -> Decimal | None:
    """Return what a term `open_orders(SKU)` or `open_orders(SKU, location)` would be now."""
    location: str | None = None
    if name.startswith(f"open_orders({one.key}, "):
        location = name.removeprefix(f"open_orders({one.key}, ").removesuffix(")")
    elif name != f"open_orders({one.key})":
        return None
    return sum(
        (
            Decimal(taken.quantity)
            for taken in one.taken
            if location is None or taken.location in (None, location)
        ),
        Decimal(0),
    )


def _fate(one: Explained, now: datetime) -> str:
    when = clock(one.since_us, now)
    where = one.destination or "the destination"
    match one.fate:
        case Fate.DELIVERED:
            return f"Sent to {where} {when}."
        case Fate.UNCHANGED:
            return f"{where} had it already ({when})."
        case _:
            words = (one.message or one.reason or "").rstrip(".")
            return f"Not sent: {one.fate}, since {when}: {words}."

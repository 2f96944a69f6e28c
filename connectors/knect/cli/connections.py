"""`knect connections`: does each system answer, since when not, and what hangs on it?

Must not: call one; what is told is what workers were answered (`knect check` calls).
"""

from datetime import UTC, datetime
from typing import Any

import click
from msgspec import structs

from knect.cli.failure import NOT_FOUND, CommandError
from knect.cli.instants import ago_or_at, zoned
from knect.cli.ledgers import run_async
from knect.cli.output import emit, output_option, say, table
from knect.cli.source import Chosen, source_options
from knect.gateway.answers import Connections
from knect.ledger.instants import to_us
from knect.ledger.questions.connections import ConnectionState
from knect.people.connections import (
    budget_left,
    ended_so,
    how_fast,
    now_of,
    trouble,
    webhooks_came,
    written_by,
)
from knect.people.sentences import read_until
from knect.people.times import absolute, ago, clock

__all__ = ["connections"]


@click.command()
@click.argument("name", required=False)
@source_options
@output_option
@click.option(
    "--since",
    metavar="2h|INSTANT",
    default="1h",
    show_default=True,
    help="Of which calls.",
)
def connections(name: str | None, source: Chosen, output: str, since: str) -> int:
    """Does each system answer? Its calls, reads and webhooks, and what is written there."""
    now = datetime.now(UTC)
    began = ago_or_at("--since", since, now)
    since_us = to_us(began)
    span = f"since {clock(since_us, now)}" if began == zoned(since) else f"of the last {since}"

    async def read() -> Connections:
        async with source.open() as asked:
            return await asked.connections(since_us)

    answer = run_async(read)
    items = [one for one in answer.items if name in (None, one.name)]
    if name is not None and not items:
        known = ", ".join(one.name for one in answer.items) or "none yet"
        raise CommandError(
            f"the ledger knows no Connection {name!r}; it knows {known}", code=NOT_FOUND
        )
    if output in ("json", "yaml"):
        emit([_document(one) for one in items], output)
    elif output == "name":
        for one in items:
            say(one.name)
    elif name is not None:
        _print_one(items[0], since_us, span, now)
    elif items:
        _print(items, since_us, span, now, wide=output == "wide")
    else:
        say("The ledger knows no Connection yet: knect run -f DIR")
    return 0


def _print(
    items: list[ConnectionState], since_us: int, span: str, now: datetime, *, wide: bool
) -> None:
    heads = ["CONNECTION", "NOW", "CALLS", "FAILED", "MEDIAN MS", "P95 MS", "READS", "WRITES"]
    rows = [
        [
            one.name,
            now_of(one.calls),
            str(one.calls.count),
            str(one.calls.failed),
            _milliseconds(one.calls.median_ms),
            _milliseconds(one.calls.p95_ms),
            " ".join(sorted({feed.entity for feed in one.feeds})),
            " ".join(written.pipeline for written in one.writes),
            *([one.leads_to or ""] if wide else []),
        ]
        for one in items
    ]
    table([*heads, *(["LEADS TO"] if wide else [])], rows)
    for one in items:
        for sentence in trouble(one, since_us, now):
            say(f"  ✗ {one.name}: {sentence}", style="red")
    say(f"  Calls {span}; more of one: knect connections NAME")


def _milliseconds(took: float | None) -> str:
    return "" if took is None else f"{took:.0f}"


def _print_one(one: ConnectionState, since_us: int, span: str, now: datetime) -> None:
    calls = one.calls
    leads = f" ({one.leads_to})" if one.leads_to else ""
    say(f"{one.name}{leads} {now_of(calls)}.")
    for sentence in trouble(one, since_us, now):
        say(f"  ✗ {sentence}", style="red")
    say(f"  {calls.count} calls {span}" + _after(", ", how_fast(calls)))
    for kind in calls.ended:
        say(f"    {ended_so(kind, now)}")
    for feed in one.feeds:
        said = read_until(feed, ago(feed.complete_until_us, now), now)
        say(f"  Read: {said.removeprefix(one.name).strip()}")
    for written in one.writes:
        more = f": knect stuck {written.pipeline}" if written.stopped else ""
        say(f"  Written by {written_by(written, now)}{more}")
    if one.hints is not None:
        say(f"  Webhooks: {webhooks_came(one.hints, now)}")
    if one.budget is not None:
        say(f"  Budget: {budget_left(one.budget)}")


def _after(mark: str, text: str) -> str:
    return f"{mark}{text}" if text else ""


def _document(one: ConnectionState) -> dict[str, Any]:
    """Return it for scripts: instants as RFC 3339, under names without their unit."""
    calls = one.calls
    return {
        "name": one.name,
        "leads_to": one.leads_to,
        "now": now_of(calls).value,
        "calls": {
            "count": calls.count,
            "failed": calls.failed,
            "median_ms": calls.median_ms,
            "p95_ms": calls.p95_ms,
            "last_well": absolute(calls.well_us),
            "last_failed": absolute(calls.failed_us),
            "ended": [_dated(structs.asdict(kind)) for kind in calls.ended],
        },
        "feeds": [
            {
                "entity": feed.entity,
                "complete_until": absolute(feed.complete_until_us) if feed.is_read else None,
                "failing_since": absolute(feed.failing_since_us),
                "reason": feed.reason,
                "message": feed.failure,
            }
            for feed in one.feeds
        ],
        "writes": [_dated(structs.asdict(written)) for written in one.writes],
        "webhooks": _dated(structs.asdict(one.hints)) if one.hints else None,
        "budget": structs.asdict(one.budget) if one.budget else None,
    }


def _dated(values: dict[str, Any]) -> dict[str, Any]:
    return {
        key.removesuffix("_us"): absolute(value) if key.endswith("_us") else value
        for key, value in values.items()
    }

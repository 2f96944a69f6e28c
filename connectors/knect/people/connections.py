"""How a Connection is, in people's words: whether it answers, since when not, what hangs on it.

Must not: say whose fault it is; only what was asked and what came.
"""

from datetime import datetime
from enum import StrEnum

from knect.ledger.questions.connections import (
    Budget,
    Calls,
    ConnectionState,
    Ended,
    Hints,
    Written,
)
from knect.people.sentences import reading_fails
from knect.people.times import ago, clock

__all__ = [
    "Now",
    "budget_left",
    "ended_so",
    "how_fast",
    "now_of",
    "trouble",
    "webhooks_came",
    "written_by",
]


class Now(StrEnum):
    """How a Connection is, by its last call."""

    ANSWERS = "answers"
    FAILS = "fails"
    QUIET = "quiet"  # nobody called


def now_of(calls: Calls) -> Now:
    """Return how it is, by the last of its calls."""
    if calls.failed_us is not None and calls.failed_us > (calls.well_us or 0):
        return Now.FAILS
    return Now.QUIET if calls.well_us is None else Now.ANSWERS


def trouble(one: ConnectionState, since_us: int, now: datetime) -> list[str]:
    """Return what is wrong with it, a sentence each: its calls, its reads, what waits for it."""
    said = []
    failed = ", ".join(_how(kind) for kind in one.calls.ended if kind.failed)
    if now_of(one.calls) is Now.FAILS:
        well = since_us if one.calls.well_us is None else one.calls.well_us
        said.append(f"nothing went well since {clock(well, now)}: {failed}")
    elif failed:
        said.append(f"{one.calls.failed} of {one.calls.count} calls failed: {failed}")
    said += [
        f"{feed.entity}: {reading_fails(feed, ago(feed.failing_since_us or 0, now))}"
        for feed in one.feeds
        if feed.failure
    ]
    said += [
        f"all that {written.pipeline} writes waits since {clock(written.held_since_us or 0, now)}:"
        f" {written.held}"
        for written in one.writes
        if written.held
    ]
    return said


def ended_so(one: Ended, now: datetime) -> str:
    """Return how many calls ended so, and when the last one began."""
    return f"{_how(one)}, the last {ago(one.last_us, now)}"


def _how(one: Ended) -> str:
    how = f"answered {one.status}" if one.status is not None else "without an answer"
    return f"{one.count} {how}" + (f" ({one.error})" if one.error else "")


def how_fast(calls: Calls) -> str:
    """Return how long calls take that are answered; nothing where none was."""
    if calls.median_ms is None or calls.p95_ms is None:
        return ""
    return f"median {calls.median_ms:.0f} ms, 95 of 100 within {calls.p95_ms:.0f} ms"


def written_by(one: Written, now: datetime) -> str:
    """Return when a pipeline last delivered there, and how much of its work is stopped."""
    delivered = (
        "nothing delivered yet"
        if one.delivered_us is None
        else f"last delivered {ago(one.delivered_us, now)}"
    )
    return f"{one.pipeline}: {delivered}" + (f"; {one.stopped} stopped" if one.stopped else "")


def webhooks_came(one: Hints, now: datetime) -> str:
    """Return when the last webhook came, and what of them is not looked at yet."""
    said = f"the last webhook came {ago(one.last_us, now)}"
    if one.waiting_since_us is None:
        return said
    return f"{said}; {one.waiting} not looked at yet, the oldest {ago(one.waiting_since_us, now)}"


def budget_left(one: Budget) -> str:
    """Return what of the account's request budget is left."""
    return f"{one.left:.0f} of {one.capacity:.0f} points left, {one.per_second:g} more each second"

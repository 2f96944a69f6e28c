"""Why the shop says seven: the terms of a figure that was sent, and what changed since.

Why: what was multiplied and taken off is in the ledger, and is told in the same words wherever it
is asked for. Must not: compute anew; the figures of that moment are shown.
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from msgspec import Struct

from knect.engine.deciding.terms import AS_OF, mapped_line, read_terms
from knect.ledger.fates import Fate
from knect.ledger.questions.explaining import Explained
from knect.ledger.questions.queries import Coverage
from knect.model import decode_json
from knect.people.times import clock

__all__ = ["Figure", "Term", "figure", "formulas"]

_GOOD = (Fate.DELIVERED, Fate.UNCHANGED, Fate.ECHO)
_NOUNS = {"inventory": "Stock", "prices": "Price"}


class Term(Struct, frozen=True, kw_only=True):
    """One term of it: `whence` says from where it is and of when."""

    name: str
    value: str
    whence: str


class Figure(Struct, frozen=True, kw_only=True):
    """What is said of one figure. `since`: what is open now, and whether it differs from then."""

    title: str
    formulas: list[str]
    terms: list[Term]
    results: list[str]
    fate: str
    good: bool
    since: list[str]
    id: str


def formulas(one: Explained) -> dict[str, str]:
    """Return destination field -> the expression of the revision that was used."""
    body = decode_json(one.mapping_body) if one.mapping_body else {}
    found: dict[str, str] = body.get("mapping", {}).get("set", {})
    return found


def figure(one: Explained, feeds: Sequence[Coverage], now: datetime) -> Figure:
    """Return the figure in people's words."""
    terms, results = read_terms(mapped_line(one.timeline))
    terms = [(name, value) for name, value in terms if name != AS_OF]
    noun = _NOUNS.get(one.entity, one.entity)
    return Figure(
        title=f"{noun} of {one.key} at {one.destination or '?'}  (pipeline {one.pipeline})",
        formulas=[f"{name} = {formula}" for name, formula in formulas(one).items()],
        terms=[
            Term(name=name, value=value, whence=_whence(one, name, now)) for name, value in terms
        ],
        results=[f"{name} is {value}" for name, value in results],
        fate=_fate(one, now),
        good=one.fate in _GOOD,
        since=[*_open_lines(one, now), *_changed(one, terms), *_unread(one, feeds, now)],
        id=one.id,
    )


def _whence(one: Explained, name: str, now: datetime) -> str:
    if name == "previous" or name.startswith("previous."):
        return f"delivered to {one.destination} last"
    if name.startswith("open_orders("):
        of = f" of {clock(one.counted_us, now)}" if one.counted_us is not None else ""
        return f"orders not yet in the figure of {one.source}{of}"
    return f"{one.source}, changed {clock(one.at_us, now)}, read {clock(one.seen_us, now)}"


def _changed(one: Explained, terms: Sequence[tuple[str, str]]) -> list[str]:
    said = []
    for name, value in terms:
        pieces = _open_now(one, name)
        if pieces is not None and str(pieces) != value:
            said.append(
                f"It was sent with {value} of them, and now there are {pieces}: orders came or"
                " went since; the next figure counts them"
            )
    return said


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
            f"No pipeline reads the orders of {one.destination}: what it sells is in no figure"
            f" before {one.source} has it"
        ]
    return [
        f"Orders of {one.destination} are read up to {clock(min(read), now)}; what it sold since"
        " is in no figure yet"
    ]


def _open_lines(one: Explained, now: datetime) -> list[str]:
    """Return a line per open order, whose pieces may be of several lines of it."""
    orders: dict[tuple[str, int, bool], list[Decimal]] = {}
    for taken in one.taken:
        whose = (taken.key, taken.made_us, taken.released_us is not None)
        orders.setdefault(whose, []).append(Decimal(taken.quantity))
    return [
        f"Open now: order {key} takes {sum(pieces):f}"
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

"""A transaction's events as bars over time, with what lay between them.

Why: where the time went is seen at a glance, and in most stops it went into waiting, which no event
is. Must not: know HTML, or draw what did not happen.
"""

from collections.abc import Sequence

from msgspec import Struct

from knect.ledger.fates import HOLDING
from knect.ledger.questions.queries import Summary
from knect.people.sentences import Told, story
from knect.people.times import took

__all__ = ["WIDTH", "Bar", "Waterfall", "waterfall"]

#: Units of the drawing's width; what took no time is still seen.
WIDTH = 600.0
_LEAST = 3.0
#: A pause is drawn where it is this share of the whole.
_WORTH_SAYING = 0.02


class Bar(Struct, frozen=True, kw_only=True):
    """One event: where it begins and how wide it is, and how long nothing happened before it."""

    told: Told
    x: float
    width: float
    took: str
    waited_x: float = 0.0
    waited_width: float = 0.0
    waited: str = ""


class Waterfall(Struct, frozen=True, kw_only=True):
    """All events, oldest first; where it has not ended, for how long nothing has happened since."""

    bars: list[Bar]
    since_x: float = 0.0
    since: str = ""


def waterfall(one: Summary, now_us: int) -> Waterfall:
    """Return the drawing, from the first event to the last, or to now where it has not ended."""
    told = story(one)
    if not told:
        return Waterfall(bars=[])
    first = min(event.began_us for event in told)
    last = max(event.at_us for event in told)
    end = max(last, now_us) if one.fate in HOLDING else last
    whole = max(end - first, 1)
    scale = WIDTH / whole
    return Waterfall(
        bars=_drawn(told, first, scale, whole),
        since_x=min((last - first) * scale, WIDTH),
        since=took(end - last) if end > last else "",
    )


def _drawn(told: Sequence[Told], first: int, scale: float, whole: int) -> list[Bar]:
    found: list[Bar] = []
    until = first
    for event in told:
        pause = event.began_us - until
        is_told = pause > whole * _WORTH_SAYING
        x = min((event.began_us - first) * scale, WIDTH - _LEAST)
        found.append(
            Bar(
                told=event,
                x=x,
                width=max((event.at_us - event.began_us) * scale, _LEAST),
                took=took(event.at_us - event.began_us),
                waited_x=(until - first) * scale if is_told else 0.0,
                waited_width=pause * scale if is_told else 0.0,
                waited=took(pause) if is_told else "",
            )
        )
        until = max(until, event.at_us)
    return found

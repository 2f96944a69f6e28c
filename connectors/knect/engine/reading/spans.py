"""From when to when a poll reads, on the source's own clock.

Why: marks of change do not follow the order in which changes can be read. A transaction that took
long is marked with its beginning, a database's clock is not that of the server that tells the time,
and a clock that was ahead is set back: what is marked before the cursor then was never listed.
Must not: read, or ask anybody for the time.
"""

from msgspec import Struct

from knect.ledger.feeds import Cursor

__all__ = ["LOOKS_BACK_EVERY_US", "Span", "span_of"]

#: How often a window goes back as far as a change may be late.
LOOKS_BACK_EVERY_US = 3_600_000_000


class Span(Struct, frozen=True, kw_only=True):
    """A window's bounds in microseconds, `until_us` exclusive; none if it does not end later.

    `new_us`: what is marked before was read by an earlier window, unless it came late. `cursor_us`
    is where reading continues. `set_back`: the source's clock is behind what it once told.
    """

    since_us: int
    new_us: int
    until_us: int
    cursor_us: int
    set_back: bool = False


def span_of(
    cursor: Cursor, *, until_us: int, now_us: int, overlap_seconds: float, late_seconds: float
) -> Span:
    """Return what to read at an instant `until_us` of the source's clock, `now_us` of ours.

    `late_seconds` is 0 for a window that does not look back.
    """
    overlap_us, late_us = int(overlap_seconds * 1e6), int(late_seconds * 1e6)
    at_us, start_us = cursor.at_us, cursor.start_us
    is_set_back = until_us < at_us and not _is_to_come(cursor, now_us)
    if is_set_back:  # what changed since we looked is marked by the clock that tells the time now
        at_us = until_us - max(0, now_us - cursor.looked_us)
    first_us = min(start_us, at_us)
    since_us = max(first_us, at_us - max(overlap_us, late_us))
    return Span(
        since_us=since_us,
        new_us=max(since_us, at_us - overlap_us),
        until_us=until_us,
        cursor_us=until_us if is_set_back else max(until_us, at_us),
        set_back=is_set_back and until_us < cursor.at_us - overlap_us,
    )


def _is_to_come(cursor: Cursor, now_us: int) -> bool:
    """Tell whether reading has not begun, for it begins on a day somebody named."""
    return cursor.at_us <= cursor.start_us and cursor.start_us > now_us

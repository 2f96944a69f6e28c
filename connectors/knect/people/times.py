"""Instants as people and scripts read them. Microseconds since 1970, UTC, everywhere.

Must not: know a time zone other than UTC: a ticket that is read elsewhere means the same instant.
"""

from datetime import UTC, datetime

__all__ = ["absolute", "ago", "clock", "took"]


def absolute(microseconds: int | None) -> str | None:
    """Return an instant as RFC 3339 in UTC, for scripts."""
    if microseconds is None:
        return None
    when = datetime.fromtimestamp(microseconds / 1e6, UTC)
    return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def clock(microseconds: int, now: datetime) -> str:
    """Return an instant as people read it: the time today, else date and time; UTC."""
    when = datetime.fromtimestamp(microseconds / 1e6, UTC)
    if when.date() == now.astimezone(UTC).date():
        return f"{when:%H:%M:%S} UTC"
    return f"{when:%Y-%m-%d %H:%M} UTC"


def ago(microseconds: int, now: datetime) -> str:
    """Return how long ago an instant was, as people say it: `3 min ago`."""
    seconds = now.timestamp() - microseconds / 1e6
    if seconds < 0:
        return f"in {_span(-seconds)}"
    return "just now" if seconds < 1 else f"{_span(seconds)} ago"


def _span(seconds: float) -> str:
    for limit, size, name in (
        (90, 1, "s"),
        (90 * 60, 60, "min"),
        (48 * 3600, 3600, "h"),
        (float("inf"), 86400, "days"),
    ):
        if seconds < limit:
            return f"{seconds / size:.0f} {name}"
    return ""


def took(microseconds: int) -> str:
    """Return how long something took, as people say it: `41 ms`."""
    seconds = microseconds / 1e6
    for limit, size, name in ((0.001, 1e-6, "µs"), (1, 1e-3, "ms")):
        if seconds < limit:
            return f"{seconds / size:.0f} {name}"
    return _span(seconds)

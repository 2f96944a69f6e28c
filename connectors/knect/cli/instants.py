"""Instants as people type them.

Must not: take one without a zone: it would be another one on another machine.
"""

from datetime import UTC, datetime

from knect.api.fields import Duration
from knect.cli.failure import BAD_INPUT, CommandError

__all__ = ["ago_or_at", "zoned"]


def zoned(text: str) -> datetime | None:
    """Return the instant, in UTC; None if the text is none of RFC 3339, or has no zone."""
    try:
        instant = datetime.fromisoformat(text)
        return None if instant.tzinfo is None else instant.astimezone(UTC)
    except (ValueError, OverflowError):  # the second: the year 1 of a zone, in UTC
        return None


def ago_or_at(option: str, text: str, now: datetime) -> datetime:
    """Return the instant that an option names: so long ago, or that one. Raises CommandError."""
    try:
        return now - Duration.read(text).delta
    except (ValueError, OverflowError):
        pass
    instant = zoned(text)
    if instant is None:
        raise CommandError(
            f"{option} {text} is no time ago (30m, 2h, 7d) and no instant with a zone, such as "
            "2026-01-01T00:00:00Z",
            code=BAD_INPUT,
        )
    return instant

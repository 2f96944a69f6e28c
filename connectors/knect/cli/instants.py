"""Instants as people type them.

Must not: take one without a zone: it would be another one on another machine.
"""

from datetime import UTC, datetime

__all__ = ["zoned"]


def zoned(text: str) -> datetime | None:
    """Return the instant, in UTC; None if the text is none of RFC 3339, or has no zone."""
    try:
        instant = datetime.fromisoformat(text)
        return None if instant.tzinfo is None else instant.astimezone(UTC)
    except (ValueError, OverflowError):  # the second: the year 1 of a zone, in UTC
        return None

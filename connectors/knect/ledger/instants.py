"""Instants between Python and the ledger: microseconds since 1970, UTC.

Must not: accept an instant without a zone.
"""

from datetime import UTC, datetime, timedelta

__all__ = ["from_us", "to_us"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_us(instant: datetime) -> int:
    """Return microseconds since 1970. Raises TypeError for an instant without a zone."""
    return (instant - _EPOCH) // _MICROSECOND


def from_us(microseconds: int) -> datetime:
    """Return the instant, in UTC."""
    return _EPOCH + microseconds * _MICROSECOND

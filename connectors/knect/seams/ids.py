"""Identifiers: a UUIDv7 as 32 hexadecimal digits, which is also a valid W3C trace id.

Why: one name for a transaction in the ledger, the CLI and Jaeger, sortable by time of creation.
Must not: be used as a secret; the first 48 bits are the time.
"""

from collections.abc import Callable
from datetime import UTC, datetime

from uuid_utils import uuid7

__all__ = ["IdSource", "instant_of", "new_id"]

#: Makes a new identifier; tests put a seeded one in its place.
IdSource = Callable[[], str]


def new_id() -> str:
    """Return a new UUIDv7 as 32 lower-case hexadecimal digits."""
    return uuid7().hex


def instant_of(identifier: str) -> datetime:
    """Return the instant (millisecond precision, UTC) at which `identifier` was made."""
    return datetime.fromtimestamp(int(identifier[:12], 16) / 1000, UTC)

"""An answer as a value, and what its headers advise.

Must not: raise for a status; `classify` decides what a status means.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from msgspec import Struct

__all__ = ["Response", "read_http_date", "read_retry_after"]

#: Longer advice than this is taken as this; the engine looks again then.
MAX_RETRY_AFTER = 86_400.0


class Response(Struct, frozen=True, kw_only=True):
    """A complete answer. Header names are lower case; `data` is the decoded JSON body, if any."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    data: Any = None


def read_http_date(text: str | None) -> datetime | None:
    """Return the instant of an HTTP date (RFC 9110, 5.6.7), or None if it is none."""
    try:
        instant = parsedate_to_datetime(text or "")
        return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
    except (ValueError, OverflowError):  # beyond what a year or a zone can be
        return None


def read_retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Return the seconds the server asks us to wait, or None if it does not say.

    Both forms of RFC 9110, 10.2.3: seconds (a fraction is tolerated, Shopify sends `2.0`), and a
    date, which is compared with the server's own `Date` where there is one, else with `now`.
    """
    text = headers.get("retry-after", "").strip()
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        until = read_http_date(text)
        if until is None:
            return None
        seconds = (until - (read_http_date(headers.get("date")) or now)).total_seconds()
    if seconds != seconds:  # noqa: PLR0124 - "nan" is a float, too
        return None
    return min(max(seconds, 0.0), MAX_RETRY_AFTER)

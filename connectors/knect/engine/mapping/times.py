"""Functions over instants and durations.

Zones are IANA names or offsets (`+02:00`), as records carry them. CEL's numbering is kept: getMonth
and getDayOfMonth count from 0, getDate from 1, getDayOfWeek has Sunday as 0.
Must not: ask for the current time; a replay of the same record gives the same document.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from knect.engine.mapping.frame import Frame
from knect.engine.mapping.values import describe

__all__ = [
    "PARTS",
    "date_in_zone",
    "instant_text",
    "seconds_text",
    "to_duration",
    "to_timestamp",
]

_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?"
    r"(?:[Zz]|[+-][0-9]{2}:[0-9]{2})"
)
_OFFSET = re.compile(r"([+-]?)([0-9]{2}):([0-9]{2})")
_ZONE = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(?:/[A-Za-z0-9_+-]+){0,2}")
_PART = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,9})?)(ms|us|h|m|s)")
_SECONDS = {
    "h": Decimal(3600),
    "m": Decimal(60),
    "s": Decimal(1),
    "ms": Decimal("0.001"),
    "us": Decimal("0.000001"),
}


def to_timestamp(_: Frame, value: Any) -> datetime:
    """Return the instant an RFC 3339 text or a number of Unix seconds names, in UTC."""
    if type(value) is datetime:
        return value
    try:
        if type(value) is str and _INSTANT.fullmatch(value):
            return datetime.fromisoformat(value).astimezone(UTC)
        if type(value) is int:
            return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=value)
    except (ValueError, OverflowError):
        raise ValueError("is no instant between the years 1 and 9999") from None
    if type(value) is str:
        raise ValueError("is no RFC 3339 instant with its offset")
    raise ValueError(f"cannot make an instant of {describe(value)}")


def to_duration(_: Frame, value: Any) -> timedelta:
    """Return the duration a text such as `1h30m` or `-5.5s` names."""
    if type(value) is timedelta:
        return value
    if type(value) is not str:
        raise ValueError(f"cannot make a duration of {describe(value)}")
    body = value.removeprefix("-")
    parts = list(_PART.finditer(body))
    if not parts or "".join(part.group() for part in parts) != body or len(body) > 64:
        raise ValueError("is no duration such as 1h30m")
    seconds = sum((Decimal(part[1]) * _SECONDS[part[2]] for part in parts), Decimal(0))
    try:
        length = timedelta(microseconds=int(seconds * 1_000_000))
    except OverflowError:
        raise ValueError("is too long a duration") from None
    return -length if value.startswith("-") else length


def _zone(name: Any) -> tzinfo:
    if name is None:
        return UTC
    if type(name) is not str:
        raise ValueError(f"a zone is text, not {describe(name)}")
    offset = _OFFSET.fullmatch(name)
    if offset is not None:
        length = timedelta(hours=int(offset[2]), minutes=int(offset[3]))
        if length < timedelta(hours=24):
            return timezone(-length if offset[1] == "-" else length)
    elif len(name) <= 64 and _ZONE.fullmatch(name):
        try:
            return ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            pass
    raise ValueError("the zone is unknown; write Europe/Berlin or +02:00")


def _local(value: Any, zone: Any) -> datetime:
    if type(value) is not datetime:
        raise ValueError(f"is {describe(value)}, not an instant; timestamp(x) makes one of text")
    try:
        return value.astimezone(_zone(zone))
    except OverflowError:
        raise ValueError("is no instant between the years 1 and 9999") from None


def date_in_zone(_: Frame, value: Any, zone: Any = None) -> str:
    """Return the calendar date of an instant in a zone (default UTC) as YYYY-MM-DD."""
    return _local(value, zone).date().isoformat()


def instant_text(value: datetime) -> str:
    """Return an instant as RFC 3339 in UTC, with only the decimals it has."""
    plain = value.astimezone(UTC).replace(tzinfo=None).isoformat()
    return (plain.rstrip("0") if "." in plain else plain) + "Z"


def seconds_text(value: timedelta) -> str:
    """Return a duration as CEL writes it: `5400s`, `0.25s`."""
    seconds = Decimal(value // timedelta(microseconds=1)).scaleb(-6).normalize()
    return f"{seconds:f}s"


def _part(take: Callable[[datetime], int], of: Callable[[timedelta], int] | None) -> Any:
    def run(_: Frame, value: Any, zone: Any = None) -> int:
        if of is not None and type(value) is timedelta and zone is None:
            return of(value)
        return take(_local(value, zone))

    return run


def _whole(value: timedelta, unit: timedelta) -> int:
    return value // unit if value >= timedelta(0) else -(-value // unit)


#: CEL's name -> function of (frame, instant[, zone]); the last four also of a duration.
PARTS: dict[str, Callable[..., int]] = {
    "getFullYear": _part(lambda at: at.year, None),
    "getMonth": _part(lambda at: at.month - 1, None),
    "getDate": _part(lambda at: at.day, None),
    "getDayOfMonth": _part(lambda at: at.day - 1, None),
    "getDayOfWeek": _part(lambda at: at.isoweekday() % 7, None),
    "getDayOfYear": _part(lambda at: at.timetuple().tm_yday - 1, None),
    "getHours": _part(lambda at: at.hour, lambda d: _whole(d, timedelta(hours=1))),
    "getMinutes": _part(lambda at: at.minute, lambda d: _whole(d, timedelta(minutes=1))),
    "getSeconds": _part(lambda at: at.second, lambda d: _whole(d, timedelta(seconds=1))),
    "getMilliseconds": _part(
        lambda at: at.microsecond // 1000, lambda d: _whole(d, timedelta(milliseconds=1)) % 1000
    ),
}

"""Instants as an API writes them, in and out.

Must not: guess a zone: a text without one is in the zone the Connection declares.
"""

from datetime import UTC, datetime, timedelta
from decimal import Decimal, DecimalException
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from knect.sdk.errors import Fatal, UnexpectedAnswer
from knect_connectors.rest.config import Times

__all__ = ["Instants"]

_LOCAL = "%Y-%m-%d %H:%M:%S"
_UNITS = {
    "Rfc3339": timedelta(microseconds=1),
    "UnixMillis": timedelta(milliseconds=1),
    "Unix": timedelta(seconds=1),
    "Local": timedelta(seconds=1),
}


class Instants:
    """Reads and writes the instants of one entity. Raises Fatal for an unknown zone."""

    def __init__(self, times: Times, where: str = "times") -> None:
        self._format = times.format
        try:
            self._zone = ZoneInfo(times.zone)
        except (ZoneInfoNotFoundError, ValueError):
            raise Fatal(
                f"{where}.zone: {times.zone!r} is no zone such as Europe/Berlin",
                path=f"{where}.zone",
                value=times.zone,
            ) from None

    def write(self, instant: datetime, *, end: bool = False) -> str:
        """Return the text the API takes. Where it has whole seconds only, a window's end is put
        up to the next one and everything else down, so that nothing falls between two windows.
        """
        if end and instant.microsecond and self._format in ("Local", "Unix"):
            instant = instant.replace(microsecond=0) + timedelta(seconds=1)
        match self._format:
            case "Rfc3339":
                return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")
            case "Local":
                return instant.astimezone(self._zone).strftime(_LOCAL)
            case "Unix":
                return str(_micros(instant) // 1_000_000)
            case "UnixMillis":
                return str(-(-_micros(instant) // 1_000) if end else _micros(instant) // 1_000)

    @property
    def counts(self) -> bool:
        """True if instants are numbers here."""
        return self._format in ("Unix", "UnixMillis")

    def read_any(self, value: Any, path: str) -> datetime:
        """Return an instant of a record: as declared, or, beside numbers, a text that says its
        own zone. Raises UnexpectedAnswer.
        """
        try:
            return self.read(value, path)
        except UnexpectedAnswer:
            if not (self.counts and isinstance(value, str)):
                raise
            return Instants(_TEXTS).read(value, path)

    def before(self, instant: datetime) -> datetime:
        """Return the instant one unit before, as far as the API's instants go."""
        return instant - _UNITS[self._format]

    def after(self, instant: datetime) -> datetime:
        """Return the instant one unit after, as far as the API's instants go."""
        return instant + _UNITS[self._format]

    def read(self, value: Any, path: str) -> datetime:
        """Return the instant in UTC. Raises UnexpectedAnswer for what is none."""
        try:
            if self._format in ("Unix", "UnixMillis"):
                # the floor, in whole microseconds: a float would move it
                scale = 1_000_000 if self._format == "Unix" else 1_000
                micros = int(Decimal(str(value)) * scale)
                return datetime.fromtimestamp(micros // 1_000_000, UTC).replace(
                    microsecond=micros % 1_000_000
                )
            instant = datetime.fromisoformat(value if type(value) is str else str(value))
            if instant.tzinfo is UTC:
                return instant
            if instant.tzinfo is None:
                instant = instant.replace(tzinfo=self._zone)
            return instant.astimezone(UTC)
        except (ValueError, DecimalException, OverflowError, OSError):
            raise UnexpectedAnswer(
                f"{path} is {value!r}, which is no instant as times.format {self._format} has it",
                path=path,
                value=str(value),
            ) from None


_TEXTS = Times()
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _micros(instant: datetime) -> int:
    return (instant - _EPOCH) // timedelta(microseconds=1)

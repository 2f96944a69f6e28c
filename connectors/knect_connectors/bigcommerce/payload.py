"""Typed access to BigCommerce's JSON, with the path of whatever is wrong.

Why: V2 writes amounts as texts of four places and V3 as numbers, dates by RFC 2822 and by ISO 8601,
and what is empty as "", null or {}. Here each is one thing, exactly.
Must not: default silently. What may be absent is asked for with `optional`.
"""

from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any

from knect.sdk.payload import PayloadNode

__all__ = ["Node", "iso_text", "mail_text", "read_instant", "token_of"]

_EMPTY: tuple[Any, ...] = (None, "", {})


class Node(PayloadNode):
    """A value and the path to it from the document's root."""

    SENDER = "the store"

    __slots__ = ()

    def optional(self, name: str) -> "Node | None":
        """Return the field `name`, or None if it is absent or empty."""
        if isinstance(self.value, dict) and self.value.get(name) in _EMPTY:
            return None
        return self[name]

    def text_at(self, name: str) -> str | None:
        """Return the text of a field that may be absent; None for what is empty."""
        value = self.optional(name)
        return value.text_or_none() if value is not None else None

    def id_at(self, name: str) -> str | None:
        """Return the id in a field that may be absent; None for what is empty or nothing."""
        value = self.optional(name)
        return value.identifier_or_none() if value is not None else None

    def text(self) -> str:
        """Return a text."""
        if not isinstance(self.value, str):
            raise self.unlike("a text")
        return self.value

    def text_or_none(self) -> str | None:
        """Return a text as it is, None for what is empty."""
        return None if self.value in _EMPTY else self.text()

    def identifier(self) -> str:
        """Return an id as text: a whole number above nothing, however it is written."""
        number = self.value
        if isinstance(number, str) and number.isascii() and number.isdecimal():
            number = int(number)
        if isinstance(number, bool) or not isinstance(number, int) or number <= 0:
            raise self.unlike("an id")
        return str(number)

    def identifier_or_none(self) -> str | None:
        """Return an id as text, None for what is empty or nothing."""
        return None if self.value in (*_EMPTY, 0, "0") else self.identifier()

    def integer(self) -> int:
        """Return a whole number."""
        number = self.decimal()
        if number != number.to_integral_value():
            raise self.unlike("a whole number")
        return int(number)

    def flag(self) -> bool:
        """Return a boolean."""
        if not isinstance(self.value, bool):
            raise self.unlike("true or false")
        return self.value

    def decimal(self) -> Decimal:
        """Return an exact number from a text or a JSON number; never from a float."""
        if isinstance(self.value, bool) or not isinstance(self.value, str | int | Decimal):
            raise self.unlike("a decimal number")
        try:
            number = Decimal(self.value)
        except InvalidOperation:
            raise self.unlike("a decimal number") from None
        if not number.is_finite():
            raise self.unlike("a finite number")
        return number

    def instant(self) -> datetime:
        """Return an instant in UTC; a text without a zone is refused."""
        try:
            return read_instant(self.text())
        except ValueError:
            raise self.unlike("an instant with a zone") from None


def read_instant(text: str) -> datetime:
    """Return an instant of V2 (RFC 2822) or V3 (ISO 8601) in UTC. Raises ValueError."""
    is_mail = text[:1].isalpha()
    try:
        instant = parsedate_to_datetime(text) if is_mail else datetime.fromisoformat(text)
        if instant.tzinfo is None:
            # what says -0000 is in UTC, of a place unknown; anything else names its zone
            if not text.rstrip().endswith("-0000"):
                raise ValueError(f"{text!r} has no zone")
            instant = instant.replace(tzinfo=UTC)
        return instant.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{text!r} is in no year there is") from None


def mail_text(at: datetime) -> str:
    """Return an instant as V2 reads and writes it: `Tue, 20 Nov 2012 00:00:00 +0000`."""
    return format_datetime(at.astimezone(UTC))


def iso_text(at: datetime) -> str:
    """Return an instant as V3 reads it."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def token_of(at: datetime) -> str:
    """Return an instant as text that sorts as time does."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")

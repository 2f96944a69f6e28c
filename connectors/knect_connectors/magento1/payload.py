"""Typed access to what Magento answers, with the path of whatever is wrong.

Everything comes as a text, `null` and `''` mean the same nothing, and an empty map comes as an
empty list. A number is what a database writes: digits, one point; a comma in it was put there by an
extension, and nobody can tell whether it parts thousands or cents.
Must not: default silently. What may be nothing is asked for with the `…_or` methods.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from knect.sdk.payload import PayloadNode

__all__ = ["Node", "instant_text", "read_instant", "text_or_none", "tidy"]

_ZERO = Decimal(0)
_CENT = Decimal("0.01")
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?")


def text_or_none(value: Any) -> str | None:
    """Return a value as text, None for what means nothing."""
    if value is None or value in ("", []):
        return None
    return str(value)


def tidy(amount: Decimal) -> Decimal:
    """Return an amount with two decimals if it needs no more: a column has four."""
    if not amount.is_finite() or amount.adjusted() > 20:
        return amount
    short = amount.quantize(_CENT)
    return short if short == amount else amount.normalize() + _ZERO


def read_instant(text: str) -> datetime:
    """Return an instant the database wrote, which is in UTC. Raises ValueError."""
    if not _INSTANT.fullmatch(text):
        raise ValueError(text)
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def instant_text(at: datetime) -> str:
    """Return an instant as filters take it; parts of a second are cut off."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


class Node(PayloadNode):
    """A value and the path to it from the document's root."""

    WHY_GONE = "an extension may have changed its API"

    __slots__ = ()

    @property
    def is_nothing(self) -> bool:
        """Tell whether it is null, the empty text or an empty list."""
        return text_or_none(self.value) is None

    def text(self) -> str:
        """Return a text, which must not be empty."""
        found = self.text_or_none()
        if found is None:
            raise self.unlike("a text")
        return found

    def text_or_none(self) -> str | None:
        """Return a text, None for nothing."""
        if isinstance(self.value, Mapping) or (isinstance(self.value, list) and self.value):
            raise self.unlike("a text")
        return text_or_none(self.value)

    def flag(self) -> bool:
        """Return a yes or no, in any of the ways PHP writes one; nothing is no."""
        return str(self.value).strip().lower() not in ("", "0", "false", "none", "[]")

    def number(self) -> Decimal:
        """Return an exact number, which must be there."""
        if self.is_nothing:
            raise self.unlike("a number")
        return self.number_or_zero()

    def number_or_zero(self) -> Decimal:
        """Return an exact number; nothing is zero."""
        if self.is_nothing:
            return _ZERO
        text = str(self.value).strip()
        if isinstance(self.value, bool | list | Mapping) or not _NUMBER.fullmatch(text):
            raise self.unlike("a number with a point, such as 12.5000")
        try:
            return Decimal(text)
        except InvalidOperation:
            raise self.unlike("a number with a point, such as 12.5000") from None

    def money(self) -> Decimal:
        """Return an amount; nothing is zero."""
        return tidy(self.number_or_zero())

    def instant(self) -> datetime:
        """Return an instant, which must be there."""
        try:
            return read_instant(self.text())
        except ValueError:
            raise self.unlike("an instant such as 2026-03-01 12:00:00, in UTC") from None

    def instant_or_none(self) -> datetime | None:
        """Return an instant, None for nothing and for the database's zero."""
        text = self.text_or_none()
        return None if text is None or text.startswith("0000-00-00") else self.instant()

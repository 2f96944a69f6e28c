"""Typed access to what Magento answers, with the path of whatever is wrong.

A field without a value is not sent at all. Amounts are numbers, whose columns have four decimals;
what PHP adds behind those (7.5810000000000004, where it writes all 17 digits) is none of them.
Must not: default silently. What may be nothing is asked for with the `…_or` methods.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from knect.sdk.payload import PayloadNode

__all__ = ["Node", "instant_text", "read_instant", "text_or_none", "tidy", "tidy_quantity"]

_ZERO = Decimal(0)
_CENT = Decimal("0.01")
_COLUMN = Decimal("0.0001")
_NOISE = Decimal("0.0000001")
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d")
_LARGEST = 15


def text_or_none(value: Any) -> str | None:
    """Return a value as text, None for what means nothing."""
    if value is None or value in ("", []):
        return None
    return str(value)


def tidy(amount: Decimal) -> Decimal:
    """Return an amount with two decimals if it needs no more."""
    short = amount.quantize(_CENT)
    return short if short == amount else amount.normalize() + _ZERO


def tidy_quantity(quantity: Decimal) -> Decimal:
    """Return a quantity without idle decimals."""
    whole = quantity.to_integral_value()
    return whole if whole == quantity else quantity.normalize()


def read_instant(text: str) -> datetime:
    """Return an instant the database wrote: UTC, without a zone. Raises ValueError."""
    if not _INSTANT.fullmatch(text):
        raise ValueError(text)
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def instant_text(at: datetime) -> str:
    """Return an instant as filters take it; parts of a second are cut off."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


class Node(PayloadNode):
    """A value and the path to it from the document's root."""

    WHY_GONE = "an extension, or a filter on fields, may have taken it out"

    __slots__ = ()

    @property
    def more(self) -> "Node":
        """The extension attributes: what modules add."""
        return self.get("extension_attributes")

    def items(self) -> Iterator["Node"]:
        """Yield the elements of a list; nothing is an empty one."""
        if self.value is not None:
            yield from super().items()

    def objects(self) -> Iterator["Node"]:
        """Yield the elements of a list of objects; nothing is an empty one."""
        for one in self.items():
            if not isinstance(one.value, Mapping):
                raise one.unlike("an object")
            yield one

    @property
    def is_nothing(self) -> bool:
        """Tell whether it is not there, null, the empty text or an empty list."""
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
        """Return a yes or no; nothing is no."""
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
        if isinstance(self.value, bool | list | Mapping):
            raise self.unlike("a number")
        text = str(self.value).strip()
        if not _NUMBER.fullmatch(text):
            raise self.unlike("a number with a point, such as 12.5")
        number = Decimal(text)
        if number.adjusted() > _LARGEST:
            raise self.unlike("a number that somebody has")
        stored = number.quantize(_COLUMN)
        return stored if abs(number - stored) < _NOISE else number

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

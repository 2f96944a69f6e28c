"""Typed access to what WooCommerce answers, with the path of whatever is wrong.

Amounts are texts with a point, sometimes numbers (`price`, `quantity`), and '' is nothing. Instants
end in `_gmt`, have no zone and are UTC. Extensions put anything into `meta_data`.
Must not: default silently. What may be nothing is asked for with the `…_or` methods.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal

from knect.sdk.payload import PayloadNode

__all__ = ["Node", "instant_text", "read_instant", "token_of"]

_ZERO = Decimal(0)
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")


def read_instant(text: str) -> datetime:
    """Return an instant of a `…_gmt` field. Raises ValueError."""
    if not _INSTANT.fullmatch(text):
        raise ValueError(text)
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def instant_text(at: datetime) -> str:
    """Return an instant as the API takes it with `dates_are_gmt`; parts of a second are cut off."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")


def token_of(at: datetime) -> str:
    """Return an instant as text that sorts as time does."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


class Node(PayloadNode):
    """A value and the path to it from the record's root."""

    WHY_GONE = "a plugin may have changed its API"

    __slots__ = ()

    def items(self) -> Iterator["Node"]:
        """Yield the elements of a list; nothing is an empty one."""
        if not self.is_nothing:
            yield from super().items()

    @property
    def is_nothing(self) -> bool:
        """Tell whether it is null or the empty text."""
        return self.value is None or self.value == ""

    def text(self) -> str:
        """Return a text, which must not be empty."""
        found = self.text_or_none()
        if found is None:
            raise self.unlike("a text")
        return found

    def text_or_none(self) -> str | None:
        """Return a text, None for nothing."""
        if isinstance(self.value, Mapping | list | bool):
            raise self.unlike("a text")
        return None if self.is_nothing else str(self.value)

    def id_or_none(self) -> str | None:
        """Return an id, None for nothing and for 0, which is nobody's."""
        found = self.text_or_none()
        return None if found == "0" else found

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
            raise self.unlike("a number with a point, such as 12.50")
        return Decimal(text)

    def instant(self) -> datetime:
        """Return an instant, which must be there."""
        found = self.instant_or_none()
        if found is None:
            raise self.unlike("an instant such as 2026-03-01T12:00:00")
        return found

    def instant_or_none(self) -> datetime | None:
        """Return an instant, None for nothing."""
        text = self.text_or_none()
        if text is None:
            return None
        try:
            return read_instant(text)
        except ValueError:
            raise self.unlike("an instant such as 2026-03-01T12:00:00") from None

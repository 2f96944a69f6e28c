"""Typed access to what WooCommerce answers, with the path of whatever is wrong.

Amounts are texts with a point, sometimes numbers (`price`, `quantity`), and '' is nothing. Instants
end in `_gmt`, have no zone and are UTC. Extensions put anything into `meta_data`.
Must not: default silently. What may be nothing is asked for with the `…_or` methods.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from knect.sdk.errors import BadRecord

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


class Node:
    """A value and the path to it from the record's root."""

    __slots__ = ("path", "value")

    def __init__(self, value: Any, path: str = "") -> None:
        self.value = value
        self.path = path

    def __getitem__(self, name: str) -> "Node":
        """Return the field `name`, which must exist; it may be nothing."""
        path = f"{self.path}.{name}" if self.path else name
        if not isinstance(self.value, Mapping):
            raise self._bad("an object")
        if name not in self.value:
            raise BadRecord(
                f"the field {path} is gone from what the shop sends; a plugin may have changed its"
                " API",
                path=path,
            )
        return Node(self.value[name], path)

    def get(self, name: str) -> "Node":
        """Return the field `name`; nothing, if the shop does not send it."""
        path = f"{self.path}.{name}" if self.path else name
        value = self.value.get(name) if isinstance(self.value, Mapping) else None
        return Node(value, path)

    def items(self) -> Iterator["Node"]:
        """Yield the elements of a list; nothing is an empty one."""
        if self.is_nothing:
            return
        if not isinstance(self.value, list):
            raise self._bad("a list")
        for index, value in enumerate(self.value):
            yield Node(value, f"{self.path}[{index}]")

    @property
    def is_nothing(self) -> bool:
        """Tell whether it is null or the empty text."""
        return self.value is None or self.value == ""

    def text(self) -> str:
        """Return a text, which must not be empty."""
        found = self.text_or_none()
        if found is None:
            raise self._bad("a text")
        return found

    def text_or_none(self) -> str | None:
        """Return a text, None for nothing."""
        if isinstance(self.value, Mapping | list | bool):
            raise self._bad("a text")
        return None if self.is_nothing else str(self.value)

    def id_or_none(self) -> str | None:
        """Return an id, None for nothing and for 0, which is nobody's."""
        found = self.text_or_none()
        return None if found == "0" else found

    def number(self) -> Decimal:
        """Return an exact number, which must be there."""
        if self.is_nothing:
            raise self._bad("a number")
        return self.number_or_zero()

    def number_or_zero(self) -> Decimal:
        """Return an exact number; nothing is zero."""
        if self.is_nothing:
            return _ZERO
        text = str(self.value).strip()
        if isinstance(self.value, bool | list | Mapping) or not _NUMBER.fullmatch(text):
            raise self._bad("a number with a point, such as 12.50")
        return Decimal(text)

    def instant(self) -> datetime:
        """Return an instant, which must be there."""
        found = self.instant_or_none()
        if found is None:
            raise self._bad("an instant such as 2026-03-01T12:00:00")
        return found

    def instant_or_none(self) -> datetime | None:
        """Return an instant, None for nothing."""
        text = self.text_or_none()
        if text is None:
            return None
        try:
            return read_instant(text)
        except ValueError:
            raise self._bad("an instant such as 2026-03-01T12:00:00") from None

    def bad(self, sentence: str) -> BadRecord:
        """Return the error of a value that cannot be right, said in a sentence."""
        return BadRecord(sentence, path=self.path or None, value=self.value)

    def _bad(self, expected: str) -> BadRecord:
        where = self.path or "the record"
        return self.bad(f"{where} should be {expected}, but the shop sent {self.value!r:.80}")

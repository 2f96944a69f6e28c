"""Typed access to a foreign JSON document, with the path of whatever is wrong.

Why: "a field is gone" is only useful with the field's path; plain indexing tells `KeyError: 'sku'`.
Must not: default silently. What may be absent is asked for with `optional`.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from knect.sdk.errors import BadRecord

__all__ = ["Node", "read_instant"]


class Node:
    """A value and the path to it from the document's root."""

    __slots__ = ("path", "value")

    def __init__(self, value: Any, path: str = "") -> None:
        self.value = value
        self.path = path

    def __getitem__(self, name: str) -> "Node":
        """Return the field `name`, which must exist; it may be null."""
        path = f"{self.path}.{name}" if self.path else name
        if not isinstance(self.value, dict):
            raise self._bad("an object")
        if name not in self.value:
            raise BadRecord(
                f"the field {path} is gone from what the shop sends;"
                " the API version may have changed",
                path=path,
            )
        return Node(self.value[name], path)

    def optional(self, name: str) -> "Node | None":
        """Return the field `name`, or None if it is absent or null."""
        if isinstance(self.value, dict) and self.value.get(name) is None:
            return None
        return self[name]

    def items(self) -> Iterator["Node"]:
        """Yield the elements of a list."""
        if not isinstance(self.value, list):
            raise self._bad("a list")
        for index, value in enumerate(self.value):
            yield Node(value, f"{self.path}[{index}]")

    def text(self) -> str:
        """Return a text."""
        if not isinstance(self.value, str):
            raise self._bad("a text")
        return self.value

    def text_or_none(self) -> str | None:
        """Return a text, None for null and for the empty text."""
        return self.text() or None if self.value is not None else None

    def flag(self) -> bool:
        """Return a boolean."""
        if not isinstance(self.value, bool):
            raise self._bad("true or false")
        return self.value

    def decimal(self) -> Decimal:
        """Return an exact number from a text or a JSON number; never from a float."""
        if isinstance(self.value, bool) or not isinstance(self.value, str | int | Decimal):
            raise self._bad("a decimal number")
        try:
            number = Decimal(self.value)
        except InvalidOperation:
            raise self._bad("a decimal number") from None
        if not number.is_finite():
            raise self._bad("a finite number")
        return number

    def instant(self) -> datetime:
        """Return an instant in UTC; a text without a zone is refused."""
        try:
            return read_instant(self.text())
        except ValueError:
            raise self._bad("an instant with a zone") from None

    def _bad(self, expected: str) -> BadRecord:
        where = self.path or "the record"
        return BadRecord(
            f"{where} should be {expected}, but the shop sent {self.value!r:.80}",
            path=self.path or None,
            value=self.value,
        )


def read_instant(text: str) -> datetime:
    """Return an RFC 3339 instant in UTC. Raises ValueError, also when there is no zone."""
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError(f"{text!r} has no zone")
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{text!r} is in no year there is") from None

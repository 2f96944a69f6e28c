"""Typed access to a foreign JSON document, with the path of whatever is wrong.

Why: "a field is gone" is only useful with the field's path; plain indexing tells `KeyError: 'sku'`.
Must not: default silently. What may be absent is asked for with `optional`.
"""

from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

from knect.sdk.payload import PayloadNode

__all__ = ["Node", "read_instant"]


class Node(PayloadNode):
    """A value and the path to it from the document's root."""

    WHY_GONE = "the API version may have changed"

    __slots__ = ()

    def optional(self, name: str) -> "Node | None":
        """Return the field `name`, or None if it is absent or null."""
        if isinstance(self.value, dict) and self.value.get(name) is None:
            return None
        return self[name]

    def text(self) -> str:
        """Return a text."""
        if not isinstance(self.value, str):
            raise self.unlike("a text")
        return self.value

    def text_or_none(self) -> str | None:
        """Return a text, None for null and for the empty text."""
        return self.text() or None if self.value is not None else None

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
    """Return an RFC 3339 instant in UTC. Raises ValueError, also when there is no zone."""
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError(f"{text!r} has no zone")
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{text!r} is in no year there is") from None

"""A value of a foreign document and the path to it, so that whatever is wrong with it has a place.

Why: "a field is gone" is of use with the field's path only; plain indexing says `KeyError: 'sku'`.
What an amount, an instant or nothing is, each platform writes in its own way: its connector says so
in a class of its own.
Must not: know a platform, or default silently.
"""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Self

from knect.sdk.errors import BadRecord

__all__ = ["PayloadNode"]


class PayloadNode:
    """A value and the path to it from the document's root."""

    #: Who sent it, and why a field may be gone, in words.
    SENDER: ClassVar[str] = "the shop"
    WHY_GONE: ClassVar[str] = "the API may have changed"

    __slots__ = ("path", "value")

    def __init__(self, value: Any, path: str = "") -> None:
        self.value = value
        self.path = path

    def __getitem__(self, name: str) -> Self:
        """Return the field `name`, which must exist; it may be nothing."""
        if not isinstance(self.value, Mapping):
            raise self.unlike("an object")
        path = f"{self.path}.{name}" if self.path else name
        if name not in self.value:
            raise BadRecord(
                f"the field {path} is gone from what {self.SENDER} sends; {self.WHY_GONE}",
                path=path,
            )
        return type(self)(self.value[name], path)

    def get(self, name: str) -> Self:
        """Return the field `name`; nothing, if it was not sent."""
        path = f"{self.path}.{name}" if self.path else name
        value = self.value.get(name) if isinstance(self.value, Mapping) else None
        return type(self)(value, path)

    def items(self) -> Iterator[Self]:
        """Yield the elements of a list."""
        if not isinstance(self.value, list):
            raise self.unlike("a list")
        for index, value in enumerate(self.value):
            yield type(self)(value, f"{self.path}[{index}]")

    def unlike(self, expected: str) -> BadRecord:
        """Return the refusal that says what should have stood here."""
        where = self.path or "the record"
        return self.bad(f"{where} should be {expected}, but {self.SENDER} sent {self.value!r:.80}")

    def bad(self, sentence: str) -> BadRecord:
        """Return the refusal of a value that cannot be right, said in a sentence."""
        return BadRecord(sentence, path=self.path or None, value=self.value)

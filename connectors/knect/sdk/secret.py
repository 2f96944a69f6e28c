"""A secret value that cannot be printed by accident.

Must not: be compared in variable time, logged, or turned into text by anything but `reveal`.
"""

import hmac
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol, runtime_checkable

__all__ = ["Rotating", "Secret", "accepted"]


class Secret:
    """Wraps one secret text; `repr` and `str` are `***`."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text, for the one place that sends it."""
        return self._text

    def __repr__(self) -> str:
        return "***"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._text.encode(), other._text.encode())

    def __hash__(self) -> int:
        return hash(self._text)

    def __reduce__(self) -> str:
        message = "a Secret is not to be pickled"
        raise TypeError(message)


@runtime_checkable
class Rotating(Protocol):
    """A view of secrets that remembers what they were before they were rotated."""

    def accepted(self, key: str) -> Sequence[Secret]:
        """Return the values of a key that what comes in may be signed with, newest first."""
        ...


def accepted(secrets: Mapping[str, Secret], keys: Iterable[str]) -> list[Secret]:
    """Return every value of these keys that a signature from outside may have been made with.

    Newest first per key, then what it was before a rotation for as long as the view remembers.
    What goes *out* is never signed with these; it takes `secrets[key]`, the newest.
    """
    found: list[Secret] = []
    for key in keys:
        if isinstance(secrets, Rotating):
            found += secrets.accepted(key)
        elif key in secrets:
            found.append(secrets[key])
    return found

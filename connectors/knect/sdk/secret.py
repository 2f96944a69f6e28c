"""A secret value that cannot be printed by accident.

Must not: be compared in variable time, logged, or turned into text by anything but `reveal`.
"""

import hmac

__all__ = ["Secret"]


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

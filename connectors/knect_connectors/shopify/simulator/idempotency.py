"""`@idempotent(key:)`: the same key and parameters give the first answer, and nothing twice.

Must not: decide what a mutation does; it only remembers what one answered.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

__all__ = ["REQUIRED", "Idempotency", "KeyMisusedError"]

#: Mutations that are refused without the directive (API version 2026-04).
REQUIRED = frozenset(
    {
        "inventoryActivate",
        "inventoryAdjustQuantities",
        "inventoryMoveQuantities",
        "inventorySetQuantities",
        "refundCreate",
    }
)


class KeyMisusedError(Exception):
    """The key was used before with other parameters."""


class Idempotency:
    """What was answered to which key."""

    def __init__(self) -> None:
        self._answers: dict[tuple[str, str], tuple[bytes, dict[str, Any]]] = {}

    def answered(self, name: str, key: str, arguments: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return the first answer to this key. Raises KeyMisusedError."""
        known = self._answers.get((name, key))
        if known is None:
            return None
        if known[0] != _fingerprint(arguments):
            raise KeyMisusedError(name)
        return known[1]

    def remember(
        self, name: str, key: str, arguments: Mapping[str, Any], answer: dict[str, Any]
    ) -> None:
        """Keep the answer, unless it refused something: that may be tried again."""
        if not answer.get("userErrors"):
            self._answers[name, key] = (_fingerprint(arguments), answer)


def _fingerprint(arguments: Mapping[str, Any]) -> bytes:
    return msgspec.json.encode(arguments, order="deterministic")

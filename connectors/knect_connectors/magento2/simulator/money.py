"""Amounts and instants as Magento's database has them, and as PHP writes them.

Must not: use a float; PHP does, but what it stores are decimals.
"""

from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

__all__ = ["cents", "number", "shown", "text_of"]

_CENT = Decimal("0.01")
_COLUMN = Decimal("0.0001")


def cents(amount: Decimal) -> Decimal:
    """Return an amount rounded as a shop rounds."""
    return amount.quantize(_CENT, ROUND_HALF_UP)


def number(value: Any) -> Decimal:
    """Return a column as a number; nothing is zero. Raises ArithmeticError."""
    return Decimal(str(value or 0)).quantize(_COLUMN)


def text_of(at: datetime) -> str:
    """Return an instant as a column tells it: UTC, whole seconds, no zone."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def shown(value: Any) -> Any:
    """Return a value as the API answers with it: without nothings and idle digits."""
    if isinstance(value, dict):
        return {name: shown(one) for name, one in value.items() if one is not None}
    if isinstance(value, list):
        return [shown(one) for one in value]
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else value.normalize()
    return value

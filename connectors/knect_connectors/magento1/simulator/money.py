"""Amounts and instants as Magento's database writes them.

Must not: use a float; PHP does, but what it stores are decimals.
"""

from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal

__all__ = ["Amount", "cents", "stored", "text_of"]

Amount = Decimal | int | str

_CENT = Decimal("0.01")


def cents(amount: Amount) -> Decimal:
    """Return an amount rounded as a shop rounds."""
    return Decimal(amount).quantize(_CENT, ROUND_HALF_UP)


def stored(amount: Amount) -> str:
    """Return an amount or a quantity as a DECIMAL(12,4) column tells it."""
    return f"{Decimal(amount):.4f}"


def text_of(at: datetime) -> str:
    """Return an instant as a column tells it: UTC, whole seconds, no zone."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")

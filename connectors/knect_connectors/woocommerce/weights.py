"""Weights between grams and the unit a shop is set to.

Must not: know a product.
"""

from decimal import ROUND_HALF_UP, Decimal

__all__ = ["grams_of", "weight_text"]

_GRAMS = {
    "kg": Decimal(1000),
    "g": Decimal(1),
    "lbs": Decimal("453.59237"),
    "oz": Decimal("28.349523125"),
}
_FINEST = Decimal("0.0001")
_ZERO = Decimal(0)


def grams_of(weight: Decimal, unit: str) -> Decimal | None:
    """Return a weight in grams; None for none."""
    return (weight * _GRAMS[unit]).normalize() + _ZERO if weight else None


def weight_text(grams: Decimal, unit: str) -> str:
    """Return grams as the shop takes a weight, four decimals at most."""
    weight = (grams / _GRAMS[unit]).quantize(_FINEST, ROUND_HALF_UP)
    return f"{weight.normalize() + _ZERO:f}"

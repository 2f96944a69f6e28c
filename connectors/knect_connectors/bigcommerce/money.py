"""Amounts of an order as records want them: in whole coins, and adding up. Pure.

Why: the store keeps four places. Taxes and discounts of parts may be finer than a coin, their sum
never is: then each is rounded, and what that leaves goes to the largest, for never more than half a
coin each. Anything more is no rounding, and is left for the rules of an order to refuse.
Must not: change a sum.
"""

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal

from knect.model import minor_units

__all__ = ["coin_of", "in_coins", "is_whole"]

_HALF = Decimal("0.5")


def coin_of(currency: str) -> Decimal:
    """Return the smallest coin: 0.01, 1; of a currency nobody knows, four places."""
    digits = minor_units(currency)
    return Decimal(1).scaleb(-(4 if digits is None else digits))


def is_whole(amounts: Sequence[Decimal], currency: str) -> bool:
    """Tell whether all are of whole coins."""
    coin = coin_of(currency)
    return all(amount == amount.quantize(coin) for amount in amounts)


def in_coins(amounts: Sequence[Decimal], total: Decimal, currency: str) -> list[Decimal]:
    """Return the amounts in whole coins with the sum `total`, where rounding explains all."""
    if not amounts or is_whole(amounts, currency):
        return list(amounts)
    coin = coin_of(currency)
    rounded = [amount.quantize(coin, ROUND_HALF_UP) for amount in amounts]
    rest = total - sum(rounded)
    if rest and abs(rest) <= coin * _HALF * len(amounts):
        largest = max(range(len(rounded)), key=lambda index: abs(rounded[index]))
        rounded[largest] += rest
    return rounded

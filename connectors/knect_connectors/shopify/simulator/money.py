"""Money bags of one order: both sides, each rounded for itself.

Must not: sum by recomputing; a sum of bags is the sum of what was rounded already.
"""

from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

__all__ = ["Bags"]

ZERO = Decimal(0)
SIDES = ("shopMoney", "presentmentMoney")
_WHOLE = frozenset({"JPY", "KRW"})


class Bags:
    """Makes and adds money bags. `rate`: presentment per shop unit."""

    def __init__(self, currency: str, presentment: str | None, rate: Decimal = Decimal(1)) -> None:
        self.currency = currency
        self.presentment = presentment or currency
        self._rate = rate

    def of(self, amount: Decimal) -> dict[str, Any]:
        """Return a bag of an amount of shop money."""
        shown = self._round(amount * self._rate, self.presentment)
        return {
            "shopMoney": {
                "amount": str(self._round(amount, self.currency)),
                "currencyCode": self.currency,
            },
            "presentmentMoney": {"amount": str(shown), "currencyCode": self.presentment},
        }

    def sum(self, bags: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Return the sum of bags, each side for itself."""
        total = self.of(ZERO)
        for side in SIDES:
            amount = sum((Decimal(bag[side]["amount"]) for bag in bags), ZERO)
            total[side]["amount"] = str(amount.quantize(Decimal(total[side]["amount"])))
        return total

    def part(self, bag: Mapping[str, Any], share: Decimal) -> dict[str, Any]:
        """Return a share of a bag, each side rounded for itself."""
        scaled = self.of(ZERO)
        for side in SIDES:
            amount = Decimal(bag[side]["amount"]) * share
            scaled[side]["amount"] = str(self._round(amount, scaled[side]["currencyCode"]))
        return scaled

    @staticmethod
    def _round(amount: Decimal, currency: str) -> Decimal:
        digits = 0 if currency in _WHOLE else 2
        return amount.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)

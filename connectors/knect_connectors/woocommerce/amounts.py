"""WooCommerce's amounts as an order of ours has them: in coins, the rest told as rounding. Pure.

The shop works out lines and taxes with more decimals than the currency has, and rounds their sum.
Whoever sells at prices with tax gets lines with tax here: those are the round ones.
Must not: hide that parts are missing. What the shop's own parts are off its total may be no more
than rounding can do.
"""

from collections import defaultdict
from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal

from knect.model import TaxLine, minor_units
from knect_connectors.woocommerce.payload import Node

__all__ = ["Coins", "unit_price"]

_ZERO = Decimal(0)
_FINEST = Decimal("0.000001")


class Coins:
    """Rounds amounts of one order; taxes of one rate so that their sum is the rounded sum."""

    def __init__(self, currency: str, titles: Iterable[Node]) -> None:
        self.step = Decimal(1).scaleb(-(minor_units(currency) or 0))
        self._titles: dict[str, tuple[str, Decimal | None]] = {}
        for one in titles:
            percent = one.get("rate_percent").number_or_zero()
            title = one.get("label").text_or_none() or one.get("rate_code").text_or_none() or "Tax"
            rate = (percent / 100).normalize() + _ZERO if percent else None
            self._titles[str(one["rate_id"].value)] = (title, rate)
        self._told: defaultdict[str, Decimal] = defaultdict(Decimal)
        self._kept: defaultdict[str, Decimal] = defaultdict(Decimal)

    def round(self, amount: Decimal) -> Decimal:
        """Return an amount in coins."""
        return amount.quantize(self.step, ROUND_HALF_UP)

    def taxes(self, node: Node) -> tuple[TaxLine, ...]:
        """Return the taxes of a line, a shipping charge or a fee."""
        told = [
            (str(one["id"].value), one.get("total").number_or_zero())
            for one in node.get("taxes").items()
        ]
        found = []
        for rate, amount in told or [("", node.get("total_tax").number_or_zero())]:
            title, percent = self._titles.get(rate, ("Tax", None))
            self._told[rate] += amount
            coins = self.round(self._told[rate]) - self._kept[rate]
            self._kept[rate] += coins
            if coins:
                found.append(TaxLine(title=title, amount=coins, rate=percent))
        return tuple(found)


def unit_price(amount: Decimal, quantity: Decimal, step: Decimal) -> Decimal:
    """Return the price of one piece: exact, where six decimals are enough, else in coins."""
    exact = amount / quantity
    fine = exact.quantize(_FINEST)
    if fine * quantity != amount:
        return exact.quantize(step, ROUND_HALF_UP)
    coins = fine.quantize(step)
    return coins if coins == fine else fine.normalize() + _ZERO

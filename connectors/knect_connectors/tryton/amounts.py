"""The arithmetic Tryton will do with a sale, done before, so that its total is known. Pure.

Follows `modules/sale/sale.py` (a line's amount is rounded to the currency) and
`modules/account/tax.py` (taxes are computed on the unrounded base, gathered by set of taxes and
sign, and rounded per line or per document as the company is configured). The state effect reads
the total Tryton made and refuses to go on if this module was wrong.
Must not: know an order, or what a rounding difference is booked on.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from decimal import ROUND_HALF_EVEN, Decimal

from msgspec import Struct

__all__ = ["PRICE_DIGITS", "PricedLine", "rounded", "sale_total", "unit_price"]

#: Tryton's `[product] price_decimal`, by default.
PRICE_DIGITS = 4

_ZERO = Decimal(0)


class PricedLine(Struct, frozen=True):
    """A line as Tryton computes with it; `taxes` are (id, rate) in Tryton's order."""

    quantity: Decimal
    unit_price: Decimal
    taxes: tuple[tuple[int, Decimal], ...] = ()


def unit_price(net: Decimal, quantity: Decimal) -> Decimal:
    """Return the unit price with Tryton's digits whose product comes closest to `net`."""
    return (net / quantity).quantize(Decimal(1).scaleb(-PRICE_DIGITS), ROUND_HALF_EVEN)


def rounded(amount: Decimal, unit: Decimal) -> Decimal:
    """Round to the currency's smallest unit as Tryton does: half to even."""
    return amount.quantize(unit, ROUND_HALF_EVEN)


def sale_total(lines: Sequence[PricedLine], unit: Decimal, tax_rounding: str) -> Decimal:
    """Return what Tryton makes of these lines: untaxed amount plus taxes."""
    untaxed = sum((rounded(line.quantity * line.unit_price, unit) for line in lines), _ZERO)
    return untaxed + _taxes(lines, unit, tax_rounding)


def _taxes(lines: Iterable[PricedLine], unit: Decimal, tax_rounding: str) -> Decimal:
    groups: dict[object, list[PricedLine]] = defaultdict(list)
    for line in lines:
        base = line.quantity * line.unit_price
        groups[line.taxes, base >= 0].append(line)
    total = _ZERO
    for group in groups.values():
        if tax_rounding == "line":
            total += sum((_round_together(_amounts([line]), unit) for line in group), _ZERO)
        else:
            total += _round_together(_amounts(group), unit)
    return total


def _amounts(lines: Sequence[PricedLine]) -> list[Decimal]:
    """Return the unrounded amount of each tax over lines that have the same taxes."""
    sums: dict[int, Decimal] = defaultdict(Decimal)
    for line in lines:
        for tax, rate in line.taxes:
            sums[tax] += line.unit_price * rate * line.quantity
    return list(sums.values())


def _round_together(amounts: Sequence[Decimal], unit: Decimal) -> Decimal:
    """Round each tax, and take back from them what the roundings added up to."""
    parts = [rounded(amount, unit) for amount in amounts]
    surplus = rounded(sum(parts, _ZERO) - sum(amounts, _ZERO), unit)
    return sum(parts, _ZERO) - surplus

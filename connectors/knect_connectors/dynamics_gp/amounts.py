"""An order's amounts as GP adds them up: lines, trade discount, freight, miscellaneous, tax. Pure.

    SUBTOTAL (lines) - TRDISAMT + FREIGHT + MISCAMNT + TAXAMNT = DOCAMNT

* A line's unit price is what is paid for one piece without tax, after the line's discounts,
  rounded *up* to the currency's smallest unit; what that is too much goes into the trade discount,
  so that the document is exact whatever does not divide by its quantity.
* Discounts of the whole order are trade discount; shipping is freight; fees, tips and a rounding
  to the shop's advantage are miscellaneous. Taxes are those the shop charged, per tax detail.

Must not: recompute a tax, or let a difference pass.
"""

from collections.abc import Iterable
from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal

from msgspec import Struct, field

from knect.model import Discount, Order, TaxLine, minor_units
from knect.sdk.errors import BadRecord

__all__ = ["Amounts", "Priced", "TaxShare", "cent_of", "price", "reckon"]

_ZERO = Decimal(0)


class Priced(Struct, frozen=True, kw_only=True):
    """A line's price as GP takes it; `excess` is how much more that is than was paid."""

    quantity: Decimal
    unit: Decimal
    extended: Decimal
    excess: Decimal


class TaxShare(Struct, kw_only=True):
    """One tax detail's amounts, and the sales they are of."""

    title: str
    rate: Decimal | None
    path: str
    goods: Decimal = _ZERO
    freight: Decimal = _ZERO
    misc: Decimal = _ZERO
    base: Decimal = _ZERO

    @property
    def total(self) -> Decimal:
        """Return the whole tax."""
        return self.goods + self.freight + self.misc


class Amounts(Struct, kw_only=True):
    """What stands in the header; `lines` is by index of the order's lines."""

    lines: dict[int, Priced] = field(default_factory=dict)
    freight: Decimal = _ZERO
    misc: Decimal = _ZERO
    trade_discount: Decimal = _ZERO
    taxes: list[TaxShare] = field(default_factory=list)

    @property
    def subtotal(self) -> Decimal:
        """Return the sum of the lines."""
        return sum((line.extended for line in self.lines.values()), _ZERO)

    @property
    def tax(self) -> Decimal:
        """Return the sum of all taxes."""
        return sum((share.total for share in self.taxes), _ZERO)

    @property
    def total(self) -> Decimal:
        """Return the document's amount."""
        return self.subtotal - self.trade_discount + self.freight + self.misc + self.tax


def cent_of(currency: str) -> Decimal:
    """Return the smallest unit of a currency."""
    return Decimal(1).scaleb(-(minor_units(currency) or 0))


def price(net: Decimal, quantity: Decimal, cent: Decimal) -> Priced:
    """Return the unit price and extended price of what costs `net` in all."""
    unit = (net / quantity).quantize(cent, ROUND_CEILING)
    extended = (unit * quantity).quantize(cent, ROUND_HALF_UP)
    return Priced(quantity=quantity, unit=unit, extended=extended, excess=extended - net)


def reckon(order: Order) -> Amounts:
    """Return an order's amounts. Raises BadRecord when they are not the order's total."""
    cent = cent_of(order.currency)
    found = Amounts()
    for i, line in enumerate(order.lines):
        if not line.quantity:
            continue
        net = line.quantity * line.unit_price - _sum(line.discounts)
        net -= _tax_in(order, line.taxes)
        if net < 0:
            raise BadRecord(
                f"line {i + 1} ({line.title!r}) costs less than nothing, which GP does not take",
                path=f"lines[{i}].unit_price",
                value=str(line.unit_price),
            )
        priced = price(net, line.quantity, cent)
        found.lines[i] = priced
        found.trade_discount += priced.excess
        _share(found, line.taxes, f"lines[{i}].taxes", "goods", net)
    for i, shipping in enumerate(order.shipping_lines):
        net = shipping.price - _sum(shipping.discounts) - _tax_in(order, shipping.taxes)
        found.freight += net
        _share(found, shipping.taxes, f"shipping_lines[{i}].taxes", "freight", net)
    for i, fee in enumerate(order.fees):
        net = fee.amount - _tax_in(order, fee.taxes)
        found.misc += net
        _share(found, fee.taxes, f"fees[{i}].taxes", "misc", net)
    found.misc += order.tips + max(order.rounding, _ZERO)
    found.trade_discount += _sum(order.discounts) + max(-order.rounding, _ZERO)
    for name in ("freight", "misc"):  # GP takes neither below nothing
        below = min(getattr(found, name), _ZERO)
        setattr(found, name, getattr(found, name) - below)
        found.trade_discount -= below
    if found.total != order.totals.total:
        raise BadRecord(
            f"the order's parts come to {found.total}, but its total is {order.totals.total}",
            code="TotalsMismatch",
            path="totals.total",
            value=str(order.totals.total),
        )
    return found


def _tax_in(order: Order, taxes: Iterable[TaxLine]) -> Decimal:
    return sum((tax.amount for tax in taxes), _ZERO) if order.taxes_included else _ZERO


def _share(found: Amounts, taxes: Iterable[TaxLine], path: str, part: str, base: Decimal) -> None:
    for i, tax in enumerate(taxes):
        if not tax.amount:
            continue
        for share in found.taxes:
            if (share.title, share.rate) == (tax.title, tax.rate):
                break
        else:
            share = TaxShare(title=tax.title, rate=tax.rate, path=f"{path}[{i}]")
            found.taxes.append(share)
        setattr(share, part, getattr(share, part) + tax.amount)
        share.base += base


def _sum(discounts: Iterable[Discount]) -> Decimal:
    return sum((one.amount for one in discounts), _ZERO)

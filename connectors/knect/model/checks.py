"""Invariants a record must hold before anything is sent.

Why: an order whose parts do not sum to its total would make an ERP document that is not what the
customer paid; it is rejected with both sums, and never repaired by guessing. Nearly every order
breaks no rule: that is seen at a glance, and only what is not so seen is gone through rule by rule.
Must not: allow a tolerance. Rounding is a line of its own or it is an error.
"""

from collections.abc import Callable, Iterator
from decimal import Decimal, InvalidOperation
from operator import attrgetter
from typing import Any

from msgspec import Struct

from knect.model.money import minor_units
from knect.model.order import Fee, Order, OrderLine, ShippingLine
from knect.model.price import Price
from knect.model.record import Record

__all__ = ["Violation", "check_record"]

_ZERO = Decimal(0)
#: Amounts are between these. Larger ones would not be summed exactly, and nobody has them.
_LEAST, _MOST = Decimal("-1E15"), Decimal("1E15")
#: The smallest coin by its decimals.
_STEPS = [Decimal(1).scaleb(-digits) for digits in range(5)]


class Violation(Struct, frozen=True, kw_only=True):
    """A broken invariant: which rule, at which field, with which value, in a sentence."""

    rule: str  # CamelCase, stable: TotalsMismatch, UnknownCurrency …
    path: str
    value: str
    message: str


def check_record(record: Record) -> Violation | None:
    """Return the first invariant the record breaks, or None."""
    if type(record) is Order and _is_plainly_sound(record):
        return None
    for rule in _RULES.get(type(record), (_numbers,)):
        violation = rule(record)
        if violation is not None:
            return violation
    return None


def _currency(record: Order | Price) -> Violation | None:
    if minor_units(record.currency) is not None:
        return None
    return Violation(
        rule="UnknownCurrency",
        path="currency",
        value=record.currency,
        message=f"{record.currency!r} is no ISO 4217 currency",
    )


def _amounts(order: Order) -> Iterator[tuple[str, Decimal]]:
    """Yield what must be payable in the currency's own coins. Unit prices may be finer."""
    yield "totals.total", order.totals.total
    yield "tips", order.tips
    yield "rounding", order.rounding
    for i, discount in enumerate(order.discounts):
        yield f"discounts[{i}].amount", discount.amount
    for i, line in enumerate(order.lines):
        for j, discount in enumerate(line.discounts):
            yield f"lines[{i}].discounts[{j}].amount", discount.amount
        for j, tax in enumerate(line.taxes):
            yield f"lines[{i}].taxes[{j}].amount", tax.amount
    for i, shipping in enumerate(order.shipping_lines):
        yield f"shipping_lines[{i}].price", shipping.price
        for j, discount in enumerate(shipping.discounts):
            yield f"shipping_lines[{i}].discounts[{j}].amount", discount.amount
        for j, tax in enumerate(shipping.taxes):
            yield f"shipping_lines[{i}].taxes[{j}].amount", tax.amount
    for i, fee in enumerate(order.fees):
        yield f"fees[{i}].amount", fee.amount


def _finite_and_fine(order: Order) -> Violation | None:
    for i, line in enumerate(order.lines):
        if not _is_money(line.unit_price):
            path = f"lines[{i}].unit_price"
            return _money(path, line.unit_price, f"{line.unit_price} is no amount of money")
    digits = minor_units(order.currency) or 0
    step = _STEPS[digits]
    for path, amount in _amounts(order):
        if not _is_money(amount):
            return _money(path, amount, f"{amount} is no amount of money")
        if amount != amount.quantize(step):
            return _money(
                path,
                amount,
                f"{amount} has more decimals than {order.currency} has ({digits})",
            )
    return None


def _is_money(amount: Decimal) -> bool:
    return amount.is_finite() and _LEAST < amount < _MOST


def _money(path: str, amount: Decimal, message: str) -> Violation:
    return Violation(rule="BadAmount", path=path, value=str(amount), message=message)


def _numbers(record: Record) -> Violation | None:
    """Find a number nobody has: written out it could be longer than memory."""
    for path, number in _decimals(record, ""):
        if not _is_money(number):
            return _money(path, number, f"{path} is {number}, which is no number anybody has")
    return None


def _decimals(part: Any, path: str) -> Iterator[tuple[str, Decimal]]:
    for name in part.__struct_fields__:
        value, here = getattr(part, name), f"{path}.{name}" if path else name
        if type(value) is Decimal:
            yield here, value
        elif type(value) is tuple:
            for i, one in enumerate(value):
                if isinstance(one, Struct):
                    yield from _decimals(one, f"{here}[{i}]")
        elif isinstance(value, Struct):
            yield from _decimals(value, here)


def _quantities(order: Order) -> Violation | None:
    for i, line in enumerate(order.lines):
        if not _is_money(line.quantity) or line.quantity < 0:
            return Violation(
                rule="BadQuantity",
                path=f"lines[{i}].quantity",
                value=str(line.quantity),
                message=f"line {i + 1} has quantity {line.quantity}, which cannot be sold",
            )
    return None


def order_tax(order: Order) -> Decimal:
    """Return the sum of all tax lines of an order."""
    total = _ZERO
    parts: tuple[OrderLine | ShippingLine | Fee, ...]
    for parts in (order.lines, order.shipping_lines, order.fees):
        for part in parts:
            for tax in part.taxes:
                total += tax.amount
    return total


def order_sum(order: Order) -> Decimal:
    """Return what the parts of an order add up to; see the rule in `knect.model.order`."""
    total = order.tips + order.rounding
    for line in order.lines:
        total += line.quantity * line.unit_price
        for discount in line.discounts:
            total -= discount.amount
    for shipping in order.shipping_lines:
        total += shipping.price
        for discount in shipping.discounts:
            total -= discount.amount
    for fee in order.fees:
        total += fee.amount
    for discount in order.discounts:
        total -= discount.amount
    return total if order.taxes_included else total + order_tax(order)


def _total(order: Order) -> Violation | None:
    parts = order_sum(order)
    if parts == order.totals.total:
        return None
    return Violation(
        rule="TotalsMismatch",
        path="totals.total",
        value=str(order.totals.total),
        message=(
            f"lines, discounts, shipping, tax and rounding add up to {parts} "
            f"{order.currency}, but the order says {order.totals.total}"
        ),
    )


_amount = attrgetter("amount")
_Rule = Callable[[Record], Violation | None]
_RULES: dict[type[Record], tuple[_Rule, ...]] = {
    Order: (_currency, _quantities, _finite_and_fine, _total),  # type: ignore[dict-item]
    Price: (_currency, _numbers),  # type: ignore[dict-item]
}


def _is_plainly_sound(order: Order) -> bool:
    """Tell whether an order is seen at a glance to break no rule; if not, it may still break none.

    It asks all that the rules ask, but of bare numbers, and stops at the first that is not plain.
    """
    digits = minor_units(order.currency)
    if digits is None:
        return False
    total = order.totals.total
    amounts = [total, order.tips, order.rounding]
    try:
        for line in order.lines:
            if not (_ZERO <= line.quantity < _MOST and _LEAST < line.unit_price < _MOST):
                return False
            if line.discounts:
                amounts += map(_amount, line.discounts)
            if line.taxes:
                amounts += map(_amount, line.taxes)
        for shipping in order.shipping_lines:
            amounts.append(shipping.price)
            amounts += map(_amount, (*shipping.discounts, *shipping.taxes))
        amounts += map(_amount, (*order.fees, *order.discounts))
        step = _STEPS[digits]
        for amount in amounts:
            if amount and not (_LEAST < amount < _MOST and amount.quantize(step) == amount):
                return False
        return order_sum(order) == total
    except InvalidOperation:  # what is no number compares with none
        return False

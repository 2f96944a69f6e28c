"""Functions over numbers and money.

Must not: meet a float; round silently (every rounding is asked for, half-even).
"""

import re
from datetime import datetime
from decimal import ROUND_CEILING, Decimal, DecimalException
from typing import Any

from knect.engine.mapping.frame import Frame
from knect.engine.mapping.values import (
    ARITHMETIC,
    MAX_INT,
    MIN_INT,
    ORDER,
    ROUNDED,
    describe,
    in_64_bits,
    is_number,
)
from knect.model import minor_units

__all__ = [
    "absolute",
    "largest",
    "minor_units_of",
    "round_money",
    "round_to",
    "smallest",
    "to_decimal",
    "to_int",
    "total",
]

_WHOLE = re.compile(r"[+-]?[0-9]{1,19}", re.ASCII)
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?", re.ASCII)
_LONGEST = 64
_MAX_DIGITS = 30


def to_int(_: Frame, value: Any) -> int:
    """Return a whole number: of text, of a decimal (cut off), of an instant (Unix seconds)."""
    kind = type(value)
    if kind is int:
        return int(value)
    if kind is str:
        if _WHOLE.fullmatch(value) is None:
            raise ValueError("is no whole number")
        return in_64_bits(int(value))
    if kind is Decimal:
        if not (value.is_finite() and MIN_INT <= value <= MAX_INT):
            raise ValueError("the whole number does not fit 64 bits")
        return int(value)
    if kind is datetime:
        return int(value.timestamp() // 1)
    raise ValueError(f"cannot make a whole number of {describe(value)}")


def to_decimal(_: Frame, value: Any) -> Decimal:
    """Return a decimal, digit by digit what was given."""
    if type(value) is Decimal:
        return value
    if type(value) is int:
        return Decimal(value)
    if type(value) is str:
        if len(value) > _LONGEST or _NUMBER.fullmatch(value) is None:
            raise ValueError("is no number")
        return Decimal(value)
    raise ValueError(f"cannot make a decimal of {describe(value)}")


def _number(name: str, value: Any) -> Any:
    if is_number(value):
        return value
    raise ValueError(f"{name}() takes a number, not {describe(value)}")


def round_to(_: Frame, value: Any, digits: Any = 0) -> Decimal:
    """Round half-even to that many decimals; exactly so many are kept: round(1, 2) is 1.00."""
    number = Decimal(_number("round", value))
    if type(digits) is not int or not 0 <= digits <= _MAX_DIGITS:
        raise ValueError(f"round() keeps 0 to {_MAX_DIGITS} decimals")
    try:
        return number.quantize(Decimal(1).scaleb(-digits), context=ROUNDED)
    except DecimalException:
        raise ValueError("the result has more than 34 digits") from None


def minor_units_of(_: Frame, currency: Any) -> int:
    """Return the decimals ISO 4217 gives a currency."""
    digits = minor_units(currency) if type(currency) is str else None
    if digits is None:
        raise ValueError("is no ISO 4217 currency")
    return digits


def round_money(frame: Frame, value: Any, currency: Any) -> Decimal:
    """Round half-even to what the currency can be paid in."""
    return round_to(frame, value, minor_units_of(frame, currency))


def price_ending(_: Frame, value: Any, ending: Any) -> Decimal:
    """Return the smallest amount that is not below `value` and ends in `ending` (0.99).

    Idempotent: what ends so already stays as it is. `ending` is at least 0 and below 1.
    """
    number, end = Decimal(_number("priceEnding", value)), Decimal(_number("priceEnding", ending))
    if not 0 <= end < 1:
        raise ValueError(f"priceEnding() takes an ending from 0 to below 1, not {end}")
    whole = (number - end).to_integral_value(rounding=ROUND_CEILING)
    return whole + end


def absolute(_: Frame, value: Any) -> Any:
    """Return the number without its sign."""
    number = _number("abs", value)
    return in_64_bits(abs(number)) if type(number) is int else number.copy_abs()


def total(frame: Frame, items: Any) -> Any:
    """Return the exact sum of a list of numbers; of none it is 0."""
    if type(items) not in (list, tuple):
        raise ValueError(f"sum() takes a list, not {describe(items)}")
    frame.work(1 + len(items) // 16)
    add = ARITHMETIC["+"]
    result: Any = 0
    for position, item in enumerate(items):
        if not is_number(item):
            raise ValueError(f"sum() takes numbers; item {position} is {describe(item)}")
        result = add(frame, result, item)
    return result


def _listed(values: tuple[Any, ...]) -> Any:
    if len(values) == 1 and type(values[0]) in (list, tuple):
        if not values[0]:
            raise ValueError("the list is empty")
        return values[0]
    return values


def largest(frame: Frame, *values: Any) -> Any:
    """Return the largest of the arguments, or of the list given."""
    listed = _listed(values)
    frame.work(1 + len(listed) // 16)
    best = listed[0]
    for value in listed:
        if ORDER[">"](value, best):
            best = value
    return best


def smallest(frame: Frame, *values: Any) -> Any:
    """Return the smallest of the arguments, or of the list given."""
    listed = _listed(values)
    frame.work(1 + len(listed) // 16)
    best = listed[0]
    for value in listed:
        if ORDER["<"](value, best):
            best = value
    return best

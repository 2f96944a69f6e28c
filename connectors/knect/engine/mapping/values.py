"""What values are and how they combine: arithmetic, equality, order.

Sums and products of decimals are exact or an error (34 digits); a quotient is rounded half-even to
34 digits. Whole numbers have 64 bits, as CEL's; with a decimal they become decimal. true is no 1.
Must not: know fields or expressions; failures are ValueErrors with a sentence, placed by others.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import (
    ROUND_HALF_EVEN,
    Context,
    Decimal,
    DecimalException,
    DivisionByZero,
    Inexact,
    InvalidOperation,
    Overflow,
    Underflow,
)
from typing import Any

from knect.engine.mapping.frame import Frame

__all__ = [
    "ARITHMETIC",
    "EXACT",
    "MAX_INT",
    "MIN_INT",
    "ORDER",
    "ROUNDED",
    "contains",
    "describe",
    "equal",
    "in_64_bits",
    "is_number",
    "negate",
]

MIN_INT, MAX_INT = -(2**63), 2**63 - 1

_TRAPS = [DivisionByZero, InvalidOperation, Overflow, Underflow]
EXACT = Context(prec=34, Emax=6144, Emin=-6143, rounding=ROUND_HALF_EVEN, traps=[*_TRAPS, Inexact])
_exact_add, _exact_multiply = EXACT.add, EXACT.multiply
ROUNDED = Context(prec=34, Emax=6144, Emin=-6143, rounding=ROUND_HALF_EVEN, traps=_TRAPS)

_KINDS: dict[type, str] = {
    type(None): "null",
    bool: "true/false",
    int: "a whole number",
    Decimal: "a decimal",
    str: "text",
    datetime: "an instant",
    timedelta: "a duration",
    list: "a list",
    tuple: "a list",
    dict: "a map",
}


def describe(value: Any) -> str:
    """Return the kind of a value in words."""
    return _KINDS.get(type(value), f"a {type(value).__name__}, which expressions do not know")


def is_number(value: Any) -> bool:
    """True for whole numbers and decimals; not for true and false."""
    kind = type(value)
    return kind is int or kind is Decimal


def in_64_bits(value: int) -> int:
    """Return the value. Raises ValueError if it needs more than 64 bits."""
    if MIN_INT <= value <= MAX_INT:
        return value
    raise ValueError("the whole number does not fit 64 bits")


# ---------------------------------------------------------------- arithmetic


def _unheld(error: DecimalException) -> ValueError:
    if isinstance(error, DivisionByZero):
        return ValueError("division by zero")
    if type(error) is Inexact:  # Overflow and Underflow derive from it
        return ValueError("the result has more than 34 digits")
    return ValueError("the result is no number that can be held")


def _decimals(operation: Callable[..., Decimal], left: Any, right: Any) -> Decimal:
    try:
        return operation(left, right)
    except DecimalException as error:
        raise _unheld(error) from None


def _no_overload(verb: str, left: Any, right: Any) -> ValueError:
    if left is None or right is None:
        other = right if left is None else left
        return ValueError(
            f"is null; cannot {verb} it and {describe(other)} (orDefault(x, y) gives a default)"
        )
    hint = "; string(x) makes text" if verb == "add" and str in (type(left), type(right)) else ""
    return ValueError(f"cannot {verb} {describe(left)} and {describe(right)}{hint}")


def _same_clock(left: datetime, right: datetime) -> None:
    if (left.tzinfo is None) is not (right.tzinfo is None):
        raise ValueError("an instant with a zone does not combine with one without")


def _add(frame: Frame, left: Any, right: Any) -> Any:
    kind = type(left)
    if kind is type(right):
        if kind is str:
            frame.take(len(left) + len(right))
            return left + right
        if kind is Decimal:
            try:
                return _exact_add(left, right)
            except DecimalException as error:
                raise _unheld(error) from None
        if kind is int:
            return in_64_bits(left + right)
        if kind is timedelta:
            return left + right
    if is_number(left) and is_number(right):
        return _decimals(EXACT.add, left, right)
    if kind in (list, tuple) and type(right) in (list, tuple):
        frame.take(8 * (len(left) + len(right)))
        return [*left, *right]
    if {kind, type(right)} == {datetime, timedelta}:
        return left + right
    raise _no_overload("add", left, right)


def _subtract(_: Frame, left: Any, right: Any) -> Any:
    kind = type(left)
    if kind is int and type(right) is int:
        return in_64_bits(left - right)
    if is_number(left) and is_number(right):
        return _decimals(EXACT.subtract, left, right)
    if type(right) is timedelta and kind in (datetime, timedelta):
        return left - right
    if kind is datetime and type(right) is datetime:
        _same_clock(left, right)
        return left - right
    raise _no_overload("subtract", left, right)


def _multiply(_: Frame, left: Any, right: Any) -> Any:
    if type(left) is Decimal and type(right) is Decimal:
        try:
            return _exact_multiply(left, right)
        except DecimalException as error:
            raise _unheld(error) from None
    if type(left) is int and type(right) is int:
        return in_64_bits(left * right)
    if is_number(left) and is_number(right):
        return _decimals(EXACT.multiply, left, right)
    raise _no_overload("multiply", left, right)


def _divide(_: Frame, left: Any, right: Any) -> Any:
    if not (is_number(left) and is_number(right)):
        raise _no_overload("divide", left, right)
    if right == 0:
        raise ValueError("division by zero")
    if type(left) is int and type(right) is int:
        quotient = abs(left) // abs(right)
        return in_64_bits(quotient if (left < 0) == (right < 0) else -quotient)
    return _decimals(ROUNDED.divide, left, right)


def _remainder(_: Frame, left: Any, right: Any) -> Any:
    if not (is_number(left) and is_number(right)):
        raise _no_overload("take the remainder of", left, right)
    if right == 0:
        raise ValueError("division by zero")
    if type(left) is int and type(right) is int:
        rest = abs(left) % abs(right)
        return rest if left >= 0 else -rest
    return _decimals(EXACT.remainder, left, right)


#: Operator -> function of (frame, left, right).
ARITHMETIC: dict[str, Callable[[Frame, Any, Any], Any]] = {
    "+": _add,
    "-": _subtract,
    "*": _multiply,
    "/": _divide,
    "%": _remainder,
}


def negate(value: Any) -> Any:
    """Return minus the value. Raises ValueError."""
    if type(value) is int:
        return in_64_bits(-value)
    if type(value) is Decimal:
        return value.copy_negate() if value else value
    raise ValueError(f"cannot negate {describe(value)}")


# ---------------------------------------------------------------- equality and order


def equal(frame: Frame, left: Any, right: Any) -> bool:
    """Compare any two values; different kinds are unequal, 1 equals 1.0, depth costs steps."""
    kind = type(left)
    if kind is type(right) and kind not in (list, tuple, dict):
        return bool(left == right)
    if is_number(left) and is_number(right):
        return bool(left == right)
    if kind in (list, tuple) and type(right) in (list, tuple):
        frame.work(1 + min(len(left), len(right)))
        return len(left) == len(right) and all(
            equal(frame, one, other) for one, other in zip(left, right, strict=True)
        )
    if kind is dict and type(right) is dict:
        frame.work(1 + min(len(left), len(right)))
        return left.keys() == right.keys() and all(
            equal(frame, value, right[key]) for key, value in left.items()
        )
    return False


def contains(frame: Frame, item: Any, container: Any) -> bool:
    """Return whether a list has an equal item or a map the key. Raises ValueError."""
    kind = type(container)
    if kind is dict:
        return type(item) is str and item in container
    if kind in (list, tuple):
        frame.work(1 + len(container) // 16)
        return any(equal(frame, item, one) for one in container)
    if kind is str:
        raise ValueError("in looks into lists and maps; for text write text.contains(x)")
    raise ValueError(f"in looks into lists and maps, not into {describe(container)}")


_ORDERED = (str, bool, datetime, timedelta)


def _ordered(left: Any, right: Any) -> None:
    kind = type(left)
    if kind is datetime and type(right) is datetime:
        _same_clock(left, right)
    if (kind is type(right) and kind in _ORDERED) or (is_number(left) and is_number(right)):
        return
    raise _no_overload("compare", left, right)


def _less(left: Any, right: Any) -> bool:
    _ordered(left, right)
    return bool(left < right)


def _less_or_equal(left: Any, right: Any) -> bool:
    _ordered(left, right)
    return bool(left <= right)


def _greater(left: Any, right: Any) -> bool:
    _ordered(left, right)
    return bool(left > right)


def _greater_or_equal(left: Any, right: Any) -> bool:
    _ordered(left, right)
    return bool(left >= right)


#: Operator -> function of (left, right).
ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "<": _less,
    "<=": _less_or_equal,
    ">": _greater,
    ">=": _greater_or_equal,
}

"""The functions expressions may call, besides those the host brings.

Each takes the frame (to pay for work and memory) and values, and raises ValueError with a sentence
when the values are not what it needs. Functions may be written `f(x)` or `x.f()`.
Must not: reach outside (no clock, no chance, no files), or run longer than its input is long.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from knect.engine.mapping import numbers, texts, times
from knect.engine.mapping.frame import Frame
from knect.engine.mapping.values import describe, equal

__all__ = ["FUNCTIONS", "Function"]


@dataclass(frozen=True, slots=True)
class Function:
    """A function and how many arguments (without the frame) it takes."""

    run: Callable[..., Any]
    least: int
    most: int


def _size(_: Frame, value: Any) -> int:
    if type(value) in (str, list, tuple, dict):
        return len(value)
    raise ValueError(f"has no size: it is {describe(value)}")


def _first(_: Frame, items: Any) -> Any:
    if type(items) not in (list, tuple):
        raise ValueError(f"first() takes a list, not {describe(items)}")
    return items[0] if items else None


def _distinct(frame: Frame, items: Any) -> list[Any]:
    if type(items) not in (list, tuple):
        raise ValueError(f"distinct() takes a list, not {describe(items)}")
    frame.take(8 * len(items))
    kept: list[Any] = []
    for item in items:
        frame.work(1 + len(kept) // 16)
        if not any(equal(frame, item, one) for one in kept):
            kept.append(item)
    return kept


#: Name -> function.
FUNCTIONS: dict[str, Function] = {
    "abs": Function(numbers.absolute, 1, 1),
    "contains": Function(texts.contains, 2, 2),
    "date": Function(times.date_in_zone, 1, 2),
    "decimal": Function(numbers.to_decimal, 1, 1),
    "distinct": Function(_distinct, 1, 1),
    "duration": Function(times.to_duration, 1, 1),
    "endsWith": Function(texts.ends_with, 2, 2),
    "first": Function(_first, 1, 1),
    "indexOf": Function(texts.index_of, 2, 3),
    "int": Function(numbers.to_int, 1, 1),
    "join": Function(texts.join, 1, 2),
    "lastIndexOf": Function(texts.last_index_of, 2, 2),
    "lowerAscii": Function(texts.lower_ascii, 1, 1),
    "matches": Function(texts.matches, 2, 2),
    "max": Function(numbers.largest, 1, 16),
    "min": Function(numbers.smallest, 1, 16),
    "minorUnits": Function(numbers.minor_units_of, 1, 1),
    "priceEnding": Function(numbers.price_ending, 2, 2),
    "replace": Function(texts.replace, 3, 4),
    "round": Function(numbers.round_to, 1, 2),
    "roundMoney": Function(numbers.round_money, 2, 2),
    "size": Function(_size, 1, 1),
    "split": Function(texts.split, 2, 3),
    "startsWith": Function(texts.starts_with, 2, 2),
    "string": Function(texts.to_string, 1, 1),
    "substring": Function(texts.substring, 2, 3),
    "sum": Function(numbers.total, 1, 1),
    "timestamp": Function(times.to_timestamp, 1, 1),
    "trim": Function(texts.trim, 1, 1),
    "truncate": Function(texts.truncate, 2, 2),
    "upperAscii": Function(texts.upper_ascii, 1, 1),
    **{name: Function(run, 1, 2) for name, run in times.PARTS.items()},
}

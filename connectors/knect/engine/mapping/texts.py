"""Functions over text. Positions count characters (code points), as CEL's do.

Patterns are RE2's: time is linear in the text whatever the pattern, which `re` cannot promise.
Must not: change case outside ASCII, where it is a matter of language.
"""

from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any

import re2

from knect.engine.mapping.frame import Frame
from knect.engine.mapping.times import instant_text, seconds_text
from knect.engine.mapping.values import describe

__all__ = [
    "contains",
    "ends_with",
    "index_of",
    "join",
    "last_index_of",
    "lower_ascii",
    "matches",
    "replace",
    "split",
    "starts_with",
    "substring",
    "to_string",
    "trim",
    "truncate",
    "upper_ascii",
]

_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}
_UPPER = {code: code - 32 for code in range(ord("a"), ord("z") + 1)}
_BYTES_PER_STEP = 4096


def _text(value: Any, name: str) -> str:
    if type(value) is str:
        return value
    if value is None:
        raise ValueError(f"is null; {name}() takes text (orDefault(x, y) gives a default)")
    raise ValueError(f"{name}() takes text, not {describe(value)}")


def _whole(value: Any, name: str) -> int:
    if type(value) is int:
        return value
    raise ValueError(f"{name}() takes a whole number there, not {describe(value)}")


def _read(frame: Frame, text: str) -> None:
    frame.work(len(text) // _BYTES_PER_STEP)


def to_string(frame: Frame, value: Any) -> str:
    """Return a value as text; a decimal keeps its digits (10.50), an instant is RFC 3339."""
    kind = type(value)
    if kind is str:
        return str(value)
    if kind is bool:
        return "true" if value else "false"
    if kind is int:
        return str(value)
    if kind is Decimal:
        if not value.is_finite():
            raise ValueError("is no number")
        frame.take(abs(value.adjusted()) + 64)
        return f"{value:f}"
    if kind is datetime:
        return instant_text(value)
    if kind is timedelta:
        return seconds_text(value)
    raise ValueError(f"cannot make text of {describe(value)}")


def contains(frame: Frame, text: Any, part: Any) -> bool:
    """Return whether the text has the part."""
    whole = _text(text, "contains")
    _read(frame, whole)
    return _text(part, "contains") in whole


def starts_with(_: Frame, text: Any, part: Any) -> bool:
    """Return whether the text begins with the part."""
    return _text(text, "startsWith").startswith(_text(part, "startsWith"))


def ends_with(_: Frame, text: Any, part: Any) -> bool:
    """Return whether the text ends with the part."""
    return _text(text, "endsWith").endswith(_text(part, "endsWith"))


@lru_cache(maxsize=256)
def _pattern(pattern: str) -> Any:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = 1 << 20
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        reason = error.args[0].decode() if isinstance(error.args[0], bytes) else error.args[0]
        raise ValueError(f"the pattern is none: {reason}") from None


def matches(frame: Frame, text: Any, pattern: Any) -> bool:
    """Return whether the RE2 pattern occurs anywhere in the text."""
    whole, searched = _text(text, "matches"), _text(pattern, "matches")
    if len(searched) > frame.limits.pattern:
        raise ValueError(f"the pattern is longer than {frame.limits.pattern} characters")
    _read(frame, whole)
    frame.work(1 + len(whole) * len(searched) // _BYTES_PER_STEP)
    try:
        return _pattern(searched).search(whole) is not None
    except UnicodeEncodeError:
        raise ValueError("is no well-formed text") from None


def lower_ascii(frame: Frame, text: Any) -> str:
    """Return the text with A to Z in lower case."""
    whole = _text(text, "lowerAscii")
    frame.take(len(whole))
    return whole.translate(_LOWER)


def upper_ascii(frame: Frame, text: Any) -> str:
    """Return the text with a to z in upper case."""
    whole = _text(text, "upperAscii")
    frame.take(len(whole))
    return whole.translate(_UPPER)


def trim(frame: Frame, text: Any) -> str:
    """Return the text without white space at its ends."""
    whole = _text(text, "trim")
    frame.take(len(whole))
    return whole.strip()


def replace(frame: Frame, text: Any, old: Any, new: Any, count: Any = -1) -> str:
    """Return the text with each `old` (or the first `count`) replaced by `new`."""
    whole, before, after = (_text(one, "replace") for one in (text, old, new))
    most = _whole(count, "replace")
    found = whole.count(before)
    found = found if most < 0 else min(found, most)
    frame.take(max(0, len(whole) + found * (len(after) - len(before))))
    return whole.replace(before, after, most)


def split(frame: Frame, text: Any, separator: Any, count: Any = -1) -> list[str]:
    """Return the parts between separators; `count` is how many parts there are at most."""
    whole, between = _text(text, "split"), _text(separator, "split")
    most = _whole(count, "split")
    if most == 0:
        return []
    if not between:
        frame.take(16 * len(whole))
        parts = list(whole)
        return parts if most < 0 or len(parts) <= most else [*parts[: most - 1], whole[most - 1 :]]
    frame.take(len(whole) + 16 * (whole.count(between) + 1))
    return whole.split(between, most - 1 if most > 0 else -1)


def join(frame: Frame, items: Any, separator: Any = "") -> str:
    """Return the texts of a list as one, with the separator between them."""
    between = _text(separator, "join")
    if type(items) not in (list, tuple):
        raise ValueError(f"join() takes a list, not {describe(items)}")
    frame.work(1 + len(items) // 16)
    for position, item in enumerate(items):
        if type(item) is not str:
            raise ValueError(f"join() takes texts; item {position} is {describe(item)}")
    frame.take(sum(map(len, items)) + len(between) * len(items))
    return between.join(items)


def substring(frame: Frame, text: Any, start: Any, end: Any = None) -> str:
    """Return the characters from `start` up to, but without, `end`."""
    whole, first = _text(text, "substring"), _whole(start, "substring")
    last = len(whole) if end is None else _whole(end, "substring")
    if not 0 <= first <= last <= len(whole):
        raise ValueError(f"substring({first}, {last}) is outside the text of {len(whole)}")
    frame.take(last - first)
    return whole[first:last]


def truncate(frame: Frame, text: Any, length: Any) -> str:
    """Return at most `length` characters of the text."""
    whole, most = _text(text, "truncate"), _whole(length, "truncate")
    if most < 0:
        raise ValueError("truncate() takes a length of 0 or more")
    frame.take(min(most, len(whole)))
    return whole[:most]


def index_of(frame: Frame, text: Any, part: Any, start: Any = 0) -> int:
    """Return where the part first occurs from `start` on, or -1."""
    whole, first = _text(text, "indexOf"), _whole(start, "indexOf")
    if not 0 <= first <= len(whole):
        raise ValueError(f"indexOf() from {first} is outside the text of {len(whole)}")
    _read(frame, whole)
    return whole.find(_text(part, "indexOf"), first)


def last_index_of(frame: Frame, text: Any, part: Any) -> int:
    """Return where the part last occurs, or -1."""
    whole = _text(text, "lastIndexOf")
    _read(frame, whole)
    return whole.rfind(_text(part, "lastIndexOf"))

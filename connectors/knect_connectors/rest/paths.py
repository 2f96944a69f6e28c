"""Paths into JSON, `data.items[0].id`, and texts with `{placeholders}`: the two small languages.

Why: everything a Connection declares of an API is said with these. Must not: compute; what has to
be computed belongs in a pipeline's mapping.
"""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import quote

from knect.sdk.errors import Fatal, Refused

__all__ = ["MISSING", "Getter", "compile_path", "fill", "placeholders", "put"]

Getter = Callable[[Any], Any]


class _Missing:
    def __repr__(self) -> str:
        return "missing"


#: What a getter returns where the path leads nowhere; null counts as there.
MISSING = _Missing()

_STEP = re.compile(r"\.?([^.\[\]]+)|\[(\d+)\]")
_HOLE = re.compile(r"\{([A-Za-z][\w.]*)\}")


@lru_cache(maxsize=1024)
def compile_path(path: str) -> Getter:
    """Return a function that walks `path` from a value; the empty path is the value itself.

    Raises Fatal for what is no path.
    """
    steps = _steps(path)
    if not steps:
        return lambda value: value
    if len(steps) == 1 and isinstance(steps[0], str):
        (name,) = steps
        return lambda value: value.get(name, MISSING) if isinstance(value, dict) else MISSING

    def walk(value: Any) -> Any:
        for step in steps:
            if isinstance(step, str):
                value = value.get(step, MISSING) if isinstance(value, dict) else MISSING
            else:
                known = isinstance(value, list) and step < len(value)
                value = value[step] if known else MISSING
            if value is MISSING:
                return MISSING
        return value

    return walk


@lru_cache(maxsize=1024)
def _steps(path: str) -> tuple[str | int, ...]:
    steps: list[str | int] = []
    at = 0
    while at < len(path):
        found = _STEP.match(path, at)
        if found is None:
            raise Fatal(f"{path!r} is no path such as data.items[0].id", path=path, value=path)
        steps.append(found[1] if found[1] is not None else int(found[2]))
        at = found.end()
    return tuple(steps)


def put(document: dict[str, Any], path: str, value: Any) -> None:
    """Set a value at a path of names, making objects on the way. Raises Fatal where a list is."""
    *way, last = _steps(path)
    place: Any = document
    for name in way:
        place = place.setdefault(name, {}) if isinstance(place, dict) else None
    if not isinstance(place, dict) or not isinstance(last, str):
        raise Fatal(f"{path!r} does not lead into an object", path=path)
    place[last] = value


def placeholders(text: str) -> set[str]:
    """Return the names in braces."""
    return set(_HOLE.findall(text))


def fill(text: str, values: Mapping[str, str], *, in_path: bool = False) -> str:
    """Return the text with its placeholders filled; in a URL's path, values are escaped.

    Raises Refused for what would lead to another place of the path, however it is escaped.
    """

    def value_of(hole: re.Match[str]) -> str:
        value = values[hole[1]]
        if in_path and value in ("", ".", ".."):
            raise Refused(
                f"{hole[1]} is {value!r}, which cannot stand in {text}",
                path=hole[1],
                value=value,
                could_have_been_seen=False,
            )
        return quote(value, safe="") if in_path else value

    return _HOLE.sub(value_of, text)

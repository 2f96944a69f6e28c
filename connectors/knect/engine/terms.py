"""What a number was made of, in a line: `level.on_hand = 12; open_orders(KN-7) = 3 -> stock = 9`.

Why: "why does the shop say 7?" is asked when the figures have long moved on; the line is kept in
the transaction's story, so `knect explain` never has to compute it again.
Must not: name a field nobody is to see: stock and prices have none.
"""

from collections.abc import Mapping
from typing import Any

from knect.engine.mapping import Expression

__all__ = ["ARROW", "read_terms", "terms_of"]

ARROW = " -> "
_LONGEST = 60


def terms_of(
    fields: Mapping[str, Expression],
    scope: Mapping[str, Any],
    counted: Mapping[str, Any],
    document: Mapping[str, Any],
) -> str:
    """Return what the expressions of `fields` read, and what the document says.

    `counted` are results of functions the host brings, by how they were called.
    """
    paths = dict.fromkeys(path for one in fields.values() for path in one.paths)
    read = {path: _value(scope, path) for path in paths} | dict(counted)
    left = "; ".join(f"{name} = {_shown(value)}" for name, value in read.items())
    right = "; ".join(f"{name} = {_shown(document.get(name))}" for name in fields)
    return f"{left}{ARROW}{right}" if right else ""


def read_terms(line: str) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Return the terms and the results of a line that `terms_of` made."""
    left, _, right = line.partition(ARROW)
    return _pairs(left), _pairs(right)


def _pairs(text: str) -> list[tuple[str, str]]:
    parts = (part.partition(" = ") for part in text.split("; ") if part)
    return [(name, value) for name, _, value in parts]


def _value(scope: Mapping[str, Any], path: str) -> Any:
    value: Any = scope
    for step in path.split("."):
        value = value.get(step) if isinstance(value, Mapping) else None
    return value


def _shown(value: Any) -> str:
    text = "none" if value is None else str(value)
    text = text.replace("; ", ", ").replace(ARROW, " ")
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"

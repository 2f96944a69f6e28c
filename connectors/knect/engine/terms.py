"""What a number was made of, in a line: `level.on_hand = 12; open_orders(KN-7) = 3 -> stock = 9`.

Why: "why does the shop say 7?" is asked when the figures have long moved on; the line is kept in
the transaction's story, so `knect explain` never has to compute it again.
Must not: show what nobody is to see, nor what was made of it.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from knect.engine.mapping import Expression
from knect.engine.masking import HIDDEN, is_masked, mask_payload

__all__ = ["ARROW", "read_terms", "terms_of"]

ARROW = " -> "
_LONGEST = 60


def terms_of(
    fields: Mapping[str, Expression],
    scope: Mapping[str, Any],
    counted: Mapping[str, Any],
    document: Mapping[str, Any],
    *,
    mask: Sequence[str] = (),
    hidden: Iterable[str] = (),
) -> str:
    """Return what the expressions of `fields` read, and what the document says.

    `counted` are results of functions the host brings, by how they were called. What `mask` names
    is blanked out, as are values of `hidden` hashes and what came of any of them.
    """
    paths = dict.fromkeys(path for one in fields.values() for path in one.paths)
    values = {path: _value(scope, path) for path in paths}
    blank = {
        path
        for path, value in values.items()
        if mask and (_is_named(path, mask) or _is_hidden(value, hidden))
    }
    read = {path: HIDDEN if path in blank else value for path, value in values.items()}
    made = {
        name: HIDDEN
        if blank.intersection(one.paths) or is_masked(name, mask)
        else document.get(name)
        for name, one in fields.items()
    }
    left = "; ".join(f"{name} = {_shown(value)}" for name, value in (read | dict(counted)).items())
    right = "; ".join(f"{name} = {_shown(value)}" for name, value in made.items())
    return f"{left}{ARROW}{right}" if right else ""


def _is_named(path: str, mask: Sequence[str]) -> bool:
    """Tell whether a mask names what an expression reads, below the record's variable."""
    return is_masked(path.partition(".")[2], mask)


def _is_hidden(value: Any, hidden: Iterable[str]) -> bool:
    """Tell whether a value is, or may have in it, what nobody is to see."""
    is_whole = isinstance(value, Mapping | list | tuple)  # a record, or the payload itself
    return is_whole or mask_payload(value, hidden) != value


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

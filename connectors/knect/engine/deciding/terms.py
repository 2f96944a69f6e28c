"""What a number was made of, in a line: `level.on_hand = 12; open_orders(KN-7) = 3 -> stock = 9`.

Why: "why does the shop say 7?" is asked when the figures have long moved on; the line is kept in
the transaction's story, so `knect explain` never has to compute it again.
Must not: show what nobody is to see, nor what was made of it.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from knect.engine.deciding.masking import HIDDEN, is_masked, mask_payload, values_at
from knect.ledger.fates import Stage
from knect.ledger.instants import to_us
from knect.ledger.restock import Counted
from knect.ledger.timeline import Event, decode

if TYPE_CHECKING:  # a command that only reads a line does without what evaluates expressions
    from knect.engine.mapping import Expression

__all__ = [
    "ARROW",
    "AS_OF",
    "COMPUTED",
    "counted",
    "counted_as_of",
    "counted_us",
    "is_withheld",
    "mapped_line",
    "read_terms",
    "terms_of",
]

ARROW = " -> "
#: The term that says of when the figure is that open orders were counted against.
AS_OF = "counted as of"
#: What a story calls a mapping that was held by a guard: the figure is known, and is not sent.
COMPUTED = "computed"
_LONGEST = 60


def terms_of(
    fields: Mapping[str, "Expression"],
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
    blank = _blank(values, mask, hidden)
    read = {
        path: HIDDEN if path in blank else value
        for path, value in values.items()
        if path.rpartition(".")[2] != "sku"  # what it is of is no term of it
    }
    made = {
        name: HIDDEN
        if blank.intersection(one.paths) or is_masked(name, mask)
        else document.get(name)
        for name, one in fields.items()
    }
    left = "; ".join(f"{name} = {_shown(value)}" for name, value in (read | dict(counted)).items())
    right = "; ".join(f"{name} = {_shown(value)}" for name, value in made.items())
    return f"{left}{ARROW}{right}" if right else ""


def is_withheld(
    name: str,
    value: Any,
    *,
    fields: Mapping[str, "Expression"],
    scope: Mapping[str, Any],
    mask: Sequence[str],
    hidden: Iterable[str],
) -> bool:
    """Tell whether a document's field, or what it is made of, is masked."""
    if not mask:
        return False
    if is_masked(name, mask):
        return True
    if (made_by := fields.get(name)) is not None:
        values = {path: _value(scope, path) for path in made_by.paths}
        return bool(_blank(values, mask, hidden))
    masked = {str(one) for record in scope.values() for one in values_at(record, mask)}
    return str(value) in masked


def _blank(values: Mapping[str, Any], mask: Sequence[str], hidden: Iterable[str]) -> set[str]:
    """Return the paths whose values nobody is to see."""
    return {
        path
        for path, value in values.items()
        if mask and (_is_named(path, mask) or _is_hidden(value, hidden))
    }


def _is_named(path: str, mask: Sequence[str]) -> bool:
    """Tell whether a mask names what an expression reads, below the record's variable."""
    return is_masked(path.partition(".")[2], mask)


def _is_hidden(value: Any, hidden: Iterable[str]) -> bool:
    """Tell whether a value is, or may have in it, what nobody is to see."""
    is_whole = isinstance(value, Mapping | list | tuple)  # a record, or the payload itself
    return is_whole or mask_payload(value, hidden) != value


def mapped_line(timeline: str) -> str:
    """Return the line of the last mapping in a transaction's timeline, also of one that was held;
    empty if there is none.
    """
    event = _last(timeline, Stage.MAPPED, COMPUTED)
    return event.note if event else ""


def _last(timeline: str, *names: str) -> Event | None:
    return next((one for one in reversed(decode(timeline)) if one.what in names), None)


def read_terms(line: str) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Return the terms and the results of a line that `terms_of` made."""
    left, _, right = line.partition(ARROW)
    return _pairs(left), _pairs(right)


def counted_as_of(line: str) -> datetime | None:
    """Return of when the figure was that open orders were counted against; None: none were."""
    instant = dict(read_terms(line)[0]).get(AS_OF)
    return datetime.fromisoformat(instant) if instant else None


def counted(timeline: str) -> Counted | None:
    """Return how open orders were counted in a transaction's last mapping; None: none were."""
    event = _last(timeline, Stage.MAPPED)
    as_of = counted_as_of(event.note) if event else None
    if event is None or as_of is None:
        return None
    return Counted(as_of_us=to_us(as_of), at_us=event.at_us + event.duration_us)


def counted_us(timeline: str) -> int | None:
    """Return of when the figure was that they were counted against, in microseconds."""
    how = counted(timeline)
    return None if how is None else how.as_of_us


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

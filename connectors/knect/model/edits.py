"""What a person sets in a record for one transaction: where, and what is to be there.

Why: a shop does not always let anybody correct what an ERP refuses, and an order must not stay
behind for that. A path leads into the canonical record, as errors name it (`lines[2].sku`), or,
where it begins with `raw.`, into the payload as the source sent it.
Must not: change which record it is, or guess: what a field cannot hold is refused.
"""

import re
import typing
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any

import msgspec
from msgspec import Struct, structs

from knect.model.codec import decode_json
from knect.model.record import Record

__all__ = [
    "RAW",
    "Edit",
    "EditError",
    "decode_edits",
    "edit_raw",
    "edit_record",
    "is_a_field",
    "paths_of",
    "raw_values",
    "steps_of",
]

#: The first step of a path into the payload itself.
RAW = "raw"
#: A field, an element of a list, or a name that is no word: `["gift message"]`.
_STEP = re.compile(r'\.?([A-Za-z_][\w-]*)|\[(\d{1,6})\]|\["([^"\]]+)"\]')
#: What makes a record this one; a change of `updated_at` would be a change nobody made.
_ITSELF = frozenset(("source_id", "number", "name", "updated_at"))
_KINDS: Mapping[Any, str] = {
    Decimal: "a number, like 12.50",
    int: "a whole number",
    bool: "true or false",
    datetime: "an instant, like 2026-11-01T12:00:00Z",
    str: "a text",
}
#: So many paths are said in words.
_NAMED = 3
_MANY = "more than one value: give it as JSON"
_Steps = Sequence[str | int]


class EditError(ValueError):
    """An edit that does not fit: at which path, and why."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(message)
        self.path = path
        self.message = message


class Edit(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`value` is a text, or JSON where the field holds no single value; None: nothing is there."""

    path: str
    value: str | None


_decoder = msgspec.json.Decoder(tuple[Edit, ...])


def decode_edits(body: bytes) -> tuple[Edit, ...]:
    """Return stored edits, in the order in which they were made."""
    return _decoder.decode(body)


def paths_of(edits: Sequence[Edit]) -> str:
    """Return where something is set, for a sentence: the first few paths."""
    named = ", ".join(one.path for one in edits[:_NAMED])
    return f"{named} and {len(edits) - _NAMED} more" if len(edits) > _NAMED else named


def steps_of(path: str) -> list[str | int]:
    """Return the steps of a path. Raises EditError: it is none, or leads to what is not edited."""
    steps: list[str | int] = []
    at = 0
    while at < len(path):
        step = _STEP.match(path, at)
        if step is None or (at == 0 and path[0] in ".["):
            break
        name, index, quoted = step.groups()
        steps.append(int(index) if index is not None else name or quoted)
        at = step.end()
    if not steps or at < len(path):
        raise EditError(path, f"{path!r} is no path of a field; one is like lines[2].sku")
    if steps == [RAW]:
        raise EditError(path, "say which field of the payload: raw.FIELD")
    if steps[0] != RAW and (steps[0] in _ITSELF or steps[-1] == "id"):
        raise EditError(path, f"{path} says which record it is; that is not edited")
    return steps


def is_a_field(kind: type, path: str) -> bool:
    """Tell whether records of a type have a field at a path that may be edited."""
    try:
        steps = steps_of(path)
    except EditError:
        return False
    here: Any = kind
    for step in steps:
        parts = [part for part in (here, *typing.get_args(here)) if isinstance(part, type)]
        struct = next((part for part in parts if issubclass(part, Struct)), None)
        if isinstance(step, int):
            here = _item(here) if typing.get_origin(here) is tuple else None
        elif struct is not None and typing.get_origin(here) is not tuple:
            here = _fields(struct).get(step)
        else:
            here = str if typing.get_origin(here) is dict else None
        if here is None:
            return False
    return True


def edit_record(record: Record, edits: Iterable[Edit]) -> Record:
    """Return the record with the edits of its own fields. Raises EditError."""
    for edit in edits:
        steps = steps_of(edit.path)
        if steps[0] != RAW:
            record = _put(record, type(record), steps, edit)
    return record


def edit_raw(raw: Any, edits: Iterable[Edit]) -> Any:
    """Return the payload with the edits that begin with `raw.`; `raw` itself stays as it is."""
    for edit in edits:
        steps = steps_of(edit.path)
        if steps[0] == RAW:
            raw = _put_raw(raw, steps[1:], edit)
    return raw


def raw_values(raw: Any, edits: Iterable[Edit]) -> list[Any]:
    """Return what stands in a payload where edits of it lead to."""
    found: list[Any] = []
    for edit in edits:
        steps, value = steps_of(edit.path), raw
        if steps[0] != RAW:
            continue
        try:
            for step in steps[1:]:
                value = value[step]
        except (LookupError, TypeError):
            continue
        found.append(value)
    return found


def _put(node: Any, kind: Any, steps: _Steps, edit: Edit) -> Any:
    """Return the value with one place of it changed; `kind` is its type as declared."""
    if not steps:
        return _held(kind, edit)
    step, rest = steps[0], steps[1:]
    if isinstance(node, Struct) and step in node.__struct_fields__:
        fields = _fields(type(node))
        return structs.replace(
            node, **{str(step): _put(getattr(node, str(step)), fields[str(step)], rest, edit)}
        )
    if isinstance(node, tuple) and isinstance(step, int):
        if step < len(node):
            return (
                *node[:step],
                _put(node[step], _item(kind), rest, edit),
                *node[step + 1 :],
            )
        raise EditError(edit.path, f"there is no [{step}]: it has {len(node)}, counted from 0")
    if isinstance(node, dict) and isinstance(step, str) and not rest:
        if edit.value is None:
            return {name: value for name, value in node.items() if name != step}
        return {**node, step: edit.value}
    raise EditError(edit.path, _no_such(node, step))


def _no_such(node: Any, step: str | int) -> str:
    there = ", ".join(node.__struct_fields__) if isinstance(node, Struct) else "nothing"
    return f"the record has no {step!r} at this place; there is: {there}"


@cache
def _fields(kind: type) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _item(kind: Any) -> Any:
    """Return the type of the elements of a `tuple[X, ...]`."""
    return typing.get_args(kind)[0]


def _held(kind: Any, edit: Edit) -> Any:
    """Return the value of an edit as the field holds it."""
    try:
        value = msgspec.convert(edit.value, kind, strict=False)
    except msgspec.ValidationError:
        value = _from_json(kind, edit)
    if isinstance(value, Decimal) and not value.is_finite():
        raise EditError(edit.path, f"{edit.path} holds {_KINDS[Decimal]}")
    return value


def _from_json(kind: Any, edit: Edit) -> Any:
    if edit.value is None:
        raise EditError(edit.path, f"{edit.path} has to hold something; it cannot be cleared")
    try:
        return msgspec.convert(decode_json(edit.value), kind)
    except (msgspec.DecodeError, msgspec.ValidationError):
        kinds = (kind, *typing.get_args(kind))
        holds = next((word for of, word in _KINDS.items() if of in kinds), _MANY)
        raise EditError(edit.path, f"{edit.path} holds {holds}") from None


def _put_raw(node: Any, steps: _Steps, edit: Edit) -> Any:
    step, rest = steps[0], steps[1:]
    if isinstance(node, dict) and isinstance(step, str) and (step in node or not rest):
        if rest:
            return {**node, step: _put_raw(node[step], rest, edit)}
        if edit.value is None:
            return {name: value for name, value in node.items() if name != step}
        return {**node, step: _like(node.get(step), edit)}
    if isinstance(node, list) and isinstance(step, int) and step < len(node):
        one = _put_raw(node[step], rest, edit) if rest else _like(node[step], edit)
        return [*node[:step], one, *node[step + 1 :]]
    raise EditError(edit.path, f"the payload has no {step!r} at this place")


def _like(there: Any, edit: Edit) -> Any:
    """Return the value as JSON of the kind that stands there; a text where nothing does."""
    if edit.value is None or there is None or isinstance(there, str):
        return edit.value
    try:
        return decode_json(edit.value)
    except msgspec.DecodeError:
        raise EditError(
            edit.path, f"{edit.path} is no text in the payload; give the value as JSON"
        ) from None

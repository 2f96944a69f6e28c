"""A record as plain values, as far as somebody reads it.

Why: a mapping reads a dozen of the hundred fields that an order has with its lines. What is made
of a record is decided once, by its type and the ways that are read; no field is touched in vain.
Must not: leave out what a way leads to or through; what is in doubt is taken whole.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any

from msgspec import inspect

from knect.model.codec import to_plain

__all__ = ["ITEM", "NOTHING", "Way", "view_of"]

#: Fields, one after the other, from the record on; none: all of it.
Way = Sequence[str]
#: The step into a list; it may be left out.
ITEM = "[]"
#: The last step of a way to what only has to be there.
NOTHING = ""

#: What makes a field's value plain; None if it is.
_Plain = Callable[[Any], Any] | None


def view_of(kind: type, ways: Iterable[Way]) -> Callable[[Any], Any]:
    """Return what makes dicts, lists and scalars of records, with what the ways lead to."""
    return _plain(_shape(kind), list(ways)) or to_plain


@cache
def _shape(kind: type) -> inspect.Type:
    """Return what a record type is made of; asked for each pipeline, it takes milliseconds."""
    return inspect.type_info(kind)


def _plain(info: inspect.Type, ways: list[Way]) -> _Plain:
    match info:
        case inspect.StrType() | inspect.BoolType() | inspect.IntType():
            return None
        case inspect.DecimalType() | inspect.DateTimeType():
            return None
        case inspect.UnionType(types=(one, inspect.NoneType()) | (inspect.NoneType(), one)):
            return _plain(one, ways)
        case inspect.VarTupleType(item_type=item) if all(ways):
            return _list(_plain(item, [way[1:] if way[0] == ITEM else way for way in ways]))
        case inspect.StructType(fields=fields) if all(ways):
            read = {way[0] for way in ways} - {NOTHING}
            types = {field.name: field.type for field in fields if field.name in read}
            if len(types) == len(read):  # else it is worked out which, or misspelled
                return _struct({name: _plain(types[name], _beyond(name, ways)) for name in types})
    return to_plain


def _beyond(name: str, ways: list[Way]) -> list[Way]:
    return [way[1:] for way in ways if way[0] == name]


def _list(plain: _Plain) -> _Plain:
    if plain is None or plain is to_plain:
        return to_plain
    return lambda value: None if value is None else list(map(plain, value))


def _struct(fields: dict[str, _Plain]) -> _Plain:
    names = tuple(fields)
    deep = tuple((name, plain) for name, plain in fields.items() if plain is not None)

    def run(value: Any) -> dict[str, Any] | None:
        if value is None:
            return None
        made = {}
        for name in names:
            made[name] = getattr(value, name)
        for name, plain in deep:
            made[name] = plain(made[name])
        return made

    return run

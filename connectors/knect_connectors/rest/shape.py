"""From an API's record to the canonical one, as `read.record` declares it.

    record:
      number: order_no                      # a path
      currency: {value: EUR}                # the same for all
      customer: {fields: {email: buyer.mail}}
      totals: {fields: {total: {path: gross, decimals: 2}}}   # cents: 1990 is 19.90
      lines: {each: items, fields: {id: pos, sku: article, quantity: qty, unit_price: price}}

Without `record` the API speaks Knect's own names. Compiled once per Connection. Where a canonical
field is a text, numbers become texts: in-house ids are often numbers. Instants are read as
`read.times` says, so that one without a zone never becomes another one.
Must not: compute, or invent a value that is not there.
"""

import re
import types
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Struct

from knect.model import RECORD_TYPES, Record
from knect.sdk.errors import BadRecord, Fatal, UnexpectedAnswer
from knect_connectors.rest.instants import Instants
from knect_connectors.rest.paths import MISSING, Getter, compile_path

__all__ = ["Shape"]

_Build = Callable[[Any], Any]
_WHERE = re.compile(r" - at `\$\.?(.*)`$")
_REQUIRED = re.compile(r"Object missing required field `(\w+)`")
_WORDS = ("path", "value", "each", "fields", "decimals")
#: Most digits after the point that an amount without one may stand for.
_MOST_DECIMALS = 9


class Shape:
    """The mapping of one entity. Raises Fatal when `record` names what no record has."""

    def __init__(
        self,
        entity: str,
        declared: Mapping[str, Any] | None,
        *,
        identifier: str,
        changed: str | None,
        instants: Instants,
    ) -> None:
        self._type = RECORD_TYPES[entity]
        self._names = self._type.__struct_fields__
        self._has_name = {"name", "number"} <= set(self._names)
        spec = dict(declared) if declared is not None else {name: name for name in self._names}
        spec["source_id"] = identifier
        if changed is not None and "updated_at" in self._names:
            spec["updated_at"] = (declared or {}).get("updated_at", changed)
        self._spec = spec
        where = f"config.entities.{entity}.read.record"
        given = {*spec, "name"} if "number" in spec else {*spec}
        self._build = _object(self._type, spec, where, instants)
        _refuse_lacking(self._type, given, where)

    def to_record(self, raw: Any) -> Record:
        """Return the canonical record. Raises BadRecord with the API's own path and the value."""
        values = self._build(raw)
        if self._has_name and "number" in values:
            values.setdefault("name", values["number"])
        try:
            return msgspec.convert(values, self._type, strict=False)
        except msgspec.ValidationError as error:
            raise self._bad(raw, str(error)) from None

    def _bad(self, raw: Any, sentence: str) -> BadRecord:
        found = _WHERE.search(sentence)
        canonical = found[1] if found else ""
        words = sentence[: found.start()] if found else sentence
        if missing := _REQUIRED.search(sentence):
            canonical = f"{canonical}.{missing[1]}".lstrip(".")
            words = "it is missing"
        theirs = _their_path(self._spec, canonical)
        value = compile_path(theirs)(raw) if theirs else None
        shown = None if value is MISSING else value
        where = theirs or canonical
        is_shown = shown is not None and not isinstance(shown, dict | list)
        said = f"{where} is {shown!r}: {words}" if is_shown else f"{where}: {words}"
        return BadRecord(f"{said} (the record's {canonical})", path=where, value=shown)


def _refuse_lacking(kind: type[Struct], given: set[str], where: str) -> None:
    """Refuse what lacks a field without which no record can be made."""
    needed = [one.name for one in msgspec.structs.fields(kind) if one.required]
    if lacking := [name for name in needed if name not in given]:
        raise Fatal(
            f"{where} lacks {', '.join(lacking)}, which every record has; say where it is in the"
            " API's, or {value: …} if it is the same for all",
            path=where,
        )


def _object(kind: type[Struct], spec: Mapping[str, Any], where: str, instants: Instants) -> _Build:
    hints = get_type_hints(kind)
    near: list[tuple[str, str]] = []  # one step away: (name, key)
    texts: list[tuple[str, str]] = []  # the same, for texts
    parts: list[tuple[str, Getter]] = []
    for name, how in spec.items():
        if name not in hints:
            known = ", ".join(kind.__struct_fields__)
            raise Fatal(
                f"{where}.{name}: a record has no such field; known: {known}",
                path=f"{where}.{name}",
                value=name,
            )
        inner, is_list = _inner(hints[name])
        is_near = isinstance(how, str) and how.isidentifier() and not is_list
        if is_near and (inner is str or not (inner is datetime or _has_parts(inner))):
            (texts if inner is str else near).append((name, how))
        else:
            parts.append((name, _field(hints[name], how, f"{where}.{name}", instants)))

    def build(raw: Any) -> dict[str, Any]:
        built = {}
        get = raw.get if isinstance(raw, dict) else _nothing
        for name, key in texts:
            value = get(key)
            if type(value) is str:
                built[name] = value
            elif value is not None:
                built[name] = _text(value)
        for name, key in near:
            value = get(key)
            if value is not None:
                built[name] = value
        for name, getter in parts:
            value = getter(raw)
            if value is not MISSING and value is not None:
                built[name] = value
        return built

    return build


def _nothing(_key: str) -> None:
    """Return what a value has at a key that has no keys."""


def _field(hint: Any, how: Any, where: str, instants: Instants) -> Getter:
    inner, is_list = _inner(hint)
    if isinstance(how, str):
        how = {"each": how} if is_list else {"path": how}
    if not isinstance(how, dict):
        raise Fatal(f"{where} is neither a path nor an object", path=where, value=how)
    if strange := [word for word in how if word not in _WORDS]:
        raise Fatal(
            f"{where}: there is no word {strange[0]!r} here; known: {', '.join(_WORDS)}",
            path=where,
            value=strange[0],
        )
    if "value" in how:
        constant = how["value"]
        return lambda _: constant
    path = str(how.get("each", how.get("path", "")))
    getter = _getter(path, where)
    if "decimals" in how:
        return _one(getter, _amount(inner, how["decimals"], path, where))
    if inner is datetime:
        return _one(getter, _instant(instants, path))
    if isinstance(inner, type) and issubclass(inner, Struct):
        fields = how.get("fields") or {name: name for name in inner.__struct_fields__}
        build = _object(inner, fields, f"{where}.fields", instants)
        _refuse_lacking(inner, set(fields), f"{where}.fields")
        return _each(getter, build) if is_list else _one(getter, build)
    if inner is str:
        return _each(getter, _text) if is_list else _one(getter, _text)
    if get_origin(inner) is dict:
        return _one(getter, _texts)
    return getter


def _getter(path: str, where: str) -> Getter:
    try:
        return compile_path(path)
    except Fatal as error:
        raise Fatal(f"{where}: {error.message}", path=where, value=path) from None


def _instant(instants: Instants, path: str) -> _Build:
    """Return what reads an instant; what is none is left for the record's type to refuse."""

    def read(value: Any) -> Any:
        if type(value) is str or instants.counts:
            with suppress(UnexpectedAnswer):
                return instants.read_any(value, path)
        return value

    return read


def _amount(kind: Any, decimals: Any, path: str, where: str) -> _Build:
    """Return what reads an amount that has no point: 1990 with two decimals is 19.90."""
    if kind is not Decimal:
        raise Fatal(f"{where}: decimals are of amounts, which this is not", path=where)
    if type(decimals) is not int or not 0 < decimals <= _MOST_DECIMALS:
        raise Fatal(
            f"{where}.decimals: expected a whole number from 1 to {_MOST_DECIMALS}",
            path=f"{where}.decimals",
            value=decimals,
        )

    def read(value: Any) -> Decimal:
        try:
            number = Decimal("x" if isinstance(value, bool) else str(value))
            if number == number.to_integral_value():
                return number.scaleb(-decimals).quantize(Decimal(1).scaleb(-decimals))
        except InvalidOperation:
            pass
        raise BadRecord(
            f"{path} is {value!r}, which is no whole number, as decimals: {decimals} has it",
            path=path,
            value=value if isinstance(value, str | int | Decimal) else None,
        )

    return read


def _has_parts(kind: Any) -> bool:
    """Tell whether a field of this type is built from parts of its own."""
    is_record = isinstance(kind, type) and issubclass(kind, Struct)
    return is_record or get_origin(kind) is dict


def _inner(hint: Any) -> tuple[Any, bool]:
    """Return the type below `X | None` and `tuple[X, ...]`, and whether it is a list."""
    if get_origin(hint) in (Union, types.UnionType):
        (hint,) = [one for one in get_args(hint) if one is not type(None)]
    if get_origin(hint) is tuple:
        return get_args(hint)[0], True
    return hint, False


def _one(getter: Getter, build: _Build) -> Getter:
    def one(raw: Any) -> Any:
        value = getter(raw)
        return value if value is MISSING or value is None else build(value)

    return one


def _each(getter: Getter, build: _Build) -> Getter:
    def each(raw: Any) -> Any:
        values = getter(raw)
        return [build(value) for value in values] if isinstance(values, list) else values

    return each


def _text(value: Any) -> Any:
    plain = type(value) is str or isinstance(value, bool | dict | list)
    return value if plain else str(value)


def _texts(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {str(key): str(item) for key, item in value.items() if item is not None}


def _their_path(spec: Mapping[str, Any], canonical: str) -> str | None:
    """Return where the API keeps a canonical field: `lines[0].unit_price` -> `items[0].price`."""
    name, _, rest = canonical.partition(".")
    name, bracket, index = name.partition("[")
    how = spec.get(name)
    if how is None:
        return None
    if isinstance(how, str):
        how = {"path": how}
    here = f"{how.get('each', how.get('path', ''))}{bracket}{index}"
    if not rest:
        return here or None
    fields = how.get("fields")
    below = _their_path(fields, rest) if fields else rest
    return f"{here}.{below}".lstrip(".") if below else here

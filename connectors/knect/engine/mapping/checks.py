"""Expressions against the shape of the canonical record, before any record is there.

Why: a misspelled field is found when the document is read, with the field that was meant, and not
at three in the morning on the first order.
Must not: look below `raw` (platforms add fields), or call an expression wrong that could work.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from typing import Any

import msgspec

from knect.engine.mapping.errors import ExpressionSyntaxError
from knect.engine.mapping.expression import Expression, compile_expression
from knect.engine.mapping.paths import RECORD_VARIABLES
from knect.engine.mapping.references import ITEM, Reference, paths_of, tables_of
from knect.model import RECORD_TYPES

__all__ = ["Problem", "Schema", "check_expression", "check_field", "check_paths", "schema_for"]

_BRACKETS = re.compile(r"\[[0-9]*\]")

#: Variable -> its type; Any lets everything through.
Schema = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with an expression, where (characters from 0), and what was probably meant."""

    message: str
    position: int
    suggestion: str | None = None
    path: str = ""


def schema_for(entity: str) -> Schema:
    """Return the variables a pipeline of that entity sees."""
    variable = RECORD_VARIABLES.get(entity, entity)
    return {variable: RECORD_TYPES.get(entity, Any), "previous": Any, "raw": Any}


def check_expression(text: str, entity: str, tables: Collection[str]) -> list[Problem]:
    """Return everything that is wrong with a text, for pipelines of an entity with these tables.

    Of an entity nobody knows no fields are checked; that it is unknown is said elsewhere.
    """
    try:
        expression = compile_expression(text)
    except ExpressionSyntaxError as error:
        return [Problem(error.message, error.position, error.suggestion)]
    problems = list(_unknown_tables(expression, tables))
    if entity in RECORD_VARIABLES:
        problems += check_paths(expression, schema_for(entity))
    return problems


def _unknown_tables(expression: Expression, known: Collection[str]) -> Iterator[Problem]:
    positions: dict[str, int] = {}
    for name, position in tables_of(expression.node):
        positions.setdefault(name, position)
    for name, position in positions.items():
        if name not in known:
            near = get_close_matches(name, known, 1, 0.5)
            hint = f"did you mean {near[0]}?" if near else "name it, and its ConfigMap, there"
            yield Problem(f"there is no table {name!r} in mapping.valueMaps", position, hint)


def check_field(path: str, entity: str) -> list[Problem]:
    """Return what is wrong with a field's path as people write it: `lines[].sku`.

    Of an entity nobody knows nothing is checked.
    """
    if entity not in RECORD_VARIABLES:
        return []
    names = [RECORD_VARIABLES[entity], *filter(None, _BRACKETS.sub(".[].", path).split("."))]
    problem = _check(Reference(tuple(names), 0), schema_for(entity))
    if problem is None:
        return []
    head = len(names[0]) + 1
    message = problem.message.replace(f"{names[0]}.", "", 1)
    return [Problem(message, 0, problem.suggestion, problem.path[head:])]


def check_paths(expression: Expression, schema: Schema) -> list[Problem]:
    """Return the fields that cannot exist, each once."""
    problems: dict[str, Problem] = {}
    for reference in paths_of(expression.node):
        problem = _check(reference, schema)
        if problem is not None:
            problems.setdefault(problem.path, problem)
    return list(problems.values())


def _check(reference: Reference, schema: Schema) -> Problem | None:
    variable, *steps = reference.steps
    if variable not in schema:
        return _unknown("variable", variable, tuple(schema), reference, 1)
    shape = _shape(schema[variable])
    for number, step in enumerate(steps, start=2):
        if shape is None:
            return None
        if step == ITEM:
            shape = shape.item
            continue
        if shape.fields is None:
            path = Reference(reference.steps[: number - 1], reference.position).path
            return Problem(
                f"{path} is {shape.kind} and has no field {step!r}",
                reference.position,
                f"write {path}.map(x, x.{step})" if shape.kind == "a list" else None,
                Reference(reference.steps[:number], reference.position).path,
            )
        if step not in shape.fields:
            return _unknown("field", step, tuple(shape.fields), reference, number)
        shape = _shape_of(shape.fields[step])
    return None


def _unknown(
    kind: str, name: str, known: tuple[str, ...], reference: Reference, number: int
) -> Problem:
    path = Reference(reference.steps[:number], reference.position).path
    near = get_close_matches(name, known, 1, 0.5)
    hint = f"did you mean {near[0]}?" if near else "known: " + ", ".join(sorted(known)[:20])
    return Problem(f"there is no {kind} {path}", reference.position, hint, path)


# ---------------------------------------------------------------- shapes


@dataclass(frozen=True, slots=True)
class _Shape:
    """`fields` is None for what has none; `item` is the shape inside a list, None if unknown."""

    kind: str
    fields: Mapping[str, msgspec.inspect.Type] | None = None
    item: "_Shape | None" = None


@lru_cache(maxsize=64)
def _shape(type_: Any) -> _Shape | None:
    """Return the shape of a type, None when anything may be below it."""
    return None if type_ is Any else _shape_of(msgspec.inspect.type_info(type_))


def _shape_of(info: msgspec.inspect.Type) -> _Shape | None:
    match info:
        case msgspec.inspect.StructType(fields=fields):
            return _Shape("a map", {field.name: field.type for field in fields})
        case msgspec.inspect.UnionType(types=types):
            rest = [one for one in types if not isinstance(one, msgspec.inspect.NoneType)]
            return _shape_of(rest[0]) if len(rest) == 1 else None
        case (
            msgspec.inspect.VarTupleType(item_type=item) | msgspec.inspect.ListType(item_type=item)
        ):
            return _Shape("a list", item=_shape_of(item))
        case msgspec.inspect.DictType() | msgspec.inspect.AnyType():
            return None
        case msgspec.inspect.StrType():
            return _Shape("text")
        case msgspec.inspect.BoolType():
            return _Shape("true/false")
        case msgspec.inspect.DateTimeType():
            return _Shape("an instant")
        case _:
            return _Shape("a number")

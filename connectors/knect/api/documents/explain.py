"""Pydantic's errors as sentences for people, each at its line.

Must not: quote the input (a Secret's documents pass here too); kinds of values are named instead.
"""

import types
from collections.abc import Iterator
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from knect.api.documents.problems import Code, closest
from knect.api.documents.tree import Found, Node, Path
from knect.api.fields import PATTERNS

__all__ = ["explain", "path_text"]

_KINDS: dict[type, str] = {
    type(None): "nothing",
    bool: "true/false",
    int: "a whole number",
    float: "a number",
    str: "text",
    list: "a list",
    dict: "a map",
}
_EXPECTED = {
    "string_type": "text",
    "string_sub_type": "text",
    "int_type": "a whole number",
    "bool_type": "true or false",
    "dict_type": "a map",
    "model_type": "a map",
    "model_attributes_type": "a map",
    "tuple_type": "a list",
    "list_type": "a list",
    "datetime_type": "an instant",
}


def path_text(path: Path) -> str:
    """Return a path as people write it: spec.mapping.admit[0].when."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def explain(error: ValidationError, model: type[BaseModel], document: Node) -> Iterator[Found]:
    """Yield a problem per error, at its place in the document."""
    for one in error.errors(include_url=False):
        path = tuple(step for step in one["loc"] if step != "[key]")
        on_key = path != one["loc"]
        kind = one["type"]
        if kind == "extra_forbidden":
            parent = _model_at(model, path[:-1])
            known = _names(parent) if parent else ()
            line, column = document.place(path, of_key=True)
            message = f"there is no field {path[-1]!r}"
            yield Found(
                line,
                column,
                path_text(path),
                message,
                closest(str(path[-1]), known),
                Code.UNKNOWN_FIELD,
            )
            continue
        if kind == "missing":
            line, column = document.place(path[:-1], of_key=True)
            field = _description(model, path)
            message = f"field {path[-1]!r} is missing"
            yield Found(line, column, path_text(path), message, field, Code.MISSING_FIELD)
            continue
        line, column = document.place(path, of_key=on_key)
        message, suggestion, code = _sentence(one, kind)
        yield Found(line, column, path_text(path), message, suggestion, code)


def _sentence(error: Any, kind: str) -> tuple[str, str | None, Code]:
    context = error.get("ctx", {})
    given = error["input"]
    if kind in _EXPECTED:
        found = _KINDS.get(type(given), "something else")
        quote = "put it in quotes" if _EXPECTED[kind] == "text" and _is_scalar(given) else None
        return f"expected {_EXPECTED[kind]}, found {found}", quote, Code.WRONG_TYPE
    if kind == "bad_pattern":
        code = Code.BAD_DURATION if "duration" in str(context["why"]) else Code.BAD_VALUE
        return str(context["why"]), None, code
    if kind in ("enum", "literal_error"):
        expected = str(context["expected"]).replace("'", "").replace(" or ", ", ")
        known = expected.split(", ")
        near = closest(given, known) if isinstance(given, str) else None
        hint = near if near and near.startswith("did") else None
        return f"expected one of {expected}", hint, Code.BAD_VALUE
    if kind == "value_error":
        return str(context["error"]), None, Code.BROKEN_RULE
    if kind == "string_pattern_mismatch":
        pattern = context["pattern"]
        words = PATTERNS.get(pattern)
        text = f"expected {words}" if words else f"does not fit the pattern {pattern}"
        return text, None, Code.BAD_VALUE
    if kind in ("string_too_long", "string_too_short", "too_long", "too_short"):
        most = context.get("max_length", context.get("min_length"))
        few = "at most" if "max_length" in context else "at least"
        unit = "characters" if kind.startswith("string") else "entries"
        verb = "may" if "max_length" in context else "must"
        return f"{verb} have {few} {most} {unit}", None, Code.BAD_VALUE
    if kind in ("greater_than_equal", "less_than_equal"):
        word, bound = (
            ("at least", context.get("ge")) if "ge" in context else ("at most", context.get("le"))
        )
        return f"must be {word} {bound}", None, Code.BAD_VALUE
    return str(error["msg"]).lower(), None, Code.BAD_VALUE


def _is_scalar(value: Any) -> bool:
    return isinstance(value, (bool, int, float))


def _names(model: type[BaseModel]) -> tuple[str, ...]:
    return tuple(field.alias or name for name, field in model.model_fields.items())


def _description(model: type[BaseModel], path: Path) -> str | None:
    parent = _model_at(model, path[:-1])
    if parent is None:
        return None
    for name, field in parent.model_fields.items():
        if path[-1] in (name, field.alias):
            return field.description
    return None


def _model_at(model: type[BaseModel], path: Path) -> type[BaseModel] | None:
    """Return the model that holds what the path names, None if no model does."""
    current: Any = model
    for step in path:
        if isinstance(current, type) and issubclass(current, BaseModel):
            fields = current.model_fields.items()
            found = [field for name, field in fields if step in (name, field.alias)]
            if not found:
                return None
            current = _bare(found[0].annotation)
        else:
            arguments = get_args(current)
            if not arguments:
                return None
            current = _bare(arguments[0 if isinstance(step, int) else -1])
    return current if isinstance(current, type) and issubclass(current, BaseModel) else None


def _bare(annotation: Any) -> Any:
    """Return an annotation without Annotated and None."""
    while True:
        origin = get_origin(annotation)
        if origin is Annotated:
            annotation = get_args(annotation)[0]
        elif origin in (Union, types.UnionType):
            annotation = next(one for one in get_args(annotation) if one is not type(None))
        else:
            return annotation

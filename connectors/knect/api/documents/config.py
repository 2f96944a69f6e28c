"""Open objects against a manifest's JSON schema.

Why a library: draft 2020-12 is more than a weekend; and why our sentences: its own quote the value,
which may be the token somebody put in the wrong place.
Must not: fetch a schema from anywhere.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from knect.api.documents.problems import closest
from knect.api.documents.tree import Path

__all__ = ["ConfigProblem", "config_problems"]

_NAMES = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a map",
    "null": "nothing",
}
_BOUNDS = {
    "minimum": "must be at least {}",
    "maximum": "must be at most {}",
    "exclusiveMinimum": "must be above {}",
    "minLength": "must have at least {} characters",
    "maxLength": "may have at most {} characters",
    "minItems": "must have at least {} entries",
    "maxItems": "may have at most {} entries",
    "minProperties": "must have at least {} entries",
    "maxProperties": "may have at most {} entries",
}


@dataclass(frozen=True, slots=True)
class ConfigProblem:
    """What is wrong with an open object; `of_key`: the key itself is."""

    path: Path
    message: str
    suggestion: str | None = None
    of_key: bool = False


def config_problems(schema: Mapping[str, Any], value: Mapping[str, Any]) -> Iterator[ConfigProblem]:
    """Yield every problem. An empty schema lets nothing but an empty object through."""
    if not schema:
        for key in value:
            text = f"there is no setting {key!r}; none is known here"
            yield ConfigProblem((key,), text, of_key=True)
        return
    from jsonschema import Draft202012Validator  # noqa: PLC0415 - 60 ms, needed by few commands

    found = Draft202012Validator(schema).iter_errors(value)
    for error in sorted(found, key=lambda one: [str(step) for step in one.absolute_path]):
        yield from _explain(error)


def _explain(error: Any) -> Iterator[ConfigProblem]:
    path: Path = tuple(error.absolute_path)
    expected = error.validator_value
    match error.validator:
        case "additionalProperties":
            known = tuple(error.schema.get("properties", {}))
            for key in error.instance:
                if key not in known:
                    text = f"there is no setting {key!r}"
                    yield ConfigProblem((*path, key), text, closest(key, known), of_key=True)
        case "required":
            for key in expected:
                if key not in error.instance and f"'{key}'" in error.message:
                    about = error.schema.get("properties", {}).get(key, {}).get("description")
                    yield ConfigProblem(path, f"setting {key!r} is missing", about, of_key=True)
        case "type":
            wanted = [expected] if isinstance(expected, str) else expected
            names = " or ".join(_NAMES.get(one, one) for one in wanted)
            quotes = "put it in quotes" if wanted == ["string"] else None
            scalar = isinstance(error.instance, (int, float, bool))
            yield ConfigProblem(path, f"expected {names}", quotes if scalar else None)
        case "enum":
            known = tuple(map(str, expected))
            near = closest(error.instance, known) if isinstance(error.instance, str) else None
            hint = near if near and near.startswith("did") else None
            yield ConfigProblem(path, f"expected one of {', '.join(known)}", hint)
        case "pattern":
            about = error.schema.get("description")
            yield ConfigProblem(path, f"does not fit the pattern {expected}", about)
        case bound if bound in _BOUNDS:
            yield ConfigProblem(path, _BOUNDS[bound].format(expected))
        case other:
            yield ConfigProblem(path, f"does not meet {other}: {expected}")

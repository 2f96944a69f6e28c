"""`knect connectors NAME ENTITY`: what a pipeline may say of it, from the manifest and the record.

Why: whoever writes a SyncPipeline needs the names that are read, those that are written, and the
settings; they are data here, and must not have to be looked up in code.
Must not: import a connector.
"""

import types
from collections.abc import Iterator, Mapping
from typing import Any, Union, get_args, get_origin, get_type_hints

from msgspec import Struct

from knect.api.manifest import Manifest
from knect.cli.output import say, table
from knect.engine.mapping import HOST_FUNCTIONS, RECORD_VARIABLES
from knect.model import RECORD_TYPES

__all__ = ["print_config", "print_entity"]

_WORDS = {
    "str": "text", "Decimal": "number", "datetime": "instant", "bool": "true or false",
    "int": "whole number", "dict": "texts by name",
}  # fmt: skip


def print_config(one: Manifest) -> None:
    """Print the words of `spec.config` and the keys of the Secret."""
    table(["CONFIG", "", "WHAT"], _settings(one.config), indent="  ")
    keys = [
        [key.key, "required" if key.required else "", key.description] for key in one.credentials
    ]
    table(["SECRET KEY", "", "WHAT"], keys, indent="  ")


def print_entity(one: Manifest, name: str) -> None:
    """Print what a pipeline of this entity reads from the system, or writes to it."""
    can = one.entities[name]
    say(f"{name} at {one.title} ({one.id}): {can.description}")
    say(f"  source: {'yes' if can.read else 'no'}    destination: {'yes' if can.write else 'no'}")
    if can.read:
        webhook = "schedule, poll or webhook" if can.webhook else "schedule or poll"
        say(f"  trigger: {webhook}")
        if can.filter:
            table(["SOURCE.FILTER", "", "WHAT"], _settings(can.filter), indent="  ")
    table(["IN EXPRESSIONS", "TYPE"], list(record_fields(name)), indent="  ")
    say(f"  and raw (as the source has it), {'(), '.join(HOST_FUNCTIONS)}()")
    if can.write:
        matches = ", ".join(can.matches) or "nothing"
        removals = ", ".join(["Ignore", *(removal.value for removal in can.removals)])
        say(f"  destination.match: {matches}    destination.onSourceDelete: {removals}")
        if can.settings:
            table(["DESTINATION.SETTINGS", "", "WHAT"], _settings(can.settings), indent="  ")
        fields = [
            [field.name, field.type.value, field.description] for field in one.fields.get(name, ())
        ]
        if fields:
            table(["MAPPING.SET", "TYPE", "WHAT"], fields, indent="  ")
        else:
            say("  mapping.set: the fields the Connection's API has")


def record_fields(entity: str) -> Iterator[list[str]]:
    """Yield path and type of every field of a record, as expressions name it."""
    return _fields(RECORD_TYPES[entity], RECORD_VARIABLES[entity])


def _fields(kind: type[Struct], base: str) -> Iterator[list[str]]:
    for name, hint in get_type_hints(kind).items():
        inner, is_list = _inner(hint)
        path = f"{base}.{name}{'[]' if is_list else ''}"
        if isinstance(inner, type) and issubclass(inner, Struct):
            yield from _fields(inner, path)
        else:
            word = getattr(get_origin(inner) or inner, "__name__", str(inner))
            yield [path, _WORDS.get(word, word)]


def _inner(hint: Any) -> tuple[Any, bool]:
    if get_origin(hint) in (Union, types.UnionType):
        hint = next(one for one in get_args(hint) if one is not type(None))
    if get_origin(hint) is tuple:
        return get_args(hint)[0], True
    return hint, False


def _settings(schema: Mapping[str, Any]) -> list[list[str]]:
    """Return name, what it may be and what it is, per property of a JSON schema."""
    required = schema.get("required", ())
    rows = []
    for name, one in schema.get("properties", {}).items():
        notes = ["required"] if name in required else []
        notes += [" | ".join(map(str, one["enum"]))] if "enum" in one else []
        notes += [f"default {one['default']}"] if "default" in one else []
        rows.append([name, ", ".join(notes), str(one.get("description", ""))])
    return rows

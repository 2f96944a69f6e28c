"""What a Connection says against its manifest and its Secret.

Must not: quote a value of the Secret; only its keys are looked at.
"""

import re
from collections.abc import Iterator

from knect.api.connection import Connection
from knect.api.documents.config import config_problems
from knect.api.documents.problems import Code, Problem, closest
from knect.api.documents.reader import Loaded
from knect.api.documents.tree import Path
from knect.api.documents.world import World, at, reference
from knect.api.manifest import Manifest
from knect.api.native import Secret

__all__ = ["SECRET_PATH", "connection_problems"]

#: Where a Connection names its Secret.
SECRET_PATH = "spec.credentials.secretRef.name"  # noqa: S105 - a path


def connection_problems(loaded: Loaded, world: World) -> Iterator[Problem]:
    """Yield what is wrong with a Connection beyond its own shape."""
    connection = loaded.model
    if not isinstance(connection, Connection):
        return
    spec = connection.spec
    manifest = world.catalog.get(spec.connector)
    if spec.credentials is not None:
        path: Path = tuple(SECRET_PATH.split("."))
        name = spec.credentials.secret_ref.name
        yield from reference(loaded, world, path, "Secret", name)
        if manifest is not None:
            yield from _credentials(loaded, world, manifest, connection)
    elif manifest is not None and (needed := manifest.required_keys(spec.config)):
        keys = ", ".join(needed)
        text = f"connector {spec.connector!r} needs credentials: {keys}"
        hint = "add spec.credentials.secretRef"
        yield at(loaded, ("spec",), text, hint, Code.MISSING_CREDENTIAL, key=True)
    if manifest is None:
        text = f"there is no connector {spec.connector!r}"
        near = closest(spec.connector, tuple(world.catalog))
        yield at(loaded, ("spec", "connector"), text, near, Code.UNKNOWN_CONNECTOR)
        return
    if spec.role not in manifest.roles:
        text = f"connector {spec.connector!r} cannot be a {spec.role}"
        hint = f"it can be: {', '.join(manifest.roles)}"
        yield at(loaded, ("spec", "role"), text, hint, Code.BAD_VALUE)
    problems = list(config_problems(manifest.config, spec.config))
    for found in problems:
        yield at(
            loaded,
            ("spec", "config", *found.path),
            found.message,
            found.suggestion,
            Code.BAD_CONFIG,
            key=found.of_key,
        )
    for where, sentence in () if problems else world.check_config(connection):
        yield at(loaded, ("spec", *_steps(where)), sentence, None, Code.BAD_CONFIG)


def _steps(path: str) -> Path:
    """Return the steps of `config.events[0].id`."""
    names = re.findall(r"([^.\[\]]+)|\[(\d+)\]", path)
    return tuple(int(index) if index else name for name, index in names)


def _credentials(
    loaded: Loaded, world: World, manifest: Manifest, connection: Connection
) -> Iterator[Problem]:
    spec = connection.spec
    name = spec.credentials.secret_ref.name if spec.credentials else ""
    namespace = loaded.key[0] if loaded.key else "default"
    found = world.known.get(("Secret", (namespace, name)))
    if found is None or not isinstance(found.model, Secret):
        return
    have = {*found.model.data, *found.model.string_data}
    for key in manifest.required_keys(spec.config):
        if key not in have:
            what = next(one.description for one in manifest.credentials if one.key == key)
            text = f"Secret {name!r} has no key {key!r}, which Connection {connection.name!r} needs"
            yield at(found, ("metadata", "name"), text, what, Code.MISSING_CREDENTIAL)

"""Everything one document can be held against, and how a problem finds its place.

Must not: report what follows from another problem: a document that exists but is broken still
counts as existing.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from knect.api.connection import Connection
from knect.api.documents.bundle import Key
from knect.api.documents.explain import path_text
from knect.api.documents.problems import Code, Problem, closest
from knect.api.documents.reader import Loaded
from knect.api.documents.tree import Path
from knect.api.manifest import Manifest

__all__ = [
    "CheckConfig",
    "CheckExpression",
    "CheckField",
    "ExpressionProblem",
    "World",
    "at",
    "reference",
]


class ExpressionProblem(Protocol):
    """What is wrong with an expression; `position` counts characters from 0."""

    @property
    def message(self) -> str: ...  # noqa: D102 - a field

    @property
    def position(self) -> int: ...  # noqa: D102 - a field

    @property
    def suggestion(self) -> str | None: ...  # noqa: D102 - a field


#: (expression, entity, names of the pipeline's tables) -> what is wrong with it.
CheckExpression = Callable[[str, str, Collection[str]], Sequence[ExpressionProblem]]

#: (path: lines[].sku, entity) -> what is wrong with it.
CheckField = Callable[[str, str], Sequence[ExpressionProblem]]

#: A Connection -> what its connector says of its config beyond the schema: (path in it, sentence).
CheckConfig = Callable[[Connection], Sequence[tuple[str, str]]]


@dataclass(frozen=True, slots=True)
class World:
    """Everything one document can be held against. `known` is (kind, key) of all documents."""

    catalog: Mapping[str, Manifest]
    known: Mapping[tuple[str, Key], Loaded]
    check_expression: CheckExpression
    check_field: CheckField
    check_config: CheckConfig = lambda _: ()

    def names(self, kind: str, namespace: str) -> tuple[str, ...]:
        """Return the names of that kind in a namespace."""
        return tuple(key[1] for one, key in self.known if one == kind and key[0] == namespace)

    def connection(self, namespace: str, name: str) -> Connection | None:
        """Return a Connection if it is there and whole."""
        loaded = self.known.get(("Connection", (namespace, name)))
        model = loaded.model if loaded else None
        return model if isinstance(model, Connection) else None

    def manifest(self, namespace: str, connection: str) -> Manifest | None:
        """Return the manifest behind a Connection, None if either is not known."""
        found = self.connection(namespace, connection)
        return self.catalog.get(found.spec.connector) if found else None


def at(
    loaded: Loaded,
    path: Path,
    message: str,
    suggestion: str | None,
    code: Code,
    *,
    key: bool = False,
) -> Problem:
    """Return a problem at the value (or the key) a path names."""
    line, column = loaded.node.place(path, of_key=key)
    return Problem(loaded.file, line, column, path_text(path), message, suggestion, code)


def reference(loaded: Loaded, world: World, path: Path, kind: str, name: str) -> Iterator[Problem]:
    """Yield a problem if the named object is not in the set."""
    namespace = loaded.key[0] if loaded.key else "default"
    if (kind, (namespace, name)) not in world.known:
        hint = closest(name, world.names(kind, namespace)) or f"add a {kind} of that name"
        text = f"there is no {kind} {name!r}"
        yield at(loaded, path, text, hint, Code.MISSING_REFERENCE)

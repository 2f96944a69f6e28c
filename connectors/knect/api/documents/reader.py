"""Files into models, one document after the other, each problem with its place.

Must not: stop at the first problem, or look from one document at another.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from knect.api.connection import Connection
from knect.api.documents.bundle import AnyDocument, Key
from knect.api.documents.explain import explain
from knect.api.documents.problems import Code, Problem, closest
from knect.api.documents.tree import Found, Node, read_tree
from knect.api.names import API_VERSION, GROUP
from knect.api.native import ConfigMap, Secret
from knect.api.pipeline import SyncPipeline

__all__ = ["Loaded", "files_of", "read_document", "read_file"]

_SUFFIXES = (".yaml", ".yml", ".json")
_MODELS: dict[tuple[str, str], type[AnyDocument]] = {
    (API_VERSION, "Connection"): Connection,
    (API_VERSION, "SyncPipeline"): SyncPipeline,
    ("v1", "Secret"): Secret,
    ("v1", "ConfigMap"): ConfigMap,
}
_OURS = ("Connection", "SyncPipeline")


@dataclass(slots=True)
class Loaded:
    """A document of a known kind. `model` is None if it has problems of its own."""

    file: str
    node: Node
    kind: str
    key: Key | None
    model: AnyDocument | None
    ignored: str = ""


def files_of(paths: Iterable[Path]) -> Iterator[Path]:
    """Yield the files meant; of folders what looks like a document, without subfolders."""
    for path in paths:
        if path.is_dir():
            found = (one for one in path.iterdir() if one.suffix in _SUFFIXES and one.is_file())
            yield from (one for one in sorted(found) if not one.name.startswith("."))
        else:
            yield path


def read_file(path: Path) -> tuple[list[Loaded], list[Problem]]:
    """Return the documents of a file and its problems."""
    name = str(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        text = f"the file cannot be read: {error.strerror or error}"
        return [], [Problem(name, 0, 0, "", text, None, Code.NOT_READABLE)]
    nodes, found = read_tree(content)
    problems = [_placed(name, one) for one in found]
    loaded: list[Loaded] = []
    for node in _unpacked(nodes):
        if node.kind == "scalar" and node.value is None:
            continue
        document, own = read_document(name, node)
        problems += own
        if document is not None:
            loaded.append(document)
    return loaded, problems


def _unpacked(nodes: Iterable[Node]) -> Iterator[Node]:
    """Yield the documents; a List, as `kubectl get -o yaml` prints it, stands for its items."""
    for node in nodes:
        items = node.step("items") if node.kind == "map" else None
        if items is not None and _text(node, "kind") == "List":
            yield from items.items
        else:
            yield node


def _placed(file: str, found: Found) -> Problem:
    return Problem(
        file, found.line, found.column, found.path, found.message, found.suggestion, found.code
    )


def read_document(file: str, node: Node) -> tuple[Loaded | None, list[Problem]]:
    """Return one document of a file, None if its kind is not known, and its problems."""
    if node.kind != "map":
        text = "a document is a map with apiVersion, kind, metadata and spec"
        return None, [Problem(file, node.line, node.column, "", text, None, Code.WRONG_TYPE)]
    missing = [one for one in ("apiVersion", "kind") if not isinstance(_text(node, one), str)]
    if missing:
        text = f"the document has no {' and no '.join(missing)}"
        hint = f"Knect's own begin with apiVersion: {API_VERSION}"
        return None, [Problem(file, node.line, node.column, "", text, hint, Code.MISSING_FIELD)]
    version, kind = str(_text(node, "apiVersion")), str(_text(node, "kind"))
    model = _MODELS.get((version, kind))
    if model is None:
        return _foreign(file, node, version, kind)
    data = node.plain()
    try:
        document = model.model_validate(data, by_alias=True, by_name=False)
    except ValidationError as error:
        found = explain(error, model, node)
        return Loaded(file, node, kind, _key(node), None), [_placed(file, one) for one in found]
    return Loaded(file, node, kind, _key(node), document), []


def _foreign(file: str, node: Node, version: str, kind: str) -> tuple[Loaded | None, list[Problem]]:
    """Pass over other people's kinds; a misspelled one of ours is a problem."""
    ours = version.partition("/")[0] == GROUP or kind in _OURS
    if not ours:
        return Loaded(file, node, kind, None, None, ignored=f"{version} {kind}"), []
    if kind in _OURS:
        line, column = node.place(("apiVersion",))
        text = f"apiVersion {version} is not known for {kind}"
        hint = f"write {API_VERSION}"
        return None, [Problem(file, line, column, "apiVersion", text, hint, Code.UNKNOWN_KIND)]
    line, column = node.place(("kind",))
    text = f"there is no kind {kind!r} in {version}"
    return None, [
        Problem(file, line, column, "kind", text, closest(kind, _OURS), Code.UNKNOWN_KIND)
    ]


def _text(node: Node, *path: str) -> object:
    found = node.at(path)
    return found.value if found is not None and found.kind == "scalar" else None


def _key(node: Node) -> Key | None:
    """Return namespace and name even of a document that has other problems."""
    name, namespace = _text(node, "metadata", "name"), _text(node, "metadata", "namespace")
    if not isinstance(name, str):
        return None
    return (namespace if isinstance(namespace, str) else "default", name)

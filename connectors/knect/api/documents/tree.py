"""YAML text into values that know their line and column.

Why not a ready loader: it forgets positions, lets the last of two equal keys win, expands aliases
without end, and reads `no` as false and `0123` as 83. Here keys are unique, aliases are counted,
and a plain word that Kubernetes would read as something else than it looks is a problem.
Must not: recurse (depth is bounded first), or know any document.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from knect.api.documents.problems import Code

__all__ = ["Found", "Node", "Path", "node_of", "read_tree"]

_MOST_BYTES = 4 * 1024 * 1024
_MOST_VALUES = 100_000
_DEEPEST = 64

_NULL = re.compile(r"~|null|Null|NULL|")
_BOOL = re.compile(r"true|True|TRUE|false|False|FALSE")
_INT = re.compile(r"[-+]?(?:0|[1-9][0-9]*)|0x[0-9a-fA-F]+|0o[0-7]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
#: Words and numbers YAML 1.1, which Kubernetes reads, takes for truths and octal numbers.
_TRUTHS = re.compile(r"yes|Yes|YES|no|No|NO|on|On|ON|off|Off|OFF|y|Y|n|N")
_OCTAL = re.compile(r"[-+]?0[0-7]+")
_TAGS = {"tag:yaml.org,2002:str", "!"}

Path = tuple[str | int, ...]


@dataclass(slots=True)
class Node:
    """A value with its place. `entries` holds a map's (key, its line, its column, value).

    `height` is how deep it nests; aliases add up.
    """

    kind: str  # map, list, scalar
    line: int
    column: int
    value: Any = None
    quoted: bool = False
    height: int = 0
    entries: list[tuple[str, int, int, "Node"]] = field(default_factory=list)
    items: list["Node"] = field(default_factory=list)

    def plain(self) -> Any:
        """Return maps as dicts, lists as lists; depth is bounded by the reader."""
        if self.kind == "map":
            return {key: node.plain() for key, _, _, node in self.entries}
        if self.kind == "list":
            return [node.plain() for node in self.items]
        return self.value

    def step(self, key: str | int) -> "Node | None":
        """Return the node below, None if there is none."""
        if isinstance(key, int):
            return self.items[key] if key < len(self.items) else None
        return next((node for name, _, _, node in self.entries if name == key), None)

    def at(self, path: Path) -> "Node | None":
        """Return the node at a path, None if there is none."""
        node: Node | None = self
        for key in path:
            if node is None:
                return None
            node = node.step(key)
        return node

    def place(self, path: Path, *, of_key: bool = False) -> tuple[int, int]:
        """Return line and column of the value (or the key) at a path, or of what comes nearest."""
        node = self
        place = (self.line, self.column)
        for number, key in enumerate(path, start=1):
            below = node.step(key)
            if below is None:
                return place
            place = (below.line, below.column)
            if of_key and number == len(path):
                for name, line, column, _ in node.entries:
                    if name == key:
                        place = (line, column)
            node = below
        return place


def node_of(value: Any) -> Node:
    """Return a plain value, such as an API server's answer, as a node without a place."""
    if isinstance(value, Mapping):
        entries = [(str(key), 0, 0, node_of(below)) for key, below in value.items()]
        return Node("map", 0, 0, entries=entries)
    if isinstance(value, list | tuple):
        return Node("list", 0, 0, items=[node_of(below) for below in value])
    return Node("scalar", 0, 0, value=value, quoted=isinstance(value, str))


@dataclass(frozen=True, slots=True)
class Found:
    """A problem of the text itself, without the file's name."""

    line: int
    column: int
    path: str
    message: str
    suggestion: str | None
    code: Code


def read_tree(content: bytes) -> tuple[list[Node], list[Found]]:
    """Return the documents of a file (those before an error) and what is wrong with its text."""
    if len(content) > _MOST_BYTES:
        text = f"the file is larger than {_MOST_BYTES // 1024 // 1024} MiB"
        return [], [Found(0, 0, "", text, None, Code.TOO_LARGE)]
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        column = error.start - (content.rfind(b"\n", 0, error.start) + 1) + 1
        message = (
            f"the file is not UTF-8: byte 0x{content[error.start]:02x} at offset {error.start}"
        )
        return [], [Found(line, column, "", message, "save it as UTF-8", Code.NOT_UTF8)]
    builder = _Builder()
    try:
        builder.read(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        message = f"no valid YAML: {error.problem or error.context}"
        there = text.splitlines()[line - 1 : line] if mark else []
        is_tab = bool(there) and there[0][column - 1 : column] == "\t"
        hint = "a tab is there; indent with blanks" if is_tab else None
        builder.problems.append(Found(line, column, "", message, hint, Code.BAD_YAML))
    except yaml.YAMLError as error:
        message = f"no valid YAML: {error}".splitlines()[0]
        builder.problems.append(Found(0, 0, "", message, None, Code.BAD_YAML))
    except _TooMuch as error:
        builder.problems.append(
            Found(error.line, error.column, "", str(error), None, Code.TOO_LARGE)
        )
    return builder.documents, builder.problems


class _TooMuch(Exception):
    def __init__(self, message: str, event: Any) -> None:
        super().__init__(message)
        self.line = event.start_mark.line + 1
        self.column = event.start_mark.column + 1


@dataclass(slots=True)
class _Open:
    """A map or list being filled; `key` waits for its value."""

    node: Node
    path: str
    anchor: str | None
    start: int
    key: tuple[str, int, int] | None = None
    seen: set[str] = field(default_factory=set)


class _Builder:
    """Builds nodes from events with a stack of its own."""

    def __init__(self) -> None:
        self.documents: list[Node] = []
        self.problems: list[Found] = []
        self._stack: list[_Open] = []
        self._anchors: dict[str, tuple[Node, int]] = {}
        self._values = 0

    def read(self, text: str) -> None:
        for event in _events(text):
            self._event(event)

    def _event(self, event: Any) -> None:
        match event:
            case yaml.DocumentStartEvent():
                self._anchors.clear()
                self._values = 0
            case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                self._open(event)
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                self._close()
            case yaml.ScalarEvent():
                self._scalar(event)
            case yaml.AliasEvent():
                self._alias(event)
            case _:
                pass

    def _count(self, event: Any, values: int = 1) -> None:
        self._values += values
        if self._values > _MOST_VALUES:
            raise _TooMuch(f"the document expands to more than {_MOST_VALUES:,} values", event)

    def _path(self) -> str:
        if not self._stack:
            return ""
        top = self._stack[-1]
        if top.node.kind == "list":
            return f"{top.path}[{len(top.node.items)}]"
        key = top.key[0] if top.key else ""
        return f"{top.path}.{key}" if top.path else key

    def _open(self, event: Any) -> None:
        self._count(event)
        if len(self._stack) >= _DEEPEST:
            raise _TooMuch(f"the document nests deeper than {_DEEPEST}", event)
        self._tag(event)
        kind = "map" if isinstance(event, yaml.MappingStartEvent) else "list"
        if self._wants_key():
            self._problem(event, "a key must be text", None, Code.WRONG_TYPE)
            self._stack[-1].key = ("", event.start_mark.line + 1, event.start_mark.column + 1)
        node = Node(kind, event.start_mark.line + 1, event.start_mark.column + 1)
        self._stack.append(_Open(node, self._path(), event.anchor, self._values))

    def _close(self) -> None:
        closed = self._stack.pop()
        if closed.anchor:
            self._anchors[closed.anchor] = (closed.node, self._values - closed.start + 1)
        self._put(closed.node)

    def _wants_key(self) -> bool:
        return bool(self._stack) and self._stack[-1].node.kind == "map" and not self._stack[-1].key

    def _scalar(self, event: Any) -> None:
        self._count(event)
        line, column = event.start_mark.line + 1, event.start_mark.column + 1
        self._tag(event)
        if self._wants_key():
            self._key(event, line, column)
            return
        node = Node("scalar", line, column, quoted=event.style in ("'", '"'))
        node.value = event.value if event.style or event.tag in _TAGS else self._plain(event)
        if event.anchor:
            self._anchors[event.anchor] = (node, 1)
        self._put(node)

    def _key(self, event: Any, line: int, column: int) -> None:
        top = self._stack[-1]
        if event.value == "<<" and not event.style:
            text = "merge keys are not read; write the fields out"
            self._problem(event, text, None, Code.BAD_YAML)
        elif event.value in top.seen:
            path = f"{top.path}.{event.value}" if top.path else event.value
            text = f"key {event.value!r} is there twice"
            found = Found(line, column, path, text, "keep one of them", Code.DUPLICATE_KEY)
            self.problems.append(found)
        top.seen.add(event.value)
        top.key = (event.value, line, column)

    def _alias(self, event: Any) -> None:
        known = self._anchors.get(event.anchor)
        if known is None:
            text = f"alias *{event.anchor} names nothing that is complete before it"
            self._problem(event, text, None, Code.BAD_YAML)
            self._put(Node("scalar", event.start_mark.line + 1, event.start_mark.column + 1))
            return
        node, values = known
        self._count(event, values)
        if len(self._stack) + node.height >= _DEEPEST:
            raise _TooMuch(f"the document nests deeper than {_DEEPEST}", event)
        if self._wants_key():
            self._problem(event, "a key must be text, not an alias", None, Code.WRONG_TYPE)
            self._stack[-1].key = ("", event.start_mark.line + 1, event.start_mark.column + 1)
            return
        self._put(node)

    def _put(self, node: Node) -> None:
        if not self._stack:
            self.documents.append(node)
            return
        top = self._stack[-1]
        top.node.height = max(top.node.height, node.height + 1)
        if top.node.kind == "list":
            top.node.items.append(node)
        elif top.key is not None:
            top.node.entries.append((*top.key, node))
            top.key = None

    def _plain(self, event: Any) -> Any:
        text = event.value
        if _TRUTHS.fullmatch(text):
            truth = "true" if text.lower() in ("yes", "on", "y") else "false"
            self._ambiguous(event, f"a plain {text} as {truth}", f'write "{text}" or {truth}')
        elif _OCTAL.fullmatch(text):
            # the number is not repeated: it may be somebody's password
            self._ambiguous(event, "a plain number with a leading 0 as octal", "put it in quotes")
        elif _NULL.fullmatch(text):
            return None
        elif _BOOL.fullmatch(text):
            return text.lower() == "true"
        elif _INT.fullmatch(text) and len(text) <= 19:
            return int(text, 0) if text[:2] in ("0x", "0o") else int(text)
        elif _FLOAT.fullmatch(text) and len(text) <= 32:
            return float(text)
        return text

    def _ambiguous(self, event: Any, what: str, suggestion: str) -> None:
        self._problem(event, f"Kubernetes reads {what}", suggestion, Code.AMBIGUOUS_VALUE)

    def _tag(self, event: Any) -> None:
        if event.tag and event.tag not in _TAGS:
            name = event.tag.replace("tag:yaml.org,2002:", "!!")
            self._problem(event, f"tag {name} is not allowed", "leave it out", Code.TAG_NOT_ALLOWED)

    def _problem(self, event: Any, message: str, suggestion: str | None, code: Code) -> None:
        mark = event.start_mark
        found = Found(mark.line + 1, mark.column + 1, self._path(), message, suggestion, code)
        self.problems.append(found)


def _events(text: str) -> Iterator[Any]:
    """Yield parser events, from libyaml where PyYAML has it."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return iter(yaml.parse(text, Loader=loader))

"""Which fields an expression reads, told from its text alone.

Loop variables are followed to the list they go through, so `order.lines.map(l, l.sku)` reads
`order.lines[].sku`. What comes out of a function has no path, except first() and filters.
Must not: look at a record.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from knect.engine.mapping.nodes import (
    Call,
    Literal,
    Macro,
    Name,
    Node,
    Path,
    children,
)
from knect.engine.mapping.parser import SOFT_FUNCTION
from knect.model import ITEM, NOTHING

__all__ = ["ITEM", "Reference", "calls_of", "paths_of", "tables_of", "ways_of"]


@dataclass(frozen=True, slots=True)
class Reference:
    """A field that is read: `steps` begin with the variable; positions count characters."""

    steps: tuple[str, ...]
    position: int

    @property
    def path(self) -> str:
        """Return the path as text: `order.lines[].sku`."""
        return "".join(
            step if step == ITEM or not number else f".{step}"
            for number, step in enumerate(self.steps)
        )


_Bound = Mapping[str, tuple[str, ...] | None]


def paths_of(node: Node, bound: _Bound | None = None) -> Iterator[Reference]:
    """Yield every field read, in the order of the text (the longest path of each mention)."""
    known: _Bound = bound or {}
    match node:
        case Name():
            steps = _steps(node, known)
            if steps is not None:
                yield Reference(steps, node.position)
        case Path(root=root, steps=taken):
            steps = _steps(node, known)
            if steps is not None:
                yield Reference(steps, node.position)
            if not isinstance(root, Name):
                yield from paths_of(root, known)
            for step in taken:
                if not isinstance(step, str):
                    yield from paths_of(step, known)
        case Macro(target=target, variable=variable, body=body, condition=condition):
            yield from paths_of(target, known)
            listed = _steps(target, known)
            inner = {**known, variable: None if listed is None else (*listed, ITEM)}
            if condition is not None:
                yield from paths_of(condition, inner)
            yield from paths_of(body, inner)
        case _:
            for child in children(node):
                yield from paths_of(child, known)


def ways_of(node: Node, bound: _Bound | None = None) -> Iterator[tuple[str, ...]]:
    """Yield the ways, from a variable on, to all that may be read: each leads to a whole value.

    Of a list that is only gone through they name what is read of its items; NOTHING if that it is
    there.
    """
    known: _Bound = bound or {}
    match node:
        case Name() | Path():
            steps = _steps(node, known)
            if steps is not None:
                yield steps
            yield from _on_the_way(node, known)
        case Macro(target=target, variable=variable, body=body, condition=condition):
            listed = _steps(target, known)
            inner = {**known, variable: None if listed is None else (*listed, ITEM)}
            yield from _gone_through(target, known)
            yield from ways_of(body, inner)
            if condition is not None:
                yield from ways_of(condition, inner)
            if node.name == "filter" and listed is not None:
                yield (*listed, ITEM)
        case _:
            for child in children(node):
                yield from ways_of(child, known)


def _on_the_way(node: Name | Path, known: _Bound) -> Iterator[tuple[str, ...]]:
    """Yield what is read to find a value."""
    if isinstance(node, Path):
        if not isinstance(node.root, Name):
            yield from _gone_through(node.root, known)
        for step in node.steps:
            if not isinstance(step, str):
                yield from ways_of(step, known)


def _gone_through(node: Node, known: _Bound) -> Iterator[tuple[str, ...]]:
    """Yield what is read of a value of which only parts are taken."""
    match node:
        case Name() | Path() if (steps := _steps(node, known)) is not None:
            yield (*steps, ITEM, NOTHING)
            yield from _on_the_way(node, known)
        case Macro(name="filter", target=target, variable=variable, body=body):
            listed = _steps(target, known)
            yield from _gone_through(target, known)
            yield from ways_of(
                body, {**known, variable: None if listed is None else (*listed, ITEM)}
            )
        case Call(name="first", arguments=(listed, *_)):
            yield from _gone_through(listed, known)
        case Call(name=name, arguments=(tried, *rest)) if name == SOFT_FUNCTION:
            yield from _gone_through(tried, known)
            for one in rest:
                yield from ways_of(one, known)
        case _:
            yield from ways_of(node, known)


def calls_of(node: Node) -> Iterator[str]:
    """Yield the name of every function called."""
    if isinstance(node, Call):
        yield node.name
    for child in children(node):
        yield from calls_of(child)


def tables_of(node: Node) -> Iterator[tuple[str, int]]:
    """Yield every table that is named outright in `lookup("carriers", x)`, and its position."""
    match node:
        case Call(name="lookup", arguments=(Literal(value=str(table), position=position), *_)):
            yield table, position
        case _:
            pass
    for child in children(node):
        yield from tables_of(child)


def _steps(node: Node, bound: _Bound) -> tuple[str, ...] | None:
    """Return the steps to a node's value, None if it is not taken from anywhere."""
    match node:
        case Name(name=name):
            return bound.get(name, (name,))
        case Path(root=root, steps=taken):
            start = _steps(root, bound)
            if start is None:
                return None
            return (*start, *(_step(one) for one in taken))
        case Macro(name="filter", target=target):
            return _steps(target, bound)
        case Call(name="first", arguments=(listed, *_)):
            start = _steps(listed, bound)
            return None if start is None else (*start, ITEM)
        case Call(name=name, arguments=(tried, *_)) if name == SOFT_FUNCTION:
            return _steps(tried, bound)
        case _:
            return None


def _step(step: str | Node) -> str:
    if isinstance(step, str):
        return step
    if isinstance(step, Literal) and isinstance(step.value, str):
        return step.value
    return ITEM

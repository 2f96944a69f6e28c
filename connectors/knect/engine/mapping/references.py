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

__all__ = ["ITEM", "Reference", "calls_of", "paths_of"]

#: The step into a list.
ITEM = "[]"


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


def calls_of(node: Node) -> Iterator[str]:
    """Yield the name of every function called."""
    if isinstance(node, Call):
        yield node.name
    for child in children(node):
        yield from calls_of(child)


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

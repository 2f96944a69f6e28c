"""The parsed expression as values.

Chains are flat (`a + b + c`, `a && b && c`, `a.b[0].c`, `x ? 1 : y ? 2 : 3` are one node each), so
that depth means nesting and a long sum is not a deep one.
Must not: hold behaviour.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

__all__ = [
    "Call",
    "Chain",
    "Choice",
    "Compare",
    "Has",
    "ListOf",
    "Literal",
    "Logic",
    "Macro",
    "MapOf",
    "Name",
    "Node",
    "Path",
    "Unary",
    "children",
    "depth_of",
    "size_of",
]


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant."""

    position: int
    value: Any


@dataclass(frozen=True, slots=True)
class Name:
    """A variable: the record, `raw`, or what a macro goes through."""

    position: int
    name: str


@dataclass(frozen=True, slots=True)
class Path:
    """Fields (text) and indices (nodes) taken from a root, one after the other."""

    position: int
    root: "Node"
    steps: "tuple[str | Node, ...]"


@dataclass(frozen=True, slots=True)
class Has:
    """has(path): is there a value."""

    position: int
    path: Path


@dataclass(frozen=True, slots=True)
class Call:
    """A function with its arguments; a receiver is the first of them."""

    position: int
    name: str
    arguments: "tuple[Node, ...]"


@dataclass(frozen=True, slots=True)
class Macro:
    """A loop over a list: all, exists, exists_one, filter, map (with an optional condition)."""

    position: int
    name: str
    target: "Node"
    variable: str
    body: "Node"
    condition: "Node | None" = None


@dataclass(frozen=True, slots=True)
class Unary:
    """`!x` or `-x`."""

    position: int
    operator: str
    operand: "Node"


@dataclass(frozen=True, slots=True)
class Chain:
    """Operands joined from the left by `+ -` or `* / %`."""

    position: int
    first: "Node"
    rest: "tuple[tuple[str, Node], ...]"


@dataclass(frozen=True, slots=True)
class Compare:
    """`== != < <= > >= in`."""

    position: int
    operator: str
    left: "Node"
    right: "Node"


@dataclass(frozen=True, slots=True)
class Logic:
    """Operands joined by `&&` or by `||`."""

    position: int
    operator: str
    operands: "tuple[Node, ...]"


@dataclass(frozen=True, slots=True)
class Choice:
    """`c1 ? v1 : c2 ? v2 : … : otherwise`."""

    position: int
    branches: "tuple[tuple[Node, Node], ...]"
    otherwise: "Node"


@dataclass(frozen=True, slots=True)
class ListOf:
    """`[a, b]`."""

    position: int
    items: "tuple[Node, ...]"


@dataclass(frozen=True, slots=True)
class MapOf:
    """`{"a": b}`."""

    position: int
    entries: "tuple[tuple[Node, Node], ...]"


Node = (
    Literal
    | Name
    | Path
    | Has
    | Call
    | Macro
    | Unary
    | Chain
    | Compare
    | Logic
    | Choice
    | ListOf
    | MapOf
)


def children(node: Node) -> Iterator[Node]:  # noqa: C901, PLR0912 - one branch per kind of node
    """Yield the nodes directly below."""
    match node:
        case Literal() | Name():
            return
        case Path(root=root, steps=steps):
            yield root
            yield from (step for step in steps if not isinstance(step, str))
        case Has(path=path):
            yield path
        case Call(arguments=arguments):
            yield from arguments
        case Macro(target=target, body=body, condition=condition):
            yield target
            yield body
            if condition is not None:
                yield condition
        case Unary(operand=operand):
            yield operand
        case Chain(first=first, rest=rest):
            yield first
            yield from (operand for _, operand in rest)
        case Compare(left=left, right=right):
            yield left
            yield right
        case Logic(operands=operands):
            yield from operands
        case Choice(branches=branches, otherwise=otherwise):
            for pair in branches:
                yield from pair
            yield otherwise
        case ListOf(items=items):
            yield from items
        case MapOf(entries=entries):
            for entry in entries:
                yield from entry


def depth_of(node: Node) -> int:
    """Return how deep the nodes nest; does not recurse, as it is what bounds recursion."""
    deepest = 0
    stack = [(node, 1)]
    while stack:
        current, depth = stack.pop()
        deepest = max(deepest, depth)
        stack.extend((child, depth + 1) for child in children(current))
    return deepest


def size_of(node: Node) -> int:
    """Return the number of nodes, which is what one pass over them costs at most."""
    count = 0
    stack = [node]
    while stack:
        count += 1
        stack.extend(children(stack.pop()))
    return count

"""What an expression shows of a record, told from its text: can it show any part of it twice?

Why: a result that shows nothing twice is no larger than the record itself, so it may be written
out before its size is known. One that may, grows with every turn of a loop, and is weighed first.
Must not: say of an expression that shows a part twice that it does not; the contrary is only slow.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise

from knect.engine.mapping.functions import FUNCTIONS
from knect.engine.mapping.nodes import (
    Call,
    Compare,
    Has,
    Literal,
    Logic,
    Macro,
    Name,
    Node,
    Path,
    Unary,
    children,
)
from knect.engine.mapping.parser import SOFT_FUNCTION
from knect.engine.mapping.references import ITEM

__all__ = ["are_apart", "shown_parts"]

_Steps = tuple[str, ...]

#: A text that is written out with every turn of a loop.
_SHORT_TEXT = 64


def are_apart(parts: Iterable[_Steps]) -> bool:
    """Tell whether none is another, or a part of another."""
    return all(after[: len(before)] != before for before, after in pairwise(sorted(parts)))


def shown_parts(node: Node) -> tuple[_Steps, ...] | None:
    """Return the fields whose values may be in the result; None if one may be there repeatedly."""
    try:
        return tuple(_shown(node, {}, ()))
    except _RepeatsError:
        return None


class _RepeatsError(Exception):
    pass


def _shown(node: Node, bound: Mapping[str, _Steps], item: _Steps) -> Iterator[_Steps]:
    """Yield them; `item` is what the loop around stands at, which alone changes by the turn."""
    match node:
        case Has() | Unary() | Compare() | Logic():
            return  # true, false or a number
        case Literal(value=value):
            if item and isinstance(value, str) and len(value) > _SHORT_TEXT:
                raise _RepeatsError
        case Name() | Path() | Macro(name="filter"):
            yield _of_the_turn(node, bound, item)
        case Macro(name="map"):
            turn = (*_of_the_turn(node.target, bound, item), ITEM)
            yield from _shown(node.body, {**bound, node.variable: turn}, turn)
        case Macro():
            return  # true or false
        case Call(name=name) if name not in FUNCTIONS and name != SOFT_FUNCTION:
            raise _RepeatsError  # nobody knows what the host gives
        case _:
            for child in children(node):
                yield from _shown(child, bound, item)


def _of_the_turn(node: Node, bound: Mapping[str, _Steps], item: _Steps) -> _Steps:
    """Return the way to a value, from its variable on; it must begin where the turn stands."""
    match node:
        case Name(name=name):
            steps = bound.get(name, (name,))
        case Path(root=Name(name=name), steps=taken):
            steps = (*bound.get(name, (name,)), *(one for one in taken if isinstance(one, str)))
            if not all(isinstance(one, str) for one in taken):
                raise _RepeatsError
        case Macro(name="filter", target=target):
            return _of_the_turn(target, bound, item)
        case _:
            raise _RepeatsError
    if steps[: len(item)] != item:
        raise _RepeatsError
    return steps

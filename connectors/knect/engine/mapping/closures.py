"""The closures a compiled expression is made of, and how their errors are placed.

Every closure comes with `where`, which names the field its value came from and is asked only when
something failed. Failures of values (ValueError) become ExpressionErrors here.
Must not: touch an attribute of a value, or absorb a BudgetExceeded or a LookupMissing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from knect.engine.mapping.access import MISSING, Field
from knect.engine.mapping.errors import BudgetExceeded, ExpressionError, LookupMissing
from knect.engine.mapping.frame import Frame, NameItem, Run, Where
from knect.engine.mapping.functions import Function
from knect.engine.mapping.loops import Each
from knect.engine.mapping.nodes import Literal, Node
from knect.engine.mapping.values import describe, equal

__all__ = [
    "Code",
    "binary",
    "blame",
    "chain",
    "equals",
    "host_call",
    "list_of",
    "logic",
    "map_of",
    "misfit",
    "or_default",
    "own_call",
]


@dataclass(frozen=True, slots=True)
class Code:
    """A compiled node.

    `variable` names it if it is nothing but a variable of the scope, `slot` numbers it if it is a
    loop's; `constant` is the text it always is; `soft` gives MISSING instead of failing; `items`
    names the nth item of the list it makes; `field` says what it is taken from, if that is plain;
    `each` makes it of nothing but the item a loop stands at.
    """

    run: Run
    where: Where | None = None
    variable: str | None = None
    soft: Run | None = None
    items: NameItem | None = None
    slot: int | None = None
    constant: str | None = None
    field: Field | None = None
    each: Each | None = None

    def name_item(self, frame: Frame, position: int) -> str | None:
        """Name the nth item of the list this makes."""
        if self.items is not None:
            return self.items(frame, position)
        path = None if self.where is None else self.where(frame)
        return None if path is None else f"{path}[{position}]"


# ---------------------------------------------------------------- errors


def misfit(message: str, where: Where | None, frame: Frame, value: Any) -> ExpressionError:
    """Return the error for a value that does not fit, naming its field."""
    return ExpressionError(message, path=None if where is None else where(frame), value=value)


def blame(frame: Frame, values: list[Any], wheres: list[Where | None]) -> tuple[str | None, Any]:
    """Return path and value of the operand to blame: the null one, else the last field."""
    fields = [pair for pair in zip(wheres, values, strict=True) if pair[0] is not None]
    blamed = [pair for pair in fields if pair[1] is None] or fields
    if not blamed:
        return None, values[-1] if values else None
    where, value = blamed[-1]
    return None if where is None else where(frame), value


# ---------------------------------------------------------------- closures


def list_of(runs: list[Run]) -> Run:
    """Return `[a, b]`."""

    def run(frame: Frame) -> list[Any]:
        frame.take(8 * len(runs))
        return [item(frame) for item in runs]

    return run


def map_of(pairs: list[tuple[Code, Code]]) -> Code:
    """Return `{"a": b}`; keys are worked out too, and must be texts and different."""
    size = 16 * len(pairs)
    names = [key.constant for key, _ in pairs if key.constant is not None]
    if len(names) == len(pairs):
        return _map_of_constants(names, [value for _, value in pairs], size)
    parts = [(key, value.run) for key, value in pairs]

    def run(frame: Frame) -> dict[str, Any]:
        frame.take(size)
        made: dict[str, Any] = {}
        for key, value in parts:
            name = key.run(frame)
            if type(name) is not str:
                text = f"keys of a map are texts, not {describe(name)}"
                raise misfit(text, key.where, frame, name)
            if name in made:
                raise misfit("the map has this key twice", key.where, frame, name)
            made[name] = value(frame)
        return made

    return Code(run)


def _map_of_constants(names: list[str], values: list[Code], size: int) -> Code:
    parts = [(name, value.run) for name, value in zip(names, values, strict=True)]

    def run(frame: Frame) -> dict[str, Any]:
        frame.take(size)
        return {name: value(frame) for name, value in parts}

    fields = [value.field for value in values if value.field is not None]
    if len(fields) < max(2, len(values)) or len({field.way for field in fields}) > 1:
        return Code(run)
    return _renamed(names, fields, size, run)


def _renamed(names: list[str], fields: list[Field], size: int, slow: Run) -> Code:
    """Return a map of nothing but fields of one other map, which is asked for once."""
    renames = tuple((name, field.name) for name, field in zip(names, fields, strict=True))
    owner, slot = fields[0].owner, fields[0].slot

    def run(frame: Frame) -> Any:
        frame.take(size)
        made: dict[str, Any] = {}
        try:
            item = owner(frame)
            for name, field in renames:
                made[name] = item[field]
        except (KeyError, TypeError):
            return slow(frame)  # it names the one that is not there
        return made

    return Code(run, each=None if slot is None else Each(slot, renames, size))


def or_default(codes: list[Code]) -> Code:
    """Return orDefault(x, y): y if x is missing or null; y is worked out only then."""
    tried, default = codes[0], codes[1].run
    soft = tried.soft
    if soft is None:
        plain = tried.run

        def run_plain(frame: Frame) -> Any:
            value = plain(frame)
            return default(frame) if value is None else value

        return Code(run_plain, tried.where)

    def run(frame: Frame) -> Any:
        value = soft(frame)
        return default(frame) if value is MISSING else value

    return Code(run, tried.where)


def own_call(function: Function, runs: list[Run], wheres: list[Where | None]) -> Run:
    """Return a call of one of our functions; its first argument with a field is blamed."""
    call = function.run
    if len(runs) == 1:
        (only,) = runs
        (where,) = wheres

        def run_one(frame: Frame) -> Any:
            value = only(frame)
            try:
                return call(frame, value)
            except ValueError as error:
                raise misfit(str(error), where, frame, value) from None

        return run_one

    def run(frame: Frame) -> Any:
        values = [argument(frame) for argument in runs]
        try:
            return call(frame, *values)
        except ValueError as error:
            where = next((one for one in wheres if one is not None), None)
            blamed = values[wheres.index(where)] if where is not None else values[0]
            raise misfit(str(error), where, frame, blamed) from None

    return run


def host_call(name: str, runs: list[Run], wheres: list[Where | None]) -> Run:
    """Return a call of a function the host brings, looked up when it runs."""

    def run(frame: Frame) -> Any:
        call = frame.functions.get(name)
        values = [argument(frame) for argument in runs]
        if call is None:
            raise ExpressionError(f"function {name}() is not available here")
        try:
            return call(*values)
        except LookupMissing as missing:
            missing.path = blame(frame, values, wheres)[0] or ""
            raise
        except (ValueError, TypeError) as error:
            path, value = blame(frame, values, wheres)
            raise ExpressionError(f"{name}(): {error}", path=path, value=value) from None

    return run


def binary(operation: Callable[[Frame, Any, Any], Any], left: Code, right: Code) -> Run:
    """Return an operator between two operands."""
    one, other = left.run, right.run
    wheres = [left.where, right.where]

    def run(frame: Frame) -> Any:
        first, second = one(frame), other(frame)
        try:
            return operation(frame, first, second)
        except ValueError as error:
            path, value = blame(frame, [first, second], wheres)
            raise ExpressionError(str(error), path=path, value=value) from None
        except ArithmeticError:
            path, value = blame(frame, [first, second], wheres)
            message = "the result is no number or time that can be held"
            raise ExpressionError(message, path=path, value=value) from None

    return run


def chain(first: Code, rest: list[tuple[Callable[[Frame, Any, Any], Any], Code]]) -> Run:
    """Return a long sum as steps; each is a binary one whose left side is the value so far."""
    start = first.run
    last = [first.where, None]
    steps = []
    for operation, code in rest:
        steps.append((operation, code.run, [last[0], code.where]))
        last = [None, None]

    def run(frame: Frame) -> Any:
        total = start(frame)
        for operation, operand, wheres in steps:
            value = operand(frame)
            try:
                total = operation(frame, total, value)
            except ValueError as error:
                path, culprit = blame(frame, [total, value], wheres)
                raise ExpressionError(str(error), path=path, value=culprit) from None
            except ArithmeticError:
                path, culprit = blame(frame, [total, value], wheres)
                message = "the result is no number or time that can be held"
                raise ExpressionError(message, path=path, value=culprit) from None
        return total

    return run


def equals(one: Run, other: Run, right: Node) -> Run:
    """Return equality; with a text on the right it is the plain comparison it looks like."""
    if isinstance(right, Literal) and (right.value is None or type(right.value) is str):
        constant = right.value
        return lambda frame: bool(one(frame) == constant)
    return lambda frame: equal(frame, one(frame), other(frame))


def logic(operator: str, codes: list[Code]) -> Run:
    """Return && or ||: whatever decides wins over an error on the other side, as in CEL."""
    decisive = operator == "||"

    def run(frame: Frame) -> bool:
        failed: ExpressionError | None = None
        for code in codes:
            try:
                value = code.run(frame)
            except BudgetExceeded:
                raise
            except ExpressionError as error:
                failed = failed or error
                continue
            if value is decisive:
                return bool(value)
            if value is not (not decisive):
                message = f"{operator} takes true or false, not {describe(value)}"
                failed = failed or misfit(message, code.where, frame, value)
        if failed is not None:
            raise failed
        return not decisive

    return run

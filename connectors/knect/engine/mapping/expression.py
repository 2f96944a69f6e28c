"""An expression as the engine uses it: compiled once per mapping revision, evaluated per record.

Must not: keep anything between two evaluations.
"""

from collections.abc import Callable, Mapping
from decimal import DecimalException
from typing import Any

from knect.engine.mapping.compiler import Compiler
from knect.engine.mapping.errors import BudgetExceeded, ExpressionError, LookupMissing
from knect.engine.mapping.frame import Frame
from knect.engine.mapping.functions import FUNCTIONS
from knect.engine.mapping.limits import LIMITS, Limits
from knect.engine.mapping.nodes import Node
from knect.engine.mapping.parser import SOFT_FUNCTION, parse
from knect.engine.mapping.paths import shown
from knect.engine.mapping.references import calls_of, paths_of, ways_of
from knect.engine.mapping.values import describe

__all__ = ["FAILURES", "HOST_FUNCTIONS", "Expression", "compile_expression", "weigh"]

#: What the engine brings -> the fewest and the most arguments it takes: lookup(table, value),
#: open_orders(sku[, location]).
HOST_FUNCTIONS: Mapping[str, tuple[int, int]] = {"lookup": (2, 2), "open_orders": (1, 2)}

#: What a closure may raise for a record that does not fit.
FAILURES = (ExpressionError, LookupMissing, DecimalException, OverflowError, RecursionError)

_NO_FUNCTIONS: Mapping[str, Callable[..., Any]] = {}
_SCALAR_SIZE = 8


class Expression:
    """A compiled expression. `node` is its tree, for checks.

    `run` is its closure and `loops` what a frame for it needs; for who has a frame.
    """

    __slots__ = ("limits", "loops", "node", "revision", "run", "text")

    def __init__(self, text: str, node: Node, revision: int, limits: Limits) -> None:
        compiler = Compiler()
        self.text = text
        self.node = node
        self.revision = revision
        self.run = compiler.compile(node).run
        self.loops = compiler.loops
        self.limits = limits

    def __repr__(self) -> str:
        return f"Expression({self.text!r}, revision={self.revision})"

    @property
    def paths(self) -> tuple[str, ...]:
        """Return the field paths it reads, sorted: `order.lines[].sku`, `raw.note`."""
        return tuple(sorted({reference.path for reference in paths_of(self.node)}))

    @property
    def ways(self) -> frozenset[tuple[str, ...]]:
        """Return the ways to all it may read, from a variable on."""
        return frozenset(ways_of(self.node))

    @property
    def host_calls(self) -> frozenset[str]:
        """Return the functions it calls that the host has to bring."""
        return frozenset(calls_of(self.node)) - FUNCTIONS.keys() - {SOFT_FUNCTION}

    def evaluate(
        self,
        scope: Mapping[str, Any],
        functions: Mapping[str, Callable[..., Any]] = _NO_FUNCTIONS,
    ) -> Any:
        """Return the value for the variables in `scope`.

        Values are None, bool, int, Decimal, str, datetime, timedelta, and lists and dicts of them.
        Raises ExpressionError (BudgetExceeded among them), or LookupMissing from a host function.
        """
        frame = Frame(scope, functions, self.limits, self.loops)
        try:
            result = self.run(frame)
            weigh(result, self.limits)
        except FAILURES as error:
            raise self.failure(error) from None
        return result

    def failure(self, error: Exception) -> Exception:
        """Return one of FAILURES as people are told it: which field of which expression."""
        if not isinstance(error, ExpressionError | LookupMissing):
            error = ExpressionError("the result is no value that can be held")
        error.path = shown(error.path)
        error.expression, error.revision = self.text, self.revision
        return error

    def holds(
        self,
        scope: Mapping[str, Any],
        functions: Mapping[str, Callable[..., Any]] = _NO_FUNCTIONS,
    ) -> bool:
        """Return the value of a condition. Raises as `evaluate`, and if it is no true or false."""
        value = self.evaluate(scope, functions)
        if value is True or value is False:
            return value
        raise ExpressionError(
            f"the condition is {describe(value)}, not true or false",
            value=value,
            expression=self.text,
            revision=self.revision,
        )


def compile_expression(
    text: str,
    *,
    revision: int = 0,
    limits: Limits = LIMITS,
) -> Expression:
    """Compile an expression. Raises ExpressionSyntaxError with position and suggestion."""
    known = {
        **{name: (function.least, function.most) for name, function in FUNCTIONS.items()},
        **HOST_FUNCTIONS,
        SOFT_FUNCTION: (2, 2),
    }
    node = parse(text, limits, known)
    return Expression(text, node, revision, limits)


def weigh(result: Any, limits: Limits) -> None:
    """Refuse a result above the limit; stops counting there, however often parts are shared.

    Raises BudgetExceeded.
    """
    kind = type(result)
    if kind is str:
        if len(result) > limits.result:
            raise _too_large(limits.result)
    elif kind is list or kind is dict or kind is tuple:
        _weigh_parts(result, limits.result)


def _too_large(limit: int) -> BudgetExceeded:
    return BudgetExceeded(f"the result is larger than {limit // 1024} kB")


def _weigh_parts(value: Any, limit: int) -> None:
    left = limit
    stack = [value]
    while stack:
        one = stack.pop()
        left -= _SCALAR_SIZE * (1 + len(one))
        if left < 0:
            raise _too_large(limit)
        parts = one
        if type(one) is dict:
            left -= sum(map(len, one))
            parts = one.values()
        for part in parts:
            kind = type(part)
            if kind is str:
                left -= len(part)
            elif kind is dict or kind is list or kind is tuple:
                stack.append(part)
    if left < 0:
        raise _too_large(limit)

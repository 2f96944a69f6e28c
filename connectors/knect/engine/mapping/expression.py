"""An expression as the engine uses it: compiled once per mapping revision, evaluated per record.

Must not: keep anything between two evaluations.
"""

from collections.abc import Callable, Collection, Mapping
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
from knect.engine.mapping.references import paths_of
from knect.engine.mapping.values import describe

__all__ = ["HOST_FUNCTIONS", "Expression", "compile_expression"]

#: What the engine brings: lookup(table, value), open_orders(sku).
HOST_FUNCTIONS = ("lookup", "open_orders")

_NO_FUNCTIONS: Mapping[str, Callable[..., Any]] = {}
_SCALAR_SIZE = 8
_MOST_ARGUMENTS = 8


class Expression:
    """A compiled expression. `node` is its tree, for checks."""

    __slots__ = ("_limits", "_loops", "_run", "node", "revision", "text")

    def __init__(self, text: str, node: Node, revision: int, limits: Limits) -> None:
        compiler = Compiler()
        self.text = text
        self.node = node
        self.revision = revision
        self._run = compiler.compile(node).run
        self._loops = compiler.loops
        self._limits = limits

    def __repr__(self) -> str:
        return f"Expression({self.text!r}, revision={self.revision})"

    @property
    def paths(self) -> tuple[str, ...]:
        """Return the field paths it reads, sorted: `order.lines[].sku`, `raw.note`."""
        return tuple(sorted({reference.path for reference in paths_of(self.node)}))

    def evaluate(
        self,
        scope: Mapping[str, Any],
        functions: Mapping[str, Callable[..., Any]] = _NO_FUNCTIONS,
    ) -> Any:
        """Return the value for the variables in `scope`.

        Values are None, bool, int, Decimal, str, datetime, timedelta, and lists and dicts of them.
        Raises ExpressionError (BudgetExceeded among them), or LookupMissing from a host function.
        """
        frame = Frame(scope, functions, self._limits, self._loops)
        try:
            result = self._run(frame)
            kind = type(result)
            if kind is str:
                if len(result) > self._limits.result:
                    raise _too_large(self._limits.result)
            elif kind is list or kind is dict or kind is tuple:
                _weigh(result, self._limits.result)
        except ExpressionError as error:
            error.path = shown(error.path)
            error.expression, error.revision = self.text, self.revision
            raise
        except LookupMissing as missing:
            missing.path = shown(missing.path)
            missing.expression, missing.revision = self.text, self.revision
            raise
        except (DecimalException, OverflowError, RecursionError):
            message = "the result is no value that can be held"
            raise ExpressionError(message, expression=self.text, revision=self.revision) from None
        return result

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
    host_functions: Collection[str] = HOST_FUNCTIONS,
) -> Expression:
    """Compile an expression. Raises ExpressionSyntaxError with position and suggestion."""
    known = {
        **{name: (function.least, function.most) for name, function in FUNCTIONS.items()},
        **dict.fromkeys(host_functions, (0, _MOST_ARGUMENTS)),
        SOFT_FUNCTION: (2, 2),
    }
    node = parse(text, limits, known)
    return Expression(text, node, revision, limits)


def _too_large(limit: int) -> BudgetExceeded:
    return BudgetExceeded(f"the result is larger than {limit // 1024} kB")


def _weigh(value: Any, limit: int) -> None:
    """Refuse a result above the limit; stops counting there, however often parts are shared."""
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

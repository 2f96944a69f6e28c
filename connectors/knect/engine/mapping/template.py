"""All fields of a document, worked out together.

Why: a document is a handful of expressions, most of them no more than a field's name. What an
evaluation needs around it is made once for all, while each has a budget of its own. Nor is each
result weighed: what shows no part of a record twice is no larger than the record, so it may be
written out first, and is weighed only if that came to so much that a field can be too large.
Must not: keep anything between two documents.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from knect.engine.mapping.errors import BudgetExceeded
from knect.engine.mapping.expression import FAILURES, Expression, compile_expression, weigh
from knect.engine.mapping.frame import Frame
from knect.engine.mapping.limits import LIMITS
from knect.engine.mapping.sharing import are_apart, shown_parts

__all__ = ["Template"]

#: A value weighs at most so many times what it takes as JSON: `0,` are two bytes and weigh eight.
_LIGHTEST = 8


class Template:
    """Destination field -> expression, compiled. `sent` are the fields that are written out."""

    def __init__(self, texts: Mapping[str, str], *, sent: Collection[str], revision: int) -> None:
        """Compile them. Raises ExpressionSyntaxError."""
        self.fields: Mapping[str, Expression] = {
            name: compile_expression(text, revision=revision) for name, text in texts.items()
        }
        self._loops = max((one.loops for one in self.fields.values()), default=0)
        later = _not_larger(self.fields) & set(sent)
        self._steps = [(name, one.run, one, name in later) for name, one in self.fields.items()]
        self._later = [(name, one) for name, one in self.fields.items() if name in later]

    def fill(
        self,
        document: dict[str, Any],
        scope: Mapping[str, Any],
        functions: Mapping[str, Callable[..., Any]],
    ) -> None:
        """Set the fields of a document, to be weighed. Raises as `Expression.evaluate`."""
        frame = Frame(scope, functions, LIMITS, self._loops)
        steps, room = LIMITS.steps, LIMITS.room
        for name, run, expression, is_weighed_later in self._steps:
            frame.steps, frame.room = steps, room
            try:
                document[name] = run(frame)
                if not is_weighed_later:
                    weigh(document[name], LIMITS)
            except FAILURES as error:
                raise expression.failure(error) from None

    def weigh(self, document: Mapping[str, Any], written: int) -> None:
        """Refuse a field that is too large, of a document that came to so many bytes of JSON.

        Raises BudgetExceeded.
        """
        if written * _LIGHTEST <= LIMITS.result:
            return
        for name, expression in self._later:
            try:
                weigh(document[name], LIMITS)
            except BudgetExceeded as error:
                raise expression.failure(error) from None


def _not_larger(fields: Mapping[str, Expression]) -> set[str]:
    """Return the fields that all together are no larger than what they are made of."""
    found: set[str] = set()
    shown: list[tuple[str, ...]] = []
    for name, expression in fields.items():
        parts = shown_parts(expression.node)
        if parts is not None and are_apart([*shown, *parts]):
            found.add(name)
            shown += parts
    return found

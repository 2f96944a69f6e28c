"""What can be wrong with an expression, and with a record it meets.

    ExpressionSyntaxError   the text is no expression; known before any record is read
    ExpressionError         a record (or a bound) made it fail: which field, which value, why
     └─ BudgetExceeded      it worked too long or grew too large; never absorbed by && or ||
    LookupMissing           a look-up has no entry for a value; repaired in a table, not here

Why: the sentence is the product: `lines[2].sku: no such field`. Messages never contain the value,
which may be masked; it travels beside them.
Must not: let a Python exception of the evaluator reach anybody.
"""

from typing import Any

__all__ = ["BudgetExceeded", "ExpressionError", "ExpressionSyntaxError", "LookupMissing"]


class ExpressionSyntaxError(ValueError):
    """The text is no expression.

    Attributes:
        message: one sentence.
        position: where, counted in characters from 0.
        suggestion: what was probably meant, or None.
    """

    def __init__(self, message: str, position: int, suggestion: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.position = position
        self.suggestion = suggestion

    def __str__(self) -> str:
        hint = f" ({self.suggestion})" if self.suggestion else ""
        return f"{self.message} at character {self.position + 1}{hint}"


class ExpressionError(Exception):
    """An expression could not be worked out for a record.

    Attributes:
        path: the culprit field as the record names it (`lines[2].sku`); "" when it is no field.
        value: the culprit value as it is.
        message: one sentence without the value.
        expression: the text; `revision`: of the mapping it belongs to.
    """

    def __init__(
        self,
        message: str,
        *,
        path: str | None = None,
        value: Any = None,
        expression: str = "",
        revision: int = 0,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.path = path or ""
        self.value = value
        self.expression = expression
        self.revision = revision

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


class BudgetExceeded(ExpressionError):
    """The expression worked too long or made too much."""


class LookupMissing(Exception):
    """Raised by a host function that knows no entry for a value.

    The evaluator adds `path` (the field the value came from), `expression` and `revision`.
    """

    def __init__(self, name: str, value: Any) -> None:
        super().__init__(name)
        self.name = name
        self.value = value
        self.path = ""
        self.expression = ""
        self.revision = 0

    def __str__(self) -> str:
        where = f"{self.path}: " if self.path else ""
        return f"{where}table {self.name!r} has no entry for this value"

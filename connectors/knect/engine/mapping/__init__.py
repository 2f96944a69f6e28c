"""Mapping expressions: CEL's syntax, an evaluator of our own.

Why our own: no ready engine computes in exact decimals, is bounded in every direction *and* names
the field that failed. The syntax is what Kubernetes users know from CRD rules.

Where it differs from CEL, on purpose:

- Numbers with a point are decimals (34 digits), never binary floating point. Sums and products are
  exact or an error, quotients are rounded half-even to 34 digits. Whole and decimal numbers mix:
  the result is decimal. There are no `double`, `uint` (`1u`), `bytes` (`b"…"`), `type()`, `dyn()`.
- `has(x.y)` asks for a value: null is none, and a way that is missing or null anywhere answers
  false instead of failing. It also takes an index: `has(raw.lines[0])`.
- Records are checked for their fields by name before they arrive (`check_paths`).
- An error of a look-up (LookupMissing) and an exceeded bound are never absorbed by `&&`, `||`,
  `all` or `exists`: an unmapped value must become known, and a bound must hold.
- Keys of maps are texts. Different kinds are unequal and never comparable; `==` never fails.
- Functions may be called both ways, `size(x)` and `x.size()`. Macros work on lists and on the keys
  of maps; there is no `cel.bind`, no two-variable macro, no optional syntax (`?.`).
- Added: orDefault, first, distinct, sum, min, max, abs, round (half-even), roundMoney, minorUnits,
  priceEnding (up to the next .99), decimal, date, truncate, and what the host brings (`lookup`,
  `open_orders`). `split` and `replace` with a limit, `trim`, `join`, `substring`, `indexOf`,
  `lastIndexOf`, `lowerAscii` and `upperAscii` are those of CEL's string extension. `matches` is
  RE2, patterns up to 256 characters. `previous` is the document delivered last, null at first.
- `string(instant)` is RFC 3339 in UTC, `string(decimal)` keeps its digits: 10.50. `int(decimal)`
  cuts off. `timestamp(int)` are Unix seconds. Zones are IANA names or offsets.
- Steps are charged per node and turn before the turn runs (10,000), so an expression may be refused
  that a lazier count would let pass; text 4,096 characters, depth 32, result 1 MiB.

Must not: run code, read attributes of Python objects, ask for the time, or guess a value.
"""

from knect.engine.mapping.checks import (
    Problem,
    Schema,
    check_expression,
    check_field,
    check_paths,
    schema_for,
)
from knect.engine.mapping.errors import (
    BudgetExceeded,
    ExpressionError,
    ExpressionSyntaxError,
    LookupMissing,
)
from knect.engine.mapping.expression import HOST_FUNCTIONS, Expression, compile_expression
from knect.engine.mapping.limits import LIMITS, Limits
from knect.engine.mapping.paths import RECORD_VARIABLES
from knect.engine.mapping.template import Template

__all__ = [
    "HOST_FUNCTIONS",
    "LIMITS",
    "RECORD_VARIABLES",
    "BudgetExceeded",
    "Expression",
    "ExpressionError",
    "ExpressionSyntaxError",
    "Limits",
    "LookupMissing",
    "Problem",
    "Schema",
    "Template",
    "check_expression",
    "check_field",
    "check_paths",
    "compile_expression",
    "schema_for",
]

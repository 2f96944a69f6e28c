"""Expressions that loop, explode, nest, backtrack or reach for Python: each ends, soon, in words."""

import time
from decimal import Decimal
from typing import Any

import pytest

from knect.engine.mapping import (
    BudgetExceeded,
    ExpressionError,
    ExpressionSyntaxError,
    compile_expression,
)

SCOPE: dict[str, Any] = {
    "order": {
        "s": "x" * 1000,
        "a": "a" * 30_000 + "!",
        "n": 5,
        "many": list(range(2000)),
        "huge": list(range(200_000)),
        "big": Decimal("9" * 34),
        "nan": Decimal("NaN"),
        "snan": Decimal("sNaN"),
        "inf": Decimal("Infinity"),
        "evil": {"__class__": "only a key"},
    },
    "raw": {},
}
#: CPU seconds; each needs far less, a loaded machine somewhat more.
SOON = 0.5
DIGITS = "[0,1,2,3,4,5,6,7,8,9]"

DOUBLED = "[0]" + "".join(f".map(v{i}, [v{i}, v{i}])" for i in range(28))

NASTY = [
    # loops
    f"{DIGITS}.all(a, {DIGITS}.all(b, {DIGITS}.all(c, {DIGITS}.all(d, {DIGITS}.all(e, a < 10)))))",
    "order.many.map(a, order.many.map(b, order.many.map(c, a * b * c)))",
    "order.many.filter(a, order.many.exists(b, b == a + 1))",
    "order.huge.map(x, x + 1)",
    "order.huge.exists_one(x, x == 1)",
    "order.huge.all(x, true) || order.huge.all(x, true)",
    "order.huge.map(x, x) == order.huge.map(x, x)",
    "order.many.map(x, order.huge)",
    "order.many.map(x, x in order.huge)",
    "order.many.map(x, distinct(order.many))",
    "order.many.map(x, sum(order.huge))",
    "order.many.map(x, size(order.huge.map(y, y)))",
    # explosions
    "[0]" + "".join(f".map(v{i}, [v{i}, v{i}])" for i in range(30)),
    f"{DOUBLED} == {DOUBLED}",
    f"{DOUBLED} in [{DOUBLED}]",
    "['x']" + "".join(f".map(v{i}, v{i} + v{i})" for i in range(30)),
    "order.many.map(x, order.s + order.s)",
    "order.many.map(x, order.many + order.many)",
    'order.a.replace("a", order.s)',
    'order.a.replace("", order.s)',
    'order.a.replace("a", order.a.replace("a", "bb"))',
    "order.many.map(x, order.s).join(order.s)",
    'order.a.split("").map(x, order.s)',
    "order.many.map(x, order.a.upperAscii())",
    "order.many.map(x, {'k': order.s + 'x'})",
    "string(1e6000) + string(1e6000) + order.nope",
    "order.many.map(x, string(1e6000))",
    # numbers
    "9" * 4000,
    "0x" + "F" * 4000,
    "1." + "0" * 4000,
    "1e999999999999999999999",
    "order.big * order.big",
    "order.big + 0.1",
    "1e6111 * 1e100 * 0.1",
    "1e-6000 / 1e6000",
    "int(1e6000)",
    'int("' + "9" * 3000 + '")',
    'decimal("' + "9" * 3000 + '")',
    'decimal("1e99999")',
    "order.nan < 1",
    "order.snan == 1.5",
    "order.snan in [1.5]",
    "order.inf - order.inf",
    "round(order.big, 30)",
    "round(1.5, 999999999)",
    "int(order.nan)",
    "9223372036854775807 * 9223372036854775807",
    "abs(-9223372036854775808)",
    'duration("999999999999h")',
    "timestamp(9223372036854775807)",
    'timestamp("0001-01-01T00:00:00+23:59")',
    # nesting and size
    "(" * 2000 + "1" + ")" * 2000,
    "[" * 2000 + "]" * 2000,
    "!" * 2000 + "true",
    "-" * 2000 + "order.n",
    "1" + " ? 1 : 1" * 400,
    "order" + "[order" * 500 + "]" * 500,
    "size(" * 500 + "order" + ")" * 500,
    "order.s" + ".trim()" * 500,
    "x" * 5000,
    "{'a':" * 600 + "1" + "}" * 600,
    # patterns
    r'order.a.matches("(a+)+(a+)+(a+)+$") || order.nope',
    r'order.a.matches("((a{1,100}){1,100}){1,100}")',
    r'order.a.matches("(?=a)")',
    r'order.a.matches(r"(a)\1")',
    'order.a.matches("' + "(" * 200 + ")" * 200 + '") && order.nope',
    "order.a.matches(order.a)",
    # Python
    '"".__class__',
    '"".__class__.__mro__[1].__subclasses__()',
    "order.__init__.__globals__",
    "[].append(1)",
    "order.items()",
    "order.evil.__class__.upper()",
    '__import__("os").system("true")',
    'eval("1")',
    "lambda: 1",
    'order["__class__"]',
    '"%s" % order',
    'string("{0.__class__}").format(order)',
    "order.n.real",
    "order.s[0]",
    "[1, 2][0:1]",
    "[x for x in order.many]",
    "order.n = 5",
    "globals()",
    "\x00",
    "order.s\\u002e__class__",
    "…",
]  # fmt: skip


@pytest.mark.parametrize("text", NASTY, ids=[text[:60] for text in NASTY])
def test_it_ends_soon_and_in_words(text: str) -> None:
    started = time.process_time()
    with pytest.raises((ExpressionSyntaxError, ExpressionError)) as caught:
        compile_expression(text).evaluate(SCOPE)
    assert time.process_time() - started < SOON
    assert str(caught.value)
    assert len(str(caught.value)) < 4500


def test_there_are_enough_of_them() -> None:
    assert len(NASTY) >= 60
    assert len(set(NASTY)) == len(NASTY)


@pytest.mark.parametrize(
    "text",
    [
        "order.many.exists(x, order.many.all(y, order.many.all(z, true))) || true",
        "[1, 2].exists(x, order.huge.map(y, y).size() > 0)",
        "[1, 2].all(x, order.huge.map(y, y).size() > 0) || true",
        "[1, 2].exists(x, x == 2 ? true : order.huge.map(y, y).size() > 0)",
        "true || order.huge.all(x, true)",
    ],
)
def test_a_bound_is_not_absorbed_but_what_never_runs_costs_nothing(text: str) -> None:
    expression = compile_expression(text)
    if text.startswith("true"):
        assert expression.evaluate(SCOPE) is True
    else:
        with pytest.raises(BudgetExceeded, match="more than 10,000 steps"):
            expression.evaluate(SCOPE)


def test_a_turn_costs_what_its_body_has() -> None:
    items = {"items": list(range(4000))}
    assert len(compile_expression("items.map(x, x)").evaluate(items)) == 4000
    with pytest.raises(BudgetExceeded):
        compile_expression("items.map(x, x + x + x)").evaluate(items)


def test_a_pattern_has_its_own_limit() -> None:
    pattern = "a" * 257
    with pytest.raises(ExpressionError, match="the pattern is longer than 256 characters"):
        compile_expression(f'order.s.matches("{pattern}")').evaluate(SCOPE)


def test_a_python_name_is_a_plain_key() -> None:
    assert compile_expression("order.evil.__class__").evaluate(SCOPE) == "only a key"


def test_long_sums_and_long_choices_are_not_deep() -> None:
    assert compile_expression(" + ".join("1" * 1000)).evaluate({}) == 1000
    choices = "".join(f"order.n == {i} ? {i} : " for i in range(100)) + "-1"
    assert compile_expression(choices).evaluate(SCOPE) == 5
    assert compile_expression(" && ".join(["true"] * 500)).evaluate({}) is True

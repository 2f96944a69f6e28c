"""On the ground all share (no decimals), three implementations of CEL give one answer.

What is generated also fails now and then (a division by zero, an index too high, a field that is
not there); then all of them must fail. Differences that are meant are listed in the package's
docstring and are not generated here.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import celpy
import pytest
from celpy import celtypes
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from knect.engine.mapping import ExpressionError, ExpressionSyntaxError, compile_expression

ORDER: dict[str, Any] = {
    "n": 5,
    "z": 0,
    "m": -3,
    "s": "web é😀",
    "t": "",
    "b": True,
    "c": False,
    "tags": ["a", "b", "web"],
    "numbers": [3, 0, -2, 7],
    "lines": [{"q": 2, "k": "x"}, {"q": 0, "k": "y"}, {"q": 5, "k": ""}],
    "map": {"a": 1, "b c": 2},
}
FAILED = "failed"
Strategy = st.SearchStrategy[str]


def expressions(
    depth: int, ints: tuple[str, ...] = (), lines: tuple[str, ...] = (), *, google: bool = True
) -> Any:
    """Return strategies for (bool, int, text, list of int) with these variables in reach.

    `google` allows map() with a condition, which cel-python does not know, and any index: it takes
    negative ones from the end, as Python does.
    """
    variables = [*ints, *(f"{name}.q" for name in lines)]
    int_ = st.one_of(
        st.integers(-9, 9).map(str),
        st.sampled_from(
            [
                "order.n",
                "order.z",
                "order.m",
                "order.numbers[1]",
                "order.lines[2].q",
                'order.map["b c"]',
            ]
        ),
        st.sampled_from(["order.nope", "order.numbers[9]", "9223372036854775807"]),
        *([st.sampled_from(variables)] if variables else []),
    )
    text = st.one_of(
        st.text("ab é😀'\\", max_size=3).map(lambda value: json.dumps(value, ensure_ascii=False)),
        st.sampled_from(["order.s", "order.t", "order.tags[2]", "order.nope.x"]),
        *([st.sampled_from([f"{name}.k" for name in lines])] if lines else []),
    )
    bool_: Strategy = st.sampled_from(
        [
            "true",
            "false",
            "order.b",
            "order.c",
            "has(order.n)",
            "has(order.nope)",
            '"a" in order.map',
        ]
    )
    list_ = st.one_of(
        st.lists(st.integers(-3, 3).map(str), max_size=3).map(
            lambda items: f"[{', '.join(items)}]"
        ),
        st.just("order.numbers"),
    )
    if depth == 0:
        return bool_, int_, text, list_
    b, i, t, many = expressions(depth - 1, ints, lines, google=google)
    name = f"v{depth}"
    b_in, i_in, _, _ = expressions(depth - 1, (*ints, name), lines, google=google)
    b_line, i_line, t_line, _ = expressions(depth - 1, ints, (*lines, name), google=google)

    def joined(template: str, *parts: Strategy) -> Strategy:
        return st.tuples(*parts).map(lambda got: template.format(*got))

    bool_ = st.one_of(
        bool_,
        joined("({} && {})", b, b),
        joined("({} || {})", b, b),
        joined("!({})", b),
        *(joined(f"({{}} {op} {{}})", i, i) for op in ("==", "!=", "<", "<=", ">", ">=")),
        *(joined(f"({{}} {op} {{}})", t, t) for op in ("==", "!=", "<")),
        *(joined(f"{{}}.{name_}({{}})", t, t) for name_ in ("contains", "startsWith", "endsWith")),
        joined("({} in {})", i, many),
        joined("({} == {})", many, many),
        joined("({} ? {} : {})", b, b, b),
        *(
            joined(f"{{}}.{macro}({name}, {{}})", many, b_in)
            for macro in ("all", "exists", "exists_one")
        ),
        *(joined(f"order.lines.{macro}({name}, {{}})", b_line) for macro in ("all", "exists")),
    )
    int_ = st.one_of(
        int_,
        *(joined(f"({{}} {op} {{}})", i, i) for op in "+-*/%"),
        joined("-({})", i),
        joined("size({})", t),
        joined("{}.size()", many),
        joined("({} ? {} : {})", b, i, i),
        *([joined("{}[{}]", many, i)] if google else []),
    )
    text = st.one_of(
        text, joined("({} + {})", t, t), joined("({} ? {} : {})", b, t, t), joined("string({})", i)
    )
    list_ = st.one_of(
        list_,
        joined("({} + {})", many, many),
        joined("[{}, {}]", i, i),
        joined(f"{{}}.map({name}, {{}})", many, i_in),
        joined(f"{{}}.filter({name}, {{}})", many, b_in),
        *([joined(f"{{}}.map({name}, {{}}, {{}})", many, b_in, i_in)] if google else []),
        joined(f"order.lines.map({name}, {{}})", i_line),
        joined(f"order.lines.filter({name}, {{}}).map({name}, {{}})", b_line, i_line),
        joined(f"order.lines.map({name}, size({{}}))", t_line),
    )
    return bool_, int_, text, list_


GOOGLE = st.one_of(*expressions(2))
CEL_PYTHON = st.one_of(*expressions(2, google=False))


def ours(text: str) -> Any:
    try:
        return compile_expression(text).evaluate({"order": ORDER})
    except ExpressionError:
        return FAILED


def plain(value: Any) -> Any:
    match value:
        case celtypes.BoolType():
            return bool(value)
        case celtypes.IntType():
            return int(value)
        case celtypes.StringType():
            return str(value)
        case list():
            return [plain(item) for item in value]
        case _:
            return value


ENVIRONMENT = celpy.Environment()
ACTIVATION = {"order": celpy.adapter.json_to_cel(ORDER)}


def cel_python(text: str) -> Any:
    try:
        program = ENVIRONMENT.program(ENVIRONMENT.compile(text))
        return plain(program.evaluate(ACTIVATION))
    except (celpy.evaluation.CELEvalError, ValueError, TypeError, KeyError, IndexError):
        return FAILED


@pytest.fixture(scope="module")
def google() -> Iterator[subprocess.Popen[str]]:
    child = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("oracle_child.py"))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with child:
        yield child
        assert child.stdin is not None
        child.stdin.close()


def cel_cpp(child: subprocess.Popen[str], text: str) -> Any:
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.write(json.dumps({"text": text, "order": ORDER}) + "\n")
    child.stdin.flush()
    reply = json.loads(child.stdout.readline())
    return FAILED if "error" in reply else reply["value"]


def same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and one == other and repr(one) == repr(other)


@settings(
    max_examples=300, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
@given(text=GOOGLE)
def test_google_agrees(google: subprocess.Popen[str], text: str) -> None:
    mine, theirs = ours(text), cel_cpp(google, text)
    assert same(mine, theirs), f"{text}\nours: {mine!r}\nGoogle: {theirs!r}"


@settings(
    max_examples=150, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
@given(text=CEL_PYTHON)
def test_cel_python_agrees(text: str) -> None:
    mine, theirs = ours(text), cel_python(text)
    assert same(mine, theirs), f"{text}\nours: {mine!r}\ncel-python: {theirs!r}"


@settings(max_examples=300, deadline=None, derandomize=True)
@given(text=st.text("order.lns[]()&|!?:+-*/%<>=\"'1\\x, {}\n#", max_size=40) | st.text(max_size=20))
def test_no_text_breaks_the_parser(text: str) -> None:
    with suppress(ExpressionSyntaxError, ExpressionError):  # and nothing else
        compile_expression(text).evaluate({"order": ORDER})

"""Whatever is combined with whatever: a value of a known kind, or an error in words, and soon."""

import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from knect.engine.mapping import (
    ExpressionError,
    ExpressionSyntaxError,
    LookupMissing,
    compile_expression,
)
from knect.engine.mapping.functions import FUNCTIONS

SCOPE: dict[str, Any] = {
    "a": {
        "null": None,
        "yes": True,
        "five": 5,
        "min": -(2**63),
        "half": Decimal("0.5"),
        "wide": Decimal("9" * 34),
        "nan": Decimal("NaN"),
        "snan": Decimal("sNaN"),
        "text": "Ä😀 web\x00",
        "half_a_pair": "\ud800",
        "long": "x" * 50_000,
        "at": datetime(2026, 1, 31, tzinfo=UTC),
        "naive": datetime(2026, 1, 31),  # noqa: DTZ001 - what a careless host might bring
        "first": datetime(1, 1, 1, tzinfo=UTC),
        "span": timedelta(days=-1, microseconds=3),
        "float": 1.5,
        "list": [1, None, "x", [Decimal(2)], {"k": 1}],
        "pair": (1, 2),
        "map": {"k": {"k": None}},
        "many": list(range(3000)),
        "object": object(),
    }
}
KINDS = (type(None), bool, int, Decimal, str, datetime, timedelta, list, tuple, dict)

LEAVES = st.one_of(
    st.sampled_from([f"a.{name}" for name in SCOPE["a"]]),
    st.sampled_from(["v", "1", "-1", "0", "2.50", "'x'", "''", "null", "true", "[]", "{}", "'Europe/Berlin'", "'.*'", "a.nope"]),
)  # fmt: skip


def grow(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    two = st.tuples(inner, inner)
    calls = [
        st.tuples(st.just(name), st.lists(inner, min_size=count, max_size=count))
        for name, function in FUNCTIONS.items()
        for count in range(function.least, min(function.most, 3) + 1)
    ]
    call = st.one_of(calls).map(lambda got: f"{got[0]}({', '.join(got[1])})")
    return st.one_of(
        call,
        call,
        st.tuples(inner, st.sampled_from("+ - * / % == != < <= > >= in && ||".split()), inner).map(
            lambda got: f"({got[0]} {got[1]} {got[2]})"
        ),
        two.map(lambda got: f"{got[0]}[{got[1]}]"),
        inner.map(lambda got: f"{got}.k"),
        inner.map(lambda got: f"-{got}"),
        inner.map(lambda got: f"!{got}"),
        inner.map(lambda got: f"has({got}.k)"),
        two.map(lambda got: f"orDefault({got[0]}, {got[1]})"),
        two.map(lambda got: f"lookup('t', {got[0]})"),
        st.tuples(inner, inner, inner).map(lambda got: f"({got[0]} ? {got[1]} : {got[2]})"),
        two.map(lambda got: f"[{got[0]}, {got[1]}]"),
        two.map(lambda got: f"{{{got[0]}: {got[1]}}}"),
        st.tuples(
            inner, st.sampled_from(["map", "filter", "all", "exists", "exists_one"]), inner
        ).map(lambda got: f"{got[0]}.{got[1]}(v, {got[2]})"),
    )


def lookup(name: str, value: Any) -> Any:
    if isinstance(value, str):
        raise LookupMissing(name, value)
    if value is None:
        raise ValueError("takes a text")
    return value


@settings(
    max_examples=1500, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
@given(text=st.recursive(LEAVES, grow, max_leaves=6))
def test_nothing_but_values_and_sentences(text: str) -> None:
    started = time.process_time()
    try:
        value = compile_expression(text).evaluate(SCOPE, {"lookup": lookup})
    except (ExpressionError, ExpressionSyntaxError, LookupMissing) as error:
        said = str(error)
        assert said.strip()
        assert "Traceback" not in said
    else:
        assert (
            isinstance(value, KINDS)
            or text.startswith("a.")
            or "a.object" in text
            or "a.float" in text
        )
    assert time.process_time() - started < 1.0, text

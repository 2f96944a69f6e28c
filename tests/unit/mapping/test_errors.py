"""The sentence an expression fails with: which field, why, and never the value in the text."""

from typing import Any

import pytest
from tests.unit.mapping.records import SCOPE

from knect.engine.mapping import (
    ExpressionError,
    ExpressionSyntaxError,
    LookupMissing,
    compile_expression,
)

FAILURES = [
    ("order.lines[2].skuu", "lines[2].skuu: no such field"),
    ("order.lines.map(l, l.skuu)", "lines[0].skuu: no such field"),
    ("order.lines.map(l, l.sku + '!')", "lines[1].sku: is null; cannot add it and text (orDefault(x, y) gives a default)"),
    ("order.lines.filter(l, !l.gift_card).map(m, int(m.sku))", "lines[0].sku: is no whole number"),
    ("order.lines.filter(l, l.gift_card).map(m, m.sku + '')", "lines[1].sku: is null; cannot add it and text (orDefault(x, y) gives a default)"),
    ("order.lines.map(l, l.gift_card, l.sku.trim())", "lines[1].sku: is null; trim() takes text (orDefault(x, y) gives a default)"),
    ("[1].map(x, order.lines.map(l, l.sku + ''))", "lines[1].sku: is null; cannot add it and text (orDefault(x, y) gives a default)"),
    ("first(order.lines).x", "lines[0].x: no such field"),
    ("order.lines[7].sku", "lines[7]: no such item; the list has 3"),
    ("order.lines[-1]", "lines[-1]: no such item; the list has 3"),
    ('order.attributes["gift  message"]', 'attributes["gift  message"]: no such field'),
    ("order.shipping_address.country", "shipping_address: is null, so it has no field 'country'"),
    ("order.customer.email.x", "customer.email: is text and has no fields"),
    ("order.lines.sku", "lines: is a list; its items are taken by number; list.map(x, x.sku) takes it of each"),
    ("order[1]", "order: is a map; its keys are texts, not a whole number"),
    ("nothing", "nothing: no such variable"),
    ("[1].map(x, x) == [x]", "x: no such variable"),
    ("nothing.x", "nothing: no such variable"),
    ("raw.nope", "raw.nope: no such field"),
    ("order.number + 1", "number: cannot add text and a whole number; string(x) makes text"),
    ("1 / 0", "division by zero"),
    ("order.totals.total / 0", "totals.total: division by zero"),
    ("order.totals.total % 0.0", "totals.total: division by zero"),
    ("9223372036854775807 + 1", "the whole number does not fit 64 bits"),
    ("-9223372036854775808 / -1", "the whole number does not fit 64 bits"),
    ("1e6000 * 1e6000", "the result is no number that can be held"),
    ("123456789012345678901234567890123.0 + 0.01", "the result has more than 34 digits"),
    ("order.note < 1", "note: is null; cannot compare it and a whole number (orDefault(x, y) gives a default)"),
    ("order.tags < order.tags", "tags: cannot compare a list and a list"),
    ("!order.number", "number: ! takes true or false, not text"),
    ("order.number ? 1 : 2", "number: the condition before ? is text, not true or false"),
    ("order.number && true", "number: && takes true or false, not text"),
    ("order.nope && true", "nope: no such field"),
    ("order.lines.all(l, l.quantity)", "lines[0]: the condition in all() is a decimal, not true or false"),
    ("order.number.map(x, x)", "number: is text; map() goes through a list"),
    ('"x" in order.number', "number: in looks into lists and maps; for text write text.contains(x)"),
    ('int("abc")', "is no whole number"),
    ('int("99999999999999999999")', "is no whole number"),
    ("decimal(order.customer.name)", "customer.name: is no number"),
    ('decimal("NaN")', "is no number"),
    ("order.tags.substring(1)", "tags: substring() takes text, not a list"),
    ("order.number.substring(3, 9)", "number: substring(3, 9) is outside the text of 4"),
    ('order.number.matches("(")', "number: the pattern is none: missing ): ("),
    ('roundMoney(order.totals.total, "EURO")', None),
    ("sum(order.lines.map(l, l.sku))", "sum() takes numbers; item 0 is text"),
    ('timestamp("yesterday")', "is no RFC 3339 instant with its offset"),
    ('order.placed_at.getHours("Mars/Base")', "placed_at: the zone is unknown; write Europe/Berlin or +02:00"),
    ('order.placed_at.getHours("../../etc/passwd")', "placed_at: the zone is unknown; write Europe/Berlin or +02:00"),
    ('timestamp("9999-12-31T23:59:59Z") + duration("24h")', "the result is no number or time that can be held"),
    ("order.number.getHours()", "number: is text, not an instant; timestamp(x) makes one of text"),
    ('{"a": 1, order.number: 2, order.number: 3}', "number: the map has this key twice"),
    ("open_orders(order.number)", "function open_orders() is not available here"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "sentence"), FAILURES, ids=[text for text, _ in FAILURES])
def test_a_failure_names_the_field(text: str, sentence: str | None) -> None:
    expression = compile_expression(text, revision=7)
    with pytest.raises(ExpressionError) as caught:
        expression.evaluate(SCOPE)
    if sentence is not None:
        assert str(caught.value) == sentence
    assert caught.value.expression == text
    assert caught.value.revision == 7


def test_the_value_travels_beside_the_message() -> None:
    with pytest.raises(ExpressionError) as caught:
        compile_expression("int(order.customer.email)").evaluate(SCOPE)
    assert caught.value.path == "customer.email"
    assert caught.value.value == "Ann@Example.com"
    assert "Ann" not in str(caught.value)


def lookup(name: str, value: Any) -> Any:
    raise LookupMissing(name, value)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ('lookup("skus", order.lines[2].sku)', "lines[2].sku"),
        (
            'order.lines.filter(l, l.gift_card == false).map(l, lookup("skus", l.sku))',
            "lines[0].sku",
        ),
        ('lookup("skus", "x")', ""),
        ('lookup("skus", order.number) == "x" || true', "number"),
        ('order.lines.exists(l, lookup("skus", l.sku) == "x")', "lines[0].sku"),
    ],
)
def test_a_missing_entry_is_told_with_its_field_and_never_absorbed(text: str, path: str) -> None:
    with pytest.raises(LookupMissing) as caught:
        compile_expression(text, revision=3).evaluate(SCOPE, {"lookup": lookup})
    assert (caught.value.name, caught.value.path) == ("skus", path)
    assert (caught.value.expression, caught.value.revision) == (text, 3)


def test_a_host_function_that_refuses_is_placed_too() -> None:
    def refuse(_: Any) -> Any:
        raise ValueError("takes a SKU")

    with pytest.raises(ExpressionError, match=r"^number: open_orders\(\): takes a SKU$"):
        compile_expression("open_orders(order.number)").evaluate(SCOPE, {"open_orders": refuse})


SYNTAX = [
    ("", 0, "the expression ends too early", None),
    ("1 +", 3, "the expression ends too early", None),
    ("1 2", 2, "'2' is not expected here", None),
    ("(1", 0, "'(' is not closed", "add ')'"),
    ("[1, 2", 0, "'[' is not closed", "add ']'"),
    ("f(1", None, None, None),
    ("a = b", 2, "'=' is no operator", "to compare, write =="),
    ("a & b", 2, "'&' is no operator", "write &&"),
    ("a and b", 2, "'and' is no operator", "write &&"),
    ("not a", 0, "'not' is no operator", "write !"),
    ("a is None", 2, "'is' is no operator", "write =="),
    ("None", 0, "'None' is no operator", "write null"),
    ('"abc', 0, "the text is not closed", 'add " at its end'),
    ("'a\nb'", 0, "the text is not closed", "add ' at its end"),
    (r'"\d"', 1, r"unknown escape '\\d'", r'for a backslash write \\, or r"…"'),
    (r'"\ud800"', 1, "the escape is no character", None),
    ("“a”", 0, "“ is a typographic quote; use \" or '", None),
    ("a # b", 2, "character '#' has no meaning here", None),
    ("1u", 0, "there are no unsigned numbers", "write 1 without u"),
    ("12abc", 0, "'12a' is no number", None),
    ("9223372036854775808", 0, "the number does not fit 64 bits", None),
    ("1.00000000000000000000000000000000001", 0, "more than 34 digits", None),
    ("1e99999", 0, "the exponent is out of range", None),
    ("siz(order)", 0, "there is no function 'siz'", "did you mean size?"),
    ("order.lines.mapp(l, l)", 12, "there is no function 'mapp'", "did you mean map?"),
    ("has(1)", 0, "has() takes one field", "write has(order.note)"),
    ("[1].map(1, 2)", 4, "map() takes a variable and an expression", "write list.map(x, …)"),
    ("{1: 2}", 1, "keys of a map are texts", None),
    ('{"a": 1, "a": 2}', 9, "key 'a' is there twice", None),
    ("a ? b", 5, "the expression ends too early", "expected ':'"),
    ("a.1", None, None, None),
    ("a.", 2, "the expression ends too early", "expected the name of a field"),
    ("while", 0, "'while' is a reserved word", None),
    ("a.if", None, "", None),
    ("substring('a')", 0, "substring() takes 2 to 3 arguments, not 1", None),
    ("trim()", 0, "trim() takes 1 argument, not 0", None),
    ("orDefault(1)", 0, "orDefault() takes 2 arguments, not 1", None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "position", "message", "suggestion"), SYNTAX, ids=[repr(one[0]) for one in SYNTAX]
)
def test_a_text_that_is_no_expression_is_told_where(
    text: str, position: int | None, message: str | None, suggestion: str | None
) -> None:
    if message == "":
        compile_expression(text)  # reserved words are fine as names of fields
        return
    with pytest.raises(ExpressionSyntaxError) as caught:
        compile_expression(text)
    if position is not None:
        assert (caught.value.position, caught.value.message) == (position, message)
        assert caught.value.suggestion == suggestion

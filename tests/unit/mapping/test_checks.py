"""A field that cannot exist is known before the first record."""

import pytest

from knect.engine.mapping import RECORD_VARIABLES, check_expression, check_field, schema_for
from knect.model import RECORD_TYPES


@pytest.mark.parametrize(
    ("text", "message", "suggestion"),
    [
        ("order.numbr", "there is no field order.numbr", "did you mean number?"),
        ("ordr.number", "there is no variable ordr", "did you mean order?"),
        ("order.lines.map(l, l.skuu)", "there is no field order.lines[].skuu", "did you mean sku?"),
        ("order.lines[0].skuu", "there is no field order.lines[].skuu", "did you mean sku?"),
        (
            "order.lines.filter(l, l.gift_card).exists(m, m.titel == '')",
            "there is no field order.lines[].titel",
            "did you mean title?",
        ),
        ("first(order.lines).skuu", "there is no field order.lines[].skuu", "did you mean sku?"),
        ("has(order.customer.emial)", "there is no field order.customer.emial", "did you mean email?"),
        ("orDefault(order.notee, '')", "there is no field order.notee", "did you mean note?"),
        ("order.lines.sku", "order.lines is a list and has no field 'sku'", "write order.lines.map(x, x.sku)"),
        ("order.number.x", "order.number is text and has no field 'x'", None),
        ("order.totals.total.x", "order.totals.total is a number and has no field 'x'", None),
        ("order.placed_at.year", "order.placed_at is an instant and has no field 'year'", None),
        ("order.number +", "the expression ends too early", None),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_once_with_what_was_meant(
    text: str, message: str, suggestion: str | None
) -> None:
    problems = check_expression(text, "orders", ["t"])
    assert [(one.message, one.suggestion) for one in problems] == [(message, suggestion)]


@pytest.mark.parametrize(
    "text",
    [
        "order.lines.map(l, l.sku)",
        "order.attributes.anything",
        'order.attributes["gift message"]',
        "raw.whatever[3].they.send",
        "order.lines.map(order, order.sku)",
        "order.lines.map(l, l.attributes.x)",
        "order.shipping_address.country",
        "[1].map(x, {'a': x}).map(y, y.b)",
        'lookup("t", order.number).anything',
    ],
)
def test_what_could_work_is_let_through(text: str) -> None:
    assert check_expression(text, "orders", ["t"]) == []


def test_every_problem_of_an_expression_is_listed() -> None:
    problems = check_expression("order.a + order.b + order.a + raw.x", "orders", ())
    assert [one.path for one in problems] == ["order.a", "order.b"]
    assert [one.position for one in problems] == [0, 10]


def test_every_entity_has_its_variable() -> None:
    assert set(RECORD_TYPES) <= set(RECORD_VARIABLES)
    for entity, type_ in RECORD_TYPES.items():
        assert schema_for(entity)[RECORD_VARIABLES[entity]] is type_


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("number", None),
        ("customer.email", None),
        ("lines[].sku", None),
        ("lines[0].taxes[].title", None),
        ("attributes.whatever", None),
        ("customer.emial", "there is no field customer.emial"),
        ("lines[].skuu", "there is no field lines[].skuu"),
        ("lines.sku", "lines is a list and has no field 'sku'"),
        ("order.number", "there is no field order"),
    ],
)
def test_a_path_that_is_named_outright_must_exist(path: str, message: str | None) -> None:
    found = [one.message for one in check_field(path, "orders")]
    assert found == ([] if message is None else [message])

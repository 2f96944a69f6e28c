"""What is told of an expression's text alone: what it reads of a record, and what it shows twice.

Both spare work with every record, so both are held against expressions of all kinds: what is told
may be more than what is so, and never less.
"""

import random
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from knect.engine.mapping import (
    BudgetExceeded,
    ExpressionError,
    Template,
    compile_expression,
)
from knect.engine.mapping.limits import LIMITS
from knect.engine.mapping.sharing import are_apart, shown_parts
from knect.model import (
    Discount,
    Order,
    OrderLine,
    PartyRef,
    TaxLine,
    Totals,
    encode_json,
    to_scope,
    view_of,
)

AT = datetime(2026, 1, 31, tzinfo=UTC)
ORDER = Order(
    source_id="1",
    number="1001",
    name="#1001",
    currency="EUR",
    totals=Totals(total=Decimal("30.00")),
    placed_at=AT,
    updated_at=AT,
    customer=PartyRef(source_id="7", email="ann@example.com"),
    tags=("b2b", "vip"),
    attributes={"k": "x", "gift": "yes"},
    lines=tuple(
        OrderLine(
            id=str(i),
            sku=f"KN-{i}",
            title="k" * 200,
            quantity=Decimal(i),
            unit_price=Decimal(5),
            discounts=(Discount(amount=Decimal(1)),) * i,
            taxes=(TaxLine(title="VAT", amount=Decimal("0.5")),),
        )
        for i in range(4)
    ),
)
WHOLE = {"order": to_scope(ORDER)}

# Lists of lines, of taxes and of texts, and what is made of an item of each.
LINES = ["order.lines", "order.lines", "orDefault(order.lines, [])", "order.lines.filter({v}, {c})"]
LINES += [
    "(order.lines + order.lines)",
    "order.lines.map({v}, {v})",
    "[order.lines[1]]",
    "[order][0].lines",
]
LINES += ["[first(order.lines)]", "distinct(order.lines)", "[order.lines, order.lines][1]"]
TAXES = ["{i}.taxes", "{i}.taxes.filter({v}, {v}.amount > 0)", "order.lines[2].taxes"]
OF_ORDER = ["order.number", "order.totals.total", "order.customer.email", "order.customer", "order"]
OF_ORDER += [
    "size(order.lines)",
    "order.tags[1]",
    "order.tags",
    "order['num' + 'ber']",
    "order.currency",
]
OF_ORDER += ["orDefault(order.billing_address, order.customer).email", "order.attributes.map(k, k)"]
OF_ORDER += ["order.totals.map(k, k)", "order.lines[0].sku", "first(order.lines).sku", "order.nope"]
OF_ITEM = [
    "{i}.sku",
    "{i}.id",
    "{i}.quantity * {i}.unit_price",
    "{i}.title",
    "{i}.discounts",
    "{i}",
]
OF_ITEM += [
    "{i}.title + 'x'",
    "first({i}.taxes).amount",
    "{{'k': {i}.sku, 'n': {i}.id}}",
    "{i}.nope",
]
CONDITIONS = [
    "{i}.quantity > 1",
    "has({i}.sku)",
    "{i}.sku != order.number",
    "true",
    "{i} in order.lines",
]
CONDITIONS += [
    "order.lines.exists(z, z.sku == {i}.sku)",
    "size({i}.taxes) == 1",
    "{i}.id == order.tags[0]",
]


def value(chance: random.Random, depth: int = 2, item: str | None = None) -> str:
    """Return an expression that may stand in a loop at an item, and hardly ever fails."""
    pick, v = chance.choice, f"v{depth}"
    if item is not None and chance.random() < 0.4:
        return pick(OF_ITEM).format(i=item)
    kind = pick(["plain", "map", "map of", "filter", "map", "choice", "first"]) if depth else ""
    some = pick(TAXES if item and chance.random() < 0.6 else LINES)
    some = some.format(v="w", c=pick(CONDITIONS).format(i="w"), i=item)
    condition = pick(CONDITIONS).format(i=v)
    match kind:
        case "map":
            return f"{some}.map({v}, {value(chance, depth - 1, v)})"
        case "map of":
            return f"{some}.map({v}, {condition}, {value(chance, depth - 1, v)})"
        case "filter":
            return f"{some}.filter({v}, {condition})"
        case "plain":
            return f"{{'a': {value(chance, depth - 1, item)}, 'b': [{value(chance, depth - 1, item)}]}}"
        case "choice":
            test = pick(CONDITIONS).format(i="order.lines[1]")
            return f"({test} ? {value(chance, depth - 1, item)} : {value(chance, depth - 1, item)})"
        case "first":
            return f"orDefault(first({some}), {value(chance, depth - 1, item)})"
        case _:
            return pick(OF_ORDER)


TEXTS = sorted({value(random.Random(seed)) for seed in range(3000)})


def outcome(text: str, scope: Mapping[str, Any]) -> Any:
    """Return the value as JSON, or what is said of it."""
    try:
        return encode_json(compile_expression(text).evaluate(scope, {}))
    except ExpressionError as error:
        return str(error)


def test_most_of_them_have_a_value_and_some_show_all_of_it_once() -> None:
    nodes = [compile_expression(text).node for text in TEXTS if ".map(" in text]
    assert sum(isinstance(outcome(text, WHOLE), bytes) for text in TEXTS) > len(TEXTS) / 2 > 700
    assert sum(parts is not None and are_apart(parts) for parts in map(shown_parts, nodes)) > 30


def test_what_an_expression_reads_is_all_it_needs() -> None:
    for text in TEXTS:
        ways = compile_expression(text).ways
        view = view_of(Order, [way[1:] for way in ways if way[0] == "order"])
        assert outcome(text, {"order": view(ORDER)}) == outcome(text, WHOLE), (text, ways)


def test_what_shows_nothing_twice_is_no_larger_than_the_record() -> None:
    size, turns = len(encode_json(WHOLE)), len(WHOLE["order"]["lines"])
    for text in TEXTS:
        parts = shown_parts(compile_expression(text).node)
        if parts is not None and are_apart(parts):
            assert len(outcome(text, WHOLE)) <= size + turns * len(text), text


def filled(texts: Mapping[str, str], scope: Mapping[str, Any], sent: Collection[str]) -> Any:
    """Return a document, or the error, as a mapping comes to it."""
    template = Template(texts, sent=sent, revision=3)
    document: dict[str, Any] = {}
    try:
        template.fill(document, scope, {})
        written = {name: document[name] for name in sent}
        template.weigh(written, len(encode_json(written)))
    except ExpressionError as error:
        return error
    return document


def test_a_document_is_what_its_expressions_are() -> None:
    for text in TEXTS:
        texts = {"one": "order.lines.map(v, {'a': v.sku, 'b': v.id})", "it": text}
        made, alone = filled(texts, WHOLE, texts), outcome(text, WHOLE)
        if isinstance(made, ExpressionError):
            assert (str(made), made.expression, made.revision) == (alone, text, 3)
        else:
            assert encode_json(made["it"]) == alone, text


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("order.number", [("order", "number")]),
        ("order.lines.map(x, {'a': x.sku, 'b': x.id})", [("order", "lines", "[]", "sku"), ("order", "lines", "[]", "id")]),
        ("order.lines.filter(x, order.test).map(x, x.taxes.map(t, t.amount))", [("order", "lines", "[]", "taxes", "[]", "amount")]),
        ("order.lines.filter(x, x.gift_card)", [("order", "lines")]),
        ("{'a': order.a, 'b': order.b + '!', 'c': order.c == order.a}", [("order", "a"), ("order", "b")]),
        ("order.lines.all(x, x == order)", []),
        # what may be there with every turn
        ("order.lines.map(x, order.number)", None),
        ("order.lines.map(x, x.taxes.map(t, x.sku))", None),
        ("order.lines.map(x, order.tags.map(t, t))", None),
        ("[order].map(x, [x, x]).map(x, [x, x])", None),
        ("orDefault(order.lines, []).map(x, x.sku)", None),
        (f"order.lines.map(x, '{'long' * 20}')", None),
        ("lookup('t', order.number)", None),
        ("order.lines[0].sku", None),
    ],
)  # fmt: skip
def test_parts_are_shown(text: str, parts: list[tuple[str, ...]] | None) -> None:
    shown = shown_parts(compile_expression(text).node)
    assert (shown is None) is (parts is None)
    assert sorted(shown or ()) == sorted(parts or ())


@pytest.mark.parametrize(
    ("parts", "apart"),
    [
        ([("a", "b"), ("a", "c"), ("b",)], True),
        ([("a", "b"), ("a", "b")], False),
        ([("a", "b", "c"), ("a", "bb"), ("a", "b")], False),
        ([], True),
    ],
)
def test_parts_are_apart(parts: list[tuple[str, ...]], apart: bool) -> None:
    assert are_apart(parts) is apart


TOO_LARGE = {"raw": {"text": "x" * LIMITS.result, "n": list(range(140_000)), "few": [1, 2]}}


@pytest.mark.parametrize("name", ["text", "n"])
@pytest.mark.parametrize("text", ["raw.{}", "{{'a': raw.{}}}", "raw.few.map(x, raw.{})"])
@pytest.mark.parametrize("sent", [["few", "large"], ["few"]])
def test_a_field_that_is_too_large_is_refused(name: str, text: str, sent: list[str]) -> None:
    texts = {"few": "raw.few", "large": text.format(name)}
    if name == "text":  # the limit is what may be, not what may not
        TOO_LARGE["raw"]["text"] = "x" * (LIMITS.result + (text == "raw.{}"))
    error = filled(texts, TOO_LARGE, sent)
    assert isinstance(error, BudgetExceeded)
    assert str(error) == "the result is larger than 1024 kB"
    assert (error.expression, error.revision) == (texts["large"], 3)


def test_every_field_has_a_budget_of_its_own() -> None:
    scope = {"raw": {"many": list(range(2000))}}
    texts = {f"f{i}": "raw.many.exists(x, x < 0)" for i in range(3)}
    assert filled(texts, scope, texts) == dict.fromkeys(texts, False)


def test_the_item_that_lacks_a_field_is_named_however_many_there_are() -> None:
    items = [{"a": 1, "b": 2}] * 999 + [{"a": 1}]
    text = "raw.items.map(x, {'a': x.a, 'b': x.b})"
    error = filled({"it": text}, {"raw": {"items": items}}, ["it"])
    assert str(error) == "raw.items[999].b: no such field"

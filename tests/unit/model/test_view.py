"""A record as far as it is read: what a way leads to is there, as in the whole record."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from knect.model import (
    ITEM,
    NOTHING,
    Order,
    OrderLine,
    PartyRef,
    TaxLine,
    Totals,
    to_scope,
    view_of,
)

D = Decimal
AT = datetime(2026, 11, 1, tzinfo=UTC)
ORDER = Order(
    source_id="1", number="1001", name="#1001", currency="EUR", totals=Totals(total=D("9.90")),
    placed_at=AT, updated_at=AT, tags=("vip",), attributes={"gift": "yes"},
    customer=PartyRef(email="ann@example.com"),
    lines=(
        OrderLine(id="1", sku="A", quantity=D(1), unit_price=D("9.90"), taxes=(TaxLine(title="VAT", amount=D(1)),)),
        OrderLine(id="2", sku="B", quantity=D(0), unit_price=D("1.00")),
    ),
)  # fmt: skip
WHOLE = to_scope(ORDER)
LINES = WHOLE["lines"]


@pytest.mark.parametrize(
    ("way", "seen"),
    [
        ("number", {"number": "1001"}),
        ("placed_at", {"placed_at": AT}),
        ("customer.email", {"customer": {"email": "ann@example.com"}}),
        ("billing_address.city", {"billing_address": None}),
        ("totals", {"totals": WHOLE["totals"]}),
        ("tags", {"tags": ("vip",)}),
        ("tags.[]", {"tags": ("vip",)}),
        ("attributes.gift", {"attributes": {"gift": "yes"}}),
        ("lines.[].sku", {"lines": [{"sku": "A"}, {"sku": "B"}]}),
        ("lines.sku", {"lines": [{"sku": "A"}, {"sku": "B"}]}),
        ("lines.taxes.amount", {"lines": [{"taxes": [{"amount": D(1)}]}, {"taxes": []}]}),
        ("lines.[].taxes", {"lines": [{"taxes": LINES[0]["taxes"]}, {"taxes": ()}]}),
        (f"lines.[].{NOTHING}", {"lines": [{}, {}]}),
        ("lines", {"lines": LINES}),
        ("lines.[]", {"lines": LINES}),
        ("lines.[].nope", {"lines": LINES}),
        ("customer.[]", {"customer": WHOLE["customer"]}),
        ("nope", WHOLE),
        (ITEM, WHOLE),
    ],
)
def test_a_way_leads_to_what_it_names(way: str, seen: dict[str, Any]) -> None:
    assert view_of(Order, [way.split(".")])(ORDER) == seen


def test_several_ways_are_seen_together_and_the_longer_does_not_hide_the_shorter() -> None:
    assert view_of(Order, [["lines", "sku"], ["lines", "id"], ["number"]])(ORDER) == {
        "lines": [{"sku": "A", "id": "1"}, {"sku": "B", "id": "2"}],
        "number": "1001",
    }
    assert view_of(Order, [["lines", "sku"], ["lines"]])(ORDER) == {"lines": LINES}
    assert view_of(Order, [[], ["number"]])(ORDER) == WHOLE
    assert view_of(Order, [])(ORDER) == {}

"""What a person may set in a record, where, and how it is refused."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from knect.model import (
    Address,
    Edit,
    EditError,
    Order,
    OrderLine,
    PartyRef,
    Totals,
    edit_raw,
    edit_record,
    is_a_field,
    paths_of,
    raw_values,
    steps_of,
)

ORDER = Order(
    source_id="gid/1", number="1001", name="#1001", currency="EUR",
    totals=Totals(total=Decimal("20.00")),
    placed_at=datetime(2026, 11, 1, tzinfo=UTC), updated_at=datetime(2026, 11, 1, tzinfo=UTC),
    lines=(
        OrderLine(id="a", quantity=Decimal(1), unit_price=Decimal("10.00"), sku="KN-1"),
        OrderLine(id="b", quantity=Decimal(1), unit_price=Decimal("10.00"), sku="KN-99"),
    ),
    customer=PartyRef(email="ana@example.com"),
    shipping_address=Address(city="Köln", street=("Am Hof 1",)),
    attributes={"gift message": "hello"},
)  # fmt: skip


def _set(path: str, value: str | None) -> Order:
    record = edit_record(ORDER, [Edit(path=path, value=value)])
    assert isinstance(record, Order)
    return record


@pytest.mark.parametrize(
    ("path", "value", "read"),
    [
        ("lines[1].sku", "KN-0099", lambda o: o.lines[1].sku == "KN-0099"),
        ("lines[1].sku", "7", lambda o: o.lines[1].sku == "7"),
        ("lines[1].sku", "null", lambda o: o.lines[1].sku == "null"),
        ("lines[0].quantity", "2", lambda o: o.lines[0].quantity == Decimal(2)),
        ("totals.total", "12.50", lambda o: str(o.totals.total) == "12.50"),
        ("taxes_included", "true", lambda o: o.taxes_included is True),
        ("cancelled_at", "2026-11-02T10:00:00Z", lambda o: o.cancelled_at.day == 2),
        ("customer.email", None, lambda o: o.customer.email is None),
        ("shipping_address", None, lambda o: o.shipping_address is None),
        (
            "billing_address",
            '{"city": "Bonn"}',
            lambda o: o.billing_address == Address(city="Bonn"),
        ),
        ("shipping_address.street", '["A", "B"]', lambda o: o.shipping_address.street[1] == "B"),
        ("tags", '["vip"]', lambda o: o.tags == ("vip",)),
        ('attributes["gift message"]', "bye", lambda o: o.attributes == {"gift message": "bye"}),
        ('attributes["gift message"]', None, lambda o: o.attributes == {}),
        ("attributes.VAT-ID", "DE1", lambda o: o.attributes["VAT-ID"] == "DE1"),
    ],
)
def test_one_field_is_set_and_nothing_else(path: str, value: str | None, read: Any) -> None:
    record = _set(path, value)
    assert read(record)
    assert record != ORDER
    first = steps_of(path)[0]
    same = [name for name in Order.__struct_fields__ if name != first]
    assert [getattr(record, name) for name in same] == [getattr(ORDER, name) for name in same]


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("lines[7].sku", "x", "there is no [7]: it has 2, counted from 0"),
        ("lines[0].skuu", "x", "no 'skuu' at this place; there is: id, quantity"),
        ("billing_address.city", "x", "no 'city' at this place"),
        ("lines[0].quantity", "many", "lines[0].quantity holds a number, like 12.50"),
        ("lines[0].quantity", "NaN", "lines[0].quantity holds a number, like 12.50"),
        ("lines[0].quantity", None, "lines[0].quantity has to hold something"),
        ("cancelled_at", "soon", "cancelled_at holds an instant, like 2026"),
        ("test", "perhaps", "test holds true or false"),
        ("lines", "x", "lines holds more than one value: give it as JSON"),
        ("source_id", "x", "source_id says which record it is"),
        ("number", "x", "number says which record it is"),
        ("lines[0].id", "x", "lines[0].id says which record it is"),
        ("", "x", "'' is no path of a field; one is like lines[2].sku"),
        (".sku", "x", "'.sku' is no path"),
        ("lines[x]", "x", "'lines[x]' is no path"),
        ("lines[0]..sku", "x", "'lines[0]..sku' is no path"),
        ("raw", "x", "say which field of the payload: raw.FIELD"),
    ],
)
def test_what_does_not_fit_is_refused_in_a_sentence(
    path: str, value: str | None, says: str
) -> None:
    with pytest.raises(EditError) as caught:
        _set(path, value)
    assert says in caught.value.message
    assert caught.value.path == path
    assert str(value) == "x" or str(value) not in caught.value.message


@pytest.mark.parametrize(
    ("path", "is_one"),
    [
        ("lines[2].sku", True), ("shipping_address.postal_code", True), ("note", True),
        ("totals.total", True), ("lines", True), ("attributes.any", True), ("tags[0]", True),
        ("billing_address.street[1]", True),
        ("total", False), ("lineItems[0].sku", False), ("lines.sku", False), ("note[0]", False),
        ("number", False), ("lines[0].id", False), ("a b", False), ("", False), ("raw.total", False),
    ],
)  # fmt: skip
def test_what_is_a_field_of_an_order_is_known(path: str, is_one: bool) -> None:
    assert is_a_field(Order, path) == is_one


RAW = {"lines": [{"sku": "KN-1", "qty": 1}], "note": None, "vip": False}


@pytest.mark.parametrize(
    ("path", "value", "there"),
    [
        ("raw.lines[0].sku", "7", {**RAW, "lines": [{"sku": "7", "qty": 1}]}),
        ("raw.lines[0].qty", "2.50", {**RAW, "lines": [{"sku": "KN-1", "qty": Decimal("2.50")}]}),
        ("raw.vip", "true", {**RAW, "vip": True}),
        ("raw.note", "hello", {**RAW, "note": "hello"}),
        ("raw.new", "1", {**RAW, "new": "1"}),
        ("raw.note", None, {"lines": RAW["lines"], "vip": False}),
        ("note", "the record's", RAW),
    ],
)
def test_a_payload_is_set_as_json_of_the_kind_that_stands_there(
    path: str, value: str | None, there: Any
) -> None:
    before = repr(RAW)
    assert edit_raw(RAW, [Edit(path=path, value=value)]) == there
    assert repr(RAW) == before


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("raw.lines[3].sku", "x", "the payload has no 3 at this place"),
        ("raw.buyer.name", "x", "the payload has no 'buyer' at this place"),
        ("raw.lines[0].qty", "many", "raw.lines[0].qty is no text in the payload"),
    ],
)
def test_what_does_not_fit_a_payload_is_refused(path: str, value: str, says: str) -> None:
    with pytest.raises(EditError) as caught:
        edit_raw(RAW, [Edit(path=path, value=value)])
    assert says in caught.value.message


def test_a_few_paths_are_named() -> None:
    edits = [Edit(path=f"lines[{n}].sku", value="A") for n in range(5)]
    assert paths_of(edits[:2]) == "lines[0].sku, lines[1].sku"
    assert paths_of(edits) == "lines[0].sku, lines[1].sku, lines[2].sku and 2 more"
    assert paths_of([]) == ""


def test_edits_are_made_in_turn_and_what_they_replace_is_known() -> None:
    edits = [
        Edit(path="raw.lines[0].sku", value="A"),
        Edit(path="raw.lines[0].sku", value="B"),
        Edit(path="raw.gone", value="C"),
        Edit(path="note", value="D"),
    ]
    assert edit_raw(RAW, edits)["lines"][0]["sku"] == "B"
    assert raw_values(RAW, edits) == ["KN-1", "KN-1"]
    assert edit_record(ORDER, edits).note == "D"  # type: ignore[union-attr]

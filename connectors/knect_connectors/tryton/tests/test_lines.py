"""What an edit does to the lines of a sale: as little as possible, and never without a trace."""

from decimal import Decimal
from typing import Any

from knect_connectors.tryton.lines import edits_of, new_line
from knect_connectors.tryton.wire import money

UNITS = {1: 10, 2: 10, 3: 10, 9: 10}
SERVICE = 9


def a_row(number: int, product: int | None, line: str = "", **changes: Any) -> dict[str, Any]:
    """A line as Tryton answers it."""
    row = {
        "id": number,
        "type": "line",
        "product": product,
        "product.": {"type": "service" if product == SERVICE else "goods"} if product else None,
        "unit": 10,
        "quantity": Decimal(1),
        "unit_price": Decimal("5.0000"),
        "taxes": [4],
        "description": "Thing",
        "note": f"Web line: {line}" if line else "",
    }
    return {**row, **changes}


def wanted(product: int, line: str = "", **changes: Any) -> dict[str, Any]:
    """A line as the plan wants it."""
    one = {
        "product": str(product),
        "line": line,
        "quantity": "1",
        "unit_price": "5.00",
        "taxes": [4],
        "description": "Thing",
    }
    return {**one, **changes}


def test_what_is_the_same_is_left_alone() -> None:
    there = [a_row(1, 1, "A"), a_row(2, SERVICE), a_row(3, None, type="comment")]
    assert edits_of(there, [wanted(1, "A"), wanted(SERVICE)], UNITS) == []


def test_only_what_differs_is_written() -> None:
    there = [a_row(1, 1, "A"), a_row(2, 2, "B", unit=11)]
    edited = [
        wanted(1, "A", quantity="3", unit_price="4.50"),
        wanted(2, "B", taxes=[5], description="Other"),
    ]
    assert edits_of(there, edited, UNITS) == [
        ["write", [1], {"quantity": Decimal("3.0"), "unit_price": money(Decimal("4.50"))}],
        [
            "write",
            [2],
            {"unit": 10, "taxes": [["remove", [4]], ["add", [5]]], "description": "Other"},
        ],
    ]


def test_goods_that_are_gone_stay_with_nothing_and_services_go() -> None:
    there = [a_row(1, 1, "A"), a_row(2, 2, "B"), a_row(3, SERVICE, "S")]
    gone = [["write", [2], {"quantity": Decimal("0.0")}], ["delete", [3]]]
    assert edits_of(there, [wanted(1, "A")], UNITS) == gone
    there[1]["quantity"] = Decimal(0)
    assert edits_of(there[:2], [wanted(1, "A")], UNITS) == []


def test_one_line_of_a_product_is_trace_enough() -> None:
    there = [a_row(1, 1, "A"), a_row(2, 1, "B"), a_row(3, 2, "C"), a_row(4, 2, "D")]
    assert edits_of(there, [wanted(1, "B")], UNITS) == [
        ["delete", [1]],
        ["write", [3], {"quantity": Decimal("0.0")}],
        ["delete", [4]],
    ]


def test_lines_are_told_by_the_shops_id_before_the_product() -> None:
    there = [a_row(1, 1, "A"), a_row(2, 1, "B")]
    both = [wanted(1, "B"), wanted(1, "A", quantity="2")]
    assert edits_of(there, both, UNITS) == [["write", [1], {"quantity": Decimal("2.0")}]]


def test_a_line_with_another_id_in_the_shop_is_taken_over_with_its_note() -> None:
    there = [a_row(1, 1, "A", note="call before\nWeb line: A"), a_row(2, 2, "B", note=None)]
    edited = [wanted(1, "X"), wanted(2, "")]
    assert edits_of(there, edited, UNITS) == [
        ["write", [1], {"note": "call before\nWeb line: X"}],
    ]


def test_what_is_not_there_is_created_in_one_command() -> None:
    new = [wanted(2, "B"), wanted(3, "C")]
    edits = edits_of([a_row(1, 1, "A")], [wanted(1, "A"), *new], UNITS)
    assert edits == [["create", [new_line(one, UNITS) for one in new]]]


def test_a_row_that_stands_for_no_product_is_not_kept() -> None:
    assert edits_of([a_row(1, None)], [], UNITS) == [["delete", [1]]]

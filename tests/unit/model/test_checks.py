"""What an order must hold before anything is sent: exact, in its currency's own coins."""

import random
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import pytest

from knect.model import (
    Discount,
    Fee,
    Order,
    OrderLine,
    ShippingLine,
    TaxLine,
    Totals,
    check_record,
    checks,
)

D = Decimal


def an_order(**fields: Any) -> Order:
    line: dict[str, Any] = {"id": "1", "sku": "KN-1", "quantity": D(2), "unit_price": D("9.99")}
    line |= fields.pop("line", {})
    at = datetime(2026, 11, 1, tzinfo=UTC)
    return Order(
        **{
            "source_id": "1", "number": "1001", "name": "#1001", "currency": "EUR",
            "totals": Totals(total=D("19.98")), "placed_at": at, "updated_at": at,
            "lines": (OrderLine(**line),), **fields,
        }
    )  # fmt: skip


def test_a_good_order_breaks_nothing() -> None:
    assert check_record(an_order()) is None


@pytest.mark.parametrize(
    ("changes", "rule", "path"),
    [
        ({"totals": Totals(total=D("19.97"))}, "TotalsMismatch", "totals.total"),
        ({"totals": Totals(total=D("19.981"))}, "BadAmount", "totals.total"),
        ({"totals": Totals(total=D("NaN"))}, "BadAmount", "totals.total"),
        ({"totals": Totals(total=D("1E+400"))}, "BadAmount", "totals.total"),
        ({"tips": D("0.001")}, "BadAmount", "tips"),
        ({"rounding": D("-Infinity")}, "BadAmount", "rounding"),
        ({"currency": "EUX"}, "UnknownCurrency", "currency"),
        ({"currency": "JPY"}, "BadAmount", "totals.total"),
        ({"line": {"quantity": D("-1")}}, "BadQuantity", "lines[0].quantity"),
        ({"line": {"quantity": D("1E+400")}}, "BadQuantity", "lines[0].quantity"),
        ({"line": {"unit_price": D("sNaN")}}, "BadAmount", "lines[0].unit_price"),
        ({"line": {"unit_price": D("1E+400")}}, "BadAmount", "lines[0].unit_price"),
        (
            {"line": {"taxes": (TaxLine(title="VAT", rate=D("0.19"), amount=D("3.7962")),)}},
            "BadAmount", "lines[0].taxes[0].amount",
        ),
    ],
)  # fmt: skip
def test_what_is_broken_is_named(changes: dict[str, Any], rule: str, path: str) -> None:
    violation = check_record(an_order(**changes))
    assert violation is not None
    assert (violation.rule, violation.path) == (rule, path)
    assert violation.message


@pytest.mark.parametrize(
    ("quantity", "price", "total"),
    [("0", "9.99", "0"), ("0.375", "8.00", "3.00"), ("3", "0.333333", "0.999999")],
)
def test_quantities_may_be_nothing_or_a_part(quantity: str, price: str, total: str) -> None:
    order = an_order(
        line={"quantity": D(quantity), "unit_price": D(price)}, totals=Totals(total=D(total))
    )
    violation = check_record(order)
    # a price may be finer than a coin, what is paid may not
    assert (violation is None) == (D(total) == round(D(total), 2))


def test_there_is_no_tolerance() -> None:
    """Ten thousand lines of a cent are a hundred, not nearly."""
    lines = tuple(
        OrderLine(id=str(i), sku="A", quantity=D(1), unit_price=D("0.01")) for i in range(10_000)
    )
    assert check_record(an_order(lines=lines, totals=Totals(total=D(100)))) is None
    violation = check_record(an_order(lines=lines, totals=Totals(total=D("100.01"))))
    assert violation is not None
    assert "add up to 100.00 EUR, but the order says 100.01" in violation.message


NUMBERS = [*map(D, ("0", "1", "2", "9.99", "0.5", "-1", "10.00", "3"))] * 6
NUMBERS += map(D, ("0.005", "NaN", "sNaN", "-Infinity", "1E15", "-1E15", "1E+400", "-0", "0E+20"))


def any_order(chance: random.Random) -> Order:
    def number() -> Decimal:
        return chance.choice(NUMBERS)

    def some(make: Any) -> Any:
        return tuple(make() for _ in range(chance.choice((0, 0, 1, 2))))

    def discounts() -> Any:
        return some(lambda: Discount(amount=number()))

    def taxes() -> Any:
        return some(lambda: TaxLine(title="VAT", amount=number()))

    parts: dict[str, Any] = {
        "lines": some(lambda: OrderLine(id="1", quantity=number().copy_abs() if chance.random() < 0.9 else number(), unit_price=number(), discounts=discounts(), taxes=taxes())),
        "shipping_lines": some(lambda: ShippingLine(id="1", title="DHL", price=number(), discounts=discounts(), taxes=taxes())),
        "fees": some(lambda: Fee(kind="duty", amount=number(), taxes=(TaxLine(title="VAT", amount=D(1)),))),
        "discounts": discounts(),
        "tips": number(),
        "rounding": number(),
        "taxes_included": chance.random() < 0.5,
        "currency": chance.choice(("EUR", "EUR", "EUR", "JPY", "BHD", "EUX")),
    }  # fmt: skip
    order = an_order(**parts)
    try:
        total = checks.order_sum(order) if chance.random() < 0.9 else number()
    except InvalidOperation:
        total = number()
    return an_order(**parts, totals=Totals(total=total))


def test_what_is_seen_at_a_glance_is_what_the_rules_say() -> None:
    sound = 0
    for seed in range(4000):
        order = any_order(random.Random(seed))
        found = next(filter(None, (rule(order) for rule in checks._RULES[Order])), None)
        assert check_record(order) == found
        sound += checks._is_plainly_sound(order)
    assert sound > 400

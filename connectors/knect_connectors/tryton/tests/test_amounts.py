"""Tryton's arithmetic, done before. The real server agrees in tests/integration/tryton."""

from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from knect_connectors.tryton.amounts import PricedLine, rounded, sale_total, unit_price

CENT = Decimal("0.01")
VAT = (1, Decimal("0.19"))


def line(quantity: Any, price: Any, *taxes: Any) -> Any:
    return PricedLine(Decimal(quantity), Decimal(price), taxes)


def test_lines_are_rounded_half_to_even() -> None:
    assert sale_total([line(1, "0.005")], CENT, "line") == Decimal("0.00")
    assert sale_total([line(1, "0.015")], CENT, "line") == Decimal("0.02")


def test_taxes_per_line_and_per_document_differ() -> None:
    lines = [line(1, "0.99", VAT)] * 10
    assert sale_total(lines, CENT, "line") == Decimal("11.80")
    assert sale_total(lines, CENT, "document") == Decimal("11.78")


def test_what_is_given_back_is_gathered_apart() -> None:
    lines = [line(1, "0.03", VAT), line(-1, "0.03", VAT)]
    assert sale_total(lines, CENT, "document") == Decimal("0.00")


def test_taxes_of_one_line_do_not_round_apart_by_more_than_a_cent() -> None:
    # 0.125 and 0.125 would each become 0.12; together they are 0.25.
    lines = [line(1, "1.25", (1, Decimal("0.1")), (2, Decimal("0.1")))]
    assert sale_total(lines, CENT, "line") == Decimal("1.50")


@given(
    net=st.decimals("-10000", "10000", places=2),
    quantity=st.integers(1, 100),
)
def test_a_unit_price_gives_the_net_amount_back(net: Any, quantity: Any) -> None:
    price = unit_price(net, Decimal(quantity))
    assert rounded(price * quantity, CENT) == net or quantity == 100

"""No number of any record is longer, written out, than somebody's amount or quantity can be."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from knect.model import (
    InventoryLevel,
    Payment,
    Price,
    Record,
    Refund,
    RefundLine,
    Shipment,
    ShipmentLine,
    check_record,
)

AT = datetime(2026, 11, 1, tzinfo=UTC)


def a_level(number: Decimal) -> Record:
    return InventoryLevel(source_id="1", sku="KN-1", location="main", incoming=number)


def a_price(number: Decimal) -> Record:
    return Price(source_id="1", sku="KN-1", currency="EUR", amount=number)


def a_payment(number: Decimal) -> Record:
    return Payment(
        source_id="1", order_id="1", kind="sale", status="success", amount=number, currency="EUR"
    )


def a_shipment(number: Decimal) -> Record:
    lines = tuple(ShipmentLine(line_id="1", quantity=one) for one in (Decimal(1), number))
    return Shipment(source_id="1", order_id="1", lines=lines)


def a_refund(number: Decimal) -> Record:
    line = RefundLine(line_id="1", quantity=Decimal(1), amount=Decimal(1), tax=number)
    return Refund(
        source_id="1", order_id="1", currency="EUR", total=Decimal(1), created_at=AT, lines=(line,)
    )


@pytest.mark.parametrize(
    ("make", "path"),
    [
        (a_level, "incoming"),
        (a_price, "amount"),
        (a_payment, "amount"),
        (a_shipment, "lines[1].quantity"),
        (a_refund, "lines[0].tax"),
    ],
)
@pytest.mark.parametrize("text", ["1e999999999", "-1E+15", "NaN", "sNaN", "Infinity"])
def test_a_number_nobody_has_is_told_by_its_path(make: Any, path: str, text: str) -> None:
    violation = check_record(make(Decimal(text)))
    assert violation is not None
    assert (violation.rule, violation.path) == ("BadAmount", path)
    assert len(violation.message) < 100
    assert check_record(make(Decimal("12.5000"))) is None

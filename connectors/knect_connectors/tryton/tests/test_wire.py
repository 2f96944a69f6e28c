"""Tryton's values keep what they are on the way there and back."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from knect.model import decode_json, encode_json
from knect.sdk.errors import UnexpectedAnswer
from knect.sdk.http import Response
from knect_connectors.tryton.client import _result
from knect_connectors.tryton.wire import from_wire, money, to_wire

BERLIN = timezone(timedelta(hours=1))


def test_an_instant_goes_out_in_utc_and_comes_back_as_it_was() -> None:
    instant = datetime(2026, 11, 24, 1, 2, 3, 456789, tzinfo=BERLIN)
    wire = to_wire({"at": [instant]})
    assert wire["at"][0]["hour"] == 0
    assert from_wire(wire) == {"at": [instant.astimezone(UTC)]}


def test_a_date_is_no_instant() -> None:
    assert from_wire(to_wire(date(2026, 2, 28))) == date(2026, 2, 28)


@pytest.mark.parametrize("text", ["0.00", "-0.01", "12345678901234567.89", "1E+2", "0.10"])
def test_money_keeps_every_digit(text: Any) -> None:
    wire = decode_json(encode_json(to_wire({"unit_price": money(Decimal(text))})))
    assert str(from_wire(wire)["unit_price"]) == text


def test_a_class_nobody_knows_is_not_guessed_at() -> None:
    with pytest.raises(ValueError, match="'complex'"):
        from_wire([{"__class__": "complex"}])


@pytest.mark.parametrize(
    "value",
    [
        {"__class__": "Decimal", "decimal": "x"},
        {"__class__": "Decimal", "decimal": [1]},
        {"__class__": "date", "year": 10**20, "month": 1, "day": 1},
        {"__class__": "timedelta", "seconds": 1e30},
        {"__class__": "timedelta", "seconds": "nan"},
        {"__class__": "datetime"},
    ],
)
def test_what_no_value_can_be_is_an_unexpected_answer(value: Any) -> None:
    with pytest.raises(UnexpectedAnswer, match=r"model\.x\.read"):
        _result("model.x.read", Response(status=200, headers={}, body=b"", data={"result": value}))

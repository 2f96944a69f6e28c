"""Tryton's values keep what they are on the way there and back."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from knect.model import decode_json, encode_json
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

"""How APIs spell what everyone has: times without a zone, cents, tokens in headers, credentials."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from knect.model import Order
from knect.sdk.errors import BadRecord, Fatal
from knect_connectors.rest.config import Times
from knect_connectors.rest.instants import Instants
from knect_connectors.rest.shape import Shape
from knect_connectors.rest.tests.conftest import RECORD, a_sale

BERLIN = Times(format="Local", zone="Europe/Berlin")


def a_shape(times: Times | None = None, **fields: Any) -> Shape:
    record = {**RECORD, "placed_at": "made", **fields}
    return Shape(
        "orders",
        {name: how for name, how in record.items() if how is not None},
        identifier="id",
        changed="changed",
        instants=Instants(times or Times()),
    )


def an_order(shape: Shape, **fields: Any) -> Order:
    made = {"made": "2026-07-01T12:00:00Z", "changed": "2026-07-01T12:00:00Z"}
    record = shape.to_record({"id": 7, **made, **a_sale(), **fields})
    assert isinstance(record, Order)
    return record


NOON_IN_BERLIN = datetime(2026, 7, 1, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("times", "written", "instant"),
    [
        (BERLIN, "2026-07-01 12:00:00", NOON_IN_BERLIN),
        (BERLIN, "2026-07-01T12:00:00+02:00", NOON_IN_BERLIN),
        (BERLIN, "2026-07-01", datetime(2026, 6, 30, 22, tzinfo=UTC)),
        (Times(format="UnixMillis"), 1782900000000, NOON_IN_BERLIN),
        (Times(format="UnixMillis"), "1782900000000", NOON_IN_BERLIN),
        (Times(format="Unix"), 1782900000, NOON_IN_BERLIN),
        (Times(format="Unix"), "2026-07-01T10:00:00Z", NOON_IN_BERLIN),
        (Times(), "2026-07-01T12:00:00+02:00", NOON_IN_BERLIN),
    ],
)
def test_every_instant_of_a_record_is_read_as_times_says(
    times: Times, written: Any, instant: datetime
) -> None:
    order = an_order(a_shape(times), made=written, changed=written)
    assert (order.placed_at, order.updated_at) == (instant, instant)
    assert order.placed_at.tzinfo is not None


def test_what_is_no_instant_is_said_with_its_path() -> None:
    with pytest.raises(BadRecord, match="made is 'soon'"):
        an_order(a_shape(BERLIN), made="soon")


CENTS = {"path": "gross", "decimals": 2}


@pytest.mark.parametrize(
    ("written", "amount"),
    [("1990", "19.90"), (1990, "19.90"), ("-5", "-0.05"), ("0", "0.00"), (Decimal(7), "0.07")],
)
def test_cents_are_read_as_money(written: Any, amount: str) -> None:
    order = an_order(a_shape(totals={"fields": {"total": CENTS}}), gross=written)
    assert str(order.totals.total) == amount


@pytest.mark.parametrize("written", ["19.90", "19,90", "", True, [1]])
def test_what_is_no_whole_number_of_cents_is_not_taken_for_one(written: Any) -> None:
    with pytest.raises(BadRecord, match="gross"):
        an_order(a_shape(totals={"fields": {"total": CENTS}}), gross=written)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"number": {"path": "n", "decimals": 2}}, r"record\.number: decimals are of amounts"),
        ({"rounding": {"path": "n", "decimals": "two"}}, r"record\.rounding\.decimals"),
        ({"number": {"paht": "n"}}, r"record\.number: there is no word 'paht' here; known: path"),
        ({"currency": None}, r"record lacks currency, which every record has"),
        ({"totals": {"fields": {"tax": "t"}}}, r"record\.totals\.fields lacks total"),
    ],
)
def test_a_record_that_cannot_be_made_is_refused_before_it_is_read(
    fields: dict[str, Any], said: str
) -> None:
    with pytest.raises(Fatal, match=said):
        a_shape(**fields)

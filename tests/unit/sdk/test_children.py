"""What is asked of a record that hangs on an order, before it is written anywhere."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from knect.model import Payment, Refund, Shipment
from knect.sdk.children import refuse_other_money, refuse_other_pieces, require_settled
from knect.sdk.contract import Delivery
from knect.sdk.errors import MissingReference, WaitForPerson

A, B = ({"line_id": line, "sku": "KN-1", "quantity": "2"} for line in "AB")


def a_parcel(now: list[dict[str, Any]], before: list[dict[str, Any]] | None) -> Delivery:
    return Delivery(
        entity="shipments",
        external_id="acme-erp:7",
        document={"lines": now},
        record=Shipment(source_id="7", order_id="1"),
        bound="70",
        resolved={},
        settings={},
        previous=None if before is None else {"lines": before},
    )


@pytest.mark.parametrize(
    ("now", "before"),
    [
        ([A, B], [B, A]),
        ([A], [{**A, "quantity": Decimal("2.0")}]),
        ([A], [{**A, "quantity": "1"}, {**A, "quantity": "1"}]),
        ([A], [{"sku": "KN-1", "quantity": "2"}]),
        ([A], None),  # delivered by half: what was told is what it says now
    ],
    ids=[
        "another order",
        "another spelling",
        "in two parts",
        "no line named then",
        "nothing to compare",
    ],
)
def test_the_same_pieces_are_the_same_parcel(
    now: list[dict[str, Any]], before: list[dict[str, Any]] | None
) -> None:
    refuse_other_pieces(a_parcel(now, before), remedy="settle it")


@pytest.mark.parametrize(
    ("now", "before", "says", "told"),
    [
        ([{**A, "quantity": "3"}], [A], "3 x KN-1", "2 x KN-1"),
        ([A, B], [A], "4 x KN-1", "2 x KN-1"),
        ([B], [A], "2 x KN-1 of line B", "2 x KN-1 of line A"),
        ([{"line_id": "A", "quantity": "2"}], [], "2 x A", ""),
    ],
    ids=["more", "another line too", "another line", "of no SKU"],
)
def test_other_pieces_are_for_a_person(
    now: list[dict[str, Any]], before: list[dict[str, Any]], says: str, told: str
) -> None:
    with pytest.raises(WaitForPerson) as caught:
        refuse_other_pieces(a_parcel(now, before), remedy="settle it")
    error = caught.value
    assert f"the parcel holds {says}; the shop, and its customer, were told {told}" in error.message
    assert error.message.endswith("; settle it, then skip this one")
    assert (error.code, error.path, error.value) == ("ChangedAtDestination", "lines", says)


@pytest.mark.parametrize("pending", [True, False])
def test_a_refund_waits_for_its_money(*, pending: bool) -> None:
    refund = Refund(
        source_id="R1",
        order_id="1",
        currency="EUR",
        total=Decimal("19.90"),
        created_at=datetime(2026, 1, 2, tzinfo=UTC),
        pending=pending,
    )
    if not pending:
        require_settled(refund)
        return
    with pytest.raises(MissingReference, match=r"19\.90 EUR is not settled") as caught:
        require_settled(refund)
    assert (caught.value.kind, caught.value.value) == ("settlement", "R1")


def a_booking(now: dict[str, Any], before: dict[str, Any] | None, bound: str | None) -> Delivery:
    return Delivery(
        entity="payments",
        external_id="shop:7",
        document=now,
        record=Payment(
            source_id="7", order_id="1", kind="sale", status="success",
            amount=Decimal(1), currency="EUR",
        ),
        bound=bound,
        resolved={},
        settings={},
        previous=before,
    )  # fmt: skip


TEN = {"amount": "10.00", "currency": "EUR"}


@pytest.mark.parametrize(
    ("now", "before", "bound"),
    [
        ({"amount": Decimal(10), "currency": "EUR"}, TEN, "70"),
        ({**TEN, "gateway": "bank"}, TEN, "70"),
        ({"amount": "9.00", "currency": "EUR"}, None, "70"),
        ({"amount": "9.00", "currency": "EUR"}, TEN, None),
        ({"gateway": "bank"}, TEN, "70"),
    ],
    ids=["another spelling", "other words", "nothing to compare", "nothing there", "not owned"],
)
def test_the_same_money_is_left_alone(
    now: dict[str, Any], before: dict[str, Any] | None, bound: str | None
) -> None:
    refuse_other_money(a_booking(now, before, bound), field="amount")


@pytest.mark.parametrize(
    ("now", "is_money", "says"),
    [
        ({"amount": "9.50", "currency": "EUR"}, True, "9.5 EUR"),
        ({"amount": "40", "currency": "EUR"}, True, "40 EUR"),
        ({"amount": "10.00", "currency": "USD"}, True, "10 USD"),
        (TEN, False, "none"),
    ],
)
def test_other_money_than_was_booked_is_a_persons(
    now: dict[str, Any], is_money: bool, says: str
) -> None:
    with pytest.raises(
        WaitForPerson, match=f"10 EUR were booked for it as 70, and it is {says} now"
    ):
        refuse_other_money(a_booking(now, TEN, "70"), field="amount", is_money=is_money)

"""What is asked of a record that hangs on an order, before it is written anywhere."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from knect.model import Refund, Shipment
from knect.sdk.children import refuse_other_pieces, require_settled
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

"""Refunds into GP as returns: by line, for shipping, an amount only, and never too much."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from tests.support.orders import a_line, a_shipping, an_order

from knect.model import Refund, RefundLine, check_record
from knect.sdk.contract import Call, Delivery, Outcome
from knect.sdk.errors import MissingReference, WaitForPerson
from knect_connectors.dynamics_gp import GpConnector
from knect_connectors.dynamics_gp.tests.conftest import Gp, deliver

ORDER = an_order(
    "41.65",
    a_line("KN-100", "10.00", quantity="3", id="L1", taxes=(("0.19", "5.70"),)),
    shipping_lines=(a_shipping("5.00", taxes=(("0.19", "0.95"),)),),
)


def back(
    quantity: str, amount: str, tax: str, *, restock: str = "return", sku: str = "KN-100",
    line: str = "L1",
) -> RefundLine:  # fmt: skip
    return RefundLine(line_id=line, quantity=Decimal(quantity), amount=Decimal(amount),
                      tax=Decimal(tax), restock=restock, sku=sku)  # fmt: skip


def a_refund(total: str, *lines: RefundLine, number: str = "R1", **changes: Any) -> Refund:
    fields: dict[str, Any] = {
        "source_id": number, "order_id": "gid://1", "order_number": "1001", "currency": "EUR",
        "total": Decimal(total), "created_at": datetime(2026, 11, 25, 12, tzinfo=UTC),
        "lines": lines,
    }  # fmt: skip
    refund = Refund(**{**fields, **changes})
    assert check_record(refund) is None
    return refund


async def give_back(connector: GpConnector, refund: Refund, order: str = "WEB000001") -> Outcome:
    destination = connector.destination
    assert destination is not None
    (effect,) = destination.plan(
        Delivery(
            entity="refunds",
            external_id=f"shop:{refund.source_id}",
            document=destination.to_document("refunds", refund, {}),
            record=refund,
            bound=None,
            resolved={("orders", "gid://1"): order, ("sku", "REFUND"): "REFUND"},
            settings={},
        )
    )
    call = Call(effect=effect, given={}, idempotency_key="k")
    (outcome,) = await destination.write([call])
    (found,) = await destination.lookup([call])
    if outcome.found is not None and outcome.found.destination_id != order:
        assert found is not None
        assert found.destination_id == outcome.found.destination_id
        (again,) = await destination.write([call])
        assert again.found is not None
        assert again.found.destination_id == found.destination_id
    return outcome


@pytest.fixture
async def sold(gp: Gp) -> GpConnector:
    connector = gp.connect()
    outcome = await deliver(connector, ORDER)
    assert outcome.error is None, outcome.error
    return connector


async def test_goods_that_come_back_are_a_return_and_on_hand_again(
    gp: Gp, sold: GpConnector
) -> None:
    gp.people.ship("WEB000001")
    outcome = await give_back(sold, a_refund("23.80", back("2", "20.00", "3.80")))
    assert outcome.error is None, outcome.error
    (document,) = gp.documents(type=4)
    assert [(x["item"], x["quantity"], x["price"]) for x in document["lines"]] == [
        ("KN-100", "2", "10")
    ]
    assert (document["total"], document["tax"], document["customer_order"]) == (
        "23.8", "3.8", "1001",
    )  # fmt: skip
    on_hand = {x["item"]: x["on_hand"] for x in gp.control.snapshot()["quantities"]}
    assert on_hand["KN-100"] == "397"
    gp.people.post_return(document["number"])
    on_hand = {x["item"]: x["on_hand"] for x in gp.control.snapshot()["quantities"]}
    assert on_hand["KN-100"] == "399"


async def test_money_without_goods_moves_no_stock(gp: Gp, sold: GpConnector) -> None:
    lines = (back("1", "10.00", "1.90", restock="none"),)
    refund = a_refund("14.85", *lines, shipping=Decimal("1.00"), shipping_tax=Decimal("0.19"),
                      adjustment=Decimal("1.76"))  # fmt: skip
    outcome = await give_back(sold, refund)
    assert outcome.error is None, outcome.error
    (document,) = gp.documents(type=4)
    assert {x["item"] for x in document["lines"]} == {"REFUND"}
    assert (document["freight"], document["tax"], document["total"]) == ("1", "2.09", "14.85")


async def test_only_shipping_or_only_an_amount(gp: Gp, sold: GpConnector) -> None:
    shipping = a_refund("5.95", shipping=Decimal("5.00"), shipping_tax=Decimal("0.95"))
    assert (await give_back(sold, shipping)).error is None
    amount = a_refund("3.00", number="R2", adjustment=Decimal("3.00"))
    assert (await give_back(sold, amount)).error is None
    assert [x["total"] for x in gp.documents(type=4)] == ["5.95", "3"]


async def test_never_more_than_the_order_came_to(gp: Gp, sold: GpConnector) -> None:
    assert (await give_back(sold, a_refund("35.70", back("3", "30.00", "5.70")))).error is None
    more = a_refund("10.00", number="R2", adjustment=Decimal("10.00"))
    error = (await give_back(sold, more)).error
    assert isinstance(error, WaitForPerson)
    assert "comes to 41.65 in GP, 35.7 of it were given back" in error.message
    assert (error.path, error.value) == ("total", "10.00")
    assert len(gp.documents(type=4)) == 1


async def test_units_that_are_not_to_be_shipped_any_more_are_said(
    gp: Gp, sold: GpConnector
) -> None:
    refund = a_refund("11.90", back("1", "10.00", "1.90", restock="cancel"))
    outcome = await give_back(sold, refund)
    assert outcome.found is not None, outcome.error
    assert outcome.found.remark == "not to be shipped any more: 1 x KN-100"


async def test_the_refund_of_a_cancelled_order_waits_for_its_voiding_and_is_covered_by_it(
    gp: Gp, sold: GpConnector
) -> None:
    lines = (back("3", "30.00", "5.70", restock="cancel"),)
    refund = a_refund("35.70", *lines, order_cancelled=True)
    error = (await give_back(sold, refund)).error
    assert isinstance(error, MissingReference)
    assert error.kind == "cancellation"
    gp.people.void("WEB000001")
    outcome = await give_back(sold, refund)
    assert outcome.found is not None
    assert "nothing is left to be given back" in str(outcome.found.remark)
    assert gp.documents(type=4) == []


async def test_a_refund_whose_money_is_on_the_way_waits(sold: GpConnector) -> None:
    with pytest.raises(MissingReference, match="not settled yet") as told:
        await give_back(sold, a_refund("1.00", adjustment=Decimal("1.00"), pending=True))
    assert told.value.kind == "settlement"


async def test_which_tax_detail_is_told_by_the_rate_or_by_a_person(gp: Gp) -> None:
    lines = (
        a_line("KN-100", "10.00", id="L1", taxes=(("0.19", "1.90"),)),
        a_line("KN-400", "10.00", id="L2", taxes=(("0.07", "0.70"),)),
    )
    connector = gp.connect()
    assert (await deliver(connector, an_order("22.60", *lines))).error is None
    seven = back("1", "10.00", "0.70", sku="KN-400", line="L2")
    assert (await give_back(connector, a_refund("10.70", seven))).error is None
    strange = back("1", "10.00", "1.23")
    error = (await give_back(connector, a_refund("11.23", strange, number="R2"))).error
    assert isinstance(error, WaitForPerson)
    assert "none explains 1.23 of tax on 10.00" in error.message
    assert error.path == "lines[0]"


async def test_a_line_nobody_knows_is_a_persons(sold: GpConnector) -> None:
    lost = back("1", "10.00", "1.90", sku="KN-500", line="other")
    error = (await give_back(sold, a_refund("11.90", lost))).error
    assert isinstance(error, WaitForPerson)
    assert (error.path, error.value) == ("lines[0].sku", "KN-500")

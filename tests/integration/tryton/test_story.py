"""One order through its whole life, both ways through the engine: an edit, two parcels, a refund.

After each step the ERP's total is what the customer has paid for good. The story is printed.
"""

from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
from tests.integration.tryton.journey import a_journey, a_pipeline

from knect.engine.deciding.keys import normalise
from knect.engine.telling.story import story_of
from knect.ledger.questions.queries import find
from knect.ledger.questions.stories import rows_to_tell
from knect.sdk.testing import Answer
from knect_connectors.shopify.simulator import Line
from knect_connectors.tryton.demo.people import Parcel, Person

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="session")]


def life() -> tuple[dict[str, Any], ...]:
    return (
        a_pipeline("orders"),
        a_pipeline("payments"),
        a_pipeline("refunds"),
        a_pipeline("shipments", back=True),
    )


def lose_answer(simulator: Any, operation: str) -> list[int]:
    """Let the first answer of an operation be lost behind a proxy; returns how many were."""
    handle, lost = simulator.handle, [0]

    async def losing(request: Any) -> Answer:
        answer: Answer = await handle(request)
        if answer.key == operation and not lost[0]:
            lost[0] += 1
            return Answer(status=502, body=b"bad gateway", committed=True)
        return answer

    simulator.handle = losing
    return lost


async def rows_of(journey: Any, number: str, pipeline: str | None = None) -> list[Any]:
    """What the ledger has of one order; other tests' parcels are in the same ERP."""
    rows = await journey.transactions(pipeline)
    return [row for row in rows if row.key.split()[0] == number]


def is_fate(story: "Story", *fates: str) -> Any:
    """Whether the order's shipments ended so."""

    async def holds() -> bool:
        rows = await rows_of(story.journey, story.number, "shipments-back")
        return [row.fate for row in rows] == [*fates]

    return holds


async def the_story_is_linked(journey: Any, number: str) -> None:
    """All of it is found by the order's number, and each child's trace leads to the order's."""
    rows = await rows_of(journey, number)
    found = await journey.ledger.read(lambda c: find(c, normalise(f"#{number}"), limit=100))
    assert {(row.pipeline, row.key) for row in rows} == {(one.pipeline, one.key) for one in found}
    orders = {row.id for row in rows if row.pipeline == "orders"}
    told = await journey.ledger.read(lambda c: rows_to_tell(c, [row.seq for row in rows]))
    children = [row for row in told if row.pipeline != "orders"]
    assert len(children) >= 6
    for row in children:
        assert row.related, row.key
        assert set(row.related) <= orders
        assert row.key.startswith(f"{number} ")
        assert [(one.relation, one.trace_id) for one in story_of(row).links] == [
            ("order", one) for one in row.related
        ]


class Story:
    """What is told: each step with the sums of both ends."""

    def __init__(self, journey, hand, order: str) -> None:
        self.journey, self.hand = journey, hand
        self.order = journey.shop.get(order)
        self.number = self.order["name"].lstrip("#")

    async def paid(self) -> Decimal:
        """Money that stayed with the shop."""
        sums = {"SALE": Decimal(0), "REFUND": Decimal(0)}
        for one in self.order["transactions"]:
            if one["status"] == "SUCCESS":
                sums[one["kind"]] += Decimal(one["amountSet"]["shopMoney"]["amount"])
        return sums["SALE"] - sums["REFUND"]

    async def sales(self) -> list[dict[str, Any]]:
        return await self.hand.client.search_read(
            "sale.sale",
            [["reference", "=", self.number]],
            ["number", "state", "total_amount", "origin"],
            order=[["id", "ASC"]],
        )

    async def documents(self) -> dict[str, list[int]]:
        """All ids of what the ERP has of it."""
        payments = await self.hand.client.search_read(
            "account.payment", [["reference", "like", f"{self.number} %"]], ["id"]
        )
        found = {"sales": await self.sales(), "payments": payments}
        return {kind: sorted(row["id"] for row in rows) for kind, rows in found.items()}

    async def worth(self) -> Decimal:
        return sum((one["total_amount"] for one in await self.sales()), Decimal(0))

    async def booked(self) -> Decimal:
        rows = await self.hand.client.search_read(
            "account.payment", [["reference", "like", f"{self.number} %"]], ["kind", "amount"]
        )
        signs = {"receivable": 1, "payable": -1}
        return sum((signs[row["kind"]] * row["amount"] for row in rows), Decimal(0))

    def shipped(self) -> list[str]:
        return [
            ", ".join(info["number"] for info in one["trackingInfo"])
            for one in self.order["fulfillments"]
            if one["status"] == "SUCCESS"
        ]

    async def step(self, told: str, expected: str, *parcels: str) -> None:
        """Let it come to rest; then both ends say the same, to the cent."""

        async def is_told() -> bool:
            sums = (await self.worth(), await self.booked())
            return sums == (Decimal(expected), await self.paid()) and self.shipped() == [*parcels]

        await self.journey.run()
        with suppress(AssertionError):  # what is wrong is said below
            await self.journey.until(is_told)
        worth, paid, booked = await self.worth(), await self.paid(), await self.booked()
        print(f"{told:58} ERP {worth:>6}  paid {paid:>6}  booked {booked:>6}  {self.shipped()}")
        for row in await rows_of(self.journey, self.number):
            if row.fate not in ("delivered", "unchanged", "echo"):
                print("   ", row.pipeline, row.key, row.fate, row.reason, row.message)
        assert worth == Decimal(expected), told
        assert booked == paid, told
        assert self.shipped() == [*parcels], told


async def test_an_order_with_an_edit_two_parcels_and_a_refund(server, hand, clerk, tmp_path):
    async with a_journey(server, tmp_path, *life()) as journey:
        order = journey.order(9001, "10.00", "5.00", shipping=Decimal("4.90"))
        story, person = Story(journey, hand, order), Person(clerk)
        await story.step("9001: 2 x SKU-001, 2 x SKU-002, shipping", "41.53")

        await journey.does("edit", id=order, line=1, units=1)
        await journey.does("refund", id=order, amount="5.95")
        story.order["refunds"][0]["orderAdjustments"] = []  # the balance the edit left
        await story.step("edited: 1 x SKU-002 taken out, 5.95 paid back", "35.58")

        (sale,) = await story.sales()
        (shipment,) = await person.process(sale["id"])
        await person.shorten(shipment, {"SKU-001": 1, "SKU-002": 1})
        await person.pick(shipment)
        await person.pack(shipment, [Parcel(tracking="DHL-1", skus={"SKU-001": 1, "SKU-002": 1})])
        await person.ship(shipment)
        await story.step("first parcel left", "35.58", "DHL-1")

        (second,) = await person.send(sale["id"], [Parcel(tracking="DHL-2", skus={"SKU-001": 1})])
        await story.step("second parcel left", "35.58", "DHL-1", "DHL-2")
        assert story.order["displayFulfillmentStatus"] == "FULFILLED"
        assert [mail["tracking"] for mail in journey.shop.mails] == [["DHL-1"], ["DHL-2"]]

        both = ("DHL-1", "DHL-2a")
        await person.retrack(second, "DHL-2a")
        await story.step("the second parcel's number was corrected", "35.58", *both)
        assert len(journey.shop.mails) == 2

        await journey.does("refund", id=order, line=0, units=1)
        await story.step("1 x SKU-001 came back and was refunded", "23.68", *both)
        assert await story.paid() == Decimal("23.68")

        before = await rows_of(journey, story.number)
        await story.step("nothing happens", "23.68", *both)
        after = await rows_of(journey, story.number)
        keys = {(row.pipeline, row.key): row.fate for row in after}
        assert len(after) == len(before)
        assert set(keys.values()) <= {"delivered", "unchanged", "echo"}
        await the_story_is_linked(journey, story.number)

        documents = await story.documents()
        await journey.loses_its_ledger()
        await story.step("the ledger is lost and begun anew", "23.68", *both)
        assert await story.documents() == documents
        assert len(journey.shop.mails) == 2


async def test_an_edit_while_the_ledger_is_lost_arrives(server, hand, tmp_path):
    async with a_journey(server, tmp_path, *life()) as journey:
        order = journey.order(9010, "10.00", "5.00", shipping=Decimal("4.90"))
        story = Story(journey, hand, order)
        await story.step("9010: 2 x SKU-001, 2 x SKU-002, shipping", "41.53")
        documents = await story.documents()
        await journey.does("edit", id=order, line=1, units=1)
        await journey.loses_its_ledger()
        await journey.run()
        await journey.run()
        assert await story.worth() == Decimal("35.58")
        assert await story.documents() == documents


async def test_a_cancellation_while_the_ledger_is_lost_arrives(server, hand, tmp_path):
    async with a_journey(server, tmp_path, *life()) as journey:
        order = journey.order(9011)
        story = Story(journey, hand, order)
        await journey.run()
        (sale,) = await story.sales()
        await journey.does("cancel", id=order)
        await journey.loses_its_ledger()
        await journey.run()
        await journey.run()
        assert [one["id"] for one in await story.sales()] == [sale["id"]]
        assert [one["state"] for one in await story.sales()] == ["cancelled"]


async def test_money_that_is_booked_and_failed_after_all_is_a_task(server, hand, tmp_path):
    async with a_journey(server, tmp_path, *life()) as journey:
        order = journey.order(9012)
        story = Story(journey, hand, order)
        await journey.run()
        booked = await story.booked()
        assert booked == await story.paid()
        story.order["transactions"][0]["status"] = "FAILURE"
        await journey.does("touch", id=order)
        await journey.run()
        *_, row = await rows_of(journey, story.number, "payments")
        assert (row.fate, row.reason) == ("waiting", "ChangedAtDestination")
        assert "were booked for it" in row.message
        assert "it is none now" in row.message
        assert await story.booked() == booked


async def test_children_wait_for_their_order_and_wake_by_themselves(server, hand, tmp_path):
    children = (a_pipeline("payments"), a_pipeline("refunds"))
    async with a_journey(server, tmp_path, *children) as journey:
        order = journey.order(9002)
        await journey.does("refund", id=order, line=0, units=1)
        await journey.run()
        rows = await journey.transactions()
        assert {(row.fate, row.reason) for row in rows} == {("waiting", "ParentNotDelivered")}
        journey.pipelines = [a_pipeline("orders"), *children]
        await journey.run()
        await journey.run()
        assert await journey.fates() == ["delivered"] * 4
        story = Story(journey, hand, order)
        assert await story.worth() == await story.booked() == Decimal("11.90")


async def test_the_answer_of_a_shipment_is_lost_one_fulfillment_one_mail(
    server, hand, clerk, tmp_path
):
    async with a_journey(server, tmp_path, *life()) as journey:
        order = journey.order(9003)
        await journey.run()
        story = Story(journey, hand, order)
        (sale,) = await story.sales()
        await Person(clerk).send(sale["id"], [Parcel(tracking="L-1", skus={"SKU-001": 2})])
        lost = lose_answer(journey.simulator, "Fulfill")
        await journey.until(is_fate(story, "delivered"))
        assert lost == [1]
        assert len(story.order["fulfillments"]) == 1
        assert [mail["tracking"] for mail in journey.shop.mails] == [["L-1"]]


async def test_a_sale_cancelled_in_the_erp_cancels_the_order(server, hand, clerk, tmp_path):
    back = a_pipeline(
        "orders",
        back=True,
        destination={"write": "Update", "settings": {"refund": True}},
        mapping={"admit": [{"when": "order.cancelled_at == null", "then": "Skip",
                            "reason": "still sold"}]},
    )  # fmt: skip
    async with a_journey(server, tmp_path, *life(), back) as journey:
        order = journey.order(9004)
        await journey.run()
        story = Story(journey, hand, order)
        (sale,) = await story.sales()
        await Person(clerk).cancel(sale["id"])

        async def is_over() -> bool:
            return bool(story.order["cancelledAt"]) and await story.booked() == 0

        await journey.until(is_over)
        assert story.order["cancelReason"] == "INVENTORY"
        await journey.run()
        assert [one["state"] for one in await story.sales()] == ["cancelled"]  # no credit beside
        assert await story.paid() == 0
        writes = [e for e in journey.log if e["key"] == "CancelOrder"]
        assert len(writes) == 1


async def test_an_over_shipment_is_rejected_with_the_line(server, hand, clerk, tmp_path):
    async with a_journey(server, tmp_path, *life()) as journey:
        order = journey.order(9005)
        await journey.run()
        story = Story(journey, hand, order)
        (sale,) = await story.sales()
        await journey.does("ship", id=order, lines={"SKU-001": 1}, tracking="by hand")
        await Person(clerk).send(sale["id"], [Parcel(tracking="O-1", skus={"SKU-001": 2})])
        await journey.until(is_fate(story, "rejected"))
        (row,) = await rows_of(journey, story.number, "shipments-back")
        assert (row.fate, row.reason, row.value) == ("rejected", "OverShipment", "SKU-001")
        assert "only 1 are left to ship (2 sold, 1 shipped)" in row.message
        assert row.key.startswith("9005 shipment ")


async def test_the_same_sku_on_two_lines_is_shipped_by_line(server, hand, clerk, tmp_path):
    async with a_journey(server, tmp_path, *life()) as journey:
        lines = [
            Line(sku="SKU-001", title="Thing", quantity=2, price=Decimal(price))
            for price in ("10.00", "8.00")
        ]
        order = journey.order(9006, plan_lines=lines)
        await journey.run()
        story = Story(journey, hand, order)
        (sale,) = await story.sales()
        rows = await hand.client.search_read(
            "sale.line", [["sale", "=", sale["id"]]], ["id"], order=[["id", "ASC"]]
        )
        second = rows[1]["id"]
        person = Person(clerk)
        (shipment,) = await person.process(sale["id"])
        await person.pick(shipment)
        first = [
            Parcel(tracking="S-1", lines={second: 2}),
            Parcel(tracking="S-2", skus={"SKU-001": 2}),
        ]
        await person.pack(shipment, first)
        await person.ship(shipment)
        await journey.until(is_fate(story, "delivered", "delivered"))
        told = {
            one["trackingInfo"][0]["number"]: [
                piece["lineItem"]["id"] for piece in one["fulfillmentLineItems"]
            ]
            for one in story.order["fulfillments"]
        }
        ids = [line["id"] for line in story.order["lineItems"]]
        assert told == {"S-1": [ids[1]], "S-2": [ids[0]]}

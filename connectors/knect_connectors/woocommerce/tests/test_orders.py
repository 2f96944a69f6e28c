"""Order states of the ERP to the shop: cancelled, moved, noted; each once."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs

from knect.model import Order, Totals
from knect.sdk.contract import Call
from knect.sdk.errors import Refused, Unreachable, WaitForPerson
from knect.sdk.testing import Fault
from knect_connectors.woocommerce.simulator import merchant
from knect_connectors.woocommerce.tests.conftest import NOON, AtWork

SALE = Order(source_id="SO-1", number="1", name="1", currency="EUR", placed_at=NOON,
             updated_at=NOON, totals=Totals(total=Decimal(0)))  # fmt: skip
CANCELLED = structs.replace(SALE, cancelled_at=NOON)


async def test_a_sale_that_is_cancelled_cancels_the_order_once(acme: AtWork) -> None:
    order = acme.order()
    (outcome,) = await acme.written("orders", CANCELLED, bound=str(order["id"]))
    assert order["status"] == "cancelled"
    assert outcome.found is not None
    assert outcome.found.token is not None
    assert outcome.found.over == "2026-03-01T12:00:00.000000Z"
    assert outcome.found.token > outcome.found.over
    assert outcome.found.remark == "it was paid: give the money back in the shop"
    puts = acme.requests("PUT")
    await acme.written("orders", CANCELLED, bound=str(order["id"]))
    assert acme.requests("PUT") == puts


async def test_the_token_is_that_of_the_version_that_is_read_back(acme: AtWork) -> None:
    order = acme.order()
    (outcome,) = await acme.written("orders", CANCELLED, bound=str(order["id"]))
    (change,) = await acme.source.fetch("orders", [str(order["id"])])
    assert outcome.found is not None
    assert outcome.found.token == change.token


async def test_a_lost_cancellation_is_looked_up(acme: AtWork) -> None:
    order = acme.order()
    (effect,) = await acme.planned("orders", CANCELLED, bound=str(order["id"]))
    call = Call(effect=effect, given={}, idempotency_key="k")
    acme.server.faults.force(None, Fault.COMMIT_THEN_DROP)
    with pytest.raises(Unreachable):
        await acme.destination.write([call])
    (found,) = await acme.destination.lookup([call])
    assert found is not None


async def test_what_left_the_house_is_not_cancelled(acme: AtWork) -> None:
    done, parted, gone = acme.order(), acme.order(), acme.order()
    merchant.set_status(acme.books, done, "completed")
    parted["meta_data"] = [{"id": 1, "key": "_knect_shipment_x", "value": {}}]
    merchant.trash(acme.books, gone)
    for order in (done, parted, gone):
        (outcome,) = await acme.written("orders", CANCELLED, bound=str(order["id"]))
        assert isinstance(outcome.error, WaitForPerson)
    assert (done["status"], parted["status"]) == ("completed", "processing")


async def test_a_sale_restored_after_its_order_was_cancelled_is_a_persons(acme: AtWork) -> None:
    with pytest.raises(WaitForPerson, match="valid again"):
        await acme.planned("orders", SALE, bound="1", previous={"cancelled": True})


async def test_a_note_is_made_once_and_found_by_its_words(acme: AtWork) -> None:
    order = acme.order()
    more: dict[str, Any] = {"note": "Packed  by\n Ana & Björn", "notify": True}
    (effect,) = await acme.planned("orders", SALE, bound=str(order["id"]), document=more)
    call = Call(effect=effect, given={}, idempotency_key="k")
    assert list(await acme.destination.lookup([call])) == [None]
    await acme.sent([effect])
    note = acme.books.notes[order["id"]][0]
    assert note["customer_note"]
    note["note"] = "Packed by Ana &amp; Björn"  # as WordPress may write it
    (found,) = await acme.destination.lookup([call])
    assert found is not None
    await acme.sent([effect], again=True)
    assert len(acme.books.notes[order["id"]]) == 1
    same = await acme.planned("orders", SALE, bound=str(order["id"]), document=more, previous=more)
    assert same == []


async def test_a_status_is_set_once_and_an_unknown_one_refused_with_its_field(
    acme: AtWork,
) -> None:
    order = acme.order()
    await acme.written("orders", SALE, bound=str(order["id"]), document={"status": "on-hold"})
    assert order["status"] == "on-hold"
    more = {"status": "in-transit"}
    (outcome,) = await acme.written("orders", SALE, bound=str(order["id"]), document=more)
    assert isinstance(outcome.error, Refused)
    assert outcome.error.path == "status"
    assert "Invalid parameter(s): status" in outcome.error.message


async def test_status_and_note_and_nothing(acme: AtWork) -> None:
    order = acme.order()
    more = {"status": "on-hold", "note": "waits"}
    effects = await acme.planned("orders", SALE, bound=str(order["id"]), document=more)
    assert [(one.name, one.primary) for one in effects] == [
        ("order-note", False), ("order-status", True)]  # fmt: skip
    assert all(one.found for one in await acme.sent(effects))
    assert await acme.planned("orders", SALE, bound=str(order["id"])) == []
    assert await acme.planned("orders", CANCELLED) == []

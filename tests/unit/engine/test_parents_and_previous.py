"""Children that wait for their order, and what was delivered last: both come from bindings."""

from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.support.toy import World, a_pipeline, an_order

from knect.engine.working.requests import Request, perform
from knect.seams import new_id

PAYMENTS = a_pipeline("payments", entity="payments")


def an_entry(entity: str, **fields: Any) -> dict[str, Any]:
    return {"entity": entity, **fields}


async def test_a_payment_waits_for_its_order_and_goes_on_with_it(tmp_path: Path) -> None:
    async with World(tmp_path, a_pipeline(), PAYMENTS) as world:
        world.shop.put("p1", **an_entry("payments", order="g1", amount="20.00"))
        world.clock.advance(60)
        await world.run()
        (waiting,) = await world.transactions()
        assert (waiting.fate, waiting.reason, waiting.field, waiting.value) == (
            "waiting", "ParentNotDelivered", "order_id", "g1",
        )  # fmt: skip
        assert waiting.message == "the order g1 it belongs to is not in erp yet"
        world.shop.put("g1", **an_entry("orders", **an_order("1")))
        world.clock.advance(1)  # far less than the pause after which it would look by itself
        await world.run()
        assert await world.fates() == ["delivered", "delivered"]
        payment = next(d for d in world.erp.documents.values() if "amount" in d)
        order = world.erp.documents[payment["order"]]
        assert (order["number"], payment["amount"]) == ("1", Decimal("20.00"))


async def test_a_payment_of_an_order_that_was_left_out_names_it_and_who_acts(
    tmp_path: Path,
) -> None:
    """Nobody brings the order by itself: to say that it is not there *yet* would be no help."""
    admit = {"admit": [{"when": "order.test", "then": "Skip", "reason": "a test order"}]}
    async with World(tmp_path, a_pipeline(mapping=admit), PAYMENTS) as world:
        world.shop.put("p1", **an_entry("payments", order="g1", amount="20.00"))
        world.shop.put("g1", **an_entry("orders", **an_order("1", test=True)))
        world.clock.advance(60)
        await world.run()
        world.clock.advance(120)
        await world.run()
        rows = {row.entity: row for row in await world.transactions()}
        waiting = rows["payments"]
        assert (waiting.fate, waiting.reason, waiting.acts) == (
            "waiting", "ParentNotDelivered", "operations",
        )  # fmt: skip
        assert waiting.message == (
            f"1, which it belongs to, was left out: {rows['orders'].message}; skip this one if there"
            " is nothing to be booked for it, else replay 1"
        )


async def test_an_order_that_is_there_already_is_found_at_once(tmp_path: Path) -> None:
    async with World(tmp_path, a_pipeline(), PAYMENTS) as world:
        world.shop.put("g1", **an_entry("orders", **an_order("1")))
        world.clock.advance(60)
        await world.run()
        world.shop.put("p1", **an_entry("payments", order="g1", amount="20.00"))
        world.clock.advance(60)
        await world.run()
        assert await world.fates() == ["delivered", "delivered"]
        assert ("resolve", "g1") not in world.erp.log, "the destination was asked for a parent"


GUARDED = a_pipeline(
    mapping={
        "set": {"grew": "has(previous.total) ? order.totals.total - previous.total : 0.0"},
        "guards": [{"field": "total", "maxChangePercent": 50}],
    }
)


async def test_a_jump_waits_until_a_person_approves_that_version_only(tmp_path: Path) -> None:
    async with World(tmp_path, GUARDED) as world:
        for total in ("20.00", "25.00", "250.00"):
            lines = [{"sku": "KN-1", "quantity": "1", "price": total}]
            world.shop.put("g1", **an_order("1", total=total, lines=lines))
            world.clock.advance(60)
            await world.run()
        (document,) = world.erp.documents.values()
        assert (document["total"], document["grew"]) == (Decimal("25.00"), Decimal("5.00"))
        held = (await world.transactions())[-1]
        assert (held.fate, held.reason, held.acts) == ("waiting", "NeedsApproval", "merchant")
        wish = Request(verb="approve", actor="ana", reason="new article", keys=("1",))
        now = int(world.clock.now().timestamp() * 1_000_000)
        done = await world.ledger.write(lambda c: perform(c, wish, now_us=now, new_id=new_id))
        assert done["count"] == 1
        await world.run()
        (document,) = world.erp.documents.values()
        assert (document["total"], document["grew"]) == (Decimal("250.00"), Decimal("225.00"))
        lines = [{"sku": "KN-1", "quantity": "1", "price": "5.00"}]
        world.shop.put("g1", **an_order("1", total="5.00", lines=lines))
        world.clock.advance(60)
        await world.run()
        assert (await world.transactions())[-1].reason == "NeedsApproval", "approved once for all"


async def test_approving_means_what_a_rule_holds_and_nothing_else(tmp_path: Path) -> None:
    async with World(tmp_path, GUARDED) as world:
        world.shop.put(
            "g1", **an_order("1", lines=[{"sku": "NEW", "quantity": "2", "price": "10"}])
        )
        world.clock.advance(60)
        await world.run()
        assert (await world.transactions())[-1].reason == "UnknownSku"
        wish = Request(verb="approve", actor="ana", reason="all")
        done = await world.ledger.write(lambda c: perform(c, wish, now_us=0, new_id=new_id))
        assert done["count"] == 0

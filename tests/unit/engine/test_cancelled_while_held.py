"""An order that is cancelled while something holds it back: a rule, a product nobody knows yet.

Why: what lets an order in, or stops it, speaks of what would be written; a cancellation writes
nothing of it, and an order that waits to be let in waits in vain.
"""

from pathlib import Path
from typing import Any

import pytest
from tests.support.toy import World, a_pipeline, an_order

UNPAID = {"when": 'order.payment_status != "paid"', "then": "Wait", "reason": "waiting for payment"}
REFUNDED = {"when": 'order.payment_status == "refunded"', "then": "Skip", "reason": "refunded"}
TEST = {"when": "order.test", "then": "Skip", "reason": "test order"}
REFUSED = {"when": 'order.payment_status != "paid"', "then": "Reject", "reason": "no credit"}


def a_world(folder: Path, *rules: dict[str, Any], takes_back: bool = True, **spec: Any) -> World:
    world = World(folder, a_pipeline(mapping={"admit": list(rules)}, **spec))
    world.erp.takes_back = takes_back
    return world


def a_sale(**fields: Any) -> dict[str, Any]:
    return {**an_order("1001"), **fields}


async def becomes(world: World, **fields: Any) -> Any:
    """Let the order be so, and work on it; return its last transaction."""
    world.shop.put("1001", **fields)
    world.clock.advance(60)
    await world.run()
    return (await world.transactions())[-1]


def over(world: World, **fields: Any) -> dict[str, Any]:
    return {"cancelled_at": world.clock.now().isoformat(), **fields}


def states(world: World) -> list[Any]:
    return [one.get("state") for one in world.erp.documents.values()]


@pytest.mark.parametrize("rule", [UNPAID, REFUNDED, REFUSED], ids=lambda rule: rule["then"])
async def test_what_was_let_in_is_taken_back(tmp_path: Path, rule: dict[str, Any]) -> None:
    async with a_world(tmp_path, rule) as world:
        assert (await becomes(world, **a_sale())).fate == "delivered"
        row = await becomes(world, **over(world, payment_status="refunded"))
        assert (row.fate, states(world)) == ("delivered", ["cancelled"])


@pytest.mark.parametrize("takes_back", [True, False])
async def test_what_waited_to_be_let_in_waits_no_longer(tmp_path: Path, takes_back: bool) -> None:
    async with a_world(tmp_path, UNPAID, takes_back=takes_back) as world:
        row = await becomes(world, **a_sale(payment_status="pending"))
        assert (row.fate, row.reason) == ("waiting", "AdmitWait")
        row = await becomes(world, **over(world))
        assert (row.fate, row.reason) == ("skipped", "CancelledBeforeDelivery")
        assert "waiting for payment" in row.message
        assert world.erp.documents == {}
        assert set(await world.fates()) == {"superseded", "skipped"}


@pytest.mark.parametrize("takes_back", [True, False])
async def test_what_is_left_out_stays_out(tmp_path: Path, takes_back: bool) -> None:
    async with a_world(tmp_path, TEST, takes_back=takes_back) as world:
        row = await becomes(world, **a_sale(test=True))
        assert (row.fate, row.message) == ("skipped", "test order")
        row = await becomes(world, **over(world))
        assert (row.fate, row.message) == ("skipped", "test order")
        assert world.erp.documents == {}


async def test_what_waits_and_cannot_be_mapped_is_not_called_broken(tmp_path: Path) -> None:
    async with a_world(tmp_path, UNPAID) as world:
        await becomes(world, **a_sale(payment_status="pending"))
        row = await becomes(world, **over(world, total="99.99"))
        assert (row.fate, row.reason) == ("skipped", "CancelledBeforeDelivery")


@pytest.mark.parametrize("there", [True, False], ids=["delivered", "never delivered"])
async def test_no_product_has_to_be_known_to_cancel(tmp_path: Path, there: bool) -> None:
    strange = [{"sku": "KN-9", "quantity": "1", "price": "10.00"}]
    async with a_world(tmp_path) as world:
        if there:
            assert (await becomes(world, **a_sale())).fate == "delivered"
        row = await becomes(world, **a_sale(lines=strange, total="10.00"))
        assert (row.fate, row.reason) == ("waiting", "UnknownSku")
        row = await becomes(world, **over(world))
        if there:
            assert (row.fate, states(world)) == ("delivered", ["cancelled"])
        else:
            assert (row.fate, row.reason) == ("skipped", "CancelledBeforeDelivery")
            assert world.erp.documents == {}


@pytest.mark.sqlite_only
async def test_what_a_lost_ledger_had_let_in_is_looked_for(tmp_path: Path) -> None:
    world = a_world(tmp_path, UNPAID)
    async with world:
        assert (await becomes(world, **a_sale())).fate == "delivered"
    for name in world.path.parent.glob(f"{world.path.name}*"):
        name.unlink()
    world.clock.advance(600)
    async with world:
        row = await becomes(world, **over(world, payment_status="voided"))
        assert (row.fate, states(world)) == ("delivered", ["cancelled"])


@pytest.mark.parametrize("rules", [[], [UNPAID]], ids=["let in", "held back"])
@pytest.mark.parametrize("mode", ["Live", "Observe"])
async def test_what_somebody_else_made_of_it_is_a_persons(
    tmp_path: Path, mode: str, rules: list[dict[str, Any]]
) -> None:
    """The integration before this one had made it; nothing of ours says that it is there."""
    matching = {"mode": mode, "destination": {"match": ["number"]}}
    async with a_world(tmp_path, *rules, **matching) as world:
        world.erp.documents["OLD-7"] = {"number": "1001", "state": "open"}
        row = await becomes(world, **a_sale(**over(world, payment_status="voided")))
        assert (row.fate, row.reason, row.acts) == ("waiting", "ChangedAtDestination", "operations")
        assert "erp has OLD-7 with number '1001', which somebody else made" in row.message
        assert world.erp.documents == {"OLD-7": {"number": "1001", "state": "open"}}


@pytest.mark.parametrize("there", [{}, {"OLD-7": {"number": "1001", "state": "cancelled"}}])
async def test_what_somebody_else_has_cancelled_is_nobodys(
    tmp_path: Path, there: dict[str, Any]
) -> None:
    async with a_world(tmp_path, destination={"match": ["number"]}) as world:
        world.erp.documents.update(there)
        row = await becomes(world, **a_sale(**over(world)))
        assert (row.fate, row.reason) == ("skipped", "CancelledBeforeDelivery")
        assert world.erp.documents == there

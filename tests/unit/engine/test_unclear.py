"""A lost answer stays open, whatever is decided about the record afterwards."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select
from tests.support.toy import World, a_pipeline, an_order

from knect.engine.working.requests import Request, perform
from knect.engine.working.worker import Worker
from knect.ledger import Connection
from knect.ledger import schema as s
from knect.ledger.inbox import store_hints
from knect.ledger.instants import to_us
from knect.sdk.errors import Unreachable
from knect.seams import new_id


def _drop(_calls: Any) -> None:
    raise Unreachable("connection reset")


def _lose(world: World) -> None:
    """Nothing reaches the ERP."""

    def before(_calls: Any) -> None:
        raise Unreachable("connection reset")

    world.erp.before = before


async def _sent_once(world: World, **fields: Any) -> None:
    """An order is sent, and nobody answers."""
    world.shop.put("g1", **an_order(**fields))
    world.clock.advance(60)
    worker = world.worker(name="one")
    await worker.start()
    await _tried(world, worker)
    await worker.close()


async def _tried(world: World, worker: Worker) -> None:
    await worker.feeds[0].poll()
    await worker.pipelines[0].work()
    world.erp.before = world.erp.after = None
    assert (await world.fates())[-1] == "unknown"


def _with_rule(then: str) -> dict[str, Any]:
    rule = {"when": "order.cancelled_at == null", "then": then, "reason": "somebody has to look"}
    return a_pipeline(mapping={"admit": [rule]})


async def _changed_perhaps(world: World, **change: Any) -> None:
    """An order is delivered, and its change is sent; nobody answers."""
    world.shop.put("g1", **an_order())
    world.clock.advance(60)
    await world.run()
    world.erp.after = _drop
    await _sent_once(world, **change)


async def _news_perhaps_there(world: World) -> Worker:
    """An order that came to be in the worker's own life is sent, and nobody answers."""
    worker = world.worker(name="one")
    await worker.start()
    world.clock.advance(400)
    await worker.run_once()
    world.shop.put("g1", **an_order())
    world.clock.advance(5)
    await _tried(world, worker)
    return worker


async def _waits_for_its_product(world: World, worker: Worker) -> None:
    """Another order is answered; by the time the worker asks for its product again it is gone."""
    lines = [{"sku": "KN-2", "quantity": "2", "price": "10.00"}]
    world.shop.put("g2", **an_order("1002", lines=lines))
    world.clock.advance(0.5)
    await worker.feeds[0].poll()
    await worker.pipelines[0].work()
    world.erp.products = {"KN-2"}
    world.clock.advance(400)
    await worker.run_once()
    assert await world.fates() == ["waiting", "delivered"]
    assert await _open_effects(world) == 0


def _ask(world: World, verb: str) -> Any:
    def unit(connection: Connection) -> int:
        wish = Request(verb=verb, actor="ana", reason="it is right there", keys=("1001",))
        now_us = int(world.clock.now().timestamp() * 1e6)
        return int(perform(connection, wish, now_us=now_us, new_id=new_id)["count"])

    return world.ledger.write(unit)


async def _open_effects(world: World) -> int:
    e = s.effects
    count = select(func.count()).where(e.c.state.in_(("ahead", "unknown")))
    return int(await world.ledger.read(lambda c: c.execute(count).scalar()) or 0)


@pytest.mark.parametrize("then", ["Skip", "Wait", "Reject"])
async def test_what_was_written_is_delivered_whatever_a_new_rule_says(
    tmp_path: Path, then: str
) -> None:
    async with World(tmp_path, once="LookupAfterSettle", settle=3600) as world:
        world.erp.after = _drop
        await _sent_once(world)
        assert len(world.erp.documents) == 1
        world.pipelines = (_with_rule(then),)
        world.clock.advance(4000)
        await world.run()
        assert await world.fates() == ["delivered"]
        assert world.erp.creates() == ["shop:g1"]


@pytest.mark.parametrize(
    ("then", "ends"), [("Skip", "skipped"), ("Wait", "waiting"), ("Reject", "rejected")]
)
async def test_what_was_sent_and_is_not_there_is_held_by_a_new_rule(
    tmp_path: Path, then: str, ends: str
) -> None:
    async with World(tmp_path, once="LookupAfterSettle", settle=60) as world:
        _lose(world)
        await _sent_once(world)
        world.pipelines = (_with_rule(then),)
        began = world.clock.now()
        await world.run()
        assert (world.clock.now() - began).total_seconds() > 60  # a look-up proves nothing before
        (row,) = await world.transactions()
        assert (row.fate, row.message) == (ends, "somebody has to look")
        assert world.erp.documents == {}
        assert await _open_effects(world) == 0


async def test_what_was_only_prepared_is_held_by_a_new_rule(tmp_path: Path) -> None:
    """The customer is there, nothing of the order is."""
    async with World(tmp_path, once="LookupAfterSettle", settle=30) as world:
        world.erp.with_party = True

        def lose(calls: Any) -> None:
            if calls[0].effect.name == "document":
                raise Unreachable("connection reset")

        world.erp.before = lose
        await _sent_once(world)
        world.pipelines = (_with_rule("Wait"),)
        await world.run()
        assert await world.fates() == ["waiting"]
        assert (len(world.erp.parties), world.erp.documents) == (1, {})
        assert await _open_effects(world) == 0


async def test_a_cancellation_does_not_wait_behind_what_a_new_rule_holds(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        world.erp.takes_back = True
        _lose(world)
        await _sent_once(world)
        world.pipelines = (_with_rule("Wait"),)
        await world.run()
        world.shop.put("g1", **an_order(cancelled_at=world.clock.now().isoformat()))
        world.clock.advance(60)
        await world.run()
        assert await world.fates() == ["superseded", "skipped"]


async def test_a_change_that_may_be_there_is_not_called_skipped_by_a_new_rule(
    tmp_path: Path,
) -> None:
    """A change is not looked for: it would be sent again."""
    async with World(tmp_path) as world:
        await _changed_perhaps(world, note="ring twice")
        world.pipelines = (_with_rule("Skip"),)
        await world.run()
        _, row = await world.transactions()
        assert (row.fate, row.acts) == ("unknown", "operations")
        assert "may have written it" in row.message


async def test_that_a_change_that_is_held_may_be_there_is_not_forgotten(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        await _changed_perhaps(world, note="ring twice")
        world.pipelines = (_with_rule("Wait"),)
        await world.run()
        _, row = await world.transactions()
        assert (row.fate, row.reason) == ("waiting", "AdmitWait")
        assert await _open_effects(world) == 0
        # and back again: nobody may say that nothing has changed
        world.shop.put("g1", **an_order(note=None))
        world.pipelines = (a_pipeline(),)
        world.clock.advance(60)
        await world.run()
        assert [one["note"] for one in world.erp.documents.values()] == [None]


async def test_a_new_guard_holds_a_change_that_may_be_there_and_keeps_nothing_open(
    tmp_path: Path,
) -> None:
    async with World(tmp_path) as world:
        lines = [{"sku": "KN-1", "quantity": "2", "price": "45.00"}]
        await _changed_perhaps(world, total="90.00", lines=lines)
        guards = [{"field": "total", "maxChangePercent": 50}]
        world.pipelines = (a_pipeline(mapping={"guards": guards}),)
        await world.run()
        _, row = await world.transactions()
        assert (row.fate, row.reason) == ("waiting", "NeedsApproval")
        assert await _open_effects(world) == 0
        assert await _ask(world, "approve") == 1
        await world.run()
        assert await world.fates() == ["delivered", "delivered"]


async def test_what_was_written_is_delivered_whatever_a_new_guard_says(tmp_path: Path) -> None:
    async with World(tmp_path, once="LookupAfterSettle", settle=5) as world:
        world.erp.after = _drop
        lines = [{"sku": "KN-1", "quantity": "2", "price": "0.00"}]
        await _sent_once(world, total="0.00", lines=lines)
        world.pipelines = (a_pipeline(mapping={"guards": [{"field": "total"}]}),)
        world.clock.advance(400)
        await world.run()
        assert await world.fates() == ["delivered"]
        assert world.erp.creates() == ["shop:g1"]


async def test_what_waits_for_a_product_gives_its_key_back(tmp_path: Path) -> None:
    """The customer's other order is not held by what nobody can tell of."""
    async with World(tmp_path, once="LookupAfterSettle", settle=3600) as world:
        world.erp.with_party = True
        _lose(world)
        await _sent_once(world)
        world.erp.products.clear()
        world.shop.put("g2", **an_order("1002"))
        world.clock.advance(4000)
        await world.run()
        assert await world.fates() == ["waiting", "waiting"]
        world.erp.products.add("KN-9")
        lines = [{"sku": "KN-9", "quantity": "2", "price": "10.00"}]
        world.shop.put("g2", **an_order("1002", lines=lines))
        world.clock.advance(60)
        await world.run()
        assert await world.fates() == ["waiting", "superseded", "delivered"]
        world.erp.products.add("KN-1")
        world.clock.advance(4000)
        await world.run()
        assert await world.fates() == ["delivered", "superseded", "delivered"]
        assert len(world.erp.parties) == 1


async def test_what_waited_is_looked_for_before_it_is_sent_again(tmp_path: Path) -> None:
    async with World(tmp_path, once="LookupAfterSettle", settle=5, lease=6000) as world:
        world.erp.unique = False
        world.erp.after = _drop
        worker = await _news_perhaps_there(world)
        await _waits_for_its_product(world, worker)
        world.erp.products.add("KN-1")
        world.clock.advance(100)
        await worker.run_once()
        await worker.close()
        assert await world.fates() == ["delivered", "delivered"]
        assert world.erp.creates() == ["shop:g1", "shop:g2"]


async def test_what_waited_is_looked_for_before_a_new_rule_holds_it(tmp_path: Path) -> None:
    async with World(tmp_path, once="LookupAfterSettle", settle=5) as world:
        world.erp.after = _drop
        await _sent_once(world)
        world.erp.products.clear()
        await world.run()
        assert await world.fates() == ["waiting"]
        world.erp.products.add("KN-1")
        world.pipelines = (_with_rule("Wait"),)
        world.clock.advance(4000)
        await world.run()
        assert await world.fates() == ["delivered"]


async def test_what_has_no_plan_any_more_is_for_a_person_to_look_for(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        world.erp.after = _drop
        await _sent_once(world)
        world.pipelines = (a_pipeline(mapping={"set": {"note": "order.lines[7].sku"}}),)
        await world.run()
        (row,) = await world.transactions()
        assert (row.fate, row.acts, row.next_us) == ("unknown", "operations", None)
        assert "may have written it" in row.message


async def test_what_was_never_written_is_skipped(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        world.shop.put("g1", **an_order())
        world.clock.advance(60)
        rule = {"when": "true", "then": "Skip", "reason": "not ours"}
        world.pipelines = (a_pipeline(mapping={"admit": [rule]}),)
        await world.run()
        assert await world.fates() == ["skipped"]


@pytest.mark.parametrize("shows_after", [0, 8])
async def test_what_a_person_skips_is_looked_for_before_its_next_version_is_made(
    tmp_path: Path, shows_after: int
) -> None:
    """It arrives as late as it may, and is found as late as the destination's settle time says; the
    customer edits the order meanwhile.
    """
    async with World(tmp_path, once="LookupAfterSettle", settle=10, lease=6000) as world:
        world.erp.unique = False
        late: list[tuple[datetime, Any]] = []
        shown: list[datetime] = []

        def lose(calls: Any) -> None:
            late.append((world.clock.now() + timedelta(seconds=29), calls))
            raise Unreachable("no answer")

        async def lookup(calls: Any) -> Any:
            if late and world.clock.now() >= late[0][0]:
                arrived, written = late.pop()
                shown.append(arrived + timedelta(seconds=shows_after))
                for call in written:
                    world.erp.commit(call)
            if shown and world.clock.now() >= shown[0]:
                return [world.erp._find(call.effect) for call in calls]
            return [None for _ in calls]

        world.erp.before = lose
        world.erp.lookup = lookup  # type: ignore[method-assign]
        worker = await _news_perhaps_there(world)
        assert await _ask(world, "skip") == 1
        world.shop.put("g1", **an_order(note="ring twice"))
        world.clock.advance(1)
        await worker.run_once()
        await worker.close()
        assert [one["note"] for one in world.erp.documents.values()] == ["ring twice"]
        assert (await world.fates())[0] == "skipped"


@pytest.mark.parametrize("waited", [False, True])
async def test_what_may_be_there_is_looked_for_before_its_cancellation_ends(
    tmp_path: Path, waited: bool
) -> None:
    """A person skipped it, or it waited for a product: nothing of it is bound, and it is there."""
    async with World(tmp_path, once="LookupAfterSettle", settle=5, lease=6000) as world:
        world.erp.takes_back = True
        world.erp.after = _drop
        worker = await _news_perhaps_there(world)
        if waited:
            await _waits_for_its_product(world, worker)
        else:
            assert await _ask(world, "skip") == 1
        world.shop.put("g1", **an_order(cancelled_at=world.clock.now().isoformat()))
        world.erp.products.add("KN-1")
        world.clock.advance(1)
        await worker.run_once()
        await worker.close()
        assert [one.get("state") for one in world.erp.of("shop:g1")] == ["cancelled"]
        assert (await world.fates())[-1] == "delivered"


async def test_of_a_deletion_a_person_is_told_what_may_be_there(tmp_path: Path) -> None:
    destination = {"onSourceDelete": "Cancel"}
    async with World(tmp_path, a_pipeline(destination=destination)) as world:
        world.erp.after = _drop
        await _sent_once(world)
        assert await _ask(world, "skip") == 1
        world.shop.remove("g1")
        now = to_us(world.clock.now())
        hint = {"entity": "orders", "source_id": "g1", "event_id": "e1", "received_us": now}
        await world.ledger.write(lambda c: store_hints(c, "shop", [{**hint, "triggered_us": now}]))
        await world.run(name="two")
        row = (await world.transactions())[-1]
        assert (row.fate, row.reason, row.acts) == ("waiting", "OutcomeUnknown", "operations")
        assert "look for it in erp, take it back there, then skip this" in row.message

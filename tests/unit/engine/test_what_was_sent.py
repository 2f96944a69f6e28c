"""What is bound is what was really sent, also when the record was mapped anew in between."""

import asyncio
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.support.toy import World, a_pipeline, an_order
from tests.unit.engine.test_open_orders import COUNTED, take

from knect.ledger.questions.queries import equations
from knect.sdk.errors import Unreachable


def _with_note(note: str) -> dict[str, Any]:
    return a_pipeline(mapping={"set": {"note": f'"{note}"'}})


def _loses_the_answer(world: World) -> None:
    lost = [Unreachable("connection reset")]

    def drop(_calls: Any) -> None:
        if lost:
            raise lost.pop()

    world.erp.after = drop


async def _one_attempt(world: World) -> None:
    worker = world.worker(name="one")
    await worker.start()
    await worker.feeds[0].poll()
    await worker.pipelines[0].work()
    await worker.close()


async def _one_that_may_hold_goods(world: World) -> None:
    """Let the first transaction be one that is done with, for `take` to name."""
    world.shop.put("KN-2", entity="inventory", stock=1)
    world.clock.advance(60)
    await world.run()


async def _is_at_rest(world: World) -> None:
    """Nothing more is written, whatever is read again, and the books are right."""
    sent = len(world.erp.log)
    world.clock.advance(60)
    await world.run()
    assert len(world.erp.log) == sent
    (sums,) = await world.ledger.read(equations)
    assert sums.balanced


async def test_a_level_that_changed_before_its_look_up_is_sent_as_it_is_now(
    tmp_path: Path,
) -> None:
    async with World(tmp_path, COUNTED) as world:
        await _one_that_may_hold_goods(world)
        world.shop.put("KN-1", entity="inventory", stock=12)
        world.clock.advance(60)
        _loses_the_answer(world)
        await _one_attempt(world)
        assert await world.fates() == ["delivered", "unknown"]
        assert world.erp.documents["SO-2"]["stock"] == 12
        await take(world, "3")
        world.clock.advance(60)
        await world.run()
        assert world.erp.documents["SO-2"]["stock"] == 9
        assert len(world.erp.documents) == 2
        _, first, second = await world.transactions()
        assert (first.fate, second.fate, second.replay_of) == ("delivered", "delivered", first.id)
        await _is_at_rest(world)


@pytest.mark.parametrize("once", ["UniqueKey", "NativeKey"])
async def test_a_mapping_that_changed_before_the_look_up_is_not_taken_for_written(
    tmp_path: Path, once: str
) -> None:
    async with World(tmp_path, _with_note("old"), once=once) as world:
        world.shop.put("g1", **an_order())
        world.clock.advance(60)
        _loses_the_answer(world)
        await _one_attempt(world)
        world.pipelines = (_with_note("new"),)
        world.clock.advance(60)
        await world.run()
        assert [d["note"] for d in world.erp.documents.values()] == ["new"]
        assert await world.fates() == ["delivered", "delivered"]
        await _is_at_rest(world)


async def test_what_a_dead_worker_sent_is_known_by_what_it_wrote_ahead(tmp_path: Path) -> None:
    async with World(tmp_path, _with_note("old")) as world:
        world.shop.put("g1", **an_order())
        world.clock.advance(60)
        sent = asyncio.Event()
        original = world.erp.write

        async def hang(calls: Any) -> Any:
            await original(calls)
            sent.set()
            await asyncio.Event().wait()

        world.erp.write = hang  # type: ignore[method-assign]
        worker = world.worker()
        await worker.start()
        await worker.feeds[0].poll()
        working = asyncio.create_task(worker.pipelines[0].work())
        await sent.wait()
        working.cancel()
        await worker.close(drain_seconds=0.05)
        world.erp.write = original  # type: ignore[method-assign]
        world.pipelines = (_with_note("new"),)
        await world.run()
        assert [d["note"] for d in world.erp.documents.values()] == ["new"]
        await _is_at_rest(world)


async def test_what_did_not_change_is_not_sent_twice(tmp_path: Path) -> None:
    async with World(tmp_path, _with_note("old")) as world:
        world.shop.put("g1", **an_order())
        world.clock.advance(60)
        _loses_the_answer(world)
        await _one_attempt(world)
        world.clock.advance(60)
        await world.run()
        assert await world.fates() == ["delivered"]
        assert ("update", "shop:g1") not in world.erp.log


async def test_an_update_is_sent_again_as_it_is_now_and_once(tmp_path: Path) -> None:
    async with World(tmp_path, _with_note("first")) as world:
        world.shop.put("g1", **an_order())
        world.clock.advance(60)
        await world.run()
        world.pipelines = (_with_note("old"),)
        world.shop.put("g1", email="ana@example.org")
        world.clock.advance(60)
        _loses_the_answer(world)
        await _one_attempt(world)
        assert (await world.fates())[-1] == "unknown"
        world.pipelines = (_with_note("new"),)
        world.clock.advance(60)
        await world.run()
        assert [d["note"] for d in world.erp.documents.values()] == ["new"]
        assert await world.fates() == ["delivered", "delivered"]
        assert world.erp.log.count(("update", "shop:g1")) == 2
        await _is_at_rest(world)


async def test_what_never_arrived_is_sent_as_it_is_now_and_once(tmp_path: Path) -> None:
    async with World(tmp_path, _with_note("old")) as world:
        world.shop.put("g1", **an_order())
        world.clock.advance(60)
        lost = [Unreachable("connection reset")]

        def vanish(_calls: Any) -> None:
            if lost:
                raise lost.pop()

        world.erp.before = vanish
        await _one_attempt(world)
        world.pipelines = (_with_note("new"),)
        world.clock.advance(60)
        await world.run()
        assert [d["note"] for d in world.erp.documents.values()] == ["new"]
        assert await world.fates() == ["delivered"]


async def test_a_newer_version_that_waits_speaks_for_the_record(tmp_path: Path) -> None:
    async with World(tmp_path, COUNTED) as world:
        await _one_that_may_hold_goods(world)
        world.shop.put("KN-1", entity="inventory", stock=12)
        world.clock.advance(60)
        _loses_the_answer(world)
        await _one_attempt(world)
        await take(world, "3")
        world.shop.put("KN-1", entity="inventory", stock=20)
        world.clock.advance(60)
        worker = world.worker(name="reader")
        await worker.start()
        await worker.feeds[0].poll()
        await worker.close()
        await world.run()
        assert world.erp.documents["SO-2"]["stock"] == 17
        assert await world.fates() == ["delivered"] * 3
        await _is_at_rest(world)


async def test_nothing_newer_is_sent_while_an_older_write_may_still_arrive(tmp_path: Path) -> None:
    """A server that is as slow as we are ready to wait would bring the record back to then."""
    async with World(tmp_path) as world:
        world.shop.put("g1", **an_order())
        world.clock.advance(60)
        await world.run()
        world.shop.put("g1", **_of("30.00"))
        world.clock.advance(60)
        _loses_the_answer(world)
        left = world.clock.monotonic()
        await _one_attempt(world)
        await world.run()  # the same once more, at once: it may arrive in any order
        assert await world.fates() == ["delivered", "delivered"]
        assert world.clock.monotonic() - left < 20
        world.shop.put("g1", **_of("40.00"))
        world.clock.advance(1)
        await _one_attempt(world)
        held = (await world.transactions())[-1]
        assert (held.fate, held.reason) == ("in_flight", "KeyBusy")
        assert "was not answered and may still arrive for" in held.message
        await world.run()
        assert world.clock.monotonic() - left >= 30
        assert [d["total"] for d in world.erp.documents.values()] == [Decimal("40.00")]
        assert await world.fates() == ["delivered"] * 3
        await _is_at_rest(world)


def _of(total: str) -> dict[str, Any]:
    return an_order(total=total, lines=[{"sku": "KN-1", "quantity": "1", "price": total}])


async def test_another_content_waits_for_what_its_own_earlier_try_sent(tmp_path: Path) -> None:
    async with World(tmp_path, _with_note("first")) as world:
        world.shop.put("g1", **an_order())
        world.clock.advance(60)
        await world.run()
        world.pipelines = (_with_note("old"),)
        world.shop.put("g1", email="ana@example.org")
        world.clock.advance(60)
        _loses_the_answer(world)
        left = world.clock.monotonic()
        await _one_attempt(world)
        world.pipelines = (_with_note("new"),)
        await world.run()
        assert world.clock.monotonic() - left >= 30
        assert [d["note"] for d in world.erp.documents.values()] == ["new"]

"""A record nobody foresaw stops itself: not its batch, not the reading, not the worker."""

import asyncio
from pathlib import Path
from typing import Any

from sqlalchemy import select
from tests.support.toy import World, an_order

from knect.engine.telling.storyteller import Storyteller
from knect.engine.working.watchdog import Watchdog
from knect.ledger import LedgerError
from knect.ledger import schema as s
from knect.ledger.questions.stopped import stuck
from knect.ledger.timeline import decode

ODD = "3"


def _breaks_on_the_odd_one(original: Any, number_of: Any) -> Any:
    def broken(*args: Any) -> Any:
        if number_of(args) == ODD:
            raise KeyError("a field nobody foresaw")
        return original(*args)

    return broken


async def _five_orders(world: World) -> None:
    for i in range(1, 6):
        world.shop.put(f"g{i}", **an_order(str(i)))
    world.clock.advance(60)
    worker = world.worker()
    await worker.start()
    try:
        await worker.feeds[0].poll()
        await worker.pipelines[0].work()
    finally:
        await worker.close()


async def _stopped(world: World) -> list[tuple[str, str, str]]:
    rows = await world.transactions()
    assert len(rows) == 5
    assert sum(row.fate == "delivered" for row in rows) == 4
    return [(r.key, r.fate, r.reason) for r in rows if r.fate != "delivered"]


async def test_a_defect_while_mapping_stops_one(tmp_path: Path) -> None:
    async with World(tmp_path, batch=5) as world:
        broken = _breaks_on_the_odd_one(world.erp.to_document, lambda args: args[1].number)
        world.erp.to_document = broken  # type: ignore[method-assign]
        await _five_orders(world)
        assert await _stopped(world) == [(ODD, "waiting", "Fatal")]


async def test_a_defect_while_planning_stops_one(tmp_path: Path) -> None:
    async with World(tmp_path, batch=5) as world:
        broken = _breaks_on_the_odd_one(world.erp.plan, lambda args: args[0].record.number)
        world.erp.plan = broken  # type: ignore[method-assign]
        await _five_orders(world)
        assert await _stopped(world) == [(ODD, "waiting", "Fatal")]
        (row,) = [row for row in await world.transactions() if row.fate == "waiting"]
        assert row.acts == "engineer"
        assert row.message == "Knect itself failed on it (KeyError); the log says where"


async def test_a_defect_while_reading_does_not_end_the_reading(tmp_path: Path) -> None:
    """The record is recorded all the same, under whatever it may be called."""
    async with World(tmp_path, batch=5) as world:
        broken = _breaks_on_the_odd_one(world.shop.to_record, lambda args: args[1]["number"])
        world.shop.to_record = broken  # type: ignore[method-assign]
        await _five_orders(world)
        assert await _stopped(world) == [(ODD, "waiting", "Fatal")]


async def test_what_is_not_finished_in_time_is_handed_back(tmp_path: Path) -> None:
    """A worker that ends in good order leaves nothing with a lease, and no lie about a write."""
    async with World(tmp_path) as world:
        world.shop.put("g1", **an_order())
        world.clock.advance(60)
        sending = asyncio.Event()

        async def hang(_calls: Any) -> Any:
            sending.set()
            await asyncio.Event().wait()

        original, world.erp.write = world.erp.write, hang  # type: ignore[assignment,method-assign]
        worker = world.worker()
        await worker.start()
        await worker.feeds[0].poll()
        working = asyncio.create_task(worker.pipelines[0].work())
        await sending.wait()
        working.cancel()
        await worker.close(drain_seconds=0.05)
        (row,) = await world.transactions()
        assert (row.fate, row.holder, row.lease_us) == ("in_flight", None, None)
        effect = await world.ledger.read(lambda c: c.execute(select(s.effects.c.state)).scalar())
        assert effect == "ahead"  # it may have left: the next worker looks before it writes
        world.erp.write = original  # type: ignore[method-assign]
        await world.run()
        assert ("lookup", "shop:g1") in world.erp.log
        assert await world.fates() == ["delivered"]


async def test_a_hang_is_said_while_it_lasts(tmp_path: Path) -> None:
    async with World(tmp_path, lease=600.0) as world:
        world.shop.put("g1", **an_order())
        world.clock.advance(60)
        touched: list[int] = []
        sending, go_on = asyncio.Event(), asyncio.Event()
        original = world.erp.write

        async def hang(calls: Any) -> Any:
            sending.set()
            await go_on.wait()
            return await original(calls)

        world.erp.write = hang  # type: ignore[method-assign]
        worker = world.worker(request_seconds=500.0)
        worker.watchdog = Watchdog(
            ledger=world.ledger, pipelines=worker.pipelines, clock=world.clock,
            touched=touched.extend,
        )  # fmt: skip
        await worker.start()
        await worker.watchdog.stop()  # this test looks by itself
        await worker.feeds[0].poll()
        working = asyncio.create_task(worker.pipelines[0].work())
        await sending.wait()
        assert await worker.watchdog.look() == 0
        world.clock.advance(301)  # stalledAfter is 5 min
        assert await worker.watchdog.look() == 1
        assert await worker.watchdog.look() == 0  # once
        (row,) = await world.transactions()
        (mark,) = [event for event in decode(row.timeline) if event.what == "stalled"]
        assert row.stalled
        assert touched == [row.seq]  # so that its span is told
        assert mark.note == "deliver"
        assert mark.duration_us >= 300 * 1_000_000
        (group,) = await world.ledger.read(stuck)
        assert (group.fate, group.count) == ("in_flight", 1)
        go_on.set()
        await working
        await worker.close()
        (row,) = await world.transactions()
        assert (row.fate, row.stalled) == ("delivered", False)
        assert await world.ledger.read(stuck) == []


async def test_traces_go_on_after_trouble_with_the_ledger(tmp_path: Path) -> None:
    class Traces:
        def __init__(self) -> None:
            self.heard: list[str] = []

        def told(self, story: Any) -> None:
            self.heard.append(story.key)

        def alike(self, _pattern: Any, _id: str, _instants: Any, texts: Any) -> None:
            self.heard.append(texts[0])

        def exchanged(self, _story: Any) -> None:
            return

    async with World(tmp_path) as world:
        world.shop.put("g1", **an_order())
        world.clock.advance(60)
        await world.run()
        (row,) = await world.transactions()
        failures = [LedgerError("the disk is full")]
        failed = asyncio.Event()
        ledger = world.ledger

        class Full:
            async def read(self, query: Any) -> Any:
                if failures:
                    failed.set()
                    raise failures.pop()
                return await ledger.read(query)

            async def write(self, unit: Any) -> Any:
                return await ledger.write(unit)

        traces = Traces()
        teller = Storyteller(Full(), traces, enabled=True)  # type: ignore[arg-type]
        teller.touched([row.seq])
        await failed.wait()
        await teller.close()
        assert traces.heard == ["1001"]

"""How a worker behaves while one of its ends is away: it waits, it does not spin, it comes back."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update
from tests.support.toy import World, an_order

from knect.engine.working.follow import Follower
from knect.ledger import LedgerError
from knect.ledger import schema as s
from knect.ledger.claims import claim
from knect.ledger.feed_lease import take_feed
from knect.ledger.inbox import open_hints, store_hints
from knect.ledger.instants import to_us
from knect.sdk.contract import Change
from knect.sdk.errors import Fatal, Refused, UnexpectedAnswer, Unreachable


async def _follow(world: World, until: Any) -> float:
    """Follow until something holds; return how many seconds of the worker's time that took.

    It looks in that time: while it slept by another clock, the worker's could jump on.
    """
    worker = world.worker(name="one")
    await worker.start()
    stop = asyncio.Event()
    following = asyncio.create_task(Follower(worker).run(stop))
    began = world.clock.monotonic()
    try:
        while not until():
            await world.clock.sleep(0.1)
            assert not following.done(), following.exception()
        return world.clock.monotonic() - began
    finally:
        stop.set()
        await following
        await worker.close()


async def test_one_bad_answer_of_the_source_delays_reading_by_a_second(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        world.shop.put("g1", **an_order())
        world.clock.advance(60)
        world.shop.fail_next = [UnexpectedAnswer("500")]
        took = await _follow(world, lambda: world.erp.documents)
        assert 0.5 <= took < 5, "not with the next poll, a minute later"


async def test_a_source_that_stays_away_is_asked_more_and_more_seldom(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        world.shop.put("g1", **an_order())
        world.clock.advance(60)
        world.shop.fail_next = [Unreachable("refused")] * 10
        # 1, 2, 4, 8, 16 and then every 30 seconds
        assert 150 <= await _follow(world, lambda: world.erp.documents) <= 240


async def test_a_single_run_waits_for_the_lease_of_a_dead_reader_and_reads(tmp_path: Path) -> None:
    """`knect run` that ends with 0 has read, or seen a living worker read."""
    async with World(tmp_path) as world:
        world.shop.put("g1", **an_order())
        world.clock.advance(60)
        worker = world.worker(name="heir")
        await worker.start()
        (feed,), now = worker.feeds, to_us(world.clock.now())
        dead = {"feed": feed.settings.feed.seq, "holder": "dead#1", "now_us": now}
        await world.ledger.write(lambda c: take_feed(c, **dead, lease_us=40_000_000))
        began = world.clock.monotonic()
        assert await worker.run_once() == []
        assert len(world.erp.documents) == 1
        assert 40 <= world.clock.monotonic() - began < 50
        await worker.close()


async def test_a_single_run_ends_soon_after_another_worker_ends_what_it_has(tmp_path: Path) -> None:
    """A lease lasts a minute; a run that slept by it, or by the second, would end that much late."""
    async with World(tmp_path) as world:
        world.shop.put("g1", **an_order())
        world.clock.advance(60)
        worker = world.worker(name="run")
        await worker.start()
        await worker.feeds[0].poll()
        now, t = to_us(world.clock.now()), s.transactions
        taken = {"holder": "other#1", "calls": "c" * 32, "now_us": now, "lease_us": 60_000_000}
        await world.ledger.write(lambda c: claim(c, pipeline="orders", limit=10, **taken))
        running = asyncio.create_task(worker.run_once())
        await world.clock.sleep(5.05)
        assert not running.done()
        done = update(t).values(fate="delivered", stage="delivered", holder=None, lease_us=None)
        await world.ledger.write(lambda c: c.execute(done))
        ended = world.clock.monotonic()
        assert await running == []
        assert world.clock.monotonic() - ended < 0.5
        await worker.close()
        assert world.erp.documents == {}


async def test_a_persons_wish_is_tried_at_once_at_a_source_that_stays_away(tmp_path: Path) -> None:
    """And only once: webhooks that come then do not knock at it again."""
    async with World(tmp_path) as world:
        world.clock.advance(60)
        worker = world.worker(name="one")
        await worker.start()
        follower, stop = Follower(worker), asyncio.Event()
        (feed,) = worker.feeds
        knocks: list[float] = []

        async def away() -> Any:
            knocks.append(world.clock.monotonic())
            raise Unreachable("refused")

        world.shop.server_time = away  # type: ignore[method-assign]
        following = asyncio.create_task(follower.run(stop))
        began = world.clock.monotonic()
        await world.clock.sleep(200)
        seldom = len(knocks)
        assert 5 <= seldom <= 12, [one - began for one in knocks]
        await world.clock.sleep(knocks[-1] + 3 - world.clock.monotonic())  # the gate is closed
        wished = world.clock.monotonic()
        follower.read_now(feed)
        for _ in range(5):
            await world.clock.sleep(1)
            follower.hint_arrived("shop")
        stop.set()
        await following
        await worker.close()
        after = [one - wished for one in knocks if one > wished or one == wished]
        assert len(after) == 1, after
        assert after[0] < 1


async def test_an_erp_that_is_away_makes_nobody_spin(tmp_path: Path) -> None:
    """At the end of an outage there is at most one call a second, and few looks into the ledger."""
    async with World(tmp_path) as world:
        back = 0.0

        def orders() -> None:
            nonlocal back
            for i in range(50):
                world.shop.put(f"g{i}", **an_order(str(i)))
            back = world.clock.monotonic() + 60 + 25

        def away(_calls: Any) -> None:
            if world.clock.monotonic() < back:
                raise Unreachable("refused", could_have_been_seen=False)

        world.erp.before = away
        reads = 0
        original = world.ledger.read

        async def counted(query: Any) -> Any:
            nonlocal reads
            reads += 1
            return await original(query)

        world.ledger.read = counted  # type: ignore[method-assign]
        await world.run_with_news(orders, patience_seconds=600.0)
        assert set(await world.fates()) == {"delivered"}
        failed = len(world.erp.creates()) - 50
        assert failed <= 25, f"{failed} calls in 25 seconds of outage"
        # a spinning worker reads every five milliseconds: five thousand times
        assert reads <= 1000, f"{reads} reads of the ledger in 25 seconds"


async def test_the_watchdog_survives_trouble_with_the_ledger(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        worker = world.worker(name="one")
        looks = 0

        async def look() -> int:
            nonlocal looks
            looks += 1
            raise LedgerError("the disk is full")

        worker.watchdog.look = look  # type: ignore[method-assign]
        await worker.start()
        await world.clock.sleep(30)
        await worker.close()
        assert looks >= 3


@pytest.mark.parametrize(
    "error",
    [Refused("400 Bad Request: no such id"), Fatal("404: wrong version"), KeyError("canary")],
    ids=lambda error: type(error).__name__,
)
async def test_a_hint_that_cannot_be_looked_at_holds_neither_hints_nor_reading(
    tmp_path: Path, error: Exception
) -> None:
    async with World(tmp_path) as world:
        fetch = world.shop.fetch

        async def picky(entity: str, ids: Sequence[str]) -> Sequence[Change]:
            if "odd" in ids:
                raise error
            return await fetch(entity, ids)

        world.shop.fetch = picky  # type: ignore[method-assign]
        world.shop.put("g1", **an_order())
        world.clock.advance(60)
        hints = [
            {"entity": "orders", "source_id": name, "event_id": name, "triggered_us": None,
             "received_us": 1}
            for name in ("odd", "g1")
        ]  # fmt: skip
        await world.ledger.write(lambda c: store_hints(c, "shop", hints))
        await _follow(world, lambda: world.erp.documents)
        assert await world.fates() == ["delivered"]
        if isinstance(error, Refused):
            assert await world.ledger.read(lambda c: open_hints(c, "shop", "orders", 9)) == []

"""Several workers on one PostgreSQL ledger: nothing twice, nothing left, whatever their clocks say.

Each worker has an open ledger and a process's name of its own; they share the shop and the ERP.
"""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, select, update
from tests.support.ledgers import place, server
from tests.support.toy.world import World, a_pipeline, an_order

from knect.engine.bounds.lives import life_of
from knect.engine.working.follow import Follower
from knect.engine.working.options import WorkerOptions
from knect.engine.working.worker import Worker
from knect.ledger import Ledger, LedgerError, open_ledger
from knect.ledger import schema as s
from knect.ledger.claims import claim
from knect.ledger.feed_lease import FeedTaken, ensure_reader, take_feed
from knect.ledger.inbox import store_hints
from knect.ledger.instants import to_us
from knect.sdk.http import ClientFactory
from knect.seams import Clock, SystemClock

pytestmark = pytest.mark.postgres_only("a file has one writer")

SECOND = 1_000_000


class ShiftedClock(SystemClock):
    """A machine whose wall clock is wrong."""

    def __init__(self, hours: float) -> None:
        self._off = timedelta(hours=hours)

    def now(self) -> datetime:
        return super().now() + self._off


class Pair:
    """Two workers, each as a process of its own would be."""

    def __init__(self, world: World) -> None:
        self.world = world

    @asynccontextmanager
    async def worker(
        self, name: str, clock: Clock | None = None, patience: float = 30.0, **options: Any
    ) -> AsyncIterator[Worker]:
        ledger = await open_ledger(place(self.world.path), patience=patience)
        worker = Worker(
            self.world.document(), ledger=ledger, catalog=self.world.catalog,
            http=ClientFactory(clock=clock or SystemClock()),
            options=WorkerOptions(name=name, clock=clock or SystemClock(), **options),
        )  # fmt: skip
        await worker.start()
        try:
            yield worker
        finally:
            await worker.close(drain_seconds=5)
            await ledger.close()


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with World(tmp_path, a_pipeline()) as world:
        world.shop.clock = SystemClock()
        yield world


async def _until(true: Any, what: str, seconds: float = 20.0) -> None:
    async with asyncio.timeout(seconds):
        while not await true():
            await asyncio.sleep(0.02)
    assert what


async def _fates(ledger: Ledger) -> dict[str, int]:
    rows = await ledger.read(lambda c: list(c.execute(select(s.transactions.c.fate)).scalars()))
    return {fate: rows.count(fate) for fate in set(rows)}


async def test_two_workers_share_the_work_and_make_each_order_once(world: World) -> None:
    for i in range(120):
        world.shop.put(f"g{i}", **an_order(f"{1000 + i}", email=f"c{i % 30}@example.com"))
    pair = Pair(world)
    async with pair.worker("one") as one, pair.worker("two") as two:
        failures = await asyncio.gather(one.run_once(), two.run_once())
        assert failures == [[], []]
        assert await _fates(one.ledger) == {"delivered": 120}
        w = s.windows.c
        read = select(w.opened_us, w.closed_us).order_by(w.opened_us)
        windows = await one.ledger.read(lambda c: c.execute(read).all())
        assert await one.ledger.read(lambda c: c.execute(select(s.leases)).all()) == []
    numbers = [d["number"] for d in world.erp.documents.values()]
    assert len(numbers) == len(set(numbers)) == 120
    for before, after in pairwise(windows):
        assert before.closed_us <= after.opened_us, "while one reads, the other does not"


async def test_a_single_run_leaves_a_feed_to_a_living_reader(world: World) -> None:
    """It is alive if it renews its lease, and has read if it looked since the run began."""
    pair = Pair(world)
    async with pair.worker("reader", lease_seconds=3.0) as reader, pair.worker("run") as run:
        assert await reader.feeds[0].poll() is True
        world.shop.put("g1", **an_order("1001"))
        assert await run.run_once() == []
        assert await _fates(run.ledger) == {}, "the reader reads when it is its time"
        await reader._lease.stop()  # nothing is renewed any more
        ending = asyncio.create_task(run.run_once())

        async def has_ended() -> bool:
            await reader.feeds[0].poll()  # takes the lease anew, and for three seconds
            return ending.done()

        await _until(has_ended, "it saw the reader look")
        assert await ending == []
        assert await _fates(run.ledger) == {"delivered": 1}


async def test_who_finds_a_feed_taken_reads_it_once_the_reader_is_dead(world: World) -> None:
    pair = Pair(world)
    async with pair.worker("dead", lease_seconds=2.0) as dead, pair.worker("heir") as heir:
        assert await dead.feeds[0].poll() is True
        assert await heir.feeds[0].poll() is False
        await dead._lease.stop()  # it renews nothing any more, and does not know it
        world.shop.put("g1", **an_order("1001"))

        async def taken_over() -> bool:
            return await heir.feeds[0].poll()

        await _until(taken_over, "the feed is taken over")
        world.shop.put("g2", **an_order("1002"))
        with pytest.raises(FeedTaken):
            await dead.ledger.write(
                lambda c: ensure_reader(c, feed=1, holder=dead._holder, fence=1)
            )
        assert await dead.feeds[0].poll() is False
        assert await _fates(heir.ledger) == {"in_flight": 1}


async def test_a_clock_an_hour_off_takes_nothing_and_leaves_nothing(world: World) -> None:
    """Both live by the database's clock: one is an hour early, the other an hour late."""
    pair = Pair(world)
    async with (
        pair.worker("early", ShiftedClock(-1)) as early,
        pair.worker("late", ShiftedClock(+1)) as late,
    ):
        true = datetime.now(UTC)
        for worker in (early, late):
            assert abs((worker.options.clock.now() - true).total_seconds()) < 30
        assert await early.feeds[0].poll() is True
        world.shop.put("g1", **an_order("1001"))
        assert await late.feeds[0].poll() is False, "the feed's lease has not run out"
        assert await early.feeds[0].poll() is True
        now = to_us(early.options.clock.now())
        (mine,) = await early.ledger.write(
            lambda c: claim(
                c, pipeline="orders", holder="early#x", calls="c" * 32, now_us=now,
                lease_us=3 * SECOND, limit=10,
            )
        )  # fmt: skip
        assert await late.pipelines[0].work() == 0, "what is held is left to its holder"
        assert mine.fence == 1

        async def worked() -> bool:
            return await late.pipelines[0].work() == 1

        await _until(worked, "what the early one left behind is done soon, not in an hour")
    assert len(world.erp.documents) == 1


async def test_a_webhook_another_process_stored_is_looked_at_within_seconds(world: World) -> None:
    pair = Pair(world)
    stop = asyncio.Event()
    async with pair.worker("one") as one, pair.worker("two") as two:
        following = [asyncio.create_task(Follower(w).run(stop)) for w in (one, two)]

        async def read_once() -> bool:
            done = select(s.windows.c.seq).where(s.windows.c.closed_us.is_not(None))
            return bool(await one.ledger.read(lambda c: c.execute(done).all()))

        await _until(read_once, "the first poll")
        world.shop.put("g1", **an_order("1001"))
        receiver = await open_ledger(place(world.path))
        hint = {
            "entity": "orders", "source_id": "g1", "event_id": "e1", "triggered_us": None,
            "received_us": to_us(datetime.now(UTC)),
        }  # fmt: skip
        await receiver.write(lambda c: store_hints(c, "shop", [hint]))

        async def delivered() -> bool:
            return await _fates(receiver) == {"delivered": 1}

        await _until(delivered, "long before the next poll, in a minute")
        await receiver.close()
        stop.set()
        await asyncio.gather(*following)
    assert len(world.erp.documents) == 1


async def test_a_worker_goes_on_by_itself_when_the_database_returns(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """Away for longer than anybody's patience, and than the lease; no defect, no traceback."""
    pair = Pair(world)
    stop = asyncio.Event()
    caplog.set_level("INFO")
    for i in range(40):
        world.shop.put(f"g{i}", **an_order(f"{1000 + i}"))
    async with pair.worker("one", lease_seconds=3.0, patience=0.3) as one:
        following = asyncio.create_task(Follower(one).run(stop))

        async def begun() -> bool:
            return len(world.erp.documents) > 5

        await _until(begun, "some are delivered")
        await asyncio.to_thread(server().kill)

        async def told() -> bool:
            return one.ledger.trouble is not None

        await _until(told, "the trouble is told")
        lapsed = one.options.clock.monotonic() + 4

        async def later() -> bool:
            return one.options.clock.monotonic() > lapsed

        await _until(later, "the lease has run out meanwhile")
        assert not following.done()
        await asyncio.to_thread(server().start)

        async def all_there() -> bool:
            try:
                return await _fates(one.ledger) == {"delivered": 40}
            except LedgerError:
                return False

        await _until(all_there, "all are delivered", 30)
        assert one.ledger.trouble is None
        assert not following.done()
        stop.set()
        await following
    numbers = [d["number"] for d in world.erp.documents.values()]
    assert len(numbers) == len(set(numbers)) == 40
    assert [r.getMessage() for r in caplog.records if r.exc_info] == []


async def test_only_the_oldest_of_a_record_is_claimed_by_whom_ever(world: World) -> None:
    pair = Pair(world)
    async with pair.worker("one") as one, pair.worker("two") as two:
        world.shop.put("g1", **an_order("1001"))
        await one.feeds[0].poll()
        await one.ledger.write(  # a write of unknown outcome: newer versions must wait behind it
            lambda c: c.execute(update(s.transactions).values(fate="unknown"))
        )
        world.shop.put("g1", **an_order("1001", total="30.00"))
        await one.feeds[0].poll()
        now = to_us(one.options.clock.now())

        def take(holder: str) -> Any:
            return lambda c: claim(
                c, pipeline="orders", holder=holder, calls="c" * 32, now_us=now,
                lease_us=60 * SECOND, limit=10,
            )  # fmt: skip

        first, second = await asyncio.gather(
            one.ledger.write(take("one#1")), two.ledger.write(take("two#1"))
        )
        assert len(first) + len(second) == 1
        assert [row.seq for row in [*first, *second]] == [1]


async def test_a_feed_is_had_by_one_of_many_that_ask_at_once(world: World) -> None:
    ledgers = [await open_ledger(place(world.path)) for _ in range(6)]
    fences = await asyncio.gather(
        *(
            one.write(
                lambda c, i=i: take_feed(
                    c, feed=7, holder=f"w{i}#1", now_us=5, lease_us=60 * SECOND
                )
            )
            for i, one in enumerate(ledgers)
        )
    )
    assert len([fence for fence in fences if fence is not None]) == 1
    await asyncio.gather(*(one.close() for one in ledgers))


async def test_a_living_namesake_keeps_what_it_has_in_hand(world: World) -> None:
    """And a dead one loses it at once, long before its lease ends."""
    pair = Pair(world)
    world.shop.put("g1", **an_order("1001"))
    async with pair.worker("reader") as reader:
        await reader.feeds[0].poll()
        feed = reader.feeds[0].settings.feed.seq
    command = [sys.executable, "-c", "import sys; sys.stdin.read()"]
    other = await asyncio.to_thread(subprocess.Popen, command, stdin=subprocess.PIPE)
    life = life_of("local", "x").replace(f".{os.getpid()}.", f".{other.pid}.")

    def takes(connection: Connection) -> None:
        now, hour = to_us(datetime.now(UTC)), 3600 * SECOND
        named = {"holder": life, "now_us": now, "lease_us": hour}
        assert take_feed(connection, feed=feed, **named) is not None
        assert len(claim(connection, pipeline="orders", calls="c" * 32, limit=9, **named)) == 1

    async def holders(ledger: Ledger) -> list[str | None]:
        query = select(s.transactions.c.holder)
        return await ledger.read(lambda c: list(c.execute(query).scalars()))

    try:
        await world.ledger.write(takes)
        async with pair.worker("local") as namesake:
            assert await holders(namesake.ledger) == [life]
            assert await namesake.feeds[0].poll() is False
        assert await holders(world.ledger) == [life]
    finally:
        await asyncio.to_thread(other.communicate)
    async with pair.worker("local") as heir:
        assert await holders(heir.ledger) == [None]
        assert await heir.feeds[0].poll() is True

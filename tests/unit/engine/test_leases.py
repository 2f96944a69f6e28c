"""Who may act, and until when: leases, frozen workers, two workers, trouble with the commit."""

import asyncio
import gc
from contextvars import Context, copy_context
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select, update
from tests.support.toy import World, a_pipeline, an_order

from knect.engine.bounds.lease import Taken, WorkerLease
from knect.engine.delivering.job import Job
from knect.ledger import LedgerError
from knect.ledger import schema as s
from knect.ledger.claims import claim, next_due, reclaim
from knect.ledger.instants import to_us
from knect.ledger.timeline import decode
from knect.sdk.errors import Unreachable
from knect.sdk.permit import may_leave

LEASE = 10.0


async def _claim(
    world: World, holder: str, calls: str = "c" * 32, lease: float = LEASE
) -> list[Any]:
    now = to_us(world.clock.now())
    rows: list[Any] = await world.ledger.write(
        lambda c: claim(
            c, pipeline="orders", holder=holder, calls=calls, now_us=now,
            lease_us=int(lease * 1e6), limit=10,
        )
    )  # fmt: skip
    return rows


def _sent(world: World) -> list[tuple[str, str]]:
    return [entry for entry in world.erp.log if entry[0] in ("ensure", "create", "update")]


def _when_asked(world: World, happens: Any) -> None:
    """Let something happen, once, while the worker waits for the answer to a look-up."""
    original = world.erp.lookup
    left = [happens]

    async def lookup(calls: Any) -> Any:
        if left:
            await left.pop()()
        return await original(calls)

    world.erp.lookup = lookup  # type: ignore[method-assign]


async def _one_life_of(world: World) -> None:
    """Let one worker claim once and finish what it claimed."""
    worker = world.worker(name="one")
    await worker.start()
    try:
        await worker.feeds[0].poll()
        await worker.pipelines[0].work()
    finally:
        await worker.close()


async def test_a_frozen_worker_sends_nothing_once_its_lease_is_gone(tmp_path: Path) -> None:
    async with World(tmp_path, lease=LEASE) as world:
        world.erp.with_party = True
        world.shop.put("g1", **an_order())
        world.clock.advance(60)

        async def freeze() -> None:
            world.clock.advance(3 * LEASE)

        _when_asked(world, freeze)
        await _one_life_of(world)
        assert _sent(world) == []
        assert await world.fates() == ["in_flight"]
        world.clock.advance(60)
        await world.run()
        assert await world.fates() == ["delivered"]


async def test_a_thawed_worker_cannot_send_or_commit_what_another_has_taken(tmp_path: Path) -> None:
    async with World(tmp_path, lease=LEASE) as world:
        world.erp.with_party = True
        world.shop.put("g1", **an_order())
        world.clock.advance(60)

        async def freeze_until_another_took_it_and_our_lease_was_renewed() -> None:
            world.clock.advance(3 * LEASE)
            assert len(await _claim(world, "two#x", lease=3600)) == 1
            await asyncio.sleep(0.05)  # the lease task wakes first

        _when_asked(world, freeze_until_another_took_it_and_our_lease_was_renewed)
        await _one_life_of(world)
        assert _sent(world) == []
        (row,) = await world.transactions()
        assert (row.holder, row.fate, row.fence) == ("two#x", "in_flight", 2)


async def test_a_write_that_was_answered_after_the_lease_is_not_committed_over_the_new_holder(
    tmp_path: Path,
) -> None:
    """Bytes on the wire cannot be recalled, but the late answer changes nothing in the ledger."""
    async with World(tmp_path, lease=LEASE) as world:
        world.shop.put("g1", **an_order())
        world.clock.advance(60)
        original = world.erp.write

        async def write(calls: Any) -> Any:
            outcomes = await original(calls)
            world.clock.advance(3 * LEASE)
            assert len(await _claim(world, "two#x", lease=3600)) == 1
            return outcomes

        world.erp.write = write  # type: ignore[method-assign]
        await _one_life_of(world)
        (row,) = await world.transactions()
        assert (row.holder, row.fate) == ("two#x", "in_flight")
        world.erp.write = original  # type: ignore[method-assign]
        world.clock.advance(3700)
        await world.run()
        assert len(world.erp.documents) == 1
        assert await world.fates() == ["delivered"]


async def test_two_workers_on_one_pipeline_make_one_document_each(tmp_path: Path) -> None:
    async with World(tmp_path, lease=LEASE) as world:
        world.erp.unique = False
        for i in range(30):
            world.shop.put(f"g{i}", **an_order(str(i)))
        world.clock.advance(60)
        workers = [world.worker(name=name) for name in ("one", "two")]
        for worker in workers:
            await worker.start()
        await workers[0].feeds[0].poll()
        try:
            await asyncio.gather(*(worker.pipelines[0].work() for worker in workers))
        finally:
            for worker in workers:
                await worker.close()
        assert set(await world.fates()) == {"delivered"}
        assert sorted(world.erp.creates()) == sorted(f"shop:g{i}" for i in range(30))
        assert len(world.erp.documents) == 30


async def test_who_takes_over_keeps_the_trace_id_of_the_dead_workers_calls(tmp_path: Path) -> None:
    async with World(tmp_path, lease=LEASE) as world:
        world.shop.put("g1", **an_order())
        world.clock.advance(60)
        worker = world.worker(name="reader")
        await worker.start()
        await worker.feeds[0].poll()
        await worker.close()
        await _claim(world, "dead#1", calls="d" * 32)
        world.clock.advance(2 * LEASE)
        await _claim(world, "heir#1", calls="e" * 32)
        (row,) = await world.transactions()
        marks = [event for event in decode(row.timeline) if event.what == "interrupted"]
        assert [mark.note for mark in marks] == [f"extract {'d' * 32}"]


async def test_who_gives_work_back_leaves_the_trace_id_of_its_calls(tmp_path: Path) -> None:
    """A worker told to end cancels what takes too long; the call was made all the same."""
    async with World(tmp_path) as world:
        world.shop.put("g1", **an_order())
        world.clock.advance(60)
        ending = world.worker(name="ending")
        await ending.start()
        await ending.feeds[0].poll()
        await _claim(world, ending.holder, "d" * 32)
        await ending.close(drain_seconds=0.1)
        (row,) = await world.transactions()
        assert row.holder is None
        mark = decode(row.timeline)[-1]
        assert (mark.what, mark.note) == ("interrupted", f"extract {'d' * 32}")
        await world.run()
        assert await world.fates() == ["delivered"]


async def test_nothing_leaves_after_the_lease_has_ended_between_the_look_and_the_first_byte(
    tmp_path: Path,
) -> None:
    """The process is stopped in line for a connection: the HTTP client asks once more."""
    async with World(tmp_path, lease=LEASE) as world:
        world.shop.put("g1", **an_order())
        world.clock.advance(60)
        asked: list[bool] = []
        original = world.erp.write

        async def in_line(calls: Any) -> Any:
            if not asked:
                asked.append(may_leave())
                world.clock.advance(LEASE + 1)
                asked.append(may_leave())
                raise Unreachable("too late", could_have_been_seen=False)
            return await original(calls)

        world.erp.write = in_line  # type: ignore[method-assign]
        await world.run()
        assert asked == [True, False]


async def test_a_restart_takes_back_only_what_its_own_name_held(tmp_path: Path) -> None:
    """`_` is a letter of a name and no wildcard."""
    async with World(tmp_path, lease=LEASE) as world:
        for name in ("g1", "g2"):
            world.shop.put(name, **an_order(name))
        world.clock.advance(60)
        worker = world.worker(name="reader")
        await worker.start()
        await worker.feeds[0].poll()
        await worker.close()
        await _claim(world, "orders-1#x")
        now = to_us(world.clock.now())
        taken = await world.ledger.write(
            lambda c: reclaim(
                c, worker="orders_1", holder="orders_1#y", is_over=lambda _: True, now_us=now
            )
        )
        assert taken == []


async def test_a_commit_that_failed_is_made_good_by_the_same_worker(tmp_path: Path) -> None:
    """The disk was full for one commit: the work must not stay in hand for ever."""
    async with World(tmp_path, lease=LEASE) as world:
        world.shop.put("g1", **an_order())
        world.clock.advance(60)
        worker = world.worker(name="one")
        pipeline = worker.pipelines
        await worker.start()
        await worker.feeds[0].poll()
        settlement = pipeline[0]._settlement
        original = settlement.commit
        left = [LedgerError("the disk is full")]

        async def commit(*args: Any) -> None:
            if left:
                raise left.pop()
            await original(*args)

        settlement.commit = commit  # type: ignore[method-assign]
        try:
            await pipeline[0].work()
            assert await world.fates() == ["in_flight"]
            for _ in range(20):
                await world.clock.sleep(LEASE / 2)
                await pipeline[0].work()
            assert await world.fates() == ["delivered"]
            assert len(world.erp.documents) == 1
        finally:
            await worker.close()


async def test_settle_time_counts_from_the_last_moment_the_write_may_have_left(
    tmp_path: Path,
) -> None:
    """Written ahead at 0, sent at 8 and lost: at 11 a settle time of 10 has not passed."""
    async with World(tmp_path, once="LookupAfterSettle", settle=10) as world:
        world.erp.with_party = True
        world.shop.put("g1", **an_order())
        world.clock.advance(60)
        sent: list[float] = []

        async def slow() -> None:
            world.clock.advance(8)

        def vanish(calls: Any) -> None:
            if calls[0].effect.name == "party":
                sent.append(world.clock.monotonic())
                if len(sent) == 1:
                    raise Unreachable("connection reset")

        _when_asked(world, slow)
        world.erp.before = vanish
        await world.run()
        assert len(sent) == 2
        assert sent[1] - sent[0] >= 10
        assert await world.fates() == ["delivered"]


async def test_settle_time_counts_from_the_takeover_where_a_worker_died(tmp_path: Path) -> None:
    """It may have sent until the moment it died; only who took over knows that it is dead."""
    async with World(tmp_path, once="LookupAfterSettle", settle=30, lease=LEASE) as world:
        world.shop.put("g1", **an_order())
        world.clock.advance(60)

        def die(_calls: Any) -> None:
            raise asyncio.CancelledError

        world.erp.before = die
        worker = world.worker(name="dead")
        await worker.start()
        await worker.feeds[0].poll()
        await worker.pipelines[0].work()
        await worker.watchdog.stop()  # dead, not closed: nothing is handed back
        await worker._lease.stop()
        world.clock.advance(25)  # it may have lived and sent up to here
        world.erp.before = None
        taken_over = world.clock.monotonic()
        times: list[float] = []
        world.erp.after = lambda _calls: times.append(world.clock.monotonic())
        heir = world.worker(name="dead")
        await heir.start()
        try:
            await heir.run_once()
        finally:
            await heir.close()
        assert await world.fates() == ["delivered"]
        assert times[0] - taken_over >= 30


async def test_two_pipelines_making_one_record_at_the_same_moment_make_it_once(
    tmp_path: Path,
) -> None:
    """The second one's look at the bindings is older than the first one's commit."""
    pipelines = (a_pipeline("a"), a_pipeline("b"))
    async with World(tmp_path, *pipelines, once="LookupAfterSettle", settle=5) as world:
        world.erp.unique = False
        for i in range(40):
            world.shop.put(f"g{i}", **an_order(str(i)))
        world.clock.advance(60)
        await world.run()
        assert len(world.erp.documents) == 40
        assert set(await world.fates()) <= {"delivered", "unchanged"}


async def test_a_renewal_covers_what_was_in_hand_when_it_began(tmp_path: Path) -> None:
    """A slow ledger answered the claim after a renewal that knew nothing of it had begun."""
    async with World(tmp_path, lease=LEASE) as world:
        began = world.clock.monotonic()
        lease = WorkerLease(
            world.ledger, holder="one#1", seconds=LEASE, clock=world.clock, in_hand=dict,
            renewing=lambda: asyncio.sleep(0),
        )  # fmt: skip
        lease.start()
        await world.clock.sleep(LEASE * 0.5)  # it is renewed after a third
        now = world.clock.monotonic()
        await lease.stop()
        assert lease.remaining() == pytest.approx(began + LEASE * 4 / 3 - now, abs=0.1)
        before, across = Taken(began, began + 0.1), Taken(began, now)
        assert lease.remaining(before) == lease.remaining()
        assert lease.remaining(across) == pytest.approx(began + LEASE - now, abs=0.01)


async def test_no_renewal_revives_what_had_run_out(tmp_path: Path) -> None:
    """A claim that was answered late is over before the worker's own lease is."""
    async with World(tmp_path, lease=LEASE) as world:
        began, hand = world.clock.monotonic(), dict[int, Taken]()
        lease = WorkerLease(
            world.ledger, holder="one#1", seconds=LEASE, clock=world.clock, in_hand=lambda: hand,
            renewing=lambda: asyncio.sleep(0),
        )  # fmt: skip
        lease.start()
        await world.clock.sleep(LEASE * 0.5)  # it is renewed after a third
        late, good = (Taken(asked, world.clock.monotonic()) for asked in (began, began + 1))
        hand.update({1: late, 2: good})
        world.clock.advance(LEASE * 0.5 + 0.5)  # it stood still; the next renewal is late
        await world.clock.sleep(0.1)
        assert lease.remaining(late) == 0
        assert lease.remaining(good) == lease.remaining() > LEASE * 0.9
        await world.clock.sleep(LEASE)
        assert lease.remaining(late) == 0, "nor does a later one"
        await lease.stop()


async def test_a_renewal_that_is_answered_too_late_renews_nothing(tmp_path: Path) -> None:
    """Whoever came to the ledger meanwhile found the lease over, and may have claimed it."""
    async with World(tmp_path, lease=LEASE) as world:
        began, hand = world.clock.monotonic(), dict[int, Taken]()
        hangs = [False, True]

        class Slow:
            async def write(self, unit: Any) -> Any:
                if hangs and hangs.pop(0):
                    world.clock.advance(LEASE * 0.7)
                return await world.ledger.write(unit)

        lease = WorkerLease(
            Slow(), holder="one#1", seconds=LEASE, clock=world.clock,  # type: ignore[arg-type]
            in_hand=lambda: hand, renewing=lambda: asyncio.sleep(0),
        )  # fmt: skip
        hand[1] = early = Taken(began, began)
        lease.start()
        await world.clock.sleep(LEASE * 0.5)  # it is renewed after a third
        assert early.asked_at < began + LEASE * 0.5 < began + lease.remaining(early)
        await world.clock.sleep(LEASE * 0.25)  # and here, but the answer takes too long
        late = Taken(world.clock.monotonic(), world.clock.monotonic())
        assert not hangs
        assert lease.remaining(early) == 0
        assert lease.remaining(late) == LEASE
        await world.clock.sleep(LEASE / 2)
        assert lease.remaining(early) == 0, "nor does a later one"
        await lease.stop()


async def test_after_a_renewal_that_was_answered_late_the_next_one_follows_at_once(
    tmp_path: Path,
) -> None:
    """Three times per lease, counted from when it was asked for: else all in hand runs out."""
    async with World(tmp_path, lease=LEASE) as world:
        asked: list[float] = []

        class Slow:
            async def write(self, unit: Any) -> Any:
                asked.append(world.clock.monotonic())
                if len(asked) == 1:
                    world.clock.advance(LEASE * 0.6)
                return await world.ledger.write(unit)

        lease = WorkerLease(
            Slow(), holder="one#1", seconds=LEASE, clock=world.clock, in_hand=dict,  # type: ignore[arg-type]
            renewing=lambda: asyncio.sleep(0),
        )  # fmt: skip
        lease.start()
        while len(asked) < 3:
            await world.clock.sleep(LEASE / 50)
        await lease.stop()
        first, second, third = asked[:3]
        assert LEASE * 0.6 <= second - first < LEASE * 0.7
        assert LEASE * 0.3 < third - second < LEASE * 0.4


async def test_what_the_same_worker_claims_anew_is_sent_by_the_newer_claim_only(
    tmp_path: Path,
) -> None:
    """The first claim was answered so late that it ran out before a renewal knew of it."""
    async with World(tmp_path, lease=LEASE) as world:
        world.erp.with_party = True
        world.shop.put("g1", **an_order())
        world.clock.advance(60)
        worker = world.worker(name="one")
        await worker.start()
        await worker.feeds[0].poll()
        pipeline = worker.pipelines[0]

        async def claimed_anew() -> None:
            await world.ledger.write(lambda c: c.execute(update(s.transactions).values(lease_us=0)))
            assert len(await pipeline._claim()) == 1
            async with asyncio.timeout(10):
                while await world.fates() != ["delivered"]:
                    await asyncio.sleep(0)

        original, left = world.erp.lookup, [claimed_anew]

        async def lookup(calls: Any) -> Any:
            answers = await original(calls)
            if left:
                await left.pop()()
            return answers

        world.erp.lookup = lookup  # type: ignore[method-assign]
        try:
            await pipeline.work()
        finally:
            await worker.close()
        assert [what for what, _ in _sent(world)] == ["ensure", "create"]
        assert await world.fates() == ["delivered"]
        assert pipeline.in_hand == {}


async def test_waiting_for_a_busy_key_is_told_once(tmp_path: Path) -> None:
    """It is looked at five times a second: that would push everything else out of the story."""
    async with World(tmp_path) as world:
        world.shop.put("g1", **an_order())
        world.clock.advance(60)
        worker = world.worker(name="one")
        await worker.start()
        await worker.feeds[0].poll()
        key = {"name": "erp/orders/shop:g1", "fence": 1, "expires_us": 0}

        def takes_the_key(connection: Connection) -> None:
            other = {"pipeline": "others", "id": "f" * 32, "fate": "waiting", "source_id": "g2"}
            row = connection.execute(select(s.transactions)).mappings().one()
            copy = {name: value for name, value in row.items() if name != "seq"} | other
            connection.execute(insert(s.transactions).values(**copy))
            connection.execute(insert(s.leases).values(**key, holder="f" * 32))

        await world.ledger.write(takes_the_key)
        for _ in range(30):
            await worker.pipelines[0].work()
            world.clock.advance(1)
        await worker.close()
        row = (await world.transactions())[0]
        assert (row.fate, row.reason, row.fence) == ("in_flight", "KeyBusy", 30)
        assert [event.reason for event in decode(row.timeline)].count("KeyBusy") == 1


async def test_what_was_ahead_ends_though_another_record_made_it_meanwhile(tmp_path: Path) -> None:
    """Found by seed 20261124: a worker died between having the key and saying what it found."""
    async with World(tmp_path) as world:
        world.erp.with_party = True
        world.shop.put("g1", **an_order("1001"))
        world.clock.advance(60)
        await world.run()
        world.shop.put("g2", **an_order("1002"))
        world.clock.advance(60)
        worker = world.worker(name="heir")
        await worker.start()
        await worker.feeds[0].poll()

        def died_ahead(connection: Connection) -> None:
            party = select(s.effects).where(s.effects.c.name == "party")
            row = connection.execute(party).mappings().one()
            ahead = {"transaction": 2, "state": "ahead", "ended_us": None, "adopted": False}
            second = {name: value for name, value in row.items() if name != "seq"} | ahead
            connection.execute(insert(s.effects).values(**second))

        await world.ledger.write(died_ahead)
        await worker.pipelines[0].work()
        await worker.close()
        assert await world.fates() == ["delivered", "delivered"]
        ends = select(s.effects.c.name, s.effects.c.state, s.effects.c.adopted)
        rows = await world.ledger.read(lambda c: c.execute(ends.order_by(s.effects.c.seq)).all())
        assert [row.state for row in rows] == ["done"] * 4
        assert [row.adopted for row in rows if row.name == "party"] == [False, True]
        assert len(world.erp.parties) == 1


async def test_what_waits_behind_an_older_version_makes_nobody_spin(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        world.shop.put("g1", **an_order())
        world.clock.advance(60)
        worker = world.worker(name="one")
        await worker.start()
        await worker.feeds[0].poll()
        later = to_us(world.clock.now()) + 3_600_000_000
        await world.ledger.write(
            lambda c: (
                c.execute(s.transactions.update().values(fate="unknown", next_us=later)).rowcount
            )
        )
        world.shop.put("g1", **an_order(note="again"))
        world.clock.advance(60)
        await worker.feeds[0].poll()
        fates = await world.fates()
        assert fates == ["unknown", "in_flight"]
        due = await world.ledger.read(lambda c: next_due(c, "orders"))
        await worker.close()
        assert due == later


async def test_what_another_worker_holds_is_due_when_its_lease_ends(tmp_path: Path) -> None:
    async with World(tmp_path, lease=LEASE) as world:
        world.shop.put("g1", **an_order())
        world.clock.advance(60)
        worker = world.worker(name="one")
        await worker.start()
        await worker.feeds[0].poll()
        await _claim(world, "two#x")
        due = await world.ledger.read(lambda c: next_due(c, "orders"))
        lease = await world.ledger.read(
            lambda c: c.execute(select(s.transactions.c.lease_us)).scalar()
        )
        await worker.close()
        assert due is not None
        assert due == pytest.approx(lease, abs=2)


async def test_what_was_sent_is_let_go_although_its_connection_stays(tmp_path: Path) -> None:
    """A connection keeps the context it was opened in: records must not live in there."""
    async with World(tmp_path, a_pipeline()) as world:
        world.shop.put("let go", **an_order("1"))
        world.clock.advance(60)
        opened: list[Context] = []
        original = world.erp.write

        async def write(calls: Any) -> Any:
            opened.append(copy_context())
            return await original(calls)

        world.erp.write = write  # type: ignore[method-assign]
        await world.run()
        assert await world.fates() == ["delivered"]
        assert opened
        gc.collect()
        jobs = [one for one in gc.get_objects() if type(one) is Job]
        assert not [one for one in jobs if one.claimed.source_id == "let go"]

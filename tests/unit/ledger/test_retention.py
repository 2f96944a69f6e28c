"""What is forgotten still counts; what is open, newest or bound is never forgotten."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.support.ledgers import place
from tests.unit.ledger.book import DAY, Book
from tests.unit.ledger.plans import with_plan

from knect.ledger import schema as s
from knect.ledger.actions import note_action, skip
from knect.ledger.anew import replay
from knect.ledger.catching_up import give_again, give_the_rest
from knect.ledger.payload import payloads_of
from knect.ledger.questions.queries import find
from knect.ledger.retention import RetentionPolicy, Slice, ledger_size, retire_slice, shrink
from knect.ledger.windows import WindowStart, open_window
from knect.seams import new_id

ROOT = Path(__file__).parents[3]
POLICY = RetentionPolicy(slice_rows=7)


async def _retire(book: Book, policy: RetentionPolicy = POLICY) -> list[Slice]:
    """Retire to the end; the equation holds after every slice."""
    slices: list[Slice] = []
    while True:
        one = await book.ledger.write(lambda c: retire_slice(c, policy, book.now))
        assert (await book.sum()).balanced, "in the middle of retention"
        if not one.anything:
            return slices
        slices.append(one)


async def _given_the_rest(book: Book, pipeline: str) -> list[str]:
    """Give a pipeline what it missed; return of which records."""
    start = WindowStart(
        feed=book.feed.seq, kind="poll", trace_id=new_id(), since_us=0, until_us=book.now,
        now_us=book.now,
    )  # fmt: skip
    await book.ledger.write(
        lambda c: give_the_rest(
            c, feed=book.feed, window=open_window(c, start), pipelines=[pipeline],
            now_us=book.now, new_id=new_id,
        )
    )  # fmt: skip
    return [row.source_id for row in await book.rows()]


async def test_the_equation_holds_before_while_and_after(tmp_path: Path) -> None:
    async with Book(tmp_path / "ledger.db") as book:
        for fate, ids in (
            ("delivered", range(20)), ("rejected", range(20, 30)), ("skipped", range(30, 35)),
        ):  # fmt: skip
            await book.see(*map(str, ids))
            await book.work(fate)
        before = await book.sum()
        book.now += 91 * DAY
        slices = await _retire(book)
        assert sum(one.versions for one in slices) == 35
        assert max(one.versions for one in slices) <= 7
        after = await book.sum()
        assert (after.seen, after.fates) == (before.seen, before.fates)
        assert after.seen == 35
        assert await book.rows() == []
        assert await book.rows(s.effects) == []
        await book.see("new")
        assert (await book.sum()).seen == 36
        assert (await book.sum()).balanced


async def test_each_pipeline_keeps_its_own_sum(tmp_path: Path) -> None:
    async with Book(tmp_path / "ledger.db", "orders", "mirror") as book:
        await book.see("1", "2", "3")
        await book.work("delivered", "orders")
        rows = await book.claim(pipeline="mirror")
        await book.end(rows[:2], "skipped")
        book.now += 100 * DAY
        await _retire(book)
        orders, mirror = await book.sum("orders"), await book.sum("mirror")
        assert (orders.seen, orders.fates["delivered"]) == (3, 3)
        assert (mirror.seen, mirror.fates["skipped"], mirror.fates["in_flight"]) == (3, 2, 1)
        assert orders.balanced
        assert mirror.balanced
        # the version whose mirror is open stays whole, also for the other pipeline
        assert {(r.pipeline, r.source_id) for r in await book.rows()} == {
            ("orders", "3"), ("mirror", "3"),
        }  # fmt: skip


async def test_what_a_pipeline_was_given_later_counts_where_it_was_given(tmp_path: Path) -> None:
    """It had missed it, so that the window in which it was seen counts it for others alone."""
    async with Book(tmp_path / "ledger.db", "orders", "mirror") as book:
        book.pipelines = ("orders",)
        await book.see("1", "2")
        await book.work("delivered")
        start = WindowStart(
            feed=book.feed.seq, kind="poll", trace_id=new_id(), since_us=0, until_us=book.now,
            now_us=book.now,
        )  # fmt: skip
        given = await book.ledger.write(
            lambda c: give_again(
                c, feed=book.feed, window=open_window(c, start), source_ids=["1", "2"],
                behind=["mirror"], now_us=book.now, new_id=new_id,
            )
        )  # fmt: skip
        assert len(given) == 2
        await book.work("delivered", "mirror")
        book.now += 100 * DAY
        await _retire(book)
        for name in ("orders", "mirror"):
            one = await book.sum(name)
            assert (one.seen, one.fates["delivered"], one.balanced) == (2, 2, True), name


async def test_no_number_is_given_twice(tmp_path: Path) -> None:
    """A binding names who delivered by it, longer than that one is kept."""
    async with Book(tmp_path / "ledger.db") as book:
        await book.see("1", "2")
        await book.work("delivered")
        last = (await book.rows())[-1].seq
        book.now += 100 * DAY
        await _retire(book)
        assert await book.rows() == []
        await book.see("3")
        (row,) = await book.rows()
        assert row.seq > last


@pytest.mark.parametrize("fate", ["waiting", "unknown", "in_flight"])
async def test_what_is_open_stays_however_old(tmp_path: Path, fate: str) -> None:
    async with Book(tmp_path / "ledger.db") as book:
        await book.see("1")
        (row,) = await book.work(fate)
        book.now += 1000 * DAY
        await _retire(book)
        assert await book.fates() == {"1": fate}
        kept = await book.ledger.read(lambda c: payloads_of(c, [row.hash]))
        assert list(kept) == [row.hash]


async def test_what_ended_lately_stays(tmp_path: Path) -> None:
    """Its age counts from its end: an order that waited for half a year is still news."""
    async with Book(tmp_path / "ledger.db") as book:
        await book.see("1")
        rows = await book.claim()
        book.now += 180 * DAY
        await book.end(rows, "delivered")
        book.now += 10 * DAY
        await _retire(book)
        assert await book.fates() == {"1": "delivered"}


async def test_bindings_stay_and_a_re_sighting_is_known(tmp_path: Path) -> None:
    """They keep a second document from being made, years later."""
    async with Book(tmp_path / "ledger.db") as book:
        await book.see("1")
        await book.work("delivered")
        book.now += 400 * DAY
        await _retire(book)
        (binding,) = await book.rows(s.bindings)
        assert binding.external_id == "shop:1"
        assert await book.see("1") == 0
        assert await book.rows() == []
        assert await book.see("1", token="2") == 1
        assert (await book.sum()).seen == 2
        assert (await book.sum()).balanced


async def test_only_the_newest_version_of_a_record_is_kept(tmp_path: Path) -> None:
    """Whether they are retired together, or one after the other over the years."""
    async with Book(tmp_path / "ledger.db") as book:
        for token in ("1", "2", "3"):
            await book.see("a", token=token)
            await book.work("delivered")
        book.now += 100 * DAY
        await _retire(book)
        assert [row.token for row in await book.rows(s.versions)] == ["3"]
        await book.see("a", token="4")
        await book.work("delivered")
        book.now += 100 * DAY
        await _retire(book)
        assert [row.token for row in await book.rows(s.versions)] == ["4"]
        assert (await book.sum()).fates["delivered"] == 4
        assert (await book.sum()).balanced


async def test_the_version_before_a_deletion_is_kept_for_whoever_missed_it(tmp_path: Path) -> None:
    async with Book(tmp_path / "ledger.db", "orders", "mirror") as book:
        await book.see("1", token="v1")
        await book.work("delivered", "orders")
        await book.work("delivered", "mirror")
        await book.see("1", token="v2", deleted=True, shown_to=["mirror"])
        book.now += 100 * DAY
        await _retire(book)
        await book.work("delivered", "mirror")
        book.now += 100 * DAY
        await _retire(book)
        assert await book.rows() == []
        assert await _given_the_rest(book, "orders") == ["1"]
        await book.work("delivered", "orders")
        await book.see("1", token="v3")  # it is there again
        for pipeline in ("orders", "mirror"):
            await book.work("delivered", pipeline)
        book.now += 100 * DAY
        await _retire(book)
        assert [row.token for row in await book.rows(s.versions)] == ["v3"]


async def test_what_was_skipped_and_may_be_there_is_not_forgotten(tmp_path: Path) -> None:
    """Whoever makes its next version has to know that something may be there."""
    async with Book(tmp_path / "ledger.db") as book:
        await book.see("1", "2")
        rows = await book.claim()
        await book.ahead(rows[0])
        await book.end(rows, "unknown")
        seqs = [row.seq for row in rows]
        await book.ledger.write(
            lambda c: skip(c, seqs, selector="", actor="ana", reason="it is right", now_us=book.now)
        )
        book.now += 100 * DAY
        await _retire(book)
        assert [row.source_id for row in await book.rows()] == ["1"]


async def test_a_replay_counts_once_and_goes_with_its_version(tmp_path: Path) -> None:
    async with Book(tmp_path / "ledger.db") as book:
        await book.see("1")
        await book.work("delivered")
        (row,) = await book.rows()
        await book.ledger.write(
            lambda c: replay(
                c, [row.seq], new_id=new_id, selector="1", actor="me", reason=None,
                now_us=book.now,
            )
        )  # fmt: skip
        await book.work("unchanged")
        book.now += 100 * DAY
        await _retire(book)
        after = await book.sum()
        assert (after.seen, after.fates["delivered"], after.fates["unchanged"]) == (2, 1, 1)
        assert await book.rows() == []


async def test_payloads_of_successes_go_first_the_others_stay(tmp_path: Path) -> None:
    async with Book(tmp_path / "ledger.db") as book:
        hashes: dict[str, str] = {}
        for fate in ("delivered", "unchanged", "skipped", "rejected", "waiting", "unknown"):
            await book.see(fate)
            (row,) = await book.work(fate)
            hashes[fate] = row.hash
        book.now += 31 * DAY
        await _retire(book)
        kept = await book.ledger.read(lambda c: payloads_of(c, list(hashes.values())))
        assert {fate for fate, digest in hashes.items() if digest in kept} == {
            "rejected", "waiting", "unknown",
        }  # fmt: skip
        assert len(await book.fates()) == 6  # the transactions are all still there


async def test_a_payload_that_two_share_stays_as_long_as_one_needs_it(tmp_path: Path) -> None:
    async with Book(tmp_path / "ledger.db", "orders", "mirror") as book:
        await book.see("1")
        (row,) = await book.work("delivered", "orders")
        await book.work("rejected", "mirror")
        book.now += 31 * DAY
        await _retire(book)
        assert await book.ledger.read(lambda c: payloads_of(c, [row.hash]))


async def test_a_payload_nobody_refers_to_goes_with_its_age(tmp_path: Path) -> None:
    async with Book(tmp_path / "ledger.db") as book:
        await book.see("1")
        await book.work("rejected")
        book.now += 91 * DAY
        await _retire(book)
        await _retire(book)
        assert await book.rows(s.payloads) == []


@pytest.mark.sqlite_only("only a file has a bound of its own")
async def test_over_its_bound_a_ledger_drops_payloads_of_successes_at_any_age(
    tmp_path: Path,
) -> None:
    async with Book(tmp_path / "ledger.db") as book:
        await book.see(*(f"big{i}" for i in range(30)))
        await book.work("delivered")
        await book.see("stuck")
        (stuck,) = await book.work("rejected")
        book.now += 1
        size = await book.ledger.read(ledger_size)
        roomy = RetentionPolicy(most_bytes=size + 1)
        await _retire(book, roomy)
        assert len(await book.rows(s.payloads)) == 62
        await _retire(book, RetentionPolicy(most_bytes=1000))
        left = {row.hash for row in await book.rows(s.payloads)}
        assert stuck.hash in left
        assert len(left) == 2  # what was read of it and what was mapped
        assert len(await book.fates()) == 31


@pytest.mark.sqlite_only("PostgreSQL gives space back by autovacuum")
async def test_space_is_given_back_to_the_file_system(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    async with Book(path) as book:
        await book.ledger.write(
            lambda c: (
                c.execute(
                    s.payloads.insert(),
                    [
                        {"hash": str(i), "body": os.urandom(20_000), "size": 1, "stored_us": 0}
                        for i in range(200)
                    ],
                ).rowcount
            )
        )
        big = await book.ledger.read(ledger_size)
        await _retire(book, RetentionPolicy())
        given = 0
        while some := await book.ledger.write(shrink):
            assert some <= 1000
            given += some
        assert given * 4096 > 3_000_000
    assert big > 4_000_000
    assert path.stat().st_size < 1_000_000


async def test_calls_go_with_their_transactions(tmp_path: Path) -> None:
    async with Book(tmp_path / "ledger.db") as book:
        await book.see("1")
        (row,) = await book.work("delivered")

        def call(c: Any) -> int:
            c.execute(
                s.exchanges.insert().values(
                    trace_id="a" * 32, span_id="b" * 16, connection="erp", method="POST",
                    template="/x", host="erp", started_us=book.now,
                )
            )  # fmt: skip
            c.execute(s.exchange_links.insert().values(transaction=row.seq, span_id="b" * 16))
            return 0

        await book.ledger.write(call)
        book.now += 50 * DAY
        await _retire(book)
        assert len(await book.rows(s.exchanges)) == 1
        book.now += 50 * DAY
        await _retire(book)
        await _retire(book)
        assert await book.rows(s.exchange_links) == []
        assert await book.rows(s.exchanges) == []


async def test_a_record_is_found_by_its_keys_until_it_is_forgotten(tmp_path: Path) -> None:
    async with Book(tmp_path / "ledger.db") as book:
        await book.see("1", keys=[("number", "1001")])
        await book.work("delivered")
        assert len(await book.ledger.read(lambda c: find(c, "1001"))) == 1
        book.now += 100 * DAY
        await _retire(book)
        assert await book.rows(s.keys) == []  # keys obey erasure


_RETIRES = """
import asyncio, sys
from knect.ledger import open_ledger
from knect.ledger.retention import RetentionPolicy, retire_slice
async def main():
    ledger = await open_ledger(sys.argv[1])
    while True:
        policy = RetentionPolicy(slice_rows=7)
        one = await ledger.write(lambda c: retire_slice(c, policy, int(sys.argv[2])))
        if not one.anything:
            return await ledger.close()
asyncio.run(main())
"""


async def test_sudden_death_in_the_middle_loses_no_count(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    async with Book(path) as book:
        await book.see(*map(str, range(30)))
        await book.work("delivered")
        book.now += 91 * DAY
    for passage in (1, 3):
        died = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-c", _RETIRES, place(path), str(book.now)],
            cwd=ROOT, check=False, env={**os.environ, "KNECT_CRASH": f"retention.half:{passage}"},
        )  # fmt: skip
        assert died.returncode == -signal.SIGKILL
        async with Book(path) as after:
            one = await after.sum()
            assert one.balanced
            assert (one.seen, one.fates["delivered"]) == (30, 30)
    async with Book(path) as book:
        book.now += 91 * DAY
        await _retire(book)
        assert await book.rows() == []
        assert (await book.sum()).seen == 30


async def test_a_slice_does_not_grow_with_the_ledger(tmp_path: Path) -> None:
    """Other writers wait for a slice."""
    async with Book(tmp_path / "ledger.db") as book:
        await book.see(*(f"o{i}" for i in range(1500)))
        await book.work("delivered")
        book.now += 91 * DAY
        before = len(await book.rows(s.payloads))
        policy = RetentionPolicy(slice_rows=500)
        one, steps = await with_plan(book, lambda c: retire_slice(c, policy, book.now))
        assert (one.payloads, one.versions) == (500, 500)
        assert len(await book.rows(s.payloads)) == before - 500
        growing = "transactions versions keys payloads effects exchanges bindings".split()
        assert not [x for x in steps if x.startswith("SCAN") and x.split()[1] in growing]


async def test_windows_hints_and_actions_go_by_their_age(tmp_path: Path) -> None:
    """What is still open stays, and so does the record that an old window showed."""
    async with Book(tmp_path / "ledger.db") as book:
        await book.see("1")
        await book.work("delivered")

        def beside(c: Any) -> int:
            c.execute(s.windows.update().values(closed_us=book.now))
            c.execute(
                s.windows.insert().values(
                    feed=book.feed.seq,
                    kind="poll",
                    trace_id="a" * 32,
                    since_us=0,
                    until_us=1,
                    opened_us=book.now,
                )
            )
            for event, window in (("answered", 1), ("open", None)):
                c.execute(
                    s.inbox.insert().values(
                        connection="shop",
                        entity="orders",
                        source_id="1",
                        event_id=event,
                        received_us=book.now,
                        window=window,
                    )
                )
            note_action(
                c, verb="retry", selector="1", actor="ann", reason=None, count=1, now_us=book.now
            )
            return 0  # fmt: skip

        await book.ledger.write(beside)
        closed = [row.seq for row in await book.rows(s.windows) if row.closed_us is not None]
        assert closed
        for days, windows, hints, actions in ((6, 2, 2, 1), (2, 2, 1, 1), (84, 1, 1, 1),
                                              (300, 1, 1, 0)):  # fmt: skip
            book.now += days * DAY
            await _retire(book)
            assert len(await book.rows(s.windows)) == windows, days
            assert len(await book.rows(s.inbox)) == hints, days
            assert len(await book.rows(s.actions)) == actions, days
        assert [row.event_id for row in await book.rows(s.inbox)] == ["open"]
        assert [row.closed_us for row in await book.rows(s.windows)] == [None]
        (version,) = await book.rows(s.versions)
        assert version.window in closed
        await book.see("2")
        assert (await book.sum()).balanced


async def test_what_is_still_open_does_not_hold_up_what_is_answered(tmp_path: Path) -> None:
    async with Book(tmp_path / "ledger.db") as book:
        rows = [
            {
                "connection": "shop", "entity": "orders", "source_id": "1", "event_id": f"{i}",
                "received_us": book.now, "window": None if i < 20 else 1,
            }
            for i in range(40)
        ]  # fmt: skip
        await book.ledger.write(lambda c: c.execute(s.inbox.insert(), rows) and 0)
        book.now += 8 * DAY
        await _retire(book)  # seven at a time
        left = [row.event_id for row in await book.rows(s.inbox)]
        assert left == [f"{i}" for i in range(20)]

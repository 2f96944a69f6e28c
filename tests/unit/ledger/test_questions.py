"""What people ask: where is it, what is stuck, does it add up, what contradicts itself."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, delete, update
from tests.unit.ledger.book import DAY, SECOND, Book
from tests.unit.ledger.plans import with_plan

from knect.ledger import schema as s
from knect.ledger.claims import Claimed, claim, next_due
from knect.ledger.questions.checks import delivered_documents, self_check
from knect.ledger.questions.queries import (
    coverage,
    find,
    forgotten,
    show,
    waiting_for_same,
)
from knect.ledger.questions.stopped import stuck, stuck_totals
from knect.ledger.questions.unattended import LATE_US, unattended
from knect.ledger.questions.waits import unmapped_values
from knect.ledger.retention import RetentionPolicy, retire_slice
from knect.ledger.values import set_value, values_by_hand


def _against_itself(c: Connection) -> list[Any]:
    return list(self_check(c, now_us=0))


def _all_delivered(c: Connection) -> list[Any]:
    return delivered_documents(c, "orders")[0]


async def _found(book: Book, key: str) -> list[str]:
    return [one.source_id for one in await book.ledger.read(lambda c: find(c, key))]


async def test_a_record_is_found_by_everything_people_have_of_it(tmp_path: Path) -> None:
    async with Book(tmp_path / "ledger.db") as book:
        keys = [("number", "1001"), ("email", "ana@example.com"), ("sku", "kn-7")]
        await book.see("501", keys=keys)
        await book.work("delivered", destination_number="SO-77")
        await book.see("502", keys=[("number", "1002"), ("sku", "kn-7")])
        (row, _) = await book.rows()
        for key in (
            "1001",
            "ana@example.com",
            "501",
            "so-501",
            "d501",
            row.id,
            row.id[:20],
        ):
            assert await _found(book, key) == ["501"], key
        # an open one comes first, then the newest
        assert await _found(book, "kn-7") == ["502", "501"]


@pytest.mark.parametrize(
    "key", ["9999", "", "%", "________", "100%", "so-7_", "' or 1=1 --", "é" * 200]
)
async def test_what_was_never_seen_is_not_found(tmp_path: Path, key: str) -> None:
    """Also where the key has letters that mean something to a database."""
    async with Book(tmp_path / "ledger.db") as book:
        await book.see("501", keys=[("number", "1001")])
        await book.work("delivered", destination_number="SO-77")
        assert await _found(book, key) == []


async def test_a_document_number_of_any_letters_is_found_as_it_is_typed(tmp_path: Path) -> None:
    async with Book(tmp_path / "ledger.db") as book:
        await book.see("Ab")
        await book.work("delivered")
        assert await _found(book, "so-ab") == []
        typed = await book.ledger.read(lambda c: find(c, "so-ab", typed="SO-Ab"))
        assert [one.source_id for one in typed] == ["Ab"]


async def test_the_newest_of_a_record_stands_for_it(tmp_path: Path) -> None:
    async with Book(tmp_path / "ledger.db", "orders", "mirror") as book:
        await book.see("501", token="1", keys=[("number", "1001")])
        await book.work("delivered")
        await book.see("501", token="2", keys=[("number", "1001b")])
        found = await book.ledger.read(lambda c: find(c, "1001"))
        assert sorted((one.pipeline, one.fate) for one in found) == [
            ("mirror", "in_flight"), ("orders", "in_flight"),
        ]  # fmt: skip


async def test_a_transaction_is_shown_by_the_beginning_of_its_id(tmp_path: Path) -> None:
    async with Book(tmp_path / "ledger.db") as book:
        await book.see("501")
        (row,) = await book.rows()
        for identifier in (row.id, row.id[:8]):
            (one,) = await book.ledger.read(lambda c, i=identifier: show(c, i))  # type: ignore[misc]
            assert one.id == row.id
        assert await book.ledger.read(lambda c: show(c, "______")) == []


async def test_looking_for_a_document_does_not_read_the_whole_ledger(tmp_path: Path) -> None:
    async with Book(tmp_path / "ledger.db") as book:
        await book.see(*map(str, range(1000)))
        await book.work("delivered")
        (one,), steps = await with_plan(book, lambda c: find(c, "so-7"))
        assert one.source_id == "7"
        growing = ("transactions", "versions", "keys", "bindings")
        assert not [x for x in steps if x.startswith("SCAN") and x.split()[1] in growing]


async def test_a_claim_asks_for_each_record_by_its_name(tmp_path: Path) -> None:
    """What is open is compared with its own record's rows, never with all that is open."""
    async with Book(tmp_path / "ledger.db") as book:
        await book.see(*map(str, range(1000)))

        def unit(c: Connection) -> list[Claimed]:
            return claim(
                c, pipeline="orders", holder="w#1", calls="c" * 32, now_us=book.now,
                lease_us=SECOND, limit=10,
            )  # fmt: skip

        rows, steps = await with_plan(book, unit)
        assert [row.source_id for row in rows] == [str(i) for i in range(10)]
        assert not [
            x for x in steps if x.startswith("SCAN") and x.split()[1] in ("transactions", "one")
        ]
        if steps:  # one plan of two: PostgreSQL's is told by the benchmarks
            assert [x for x in steps if x.startswith("SEARCH one ") and "source_id" in x], steps
            assert [x for x in steps if "ix_transactions_due" in x], steps
        assert not [x for x in steps if "TEMP B-TREE" in x], "the whole line is read and sorted"


@pytest.mark.parametrize("moving", [False, True])
async def test_what_is_due_next_is_the_first_of_its_line(tmp_path: Path, moving: bool) -> None:
    """Not the smallest of all that is open, which after an outage is a hundred thousand."""
    async with Book(tmp_path / "ledger.db") as book:
        await book.see("1", "2")
        due, steps = await with_plan(book, lambda c: next_due(c, "orders", moving=moving))
        assert due == book.now
        if steps:
            used = [x.split(" USING INDEX ")[1].split()[0] for x in steps if " USING INDEX " in x]
            assert {"ix_transactions_due", "ix_transactions_held"} <= set(used), steps
        assert not [x for x in steps if "TEMP B-TREE" in x], steps


async def test_what_waits_or_cannot_be_found_out_does_not_move(tmp_path: Path) -> None:
    async with Book(tmp_path / "ledger.db") as book:
        await book.see("1")
        t = s.transactions
        for fate, acts, moves in (
            ("waiting", "merchant", False), ("unknown", "operations", False),
            ("unknown", "itself", True), ("in_flight", "itself", True),
        ):  # fmt: skip
            stands = update(t).values(fate=fate, acts=acts, next_us=book.now + 5)
            await book.ledger.write(lambda c, stands=stands: c.execute(stands))  # type: ignore[misc]
            assert await book.ledger.read(lambda c: next_due(c, "orders")) == book.now + 5
            moving = await book.ledger.read(lambda c: next_due(c, "orders", moving=True))
            assert (moving is not None) is moves, (fate, acts)


async def test_what_has_ended_is_never_taken_again_whatever_its_row_says(tmp_path: Path) -> None:
    async with Book(tmp_path / "ledger.db") as book:
        await book.see("1")
        ended = update(s.transactions).values(fate="delivered", next_us=book.now)
        await book.ledger.write(lambda c: c.execute(ended))
        assert await book.claim() == []
        assert await book.ledger.read(lambda c: next_due(c, "orders")) is None


@pytest.mark.parametrize("question", [_against_itself, _all_delivered])
async def test_an_audit_looks_each_record_up_and_reads_nothing_again_for_it(
    tmp_path: Path, question: Callable[[Connection], list[Any]]
) -> None:
    """Twenty thousand orders took two minutes while each was compared with all bindings."""
    async with Book(tmp_path / "ledger.db") as book:
        await book.see(*map(str, range(1000)))
        await book.work("delivered")
        found, steps = await with_plan(book, question)
        assert len(found) == (1000 if question is _all_delivered else 0)
        again = [x for x in steps if x.startswith("SCAN") and x.split()[1] in ("bindings", "first")]
        assert again == []
        assert not [x for x in steps if "CORRELATED" in x and "bindings" in x]


async def test_looking_for_what_is_stuck_does_not_read_the_whole_ledger(tmp_path: Path) -> None:
    async with Book(tmp_path / "ledger.db") as book:
        await book.see(*map(str, range(1000)))
        await book.work("delivered")
        await book.see("late")
        await book.work(
            "waiting", reason="UnknownSku", value="KN-7", acts="operations", message="m"
        )
        for question in (stuck, stuck_totals):
            found, steps = await with_plan(book, question)
            assert len(found) == 1
            assert not [x for x in steps if x.startswith("SCAN") and x.split()[1] == "transactions"]


async def test_what_retention_removed_is_counted(tmp_path: Path) -> None:
    async with Book(tmp_path / "ledger.db") as book:
        await book.see("501", "502")
        await book.work("delivered")
        assert await book.ledger.read(forgotten) == 0
        now = book.now + 100 * DAY
        await book.ledger.write(lambda c: retire_slice(c, RetentionPolicy(), now))
        assert await book.ledger.read(forgotten) == 2


async def test_what_is_stuck_is_grouped_by_cause(tmp_path: Path) -> None:
    async with Book(tmp_path / "ledger.db") as book:
        for ids, reason, value in (
            (("1", "2", "3"), "UnknownSku", "KN-7"), (("4",), "UnknownSku", "KN-8"),
        ):  # fmt: skip
            await book.see(*ids)
            await book.work("waiting", reason=reason, value=value, acts="operations", message="m")
            book.now += SECOND
        await book.see("5")
        await book.work("delivered")
        await book.see("6")  # on its way for the first time: not stuck
        groups = await book.ledger.read(stuck)
        assert [(g.reason, g.value, g.count, g.examples) for g in groups] == [
            ("UnknownSku", "KN-7", 3, ("1", "2", "3")), ("UnknownSku", "KN-8", 1, ("4",)),
        ]  # fmt: skip
        assert groups[0].oldest_us < groups[1].oldest_us
        assert groups[0].destination == "erp"
        assert await book.ledger.read(lambda c: stuck(c, "other")) == []


async def _left(book: Book, pipeline: str | None = None) -> list[tuple[str, int, int, str]]:
    found = await book.ledger.read(lambda c: unattended(c, pipeline, now_us=book.now))
    return [(one.pipeline, one.count, one.since_us, " ".join(one.examples)) for one in found]


async def test_what_is_due_and_nobody_takes_is_told_of(tmp_path: Path) -> None:
    """A pipeline that was renamed has no worker: what it left is "in flight" for ever."""
    async with Book(tmp_path / "ledger.db", "orders", "old-orders") as book:
        began = book.now
        await book.see("1", "2", "3", "4")
        assert await _left(book) == []  # a worker that works may not have looked yet
        await book.work("delivered")
        book.now += LATE_US
        assert await _left(book) == []
        book.now += 1
        assert await _left(book) == [("old-orders", 4, began, "1 2 3")]
        assert await _left(book, "old-orders") == await _left(book)
        assert await _left(book, "orders") == []


async def test_who_has_anything_in_hand_works(tmp_path: Path) -> None:
    """There may be much before what is due for long; a lease that is over is nobody's work."""
    async with Book(tmp_path / "ledger.db") as book:
        await book.see("1", "2")
        book.now += LATE_US
        await book.claim(holder="w#1")  # for a minute
        began, book.now = book.now, book.now + LATE_US
        await book.see("3")
        assert await _left(book) == []
        book.now = began + 60 * SECOND + LATE_US + 1
        assert await _left(book) == [("orders", 2, began - LATE_US, "1 2")]
        await book.end(await book.claim(), "waiting", next_us=book.now + DAY)
        assert await _left(book) == []  # its time has not come
        book.now += DAY + LATE_US + 1
        assert [one[:2] for one in await _left(book)] == [("orders", 3)]


async def test_looking_for_what_nobody_takes_does_not_read_the_whole_ledger(tmp_path: Path) -> None:
    async with Book(tmp_path / "ledger.db") as book:
        await book.see(*map(str, range(1000)))
        await book.work("delivered")
        await book.see("late")
        book.now += DAY
        found, steps = await with_plan(book, lambda c: unattended(c, now_us=book.now))
        assert [one.count for one in found] == [1]
        if steps:
            used = [x.split(" USING INDEX ")[1].split()[0] for x in steps if " USING INDEX " in x]
            assert used.count("ix_transactions_due") == 2, steps
            assert "ix_transactions_held" in " ".join(steps), steps


async def test_what_a_newer_version_replaced_is_not_stuck(tmp_path: Path) -> None:
    async with Book(tmp_path / "ledger.db") as book:
        await book.see("1")
        await book.work("rejected", reason="TotalsMismatch")
        assert len(await book.ledger.read(stuck)) == 1
        await book.see("1", token="2")
        await book.work("delivered")
        assert await book.ledger.read(stuck) == []


async def test_the_equation_can_fail(tmp_path: Path) -> None:
    """Its sides are counted apart: a row that goes missing makes them differ."""
    async with Book(tmp_path / "ledger.db") as book:
        await book.see("1", "2", "3")
        await book.work("delivered")
        assert (await book.sum()).balanced
        gone = s.transactions.c.source_id == "2"
        await book.ledger.write(
            lambda c: (
                c.execute(
                    delete(s.effects).where(
                        s.effects.c.transaction.in_(
                            s.transactions.select()
                            .with_only_columns(s.transactions.c.seq)
                            .where(gone)
                        )
                    )
                ).rowcount
            )
        )
        await book.ledger.write(lambda c: c.execute(delete(s.transactions).where(gone)).rowcount)
        one = await book.sum()
        assert not one.balanced
        assert (one.seen, sum(one.fates.values())) == (3, 2)
        (finding,) = await book.ledger.read(lambda c: self_check(c, now_us=book.now))
        assert (finding.kind, finding.key, finding.pipeline) == (
            "MissingTransaction",
            "2",
            "orders",
        )
        assert "was seen, but its transaction in orders is gone" in finding.sentence


async def test_a_lost_binding_and_an_expired_lease_are_named(tmp_path: Path) -> None:
    async with Book(tmp_path / "ledger.db") as book:
        await book.see("1")
        await book.work("delivered")
        await book.see("2")
        await book.claim("dead#1")
        assert await book.ledger.read(lambda c: self_check(c, now_us=book.now)) == []
        await book.ledger.write(lambda c: c.execute(delete(s.bindings)).rowcount)
        later = book.now + 3600 * SECOND
        found = await book.ledger.read(lambda c: self_check(c, now_us=later))
        assert sorted((one.kind, one.key) for one in found) == [
            ("ExpiredLease", "2"), ("MissingBinding", "1"),
        ]  # fmt: skip
        assert "dead#1" in next(one for one in found if one.kind == "ExpiredLease").sentence


async def test_every_feed_says_until_when_it_is_complete(tmp_path: Path) -> None:
    async with Book(tmp_path / "ledger.db") as book:
        await book.ledger.write(
            lambda c: c.execute(update(s.feeds).values(cursor_us=book.now)).rowcount
        )
        (one,) = await book.ledger.read(coverage)
        assert (one.connection, one.entity, one.complete_until_us) == ("shop", "orders", book.now)


async def test_a_value_by_hand_wakes_all_that_wait_for_it_and_nobody_else(tmp_path: Path) -> None:
    async with Book(tmp_path / "ledger.db") as book:
        for ids, value in ((("1", "2"), "KN=7:a@b"), (("3",), "KN-8")):
            await book.see(*ids)
            await book.work("waiting", waits_for=f"sku:{value}@erp", value=value)
        values = await book.ledger.read(unmapped_values)
        assert [(v.destination, v.kind, v.value, v.waiting, v.examples) for v in values] == [
            ("erp", "sku", "KN=7:a@b", 2, ("1", "2")), ("erp", "sku", "KN-8", 1, ("3",)),
        ]  # fmt: skip
        (first, *_) = await book.rows()
        assert await book.ledger.read(
            lambda c: waiting_for_same(c, "sku:KN=7:a@b@erp", first.seq)
        ) == 1  # fmt: skip
        woke = await book.ledger.write(
            lambda c: set_value(
                c, destination="erp", kind="sku", value="KN=7:a@b", mapped="KN-0007", actor="me",
                now_us=book.now,
            )
        )  # fmt: skip
        assert woke == 2
        assert {row.source_id for row in await book.claim()} == {"1", "2"}
        by_hand = await book.ledger.read(lambda c: values_by_hand(c, "erp"))
        assert by_hand == {("sku", "KN=7:a@b"): "KN-0007"}
        assert await book.ledger.read(lambda c: values_by_hand(c, "other")) == {}

"""Retry, skip, replay: counted, recorded with who and why, and the equation holds."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update
from tests.unit.ledger.book import SECOND, Book

from knect.engine.working import requests
from knect.engine.working.requests import Request, perform
from knect.gateway.answers import Wish
from knect.gateway.wishes import act
from knect.ledger import schema as s
from knect.ledger.actions import retry, select_transactions, skip
from knect.ledger.anew import replay
from knect.ledger.commitments import Commitment, commit_stock, open_orders
from knect.ledger.questions.queries import find
from knect.ledger.questions.stopped import stuck, stuck_totals
from knect.ledger.timeline import decode
from knect.seams import new_id


async def _ask(book: Book, verb: str, **wish: Any) -> int:
    request = Request(verb=verb, actor="ana", **wish)
    answer = await _carry(book, request)
    return int(answer["count"])


async def _carry(book: Book, request: Request) -> dict[str, Any]:
    done = await book.ledger.write(lambda c: perform(c, request, now_us=book.now, new_id=new_id))
    assert (await book.sum()).balanced
    return done


async def _three_stuck(book: Book) -> None:
    for name, fate, reason in (
        ("1", "waiting", "UnknownSku"), ("2", "rejected", "TotalsMismatch"),
        ("3", "unknown", "OutcomeUnknown"),
    ):  # fmt: skip
        await book.see(name)
        await book.work(fate, reason=reason)
    await book.see("4")
    await book.work("delivered")


async def test_retry_makes_stopped_ones_due_in_the_same_trace(tmp_path: Path) -> None:
    async with Book(tmp_path / "ledger.db") as book:
        await _three_stuck(book)
        before = {row.source_id: row.id for row in await book.rows()}
        book.now += SECOND
        assert await _ask(book, "retry", reason="the product is there now") == 3
        assert {row.source_id for row in await book.claim()} == {"1", "2", "3"}
        rows = await book.rows()
        assert {row.source_id: row.id for row in rows} == before
        assert [event.note for event in decode(rows[0].timeline) if event.what == "retry"] == [
            "by ana"
        ]
        (action,) = await book.rows(s.actions)
        assert (action.verb, action.actor, action.reason, action.count) == (
            "retry", "ana", "the product is there now", 3,
        )  # fmt: skip


async def test_skip_ends_stopped_ones_and_gives_their_stock_back(tmp_path: Path) -> None:
    async with Book(tmp_path / "ledger.db") as book:
        await _three_stuck(book)
        first = (await book.rows())[0]
        taken = [
            Commitment(
                connection="erp", sku="KN-7", location=None, quantity="2", transaction=first.seq
            )
        ]
        await book.ledger.write(lambda c: commit_stock(c, taken, book.now))
        assert await _ask(book, "skip", reason="a test", because="UnknownSku") == 1
        row = (await book.rows())[0]
        assert (row.fate, row.reason, row.message) == (
            "skipped", "SkippedByPerson", "skipped by ana: a test",
        )  # fmt: skip
        left = await book.ledger.read(lambda c: open_orders(c, "erp", ["KN-7"], since_us=book.now))
        assert left == []


async def test_what_a_worker_has_in_hand_is_left_to_it_and_not_counted(tmp_path: Path) -> None:
    async with Book(tmp_path / "ledger.db") as book:
        await book.see("1", "2")
        (held, free) = await book.claim()
        await book.end([free], "waiting", reason="UnknownSku")
        assert await _ask(book, "skip", reason="a test") == 1
        assert await book.fates() == {held.source_id: "in_flight", free.source_id: "skipped"}
        assert await _ask(book, "retry") == 0
        assert await book.end([held], "delivered") == set()


async def test_replay_makes_new_ones_that_count_as_seen(tmp_path: Path) -> None:
    async with Book(tmp_path / "ledger.db") as book:
        await _three_stuck(book)
        assert await _ask(book, "replay", keys=("4", "2")) == 2
        assert (await book.sum()).seen == 6
        rows = [row for row in await book.rows() if row.replay_of is not None]
        assert sorted(row.source_id for row in rows) == ["2", "4"]
        assert {row.replay_of for row in rows} <= {row.id for row in await book.rows()}
        await book.work("unchanged")
        assert (await book.sum()).balanced


@pytest.mark.parametrize(
    ("wish", "expected"),
    [
        ({}, ["1", "2", "3"]),
        ({"reasons": ("UnknownSku",)}, ["1"]),
        ({"keys": ("2", "3")}, ["2", "3"]),
        ({"keys": ("2", "3"), "reasons": ("UnknownSku",)}, []),
        ({"pipeline": "other"}, []),
        ({"keys": ("%",)}, []),
    ],
)
async def test_a_selection_is_the_stopped_ones_that_match_everything(
    tmp_path: Path, wish: dict[str, Any], expected: Sequence[str]
) -> None:
    async with Book(tmp_path / "ledger.db") as book:
        await _three_stuck(book)
        seqs = await book.ledger.read(lambda c: select_transactions(c, **wish))
        names = {row.seq: row.source_id for row in await book.rows()}
        assert [names[seq] for seq in seqs] == expected


async def test_only_the_newest_of_a_record_is_acted_on(tmp_path: Path) -> None:
    async with Book(tmp_path / "ledger.db") as book:
        await book.see("1")
        await book.work("rejected")
        await book.see("1", token="2")
        await book.work("delivered")
        assert await _ask(book, "retry") == 0


async def test_a_dry_run_counts_and_changes_nothing(tmp_path: Path) -> None:
    async with Book(tmp_path / "ledger.db") as book:
        await _three_stuck(book)
        before = await book.rows()
        for verb in ("retry", "skip", "replay"):
            assert await _ask(book, verb, reason="x", dry_run=True, keys=("2",)) == 1
        assert await book.rows() == before
        assert await book.rows(s.actions) == []


@pytest.mark.parametrize(
    ("fate", "known_as"),
    [("waiting", "stale"), ("rejected", "stale"), ("unknown", "stale"), ("rejected", "echo")],
)
async def test_what_is_stopped_is_named_whatever_came_after_it_that_says_nothing(
    tmp_path: Path, fate: str, known_as: str
) -> None:
    """An old copy that is told late, or our own write coming back, must not hide it."""
    async with Book(tmp_path / "ledger.db") as book:
        await book.see("1", token="2")
        await book.work(fate, reason="UnknownSku")
        await book.see("1", token="1", **{known_as: True})
        (group,) = await book.ledger.read(stuck)
        assert (group.fate, group.count, group.examples) == (fate, 1, ("1",))
        assert await book.ledger.read(stuck_totals) == {fate: (1, book.now)}
        (found,) = await book.ledger.read(lambda c: find(c, "1"))
        assert (found.fate, found.reason) == (fate, "UnknownSku")
        assert await _ask(book, "retry", keys=("1",)) == 1
        assert len(await book.claim()) == 1


async def test_what_has_not_ended_is_tried_again_and_nothing_new_stands_behind_it(
    tmp_path: Path,
) -> None:
    async with Book(tmp_path / "ledger.db") as book:
        await _three_stuck(book)
        assert await _ask(book, "replay", keys=("1", "2", "3")) == 3
        assert [(row.source_id, row.fate) for row in await book.rows()] == [
            ("1", "in_flight"), ("2", "rejected"), ("3", "in_flight"), ("4", "delivered"),
            ("2", "in_flight"),
        ]  # fmt: skip
        assert {row.source_id for row in await book.claim()} == {"1", "2", "3"}
        assert [row.count for row in await book.rows(s.actions)] == [3]


async def test_a_figure_is_set_anew_though_nobody_knows_what_became_of_it(tmp_path: Path) -> None:
    """It takes the place of what waits for a person, and would stand behind it for ever."""
    async with Book(tmp_path / "ledger.db", entity="inventory") as book:
        await book.see("KN-7")
        await book.work("unknown", reason="OutcomeUnknown")
        assert await _ask(book, "replay", keys=("KN-7",)) == 1
        assert [row.fate for row in await book.rows()] == ["superseded", "in_flight"]
        assert len(await book.claim()) == 1


async def test_what_a_person_ends_may_still_arrive_and_holds_no_key(tmp_path: Path) -> None:
    async with Book(tmp_path / "ledger.db") as book:
        await book.see("1")
        (row,) = await book.claim()
        await book.ahead(row)
        await book.end([row], "unknown", reason="OutcomeUnknown")
        sent = (await book.rows(s.effects))[0]
        assert (sent.state, sent.unsure_us) == ("ahead", None)
        assert len(await book.rows(s.leases)) == 1
        assert await _ask(book, "skip", reason="it is right there") == 1
        (left,) = await book.rows(s.effects)
        assert (left.state, left.unsure_us) == ("failed", sent.ahead_us)
        assert await book.rows(s.leases) == []


async def test_the_most_that_one_commit_does_is_done(tmp_path: Path) -> None:
    """Of several values each: PostgreSQL takes 32,767 in a statement."""
    many = requests._AT_ONCE
    async with Book(tmp_path / "ledger.db") as book:
        assert await book.see(*map(str, range(many))) == many
        t = s.transactions
        waits = update(t).values(fate="waiting", reason="UnknownSku", next_us=None)
        await book.ledger.write(lambda c: c.execute(waits))
        book.now += SECOND
        seqs = [row.seq for row in await book.rows()]
        who: Any = {"selector": "all", "actor": "ana", "reason": "a test", "now_us": book.now}
        assert await book.ledger.write(lambda c: retry(c, seqs, **who)) == many
        one = (await book.rows())[-1]
        assert (one.fate, one.next_us) == ("in_flight", book.now)
        assert [(x.what, x.note) for x in decode(one.timeline)][-1] == ("retry", "by ana")
        assert await book.ledger.write(lambda c: skip(c, seqs, **who)) == many
        done = await book.ledger.write(lambda c: replay(c, seqs, new_id=new_id, **who))
        assert done.many == len(set(done.ids)) == many
        count = await book.sum()
        assert count.balanced
        assert (count.fates["skipped"], count.fates["in_flight"]) == (many, many)


async def test_what_is_meant_is_done_in_parts_and_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A part for each commit, and none of what is replayed is replayed."""
    monkeypatch.setattr(requests, "_AT_ONCE", 3)
    async with Book(tmp_path / "ledger.db") as book:
        await book.see(*map(str, range(8)))
        await book.work("rejected", reason="TotalsMismatch")
        for verb, counts in (("replay", [3, 3, 2]), ("retry", [3, 3, 2]), ("skip", [3, 3, 2])):
            wish = Wish(everything=True, reason="a test")
            done = await act(
                book.ledger, verb, wish, actor="ana", carry=lambda part: _carry(book, part)
            )
            assert done.count == 8
            assert len(done.ids) == (8 if verb == "replay" else 0)
            noted = [row.count for row in await book.rows(s.actions) if row.verb == verb]
            assert noted == counts
        fates = [row.fate for row in await book.rows()]
        assert fates.count("skipped") == 8

"""How each Connection is: by its calls, its reads, what is written there and what waits for it."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import insert, update
from tests.unit.ledger.book import NOON, SECOND, Book

from knect.ledger import schema as s
from knect.ledger.budgets import draw
from knect.ledger.questions.connections import OF_CONTENT, ConnectionState, connections
from knect.people.connections import (
    budget_left,
    ended_so,
    how_fast,
    now_of,
    trouble,
    webhooks_came,
    written_by,
)
from knect.sdk import errors

NOW = datetime.fromtimestamp(NOON / SECOND, UTC)


async def _states(book: Book, since_us: int = NOON - 3600 * SECOND) -> dict[str, ConnectionState]:
    states = await book.ledger.read(lambda c: connections(c, since_us=since_us, now_us=book.now))
    assert [one.name for one in states] == sorted(one.name for one in states)
    return {one.name: one for one in states}


async def _write(book: Book, unit: Callable[[Any], Any]) -> None:
    await book.ledger.write(unit)


async def _erp(book: Book, since_us: int = NOON - 3600 * SECOND) -> ConnectionState:
    return (await _states(book, since_us))["erp"]


async def test_who_was_never_called_is_quiet(tmp_path: Path) -> None:
    async with Book(tmp_path / "ledger.db", "orders", "others") as book:
        states = await _states(book)
        assert set(states) == {"erp", "shop"}
        assert [now_of(one.calls) for one in states.values()] == ["quiet", "quiet"]
        assert [one.pipeline for one in states["erp"].writes] == ["orders", "others"]
        assert [feed.entity for feed in states["shop"].feeds] == ["orders"]
        assert (states["erp"].feeds, states["shop"].writes) == ([], [])
        assert how_fast(states["erp"].calls) == ""
        assert trouble(states["erp"], 0, NOW) == []
        assert written_by(states["erp"].writes[0], NOW) == "orders: nothing delivered yet"


async def test_calls_are_told_by_how_they_ended_and_how_long_they_took(tmp_path: Path) -> None:
    async with Book(tmp_path / "ledger.db") as book:
        for n in range(100):
            await book.called("erp", seconds_ago=500 + n, took_ms=float(n + 1))
        await book.called("shop", seconds_ago=1, took_ms=7)
        await book.called("erp", seconds_ago=3599, status=None, error="Unreachable", took_ms=30_000)
        await book.called("erp", seconds_ago=3601, status=503, error="Unreachable")
        erp = await _erp(book)
        assert (erp.calls.count, erp.calls.failed) == (101, 1)
        assert (erp.calls.median_ms, erp.calls.p95_ms) == (51, 96)
        assert how_fast(erp.calls) == "median 51 ms, 95 of 100 within 96 ms"
        assert [ended_so(one, NOW) for one in erp.calls.ended] == [
            "100 answered 200, the last 8 min ago",
            "1 without an answer (Unreachable), the last 60 min ago",
        ]
        assert now_of(erp.calls) == "answers"
        assert trouble(erp, 0, NOW) == ["1 of 101 calls failed: 1 without an answer (Unreachable)"]
        assert (await _erp(book, NOON - 7200 * SECOND)).calls.failed == 2


async def test_it_fails_when_nothing_went_well_since(tmp_path: Path) -> None:
    async with Book(tmp_path / "ledger.db") as book:
        await book.called("erp", seconds_ago=90)
        for n in range(3):
            await book.called("erp", seconds_ago=50 + n, status=503, error="Unreachable")
        await book.called("erp", seconds_ago=40, status=401, error="CredentialsRejected")
        erp = await _erp(book)
        assert now_of(erp.calls) == "fails"
        assert trouble(erp, 0, NOW) == [
            "nothing went well since 11:58:30 UTC: "
            "3 answered 503 (Unreachable), 1 answered 401 (CredentialsRejected)"
        ]
        await book.called("erp", seconds_ago=30)
        assert now_of((await _erp(book)).calls) == "answers"


async def test_who_failed_all_the_time_has_done_so_since_it_was_asked_for(tmp_path: Path) -> None:
    async with Book(tmp_path / "ledger.db") as book:
        await book.called("erp", seconds_ago=1, status=429, error="Throttled")
        assert trouble(await _erp(book), NOON - 3600 * SECOND, NOW) == [
            "nothing went well since 11:00:00 UTC: 1 answered 429 (Throttled)"
        ]


async def test_a_refused_record_is_an_answer(tmp_path: Path) -> None:
    async with Book(tmp_path / "ledger.db") as book:
        for error in sorted(OF_CONTENT):
            await book.called("erp", seconds_ago=1, status=422, error=error)
        erp = await _erp(book)
        assert (now_of(erp.calls), erp.calls.failed, erp.calls.count) == ("answers", 0, 4)
        assert trouble(erp, 0, NOW) == []


def test_what_is_of_content_is_of_the_kit_and_no_other_error_is() -> None:
    kinds = {name: getattr(errors, name) for name in errors.__all__}
    known = {name: kind for name, kind in kinds.items() if isinstance(kind, type)}
    assert set(known) >= OF_CONTENT
    system = (errors.RetryLater, errors.WaitForPerson, errors.Fatal)
    others = {name for name, kind in known.items() if not issubclass(kind, system)}
    assert others - OF_CONTENT == {"ConnectorError"}


async def test_what_hangs_on_it_is_told(tmp_path: Path) -> None:
    async with Book(tmp_path / "ledger.db") as book:
        await book.see("1")
        await book.work("delivered")
        await book.see("2", "3")
        await book.work("waiting", reason="CredentialsRejected", message="no")
        await _write(
            book,
            lambda c: c.execute(
                update(s.feeds).values(
                    failing_since_us=NOON - 120 * SECOND, failure="shop: 503", reason="Unreachable"
                )
            ),
        )
        book.now += 60 * SECOND
        later = datetime.fromtimestamp(book.now / SECOND, UTC)
        states = await _states(book)
        (written,) = states["erp"].writes
        assert written_by(written, later) == "orders: last delivered 60 s ago; 2 stopped"
        assert trouble(states["erp"], 0, later) == [
            "all that orders writes waits since 12:00:00 UTC: CredentialsRejected"
        ]
        assert trouble(states["shop"], 0, later) == [
            "orders: reading has failed for 3 min: shop: 503"
        ]


async def test_webhooks_and_budgets_are_told_where_there_are_any(tmp_path: Path) -> None:
    async with Book(tmp_path / "ledger.db") as book:

        def unit(c: Any) -> None:
            told = {"connection": "shop", "entity": "orders", "source_id": "1"}
            for n, window in ((1, 7), (2, None), (3, None)):
                received = {"received_us": NOON - (40 - 10 * n) * SECOND, "window": window}
                c.execute(insert(s.inbox).values(**told, event_id=str(n), **received))
            draw(c, "shop", least=1, want=200, maximum=1000, rate=50, left=None, now_us=NOON)
            c.execute(insert(s.systems).values(connection="shop", leads_to="a.shop", since_us=1))

        await _write(book, unit)
        book.now += 2 * SECOND
        states = await _states(book)
        shop = states["shop"]
        assert shop.leads_to == "a.shop"
        assert shop.hints is not None
        assert webhooks_came(shop.hints, NOW) == (
            "the last webhook came 10 s ago; 2 not looked at yet, the oldest 20 s ago"
        )
        assert shop.budget is not None
        assert budget_left(shop.budget) == "900 of 1000 points left, 50 more each second"
        assert (states["erp"].hints, states["erp"].budget) == (None, None)
        await _write(book, lambda c: c.execute(update(s.inbox).values(window=7)))
        hints = (await _states(book))["shop"].hints
        assert hints is not None
        assert webhooks_came(hints, NOW) == "the last webhook came 10 s ago"

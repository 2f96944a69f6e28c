"""Where the time went, as bars: nothing overlaps the edge, and pauses are named."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs
from tests.unit.ledger.book import Book

from knect.console.waterfall import WIDTH, waterfall
from knect.ledger.fates import Fate
from knect.ledger.questions.queries import Summary, find
from knect.ledger.timeline import Event, encode

SECOND = 1_000_000


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Summary:
    async def work() -> Summary:
        async with Book(tmp_path_factory.mktemp("waterfall") / "ledger.db") as book:
            await book.see("1001", keys=[("number", "1001")])
            await book.work("delivered")
            return (await book.ledger.read(lambda c: find(c, "1001")))[0]

    return asyncio.run(work())


def _told(one: Summary, *events: Event, fate: Fate = Fate.DELIVERED) -> Summary:
    return structs.replace(one, timeline=encode(list(events)), fate=fate)


def test_a_pause_is_drawn_before_what_ended_it(one: Summary) -> None:
    drawn = waterfall(
        _told(
            one,
            Event(attempt=0, what="discovered", at_us=0),
            Event(attempt=1, what="in_flight", at_us=SECOND, duration_us=SECOND, ok=False),
            Event(attempt=2, what="delivered", at_us=9 * SECOND, duration_us=SECOND),
        ),
        now_us=99 * SECOND,
    )
    first, put_off, delivered = drawn.bars
    assert (first.x, first.waited) == (0.0, "")
    assert (put_off.x, put_off.waited, put_off.took) == (WIDTH / 10, "1 s", "1 s")
    assert (delivered.waited_x, delivered.waited_width) == (WIDTH / 5, WIDTH * 0.7)
    assert delivered.waited == "7 s"
    assert drawn.since == ""


def test_what_has_not_ended_is_drawn_up_to_now(one: Summary) -> None:
    waits = _told(one, Event(attempt=1, what="waiting", at_us=0, ok=False), fate=Fate.WAITING)
    drawn = waterfall(waits, now_us=3600 * SECOND)
    assert (drawn.since, drawn.since_x) == ("60 min", 0.0)
    assert waterfall(_told(one), now_us=0).bars == []


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.integers(0, 10**13), st.integers(0, 10**12)), min_size=1, max_size=12))
def test_every_bar_is_within_the_drawing(one: Summary, times: list[tuple[int, int]]) -> None:
    events = [Event(attempt=1, what="mapped", at_us=at, duration_us=took) for at, took in times]
    drawn = waterfall(_told(one, *events, fate=Fate.WAITING), now_us=10**13)
    for bar in drawn.bars:
        assert 0 <= bar.x < WIDTH
        assert bar.width > 0
        assert bar.x + bar.width <= WIDTH + 3.001
        assert bar.waited_width >= 0
    assert 0 <= drawn.since_x <= WIDTH


def test_what_happened_within_another_ends_no_pause(one: Summary) -> None:
    drawn = waterfall(
        _told(
            one,
            Event(attempt=1, what="effect:sale", at_us=0, duration_us=10 * SECOND),
            Event(attempt=1, what="effect:state", at_us=SECOND, duration_us=SECOND),
            Event(attempt=1, what="delivered", at_us=10 * SECOND),
        ),
        now_us=0,
    )
    assert [bar.waited for bar in drawn.bars] == ["", "", ""]
    assert [bar.told.what for bar in drawn.bars][:2] == ["wrote sale", "wrote state"]

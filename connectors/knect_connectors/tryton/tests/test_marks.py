"""Midnights in a window, also where days have 23 or 25 hours; and what was last."""

from datetime import UTC, date, datetime, timedelta

import pytest

from knect_connectors.tryton.gathered import as_many_next, name_of, owner_of
from knect_connectors.tryton.marks import Owners, later, midnight, midnights

BERLIN = "Europe/Berlin"
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("day", "begins"),
    [
        (date(2026, 1, 1), datetime(2025, 12, 31, 23, tzinfo=UTC)),
        (date(2026, 3, 29), datetime(2026, 3, 28, 23, tzinfo=UTC)),  # has 23 hours
        (date(2026, 3, 30), datetime(2026, 3, 29, 22, tzinfo=UTC)),
        (date(2026, 10, 25), datetime(2026, 10, 24, 22, tzinfo=UTC)),  # has 25 hours
        (date(2026, 10, 26), datetime(2026, 10, 25, 23, tzinfo=UTC)),
    ],
)
def test_a_day_begins_at_its_own_midnight_and_is_in_one_window(day: date, begins: datetime) -> None:
    assert midnight(day, BERLIN) == begins
    assert midnights(begins, begins + SECOND, BERLIN) == (day, day)
    first, last = midnights(begins - 9 * SECOND, begins, BERLIN)
    assert first > last, "the end belongs to the next window"
    first, last = midnights(begins + SECOND, begins + 9 * SECOND, BERLIN)
    assert first > last


def test_windows_side_by_side_have_every_midnight_once() -> None:
    at, end = datetime(2026, 3, 20, 5, tzinfo=UTC), datetime(2026, 4, 9, 5, tzinfo=UTC)
    days: list[date] = []
    while at < end:
        until = at + timedelta(hours=7)
        first, last = midnights(at, until, BERLIN)
        days += [first + timedelta(days=i) for i in range((last - first).days + 1)]
        at = until
    assert days == [date(2026, 3, 21) + timedelta(days=i) for i in range(len(days))]
    assert days[-1] == date(2026, 4, 9)


def test_a_long_window_has_all_of_its_days() -> None:
    first, last = midnights(
        datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 12, 31, 23, tzinfo=UTC), BERLIN
    )
    assert (first, last) == (date(2026, 1, 2), date(2026, 12, 31))


def test_the_last_change_counts() -> None:
    found: Owners = {1: datetime(2026, 1, 2, tzinfo=UTC)}
    early, late = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 3, tzinfo=UTC)
    later(found, [(1, early), (2, early), (2, late), (None, late)])
    assert found == {1: datetime(2026, 1, 2, tzinfo=UTC), 2: late}


def test_names_say_whose_figure_it_is() -> None:
    assert (name_of(7, "WH"), name_of(7, "")) == ("7@WH", "7")
    assert (owner_of("7@WH"), owner_of("7"), owner_of("x@WH")) == (7, 7, None)


@pytest.mark.parametrize(
    ("size", "seconds", "then"),
    [(100, 0.0, 1_000), (100, 2.0, 500), (500, 10.0, 500), (500, 25.0, 200), (100, 2000.0, 1)],
)
def test_a_slow_server_is_asked_for_less(size: int, seconds: float, then: int) -> None:
    assert as_many_next(size, seconds, 1_000) == then

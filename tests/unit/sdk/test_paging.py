from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knect.sdk.contract import Change
from knect.sdk.errors import UnexpectedAnswer
from knect.sdk.paging import by_cursor, by_offset, in_order, next_link

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


def change(identifier: str, second: int) -> Change:
    at = NOON + timedelta(seconds=second)
    return Change(id=identifier, token=at.isoformat(), at=at, raw={})


async def pages_of(changes: Sequence[Change], size: int) -> AsyncIterator[Sequence[Change]]:
    for start in range(0, len(changes), size):
        yield changes[start : start + size]


async def ordered(changes: Sequence[Change], size: int) -> list[list[str]]:
    pages = in_order(pages_of(changes, size), size)
    return [[one.id for one in page.changes] async for page in pages]


@pytest.mark.parametrize("count", [0, 1, 49, 50, 51, 150])
async def test_by_cursor_reads_everything(count: int) -> None:
    async def fetch(cursor: str | None) -> tuple[Sequence[int], str | None]:
        start = int(cursor or 0)
        end = start + 50
        return range(start, min(end, count)), str(end) if end < count else None

    assert [item async for page in by_cursor(fetch) for item in page] == list(range(count))


async def test_a_cursor_that_repeats_is_told_instead_of_followed_for_ever() -> None:
    async def fetch(cursor: str | None) -> tuple[Sequence[int], str | None]:
        return [1], "same"

    with pytest.raises(UnexpectedAnswer, match="same page cursor"):
        _ = [page async for page in by_cursor(fetch)]


@pytest.mark.parametrize("count", [0, 1, 49, 50, 51, 150])
async def test_by_offset_reads_everything(count: int) -> None:
    async def fetch(offset: int) -> Sequence[int]:
        return list(range(count))[offset : offset + 50]

    assert [item async for page in by_offset(fetch, 50) for item in page] == list(range(count))


async def test_equal_times_over_a_page_edge_come_out_by_id() -> None:
    changes = [change("c", 1), change("b", 2), change("e", 2), change("a", 2), change("d", 3)]
    assert await ordered(changes, 2) == [["c", "a"], ["b", "e"], ["d"]]


async def test_a_record_listed_twice_appears_once() -> None:
    changes = [change("a", 1), change("b", 1), change("b", 1), change("c", 2)]
    assert await ordered(changes, 2) == [["a", "b"], ["c"]]


async def test_an_import_that_gave_all_records_one_instant_is_not_held_as_a_whole() -> None:
    listed = 0

    async def pages() -> AsyncIterator[Sequence[Change]]:
        nonlocal listed
        for start in range(0, 50_000, 250):
            listed += 250
            yield [change(f"{number:06}", 0) for number in range(start, start + 250)]

    came: list[str] = []
    async for page in in_order(pages(), 250):
        came += [one.id for one in page.changes]
        assert listed - len(came) < 2_000
    assert came == [f"{number:06}" for number in range(50_000)]


async def test_pages_out_of_order_are_told() -> None:
    with pytest.raises(UnexpectedAnswer, match="not in the order"):
        await ordered([change("a", 2), change("b", 1)], 10)


@given(st.lists(st.integers(0, 5), max_size=60), st.integers(1, 7))
async def test_nothing_is_lost_doubled_or_disordered(seconds: list[int], size: int) -> None:
    changes = [change(f"{-i:05}", second) for i, second in enumerate(sorted(seconds))]
    pages = await ordered(changes, size)
    expected = sorted(changes, key=lambda one: (one.at, one.id))
    assert [one for page in pages for one in page] == [one.id for one in expected]
    assert all(len(page) == size for page in pages[:-1])


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        (None, None),
        ("", None),
        ('<https://s/x?page_info=b>; rel="next"', "https://s/x?page_info=b"),
        ('<https://s/a>; rel="previous", <https://s/b>; rel="next"', "https://s/b"),
        ('<https://s/b>; title="a, b; rel=next"; rel="last"', None),
        ("<https://s/b>;rel=next", "https://s/b"),
        ('<https://s/b>; rel="first next"', "https://s/b"),
        ("nonsense", None),
    ],
)
def test_next_link(link: str | None, expected: str | None) -> None:
    assert next_link({} if link is None else {"link": link}) == expected

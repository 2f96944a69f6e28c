"""A transaction's story grows by its text, and stays short."""

import pytest

from knect.ledger.timeline import Event, decode, encode, extend


def some(count: int, *, first: int = 0) -> list[Event]:
    return [Event(1, "x", first + i) for i in range(count)]


@pytest.mark.parametrize("before", [0, 1, 5, 61, 62, 63, 64, 70])
@pytest.mark.parametrize("more", [0, 1, 2, 3, 64, 70])
def test_it_grows_as_if_it_had_been_read_and_written(before: int, more: int) -> None:
    told, added = some(before), some(more, first=100)
    assert extend(encode(told), added) == encode([*decode(encode(told)), *added])


def test_however_long_it_gets_its_beginning_and_its_newest_events_are_kept() -> None:
    text = "[]"
    for i in range(200):
        text = extend(text, [Event(i, "mapped", i, 5, note="of a step", worker="w#1")])
    kept = [event.at_us for event in decode(text)]
    assert kept == [*range(8), *range(200 - 56, 200)]


def test_an_interruption_in_the_middle_is_kept_longest() -> None:
    """No more of them than there is room for: a worker may die again and again."""
    text = "[]"
    for i in range(400):
        what = "interrupted" if i in (9, 30) or (i > 300 and i % 5 == 0) else "mapped"
        text = extend(text, [Event(i, what, i)])
    kept = decode(text)
    assert [event.at_us for event in kept[:10]] == [*range(8), 9, 30]
    assert len(kept) == 64
    for i in range(400, 900):
        text = extend(text, [Event(i, "interrupted", i)])
    assert [event.at_us for event in decode(text)] == [*range(8), *range(900 - 56, 900)]

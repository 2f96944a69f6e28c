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

"""Figures are read for as many at once as the server is quick enough for, and paged as asked."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from knect.sdk.contract import Window
from knect_connectors.tryton.client import TrytonClient
from knect_connectors.tryton.gathered import GatheredReader, Reading
from knect_connectors.tryton.marks import Owners

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)


class _Server:
    """Takes its time for each record; counts what it is asked."""

    def __init__(self, seconds_each: float) -> None:
        self.clock = self
        self.seconds_each = seconds_each
        self.seconds = 0.0
        self.loaded: list[int] = []
        self.set_ups = 0

    def monotonic(self) -> float:
        return self.seconds


async def _set_up(client: TrytonClient) -> str:
    server = cast("_Server", client)
    server.set_ups += 1
    return "WH"


async def _changes(
    reading: Reading, since: datetime, until: datetime, owners: Sequence[int] | None = None
) -> Owners:
    del reading, until, owners
    return {number: since + timedelta(seconds=number // 3) for number in range(1_500)}


async def _keys(reading: Reading) -> Sequence[str]:
    return [await reading.once(_set_up)]


async def _load(reading: Reading, names: Mapping[str, datetime]) -> Mapping[str, dict[str, Any]]:
    server = cast("_Server", reading.client)
    assert await reading.once(_set_up) == "WH"
    server.loaded.append(len(names))
    server.seconds += len(names) * server.seconds_each
    return {name: {"id": name} for name in names if not name.startswith("7@")}


READER = GatheredReader(
    changes=_changes, keys=_keys, load=_load, record=lambda raw: raw, at_once=1_000
)


async def _pages(server: _Server, size: int = 250) -> list[int]:
    window = Window(since=BEGIN, until=BEGIN + timedelta(hours=1), page_size=size)
    client = cast("TrytonClient", server)
    pages = [list(page.changes) async for page in READER.read(client, window)]
    found = [change for page in pages for change in page]
    assert len({change.id for change in found}) == len(found) == 1_500
    assert [(one.at, one.id) for one in found] == sorted((one.at, one.id) for one in found)
    assert [one.id for one in found if one.deleted] == ["7@WH"], "what has no figure is gone"
    return [len(page) for page in pages]


@pytest.mark.parametrize(
    ("seconds_each", "loaded"),
    [
        (0.0, [200, 1_000, 300]),
        (0.02, [200, 500, 500, 300]),
        (0.1, [200, *[100] * 13]),  # a server that would take 30 s for 300
    ],
)
async def test_as_many_are_loaded_as_the_server_is_quick_enough_for(
    seconds_each: float, loaded: list[int]
) -> None:
    server = _Server(seconds_each)
    await _pages(server)
    assert server.loaded == loaded


async def test_no_page_is_longer_than_asked_and_the_set_up_is_asked_for_once() -> None:
    server = _Server(0.0)
    assert await _pages(server) == [200, 250, 250, 250, 250, 250, 50]
    assert server.set_ups == 1
    assert max(await _pages(server, 5)) == 5
    assert server.set_ups == 2, "the next window asks again"

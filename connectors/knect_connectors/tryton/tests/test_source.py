"""Paging ends, whatever the server answers."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from knect.sdk.contract import Window
from knect.sdk.errors import UnexpectedAnswer
from knect_connectors.tryton.composed import ComposedReader, Loaded
from knect_connectors.tryton.source import TrytonSource

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class SameAgain:
    """A server that does not see that two times are equal."""

    async def facts(self) -> None:
        return None

    async def search_read(self, model: str, *_: Any, **__: Any) -> list[dict[str, Any]]:
        if model == "sale.line":
            return []
        return [{"id": number, "last_modified_at": NOON} for number in (1, 2)]


async def test_what_changes_while_its_page_is_read_moves_no_reader_past_the_others() -> None:
    """A worker that is killed then goes on from where the last page ended."""
    times = {"1": NOON, "2": NOON + timedelta(minutes=1), "3": NOON + timedelta(minutes=2)}

    async def touched(*_: Any) -> list[str]:
        return list(times)

    async def load(_: Any, ids: Sequence[str]) -> dict[str, Loaded]:
        found = {one: Loaded(at=times[one], raw={}) for one in ids}
        times["1"] = NOON + timedelta(minutes=59)
        return found

    reader = ComposedReader(touched=touched, load=load, record=lambda raw: raw)
    window = Window(since=NOON, until=NOON + timedelta(hours=1), page_size=1)
    places = [
        page.changes[0].at
        async for page in reader.read(None, window)  # type: ignore[arg-type]
    ]
    assert places == [NOON, times["2"], times["3"]]


async def test_a_page_that_comes_again_is_an_error_and_no_endless_loop() -> None:
    source = TrytonSource(SameAgain())  # type: ignore[arg-type]
    window = Window(since=NOON, until=NOON + timedelta(hours=1), page_size=2)
    pages = source.read("orders", window)
    assert [change.id for change in (await anext(pages)).changes] == ["1", "2"]
    with pytest.raises(UnexpectedAnswer, match=r"lists sale\.sale 1 again") as caught:
        await anext(pages)
    assert caught.value.path == "last_modified_at"

"""A run that is cut off leaves nobody reading behind it."""

import asyncio
from pathlib import Path

import pytest
from tests.support.toy import World, an_order
from tests.support.toy.connector import ToyConnector


async def test_who_reads_ends_before_the_ends_are_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with World(tmp_path) as world:
        world.shop.put("g1", **an_order("1"))
        there, never, events = asyncio.Event(), asyncio.Event(), []

        async def hang() -> None:
            there.set()
            try:
                await never.wait()
            finally:
                events.append("reading ended")

        async def close(_: object) -> None:
            events.append("closed")

        world.shop.server_time = hang  # type: ignore[assignment]
        monkeypatch.setattr(ToyConnector, "close", close)
        run = asyncio.create_task(world.run())
        await asyncio.wait_for(there.wait(), 30)
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run
        assert events == ["reading ended", "closed", "closed"]

"""Records just read: kept for who maps them, within bounds, and never needed."""

import asyncio
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.support.toy import World, a_pipeline, an_order
from tests.support.toy.clock import FastClock

from knect.engine.reading.fresh import Fresh, Read
from knect.model import InventoryLevel

_RECORD = InventoryLevel(source_id="1", sku="KN-1", location="main", on_hand=Decimal(1))
_READ = Read({"id": "1"}, _RECORD)


def _name(text: str) -> tuple[str, str, str]:
    return ("shop", "inventory", text)


def test_each_pipeline_that_wants_a_record_has_it_once() -> None:
    fresh = Fresh(FastClock())
    fresh.keep(_name("a"), _READ, size=10, wanted=2)
    assert [fresh.take(_name("a")) for _ in range(3)] == [_READ, _READ, None]
    assert fresh.take(_name("never read")) is None


def test_what_does_not_fit_is_not_kept_and_what_nobody_takes_makes_room() -> None:
    clock = FastClock(datetime(2026, 11, 1, tzinfo=UTC))
    fresh = Fresh(clock)
    fresh.keep(_name("large"), _READ, size=1_000_000, wanted=1)
    fresh.keep(_name("more"), _READ, size=1_000_000, wanted=1)
    assert fresh.take(_name("more")) is None
    clock.advance(10)
    fresh.keep(_name("more"), _READ, size=1_000_000, wanted=1)
    assert fresh.take(_name("large")) is None
    assert fresh.take(_name("more")) == _READ


async def test_a_page_waits_for_those_before_it_but_not_for_long() -> None:
    fresh = Fresh(FastClock())
    await asyncio.wait_for(fresh.room(), 5)  # nothing is kept: at once
    fresh.keep(_name("a"), _READ, size=900_000, wanted=1)
    waiting = asyncio.create_task(fresh.room())
    await asyncio.sleep(0)
    assert not waiting.done()
    fresh.take(_name("a"))
    await asyncio.wait_for(waiting, 5)


async def test_a_destination_that_takes_nothing_does_not_stop_reading(tmp_path: Path) -> None:
    async with World(tmp_path, a_pipeline(mode="Observe")) as world:
        for i in range(120):
            world.shop.put(f"g{i:03}", **an_order(str(i), note="x" * 20_000))
        world.clock.advance(60)
        await world.run()
        assert await world.fates() == ["waiting"] * 120


async def test_two_pipelines_map_the_same_record_alike(tmp_path: Path) -> None:
    second: dict[str, Any] = a_pipeline("again", destination={"connectionRef": {"name": "erp"}})
    async with World(tmp_path, a_pipeline(), second) as world:
        world.shop.put("g1", **an_order("1"))
        world.clock.advance(60)
        await world.run()
        rows = await world.transactions()
        assert {row.pipeline for row in rows} == {"orders", "again"}
        assert len({row.document for row in rows}) == 1

"""What is listed is recorded: equal timestamps, moving records, versions that look alike."""

from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs
from tests.support.toy import World, a_pipeline, an_order
from tests.support.toy.clock import START


def _stock(**more: Any) -> dict[str, Any]:
    return a_pipeline("stock", entity="inventory", **more)


async def _poll(world: World, *, page_size: int = 50) -> None:
    """Read to now, without working on anything."""
    worker = world.worker(name="reader")
    await worker.start()
    try:
        for feed in worker.feeds:
            feed.settings = structs.replace(feed.settings, page_size=page_size)
            await feed.poll()
    finally:
        await worker.close()


async def test_records_of_one_timestamp_are_all_seen_across_pages(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        world.shop.page_size = 50
        for i in range(137):
            world.shop.put(f"g{i:03}", at=START + timedelta(seconds=5), **an_order(str(i)))
        world.clock.advance(60)
        await world.run()
        assert await world.fates() == ["delivered"] * 137
        assert len(world.erp.documents) == 137


class Killed(BaseException):
    """The process dies: nothing of ours can do anything about it."""


async def test_reading_cut_off_between_pages_of_one_timestamp_goes_on_without_a_gap(
    tmp_path: Path,
) -> None:
    async with World(tmp_path) as world:
        world.shop.page_size = 50
        for i in range(137):
            world.shop.put(f"g{i:03}", at=START + timedelta(seconds=5), **an_order(str(i)))
        world.clock.advance(60)

        def cut(number: int) -> None:
            if number == 2:
                world.shop.after_page = None
                raise Killed

        world.shop.after_page = cut
        with pytest.raises(Killed):
            await _poll(world)
        assert len(await world.transactions()) == 100
        world.shop.put("later", **an_order("later"))
        world.clock.advance(60)
        await world.run()
        assert sorted(row.source_id for row in await world.transactions()) == [
            *(f"g{i:03}" for i in range(137)),
            "later",  # a run reads up to now, not only to where the dead one wanted to
        ]
        assert len(world.erp.documents) == 138


async def test_records_that_move_while_pages_are_read_are_all_seen_at_their_last_version(
    tmp_path: Path,
) -> None:
    """Each page read pushes records of both sides of the position to the end."""
    async with World(tmp_path) as world:
        world.shop.page_size = 10
        for i in range(100):
            at = START + timedelta(seconds=i / 10)
            world.shop.put(f"g{i:03}", at=at, **an_order(str(i)))
        world.clock.advance(60)

        def move(number: int) -> None:
            world.clock.advance(1)
            for i in (number * 3, 99 - number * 2):
                world.shop.put(f"g{i:03}", note=f"moved at page {number}")

        world.shop.after_page = move
        await world.run()
        world.shop.after_page = None
        world.clock.advance(60)
        await world.run()
        documents = {one["number"]: one for one in world.erp.documents.values()}
        assert len(world.erp.documents) == len(documents) == 100
        for record in world.shop.records.values():
            assert documents[record["number"]]["note"] == record.get("note")
        assert set(await world.fates()) <= {"delivered", "superseded"}


async def test_stock_of_5_then_3_then_5_is_three_versions(tmp_path: Path) -> None:
    async with World(tmp_path, _stock()) as world:
        for value in ("5", "3", "5"):
            world.shop.put("s1", sku="KN-1", stock=value)
            world.clock.advance(60)
            await world.run()
        assert await world.fates() == ["delivered"] * 3
        (document,) = world.erp.documents.values()
        assert document["stock"] == 5


async def test_of_stock_that_changed_while_nobody_delivered_only_the_last_is_sent(
    tmp_path: Path,
) -> None:
    async with World(tmp_path, _stock()) as world:
        for value in ("5", "3", "7"):
            world.shop.put("s1", sku="KN-1", stock=value)
            world.clock.advance(60)
            await _poll(world)
        await world.run()
        assert Counter(await world.fates()) == {"superseded": 2, "delivered": 1}
        assert [kind for kind, _ in world.erp.log if kind in ("create", "update")] == ["create"]
        (document,) = world.erp.documents.values()
        assert document["stock"] == 7


async def test_two_edits_within_one_second_are_two_versions(tmp_path: Path) -> None:
    """The platform's clock is coarse: same time of change, other content."""
    async with World(tmp_path) as world:
        second = START + timedelta(seconds=1)
        world.shop.put("g1", at=second, **an_order(note="first"))
        world.clock.advance(60)
        await world.run()
        world.shop.put("g1", at=second, note="second")
        world.clock.advance(30)  # the overlap lists it again
        await world.run()
        assert await world.fates() == ["delivered", "delivered"]
        (document,) = world.erp.documents.values()
        assert document["note"] == "second"


async def test_a_second_look_at_the_same_version_is_counted_and_makes_no_row(
    tmp_path: Path,
) -> None:
    async with World(tmp_path) as world:
        world.shop.put("g1", **an_order())
        for _ in range(3):
            world.clock.advance(30)
            await world.run()
        assert await world.fates() == ["delivered"]


async def test_what_changed_in_the_second_a_coarse_clock_tells_is_read_by_this_pass(
    tmp_path: Path,
) -> None:
    """An HTTP Date is the beginning of its second; a run that is to read all reads what came since.

    Found by the demo: a price changed 0.9 s before a run began was left to the next one.
    """
    async with World(tmp_path) as world:
        precise = world.shop.server_time

        async def by_seconds() -> datetime:
            return (await precise()).replace(microsecond=0)

        world.shop.server_time = by_seconds  # type: ignore[method-assign]
        second = START + timedelta(seconds=60)
        world.shop.put("before", at=second + timedelta(seconds=0.1), **an_order("before"))
        world.clock.advance(60.2)
        await world.run()
        assert await world.fates() == ["delivered"]
        world.shop.put("after", at=second + timedelta(seconds=0.3), **an_order("after"))
        world.clock.advance(60)
        await world.run()
        assert await world.fates() == ["delivered"] * 2

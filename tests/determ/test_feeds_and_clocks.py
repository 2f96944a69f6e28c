"""Changes whose marks do not follow the order in which they can be read: none is passed over."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from tests.support.toy import World, an_order
from tests.support.toy.connector import ToyConnector

from knect.engine.telling.audit import audit_both_ends
from knect.seams import Clock


class _Skewed:
    """The shop's own clock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.ahead = timedelta()

    def now(self) -> datetime:
        return self._clock.now() + self.ahead

    def monotonic(self) -> float:
        return self._clock.monotonic()

    async def sleep(self, seconds: float) -> None:
        await self._clock.sleep(seconds)


def _skewed(world: World) -> _Skewed:
    world.shop.clock = clock = _Skewed(world.clock)
    return clock


async def _reads(world: World, minutes: int = 1) -> None:
    for _ in range(minutes):
        world.clock.advance(60)
        await world.run()


def _there(world: World) -> list[str]:
    return sorted(one["number"] for one in world.erp.documents.values())


@pytest.mark.parametrize("ahead", [3_600, 86_400])
async def test_a_clock_that_was_ahead_for_a_while_hides_nothing(tmp_path: Path, ahead: int) -> None:
    async with World(tmp_path) as world:
        clock = _skewed(world)
        world.shop.put("1", **an_order("1001"))
        await _reads(world)
        clock.ahead = timedelta(seconds=ahead)
        world.shop.put("2", **an_order("1002"))
        await _reads(world)
        clock.ahead = timedelta()
        world.shop.put("3", **an_order("1003"))
        await _reads(world, 2)
        assert _there(world) == ["1001", "1002", "1003"]
        world.shop.put("4", **an_order("1004"))
        await _reads(world)
        assert _there(world)[3:] == ["1004"]


async def test_what_changed_while_nobody_read_is_found_after_a_clock_was_set_back(
    tmp_path: Path,
) -> None:
    """Set back an hour at noon, changed ten minutes later, read for the first time after forty."""
    async with World(tmp_path) as world:
        clock = _skewed(world)
        await _reads(world)
        clock.ahead = -timedelta(hours=1)
        world.clock.advance(600)
        world.shop.put("1", **an_order("1001"))
        world.clock.advance(1_800)
        await _reads(world)
        assert _there(world) == ["1001"]


@pytest.mark.parametrize("minutes", [1, 20, 150])
async def test_a_transaction_that_took_long_is_read_within_the_hour(
    tmp_path: Path, minutes: int
) -> None:
    """It is marked with its beginning."""
    async with World(tmp_path, late=4 * 3_600) as world:
        worker = world.worker()
        await worker.start()
        (feed,) = worker.feeds
        await feed.poll()
        world.clock.advance(3_600)
        began = world.clock.now()
        for minute in range(minutes + 61):
            if minute == minutes:
                world.shop.put("1", at=began, **an_order("1001"))
            await feed.poll()
            world.clock.advance(60)
        await worker.run_once()
        assert _there(world) == ["1001"]
        spans = [one.until - one.since for one in world.shop.reads[1:]]
        assert sum(one > timedelta(hours=1) for one in spans) <= minutes // 60 + 2
        await worker.close()


async def test_an_audit_names_a_change_that_was_passed_over(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        world.shop.put("1", **an_order("1001"))
        world.shop.put("2", **an_order("1002"))
        await _reads(world)
        began = world.clock.now()
        await _reads(world, 10)
        world.shop.put("1", at=began, **an_order("1001", total="30.00"))
        await _reads(world)
        connectors = {"shop": ToyConnector(world.shop)}
        told = await audit_both_ends(world.ledger, world.document(), connectors, world.catalog)
        (finding,) = told.findings
        assert (finding.kind, finding.key) == ("NeverSeen", "1")
        assert "it is another one there than the ledger saw last" in finding.sentence

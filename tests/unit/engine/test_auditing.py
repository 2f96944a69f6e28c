"""The audit asks both ends, and says of each what it could not be asked."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.support.toy import World, an_order
from tests.unit.engine.test_source_gone import a_world, delivered_then_deleted

from knect.engine.telling.audit import Audited, audit_both_ends
from knect.engine.working.worker import Worker
from knect.ledger.questions.queries import equations
from knect.sdk.contract import Change, Delivered, Window
from knect.sdk.errors import Unreachable


@asynccontextmanager
async def _delivered(tmp_path: Path, *numbers: str) -> AsyncIterator[tuple[World, Worker]]:
    async with World(tmp_path) as world:
        for number in numbers:
            world.shop.put(f"g{number}", **an_order(number))
        world.clock.advance(60)
        worker = world.worker()
        await worker.start()
        await worker.run_once()
        yield world, worker
        await worker.close()


async def _audit(world: World, worker: Worker) -> Audited:
    return await audit_both_ends(world.ledger, world.document(), worker.connectors, world.catalog)


async def test_an_end_that_is_gone_keeps_no_other_from_being_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def gone(documents: Sequence[Delivered]) -> Any:
        raise Unreachable("nobody answers")

    async with _delivered(tmp_path, "1001") as (world, worker):
        world.shop.put("g1", at=world.clock.now() - timedelta(seconds=50), **an_order("1009"))
        monkeypatch.setattr(worker.connectors["erp"].destination, "present", gone)
        told = await _audit(world, worker)
        assert told.failed == ["erp could not be asked for what orders delivered: nobody answers"]
        assert [one.key for one in told.findings] == ["g1"]


async def test_what_cannot_be_asked_for_is_counted_and_not_called_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def silent(documents: Sequence[Delivered]) -> list[None]:
        return [None] * len(documents)

    async with _delivered(tmp_path, "1001", "1002") as (world, worker):
        monkeypatch.setattr(worker.connectors["erp"].destination, "present", silent)
        told = await _audit(world, worker)
        assert (told.findings, told.failed) == ([], [])
        assert told.beyond == [
            "erp cannot be asked whether what orders delivered is still there: 2 records"
        ]


async def test_what_was_gone_from_the_first_is_no_news(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An ERP lists a product that has no price in a list as one whose price is gone."""
    async with _delivered(tmp_path, "1001") as (world, worker):
        at, listed = world.clock.now(), world.shop._in

        def with_one_gone(entity: str, window: Window) -> list[Change]:
            gone = Change(id="g9", token=at.isoformat(), at=at, deleted=True)
            return [*listed(entity, window), *([gone] if window.since <= at < window.until else ())]

        monkeypatch.setattr(world.shop, "_in", with_one_gone)
        world.clock.advance(60)
        await worker.run_once()
        assert [feed.seen for feed in await world.ledger.read(equations)] == [2]
        assert (await _audit(world, worker)).findings == []


async def test_what_was_taken_away_as_declared_is_not_missed(tmp_path: Path) -> None:
    """The source deleted it, and so did the destination."""
    async with a_world(tmp_path) as world:
        await delivered_then_deleted(world)
        worker = world.worker()
        await worker.start()
        await worker.run_once()
        world.erp.documents.clear()
        assert (await _audit(world, worker)).findings == []
        await worker.close()


async def test_what_the_next_read_looks_at_again_is_not_called_passed_over(tmp_path: Path) -> None:
    """An ERP tells a stock level of the last minute once more: of when it is has moved."""
    async with _delivered(tmp_path, "1001") as (world, worker):
        at = datetime.fromisoformat(world.shop.records["g1001"]["updated_at"])
        world.shop.put("g1001", at=at, note="told once more")
        assert (await _audit(world, worker)).findings == []
        await worker.run_once()
        assert [one.fate for one in await world.transactions()] == ["delivered", "delivered"]

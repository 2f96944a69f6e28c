"""A feed is read once for all its pipelines, and still each is given all of it from its start."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs
from sqlalchemy import select
from tests.support.toy import World, a_pipeline, an_order
from tests.unit.engine.test_source_gone import is_told

from knect.engine.working.housekeeping import Housekeeper
from knect.engine.working.worker import Worker
from knect.ledger import schema as s
from knect.ledger.feeds import served_until
from knect.ledger.instants import to_us
from knect.ledger.questions.checks import self_check
from knect.ledger.questions.queries import equations
from knect.ledger.retention import RetentionPolicy
from knect.sdk.contract import Page, Window
from knect.sdk.errors import CredentialsRejected

DAY = 86_400


async def _given(world: World, pipeline: str) -> list[tuple[str, str]]:
    """Return source id and fate of what a pipeline was given; the sum has to be right."""
    assert all(one.balanced for one in await world.ledger.read(equations))
    assert await world.ledger.read(lambda c: self_check(c, now_us=0)) == []
    rows = await world.transactions()
    return [(row.source_id, row.fate) for row in rows if row.pipeline == pipeline]


def _lists_beyond(world: World) -> None:
    """Let the shop list all that changed since a window's beginning."""
    read = world.shop.read

    def all_of_it(entity: str, window: Window) -> AsyncIterator[Page]:
        return read(entity, structs.replace(window, until=datetime.max.replace(tzinfo=UTC)))

    world.shop.read = all_of_it  # type: ignore[method-assign]


async def _sold(world: World, *numbers: str, after: int = 600) -> None:
    world.clock.advance(after)
    for number in numbers:
        world.shop.put(f"g{number}", **an_order(number))
    world.clock.advance(after)
    await world.run()


def _second(**spec: Any) -> dict[str, Any]:
    """A pipeline of the same feed that only watches: two do not write one document."""
    return a_pipeline("second", mode="Observe", **spec)


async def test_who_joins_later_and_wants_all_is_given_all(tmp_path: Path) -> None:
    async with World(tmp_path, a_pipeline()) as world:
        await _sold(world, "1001", "1002")
        world.clock.advance(DAY)
        world.pipelines = (a_pipeline(), _second())
        await world.run()
        await _sold(world, "1003")
        given = [name for name, _ in await _given(world, "second")]
        assert given == ["g1001", "g1002", "g1003"]
        assert await _given(world, "orders") == [
            ("g1001", "delivered"), ("g1002", "delivered"), ("g1003", "delivered"),
        ]  # fmt: skip
        await world.run()
        assert len(await world.transactions()) == 6  # and nothing twice


async def test_who_joins_later_from_now_on_is_given_nothing_old(tmp_path: Path) -> None:
    async with World(tmp_path, a_pipeline()) as world:
        await _sold(world, "1001")
        world.clock.advance(DAY)
        world.pipelines = (a_pipeline(), _second(source={"start": "Now"}))
        await world.run()
        await _sold(world, "1002")
        assert [name for name, _ in await _given(world, "second")] == ["g1002"]


async def test_who_joins_later_from_a_day_on_is_given_what_came_since(tmp_path: Path) -> None:
    async with World(tmp_path, a_pipeline()) as world:
        await _sold(world, "1001")
        world.clock.advance(DAY)
        day = world.clock.now().isoformat(timespec="seconds").replace("+00:00", "Z")
        await _sold(world, "1002")
        world.pipelines = (a_pipeline(), _second(source={"start": day}))
        await world.run()
        assert [name for name, _ in await _given(world, "second")] == ["g1002"]


async def test_who_begins_now_is_not_given_what_another_one_reads_from_the_beginning(
    tmp_path: Path,
) -> None:
    async with World(tmp_path, a_pipeline(source={"start": "Now"})) as world:
        world.clock.advance(DAY)
        world.shop.put("g1001", **an_order("1001"))
        world.clock.advance(DAY)
        await world.run()
        await _sold(world, "1002")
        world.pipelines = (a_pipeline(source={"start": "Now"}), _second())
        await world.run()
        await _sold(world, "1003")
        assert [name for name, _ in await _given(world, "orders")] == ["g1002", "g1003"]
        given = [name for name, _ in await _given(world, "second")]
        assert sorted(given) == ["g1001", "g1002", "g1003"]


@pytest.mark.parametrize("heeds", [True, False], ids=["bounded", "lists more"])
async def test_what_comes_after_the_beginning_of_one_is_for_both(
    tmp_path: Path, heeds: bool
) -> None:
    """Whether a source heeds the end of a window or lists what is marked later, too."""
    pipelines = (a_pipeline(source={"start": "Now"}), _second())
    async with World(tmp_path, *pipelines) as world:
        if not heeds:
            _lists_beyond(world)
        world.shop.put("g1001", **an_order("1001"))
        world.clock.advance(DAY)
        worker = world.worker()
        await worker.start()
        world.clock.advance(5)
        world.shop.put("g1002", **an_order("1002"))
        world.clock.advance(5)
        await worker.run_once()
        await worker.close()
        assert await _given(world, "orders") == [("g1002", "delivered")]
        assert [name for name, _ in await _given(world, "second")] == ["g1001", "g1002"]


async def test_two_that_begin_at_once_begin_where_each_says(tmp_path: Path) -> None:
    pipelines = (a_pipeline(source={"start": "Now"}), _second())
    async with World(tmp_path, *pipelines) as world:
        world.clock.advance(DAY)
        world.shop.put("g1001", **an_order("1001"))
        world.clock.advance(DAY)
        await world.run()
        await _sold(world, "1002")
        assert await _given(world, "orders") == [("g1002", "delivered")]
        assert [name for name, _ in await _given(world, "second")] == ["g1001", "g1002"]


async def test_who_was_suspended_is_given_nothing_from_before_he_began(tmp_path: Path) -> None:
    """He is behind, and so is another one that begins long before him."""
    now = {"source": {"start": "Now"}}
    third = a_pipeline("third", mode="Observe")
    async with World(tmp_path, third) as world:
        await _sold(world, "1001")
        world.clock.advance(DAY)
        world.pipelines = (third, a_pipeline(**now))
        await world.run()
        await _sold(world, "1002")
        world.pipelines = (third, a_pipeline(suspend=True, **now))
        await _sold(world, "1003")
        world.pipelines = (third, a_pipeline(**now), _second())
        await world.run()
        assert [name for name, _ in await _given(world, "orders")] == ["g1002", "g1003"]
        given = [name for name, _ in await _given(world, "second")]
        assert sorted(given) == ["g1001", "g1002", "g1003"]


async def test_who_was_suspended_is_given_what_the_others_read(tmp_path: Path) -> None:
    async with World(tmp_path, a_pipeline(), _second()) as world:
        await _sold(world, "1001")
        world.pipelines = (a_pipeline(), _second(suspend=True))
        await _sold(world, "1002")
        world.shop.put("g1001", **an_order("1001", note="call first"))
        await _sold(world, "1003")
        assert [name for name, _ in await _given(world, "second")] == ["g1001"]
        served = await world.ledger.read(served_until)
        assert served["second"] < served["orders"]
        world.pipelines = (a_pipeline(), _second())
        await world.run()
        served = await world.ledger.read(served_until)
        assert served["second"] == served["orders"]
        given = [name for name, _ in await _given(world, "second")]
        assert (given[0], sorted(given[1:])) == ("g1001", ["g1001", "g1002", "g1003"])


async def test_what_was_deleted_while_one_was_suspended_is_told_it(tmp_path: Path) -> None:
    deletes = {"destination": {"onSourceDelete": "Cancel"}}
    async with World(tmp_path, a_pipeline(**deletes), _second()) as world:
        await _sold(world, "1001")
        world.pipelines = (a_pipeline(suspend=True, **deletes), _second())
        world.clock.advance(600)
        world.shop.remove("g1001")
        await is_told(world, "g1001")
        await world.run()
        world.pipelines = (a_pipeline(**deletes), _second())
        await world.run()
        assert await _given(world, "orders") == [("g1001", "delivered"), ("g1001", "delivered")]
        assert world.erp.documents["SO-1"]["state"] == "cancelled"


async def test_what_was_deleted_is_told_though_the_ledger_let_go_of_its_delivery(
    tmp_path: Path,
) -> None:
    """Deliveries are kept for ninety days, orders are cancelled later than that now and then."""
    deletes = {"destination": {"onSourceDelete": "Cancel"}}
    nothing = {"admit": [{"when": "true", "then": "Skip", "reason": "it only listens"}]}
    async with World(tmp_path, a_pipeline(**deletes), _second(mapping=nothing)) as world:
        await _sold(world, "1001")
        world.pipelines = (a_pipeline(suspend=True, **deletes), _second(mapping=nothing))
        world.clock.advance(100 * DAY)
        housekeeper = Housekeeper(world.ledger, RetentionPolicy(), world.clock, holder="w#1")
        assert await housekeeper.clean() == 1
        assert await world.transactions() == []
        world.shop.remove("g1001")
        await is_told(world, "g1001")
        await world.run()
        world.pipelines = (a_pipeline(**deletes), _second(mapping=nothing))
        await world.run()
        assert await _given(world, "orders") == [("g1001", "delivered")]
        assert world.erp.documents["SO-1"]["state"] == "cancelled"


async def _poll(*workers: Worker) -> None:
    for worker in workers:
        for feed in worker.feeds:
            assert await feed.poll()  # neither waits for when the other one reads
    for worker in workers:
        for pipeline in worker.pipelines:
            await pipeline.work()


async def test_pipelines_in_pods_of_their_own_are_both_given_all(tmp_path: Path) -> None:
    """One of them reads the feed, for both; when it ends, the other one does."""
    async with World(tmp_path, a_pipeline()) as world:
        await _sold(world, "1001")
        first = world.worker(name="one")
        await first.start()
        await _poll(first)
        world.pipelines = (_second(),)
        second = world.worker(name="two")
        await second.start()
        world.clock.advance(5)
        world.shop.put("g1002", **an_order("1002"))
        world.clock.advance(5)
        await _poll(first, second)
        await _poll(first, second)
        names = ["g1001", "g1002"]
        assert sorted(name for name, _ in await _given(world, "second")) == names
        assert await _given(world, "orders") == [(name, "delivered") for name in names]
        await first.close()
        world.shop.put("g1003", **an_order("1003"))
        world.clock.advance(5)
        await _poll(second)
        assert sorted(name for name, _ in await _given(world, "second")) == [*names, "g1003"]
        assert [name for name, _ in await _given(world, "orders")] == names  # nobody works on it
        await second.close()
        world.pipelines = (a_pipeline(),)
        await world.run()
        assert [name for name, _ in await _given(world, "orders")] == [*names, "g1003"]


async def test_two_that_are_run_one_after_the_other_are_both_given_all(tmp_path: Path) -> None:
    async with World(tmp_path, a_pipeline()) as world:
        for number in range(1001, 1005):
            world.pipelines = (a_pipeline() if number % 2 else _second(),)
            await _sold(world, str(number))
        world.pipelines = (a_pipeline(),)
        await world.run()
        names = ["g1001", "g1002", "g1003", "g1004"]
        assert sorted(name for name, _ in await _given(world, "orders")) == names
        assert sorted(name for name, _ in await _given(world, "second")) == names


@pytest.mark.parametrize("then", ["go on", "without it"])
async def test_what_breaks_off_while_one_catches_up_gives_nobody_too_much(
    tmp_path: Path, then: str
) -> None:
    """The window it leaves open was for the one alone; that one may be gone when it is read on."""
    now = {"source": {"start": "Now"}}
    async with World(tmp_path, a_pipeline(**now)) as world:
        world.shop.page_size = 1
        world.clock.advance(DAY)
        world.shop.put("g1001", **an_order("1001"))
        world.shop.put("g1002", **an_order("1002"))
        world.clock.advance(DAY)
        await world.run()
        await _sold(world, "1003")
        world.pipelines = (a_pipeline(**now), _second())

        def breaks_off(_page: int) -> None:
            world.shop.after_page = None
            world.shop.fail_next = [CredentialsRejected("cut")]

        world.shop.after_page = breaks_off
        (failed,) = await world.run()
        assert "cut" in str(failed)
        if then == "without it":
            world.pipelines = (a_pipeline(**now),)
        await world.run()
        await _sold(world, "1004")
        assert [name for name, _ in await _given(world, "orders")] == ["g1003", "g1004"]
        given = [name for name, _ in await _given(world, "second")]
        all_of_them = ["g1001", "g1002", "g1003", "g1004"]
        assert sorted(given) == (all_of_them if then == "go on" else ["g1001"])


@pytest.mark.parametrize("start", ["Now", "Beginning"])
async def test_another_filter_misses_nothing(tmp_path: Path, start: str) -> None:
    """A filter makes another feed, which began where the clock was: not where reading was."""
    async with World(tmp_path, a_pipeline(source={"start": start})) as world:
        await world.run()
        world.clock.advance(600)
        world.shop.put("g1001", **an_order("1001"))
        world.clock.advance(600)
        world.pipelines = (a_pipeline(source={"start": start, "filter": {"status": "any"}}),)
        await world.run()
        assert await _given(world, "orders") == [("g1001", "delivered")]


async def test_history_is_brought_in_for_who_asks_for_it(tmp_path: Path) -> None:
    """The others began when they began; what they know already is not new to who asks."""
    now = {"source": {"start": "Now"}}
    async with World(tmp_path, a_pipeline(**now)) as world:
        world.clock.advance(DAY)
        world.shop.put("g1001", **an_order("1001"))
        world.clock.advance(DAY)
        begins = world.clock.now()
        await world.run()
        await _sold(world, "1002")
        world.pipelines = (a_pipeline(**now), _second(**now))
        worker = world.worker()
        await worker.start()
        await worker.run_once()
        (feed,) = worker.feeds
        await feed.backfill(begins - timedelta(days=5), world.clock.now(), asking=["second"])
        await worker.run_once()
        await worker.close()
        assert [name for name, _ in await _given(world, "orders")] == ["g1002"]
        assert sorted(name for name, _ in await _given(world, "second")) == ["g1001", "g1002"]


async def test_what_nobody_saw_is_for_all_that_had_begun_whoever_asks(tmp_path: Path) -> None:
    async with World(tmp_path, a_pipeline(), _second()) as world:
        world.clock.advance(10 * DAY)
        await world.run()
        world.shop.put("g1001", at=world.clock.now() - timedelta(days=3), **an_order("1001"))
        worker = world.worker()
        await worker.start()
        await worker.run_once()
        assert await _given(world, "orders") == []
        (feed,) = worker.feeds
        await feed.backfill(
            world.clock.now() - timedelta(days=5), world.clock.now(), asking=["second"]
        )
        await worker.run_once()
        await worker.close()
        for pipeline in ("orders", "second"):
            assert [name for name, _ in await _given(world, pipeline)] == ["g1001"], pipeline


def _cut_after_a_page(world: World) -> None:
    """Let reading end after one page, as when a pod dies in the middle of a window."""

    def breaks_off(_page: int) -> None:
        world.shop.after_page = None
        world.shop.fail_next = [CredentialsRejected("cut")]

    world.shop.page_size = 1
    world.shop.after_page = breaks_off


async def test_who_reads_on_what_another_one_began_misses_nothing(tmp_path: Path) -> None:
    """It was begun for the other one alone, who is gone; what was recorded then is not lost."""
    async with World(tmp_path, a_pipeline()) as world:
        for number in ("1001", "1002", "1003"):
            world.clock.advance(60)
            world.shop.put(f"g{number}", **an_order(number))
        world.clock.advance(600)
        _cut_after_a_page(world)
        (failed,) = await world.run()
        assert "cut" in str(failed)
        names = ["g1001", "g1002", "g1003"]
        world.pipelines = (_second(),)
        await world.run()
        assert sorted(name for name, _ in await _given(world, "second")) == names
        assert [name for name, _ in await _given(world, "orders")] == ["g1001"]
        world.pipelines = (a_pipeline(),)
        await world.run()
        assert sorted(name for name, _ in await _given(world, "orders")) == names


async def test_who_died_in_the_middle_is_given_the_newest_of_what_he_missed(tmp_path: Path) -> None:
    """The ledger says nothing against itself of what changed again before he was back."""
    async with World(tmp_path, a_pipeline(), _second()) as world:
        for number in ("1001", "1002"):
            world.clock.advance(60)
            world.shop.put(f"g{number}", **an_order(number))
        world.clock.advance(600)
        _cut_after_a_page(world)
        await world.run()
        world.pipelines = (a_pipeline(),)
        await world.run()
        assert [name for name, _ in await _given(world, "second")] == ["g1001"]
        world.clock.advance(600)
        world.shop.put("g1002", **an_order("1002", note="call first"))
        world.clock.advance(600)
        await world.run()
        world.pipelines = (a_pipeline(), _second())
        await world.run()
        assert sorted(name for name, _ in await _given(world, "second")) == ["g1001", "g1002"]


async def test_who_was_suspended_is_given_what_came_late_meanwhile(tmp_path: Path) -> None:
    """It is marked as before he was served last: what counts is when it was recorded."""
    async with World(tmp_path, a_pipeline(), _second()) as world:
        world.clock.advance(10 * DAY)
        await _sold(world, "1001")
        world.pipelines = (a_pipeline(), _second(suspend=True))
        world.shop.put("g1000", at=world.clock.now() - timedelta(days=3), **an_order("1000"))
        worker = world.worker()
        await worker.start()
        (feed,) = worker.feeds
        await feed.backfill(world.clock.now() - timedelta(days=5), world.clock.now())
        await worker.close()
        await _sold(world, "1002")
        names = ["g1000", "g1001", "g1002"]
        assert sorted(name for name, _ in await _given(world, "orders")) == names
        world.pipelines = (a_pipeline(), _second())
        await world.run()
        assert sorted(name for name, _ in await _given(world, "second")) == names


async def test_a_backfill_gives_each_what_is_since_he_began(tmp_path: Path) -> None:
    """Also those who begin within the span that another one asks for."""
    async with World(tmp_path, a_pipeline()) as world:
        world.clock.advance(10 * DAY)
        await world.run()
        world.pipelines = (a_pipeline(), _second(source={"start": "Now"}))
        await world.run()
        world.clock.advance(5 * DAY)
        await world.run()
        for number, days in (("1001", 7), ("1002", 2)):
            at = world.clock.now() - timedelta(days=days)
            world.shop.put(f"g{number}", at=at, **an_order(number))
        worker = world.worker()
        await worker.start()
        (feed,) = worker.feeds
        await feed.backfill(
            world.clock.now() - timedelta(days=9), world.clock.now(), asking=["orders"]
        )
        await worker.run_once()
        await worker.close()
        assert sorted(name for name, _ in await _given(world, "orders")) == ["g1001", "g1002"]
        assert [name for name, _ in await _given(world, "second")] == ["g1002"]


async def test_what_a_webhook_told_while_one_was_away_is_given_him(tmp_path: Path) -> None:
    """No read had passed it, so that his place in the feed is that of the others all the time."""
    async with World(tmp_path, a_pipeline(), _second()) as world:
        await _sold(world, "1001")
        world.pipelines = (a_pipeline(),)
        worker = world.worker()
        await worker.start()
        world.clock.advance(60)
        world.shop.put("g1002", **an_order("1002"))
        await is_told(world, "g1002")
        told = world.clock.now()
        assert await worker.feeds[0].look_at_hints() == 1
        await worker.close()
        served = await world.ledger.read(served_until)
        assert served["second"] < to_us(told), "that of the others is not his"
        world.pipelines = (a_pipeline(), _second())
        world.clock.advance(60)
        await world.run()
        for pipeline in ("orders", "second"):
            assert [name for name, _ in await _given(world, pipeline)] == ["g1001", "g1002"]
        await world.run()
        assert len(await world.transactions()) == 4


async def test_what_was_read_of_a_window_is_not_read_again_for_those_it_was_for(
    tmp_path: Path,
) -> None:
    """Another pipeline comes in the middle: the rest is read for both, the first part for him."""
    async with World(tmp_path, a_pipeline()) as world:
        for number in ("1001", "1002", "1003"):
            world.clock.advance(60)
            world.shop.put(f"g{number}", **an_order(number))
        world.clock.advance(600)
        _cut_after_a_page(world)
        await world.run()
        world.pipelines = (a_pipeline(), _second())
        await world.run()
        names = ["g1001", "g1002", "g1003"]
        for pipeline in ("orders", "second"):
            given = [name for name, _ in await _given(world, pipeline)]
            assert sorted(given) == names, pipeline
        windows = await world.ledger.read(lambda c: c.execute(select(s.windows)).all())
        assert all(one.closed_us for one in windows)

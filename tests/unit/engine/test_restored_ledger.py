"""A ledger that was restored from a backup, or lost and begun anew, does not know what was done.

What a lost ledger delivered is at the destination, perhaps as it was before it changed.
"""

import shutil
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs
from tests.support.toy import World, a_pipeline, an_order

from knect.sdk.contract import Call, Delivery, Effect, Found, Operation, Outcome
from knect.sdk.errors import Throttled, UnexpectedAnswer, Unreachable

pytestmark = pytest.mark.sqlite_only  # a backup is a copy of the file

NOTED = {"note": "left at the door"}


async def lives(world: World, *lives: Callable[[World], Awaitable[Any]]) -> None:
    for life in lives:
        async with world:
            await life(world)


async def ran(world: World) -> None:
    await world.run()


def lost(world: World, backup: Path) -> None:
    """Put the ledger back to what it was; nothing of what was done since is in it."""
    for name in (world.path, *world.path.parent.glob(f"{world.path.name}-*")):
        name.unlink(missing_ok=True)
    if backup.exists():
        shutil.copy(backup, world.path)


@pytest.fixture(params=["restored", "gone"])
def keeps_a_backup(request: pytest.FixtureRequest) -> bool:
    return request.param == "restored"


async def after_a_loss(
    world: World, folder: Path, *, keeps: bool, changes: dict[str, Any] | None = None
) -> None:
    """1001 is delivered; after the backup 1002 is; the ledger is lost; work goes on."""
    backup = folder / "backup.db"
    world.shop.put("1001", **an_order("1001"))
    await lives(world, ran)
    if keeps:
        shutil.copy(world.path, backup)
    world.clock.advance(600)
    world.shop.put("1002", **an_order("1002"))
    await lives(world, ran)
    assert len(world.erp.documents) == 2
    world.clock.advance(600)
    if changes:
        world.shop.put("1002", **changes)
    lost(world, backup)
    await lives(world, ran)


@pytest.mark.parametrize("once", ["UniqueKey", "LookupAfterSettle", "NativeKey"])
async def test_what_a_lost_ledger_delivered_is_not_made_again(
    tmp_path: Path, once: str, keeps_a_backup: bool
) -> None:
    settle = 10 if once == "LookupAfterSettle" else 0
    world = World(tmp_path, once=once, settle=settle)
    world.erp.unique = once == "UniqueKey"
    await after_a_loss(world, tmp_path, keeps=keeps_a_backup)
    assert [one["number"] for one in world.erp.documents.values()] == ["1001", "1002"]


@pytest.mark.parametrize("once", ["UniqueKey", "LookupAfterSettle", "NativeKey"])
async def test_what_changed_while_nobody_knew_arrives(
    tmp_path: Path, once: str, keeps_a_backup: bool
) -> None:
    settle = 10 if once == "LookupAfterSettle" else 0
    world = World(tmp_path, once=once, settle=settle)
    world.erp.unique = once == "UniqueKey"
    await after_a_loss(world, tmp_path, keeps=keeps_a_backup, changes=NOTED)
    assert [one["note"] for one in world.erp.documents.values()] == [None, NOTED["note"]]


async def test_what_is_news_is_not_looked_for(tmp_path: Path) -> None:
    async with World(tmp_path, once="LookupAfterSettle", settle=10) as world:
        world.shop.put("1001", **an_order("1001"))
        world.clock.advance(60)
        await world.run_with_news(lambda: world.shop.put("1002", **an_order("1002")))
        assert world.erp.creates() == ["shop:1001", "shop:1002"]
        assert [name for kind, name in world.erp.log if kind == "lookup"] == ["shop:1001"]


async def test_what_is_older_than_a_start_from_now_is_looked_for(tmp_path: Path) -> None:
    """The new ledger's pipeline never read it; it is changed long after all there was is read."""
    world = World(
        tmp_path, a_pipeline(source={"start": "Now"}), once="LookupAfterSettle", settle=10
    )
    world.erp.unique = False
    async with world:
        await world.run_with_news(lambda: world.shop.put("1001", **an_order("1001")))
        assert world.erp.creates() == ["shop:1001"]
    lost(world, tmp_path / "none.db")
    async with world:
        await world.run_with_news(lambda: None)
        assert await world.transactions() == []
        world.clock.advance(6000)
        await world.run_with_news(lambda: world.shop.put("1001", **NOTED))
        assert await world.fates() == ["delivered"]
    assert [one["note"] for one in world.erp.documents.values()] == [NOTED["note"]]


async def test_a_look_up_without_an_answer_is_made_again(tmp_path: Path) -> None:
    """The try that failed before anything was sent says nothing of what is there."""
    world = World(tmp_path, once="LookupAfterSettle", settle=10)
    world.erp.unique = False

    async def tries_twice(world: World) -> None:
        world.erp.look_up_fails = [UnexpectedAnswer("the answer is cut short")]
        await world.run()

    world.shop.put("1001", **an_order("1001"))
    await lives(world, ran)
    world.clock.advance(600)
    lost(world, tmp_path / "none.db")
    await lives(world, tries_twice, ran)
    assert len(world.erp.documents) == 1


async def test_a_failure_before_the_backup_says_nothing_of_what_came_after_it(
    tmp_path: Path,
) -> None:
    world = World(tmp_path, once="LookupAfterSettle", settle=10)
    world.erp.unique = False
    backup = tmp_path / "backup.db"

    plan, write = world.erp.plan, world.erp.write
    tries = 0

    async def throttled_once(calls: Sequence[Call]) -> Sequence[Outcome]:
        if tries == 1:
            raise Throttled("429 Too Many Requests", retry_after=1.0)
        return await write(calls)

    def is_copied(delivery: Delivery) -> Sequence[Effect]:
        nonlocal tries
        tries += 1
        if tries == 2:
            with (
                closing(sqlite3.connect(world.path)) as now,
                closing(sqlite3.connect(backup)) as to,
            ):
                now.backup(to)
        return plan(delivery)

    world.erp.write, world.erp.plan = throttled_once, is_copied  # type: ignore[method-assign]
    world.shop.put("1001", **an_order("1001"))
    await lives(world, ran)
    assert (tries, len(world.erp.documents)) == (2, 1)
    world.clock.advance(600)
    lost(world, backup)
    await lives(world, ran)
    assert len(world.erp.documents) == 1


async def test_what_a_backfill_brings_in_is_looked_for(tmp_path: Path) -> None:
    """Older history: whoever was there before may have delivered it."""
    now = a_pipeline(source={"start": "Now"})
    async with World(tmp_path, now, once="LookupAfterSettle", settle=10) as world:
        begun = world.clock.now()
        world.shop.put("1001", **an_order("1001"))
        world.clock.advance(600)
        worker = world.worker()
        await worker.start()
        await worker.run_once()
        assert world.erp.log == []
        world.clock.advance(60)
        await worker.feeds[0].backfill(begun, world.clock.now())
        await worker.run_once()
        await worker.close()
        kinds = [kind for kind, _ in world.erp.log if kind != "resolve"]
        assert kinds == ["lookup", "create"]


async def test_what_was_found_is_planned_anew_as_a_change(tmp_path: Path) -> None:
    """The rest of what makes a document is not sent after it, and the story says what was found."""
    world = World(tmp_path, once="LookupAfterSettle", settle=10)
    world.erp.unique = False
    world.shop.put("1001", **an_order("1001"))
    await lives(world, ran)
    world.clock.advance(600)
    world.shop.put("1001", **NOTED)
    lost(world, tmp_path / "none.db")
    plan = world.erp.plan

    def in_two_parts(delivery: Delivery) -> list[Effect]:
        (first,) = plan(delivery)
        if delivery.bound:
            return [first]
        more = structs.replace(first, name="confirm", write="update", operation=Operation.ACT)
        return [first, structs.replace(more, target="SO-1", primary=False)]

    world.erp.plan = in_two_parts  # type: ignore[method-assign]
    world.erp.log.clear()
    async with world:
        await world.run()
        (row,) = await world.transactions()
    assert [kind for kind, _ in world.erp.log if kind != "resolve"] == ["lookup", "update"]
    assert [one["note"] for one in world.erp.documents.values()] == [NOTED["note"]]
    assert (row.fate, row.attempt) == ("delivered", 1)
    assert "SO-1, which was there already" in row.timeline


async def test_a_pipeline_that_only_creates_leaves_what_was_there(tmp_path: Path) -> None:
    only = a_pipeline(destination={"write": "Create"})
    world = World(tmp_path, only, once="LookupAfterSettle", settle=10)
    world.erp.unique = False
    world.shop.put("1001", **an_order("1001"))
    await lives(world, ran)
    world.clock.advance(600)
    world.shop.put("1001", **NOTED)
    lost(world, tmp_path / "none.db")
    async with world:
        await world.run()
        assert await world.fates() == ["skipped"]
    assert [one["note"] for one in world.erp.documents.values()] == [None]


async def test_what_never_changes_is_made_to_its_end(tmp_path: Path) -> None:
    """A refund, say: the ledger was lost between its two parts, and no plan would change it."""
    world = World(tmp_path, once="LookupAfterSettle", settle=10)
    world.erp.unique = False
    world.shop.put("1001", **an_order("1001"))
    await lives(world, ran)
    world.clock.advance(600)
    lost(world, tmp_path / "none.db")
    plan = world.erp.plan

    def made_once(delivery: Delivery) -> list[Effect]:
        if delivery.bound:
            return []
        (first,) = plan(delivery)
        more = structs.replace(first, name="confirm", write="update", operation=Operation.ACT)
        more = structs.replace(
            more, target="SO-1", body={"state": "confirmed"}, needs=("document",)
        )
        return [structs.replace(first, primary=False), more]

    world.erp.plan = made_once  # type: ignore[method-assign]
    world.erp.log.clear()
    async with world:
        await world.run()
        assert await world.fates() == ["delivered"]
    assert [kind for kind, _ in world.erp.log if kind != "resolve"] == ["lookup", "act"]
    assert [one.get("state") for one in world.erp.documents.values()] == ["confirmed"]


async def test_a_refusal_says_that_it_was_there_already(tmp_path: Path) -> None:
    """An API with a unique key is sent the create; what it refuses with may be of old content."""
    world = World(tmp_path, once="UniqueKey")
    commit = world.erp.commit

    async def nobody_is_asked(_calls: Sequence[Call]) -> Sequence[Found | None]:
        return []

    def refuses(call: Call) -> Outcome:
        documents = len(world.erp.documents)
        found = commit(call).found
        assert found is not None
        was_there = call.effect.operation is Operation.CREATE and documents == len(
            world.erp.documents
        )
        return Outcome(found=structs.replace(found, was_there=was_there))

    world.erp.lookup = nobody_is_asked  # type: ignore[method-assign]
    world.erp.commit = refuses  # type: ignore[method-assign]
    await after_a_loss(world, tmp_path, keeps=False, changes=NOTED)
    assert [one["note"] for one in world.erp.documents.values()] == [None, NOTED["note"]]


async def test_nobody_answered_where_nobody_was_asked(tmp_path: Path) -> None:
    """Else a destination that is silent would never be noticed during a first reading."""
    async with World(tmp_path) as world:
        asked = 0

        async def nobody_is_asked(_calls: Sequence[Call]) -> Sequence[Found | None]:
            return []

        async def silent(calls: Sequence[Call]) -> Sequence[Outcome]:
            nonlocal asked
            asked += 1
            dead = Unreachable("the line is dead", could_have_been_seen=False)
            return [Outcome(error=dead) for _ in calls]

        for number in range(20):
            world.shop.put(f"g{number}", **an_order(str(number)))
        world.clock.advance(60)
        world.erp.lookup = nobody_is_asked  # type: ignore[method-assign]
        world.erp.write = silent  # type: ignore[method-assign]
        told = await world.run()
        assert "erp has not answered for" in str(told[0])
        assert asked < 30, "one call at a time finds out when it is back"


async def test_where_nobody_can_be_asked_a_lost_answer_is_given_time(tmp_path: Path) -> None:
    """An API that takes a second one: what may still arrive is not overtaken at once."""
    async with World(tmp_path, once="None", settle=10) as world:
        world.erp.unique = False
        sent: list[float] = []

        async def nobody_is_asked(_calls: Sequence[Call]) -> Sequence[Found | None]:
            return []

        def loses_the_first(_calls: object) -> None:
            sent.append(world.clock.monotonic())
            if len(sent) == 1:
                raise Unreachable("connection reset")

        world.erp.lookup = nobody_is_asked  # type: ignore[method-assign]
        world.erp.before = loses_the_first
        world.shop.put("1001", **an_order("1001"))
        await world.run()
        assert await world.fates() == ["delivered"]
        first, second = sent
        assert second - first >= 10


@pytest.mark.parametrize("was_there", [True, False])
async def test_what_was_cancelled_meanwhile_is_looked_for(tmp_path: Path, was_there: bool) -> None:
    world = World(tmp_path, once="LookupAfterSettle", settle=10)
    world.erp.takes_back = True
    world.shop.put("1001", **an_order("1001"))
    if was_there:
        await lives(world, ran)
        lost(world, tmp_path / "none.db")
    world.clock.advance(600)
    world.shop.put("1001", cancelled_at=world.clock.now().isoformat())
    async with world:
        await world.run()
        (row,) = await world.transactions()
    states = [one.get("state") for one in world.erp.documents.values()]
    if was_there:
        assert (row.fate, states) == ("delivered", ["cancelled"])
    else:
        assert (row.fate, row.reason, states) == ("skipped", "CancelledBeforeDelivery", [])


async def test_what_cannot_be_looked_for_is_not_called_cancelled(tmp_path: Path) -> None:
    world = World(tmp_path, once="LookupAfterSettle", settle=10)
    world.erp.takes_back = True
    world.shop.put("1001", **an_order("1001"))
    await lives(world, ran)
    lost(world, tmp_path / "none.db")
    world.clock.advance(600)
    world.shop.put("1001", cancelled_at=world.clock.now().isoformat())
    world.erp.look_up_fails = [UnexpectedAnswer("a page")] * 20
    async with world:
        await world.run()
        (row,) = await world.transactions()
    assert (row.fate, row.acts) == ("waiting", "operations")
    assert "a page" in row.message

"""A record that is gone at the source: told only when it was asked for, and acted on as declared."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, update
from tests.support.toy import World, a_pipeline, an_order

from knect.ledger import schema as s
from knect.ledger.inbox import store_hints
from knect.ledger.instants import to_us
from knect.sdk.errors import Unreachable, WaitForPerson


def a_world(tmp_path: Path, do: str = "Cancel", **options: Any) -> World:
    return World(tmp_path, a_pipeline(destination={"onSourceDelete": do}), **options)


async def is_told(
    world: World, record_id: str, event: str = "e1", *, entity: str = "orders"
) -> None:
    """A webhook says: look at this id."""
    now = to_us(world.clock.now())
    hint = {
        "entity": entity, "source_id": record_id, "event_id": event, "triggered_us": now, "received_us": now,
    }  # fmt: skip
    await world.ledger.write(lambda c: store_hints(c, "shop", [hint]))


async def delivered_then_deleted(world: World) -> None:
    world.shop.put("g1", **an_order("1001"))
    world.clock.advance(60)
    await world.run()
    world.shop.remove("g1")
    world.clock.advance(60)
    await is_told(world, "g1")


async def test_a_delivered_order_is_cancelled_when_it_is_deleted(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await delivered_then_deleted(world)
        await world.run()
        assert world.erp.documents["SO-1"]["state"] == "cancelled"
        first, gone = await world.transactions()
        assert (first.fate, gone.fate) == ("delivered", "delivered")
        assert gone.destination_number == "SO-1"


async def test_ignore_leaves_the_destination_alone(tmp_path: Path) -> None:
    async with a_world(tmp_path, "Ignore") as world:
        await delivered_then_deleted(world)
        sent = len(world.erp.log)
        await world.run()
        assert len(world.erp.log) == sent
        gone = (await world.transactions())[1]
        assert (gone.fate, gone.reason) == ("skipped", "SourceGone")
        assert "onSourceDelete is Ignore" in gone.message


async def test_what_was_never_delivered_ends_skipped(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await is_told(world, "g9")
        await world.run()
        (gone,) = await world.transactions()
        assert (gone.fate, gone.reason) == ("skipped", "SourceGone")
        assert "before anything of it was delivered" in gone.message
        assert world.erp.log == []


async def test_what_could_not_be_read_yet_is_delivered_once_it_can(tmp_path: Path) -> None:
    """A webhook can come before the API has the record: it was changed before it was asked for."""
    async with a_world(tmp_path) as world:
        changed = world.clock.now()
        world.clock.advance(1)
        await is_told(world, "g1")
        await world.run()
        await is_told(world, "g1", "e2")
        await world.run()
        world.shop.put("g1", changed, **an_order("1001"))
        world.clock.advance(60)
        await world.run()
        assert await world.fates() == ["skipped", "delivered"]
        assert world.erp.documents["SO-1"]["number"] == "1001"


async def test_what_was_there_and_is_gone_does_not_come_back_by_a_list_that_lags(
    tmp_path: Path,
) -> None:
    async with a_world(tmp_path) as world:
        await delivered_then_deleted(world)
        changed = world.clock.now() - timedelta(seconds=1)
        await world.run()
        world.shop.put("g1", changed, **an_order("1001"))
        await world.run()
        assert await world.fates() == ["delivered", "delivered", "superseded"]
        assert world.erp.documents["SO-1"]["state"] == "cancelled"


async def test_what_waits_when_it_is_deleted_is_superseded_and_never_made(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        world.erp.products.clear()
        world.shop.put("g1", **an_order("1001"))
        world.clock.advance(60)
        await world.run()
        world.shop.remove("g1")
        world.clock.advance(60)
        await is_told(world, "g1")
        await world.run()
        assert await world.fates() == ["superseded", "skipped"]
        assert world.erp.documents == {}


async def test_what_was_found_as_it_was_before_a_loss_comes_to_its_end_first(
    tmp_path: Path,
) -> None:
    """The document is there, so the ledger does not call its version superseded and undone."""
    async with a_world(tmp_path, "Ignore") as world:
        await delivered_then_deleted(world)
        later = to_us(world.clock.now()) + 30_000_000

        def found_as_it_was(connection: Connection) -> None:
            e, t = s.effects, s.transactions
            connection.execute(update(e).values(document=None))
            connection.execute(update(t).values(fate="in_flight", next_us=later))

        await world.ledger.write(found_as_it_was)
        await world.run()
        assert await world.fates() == ["delivered", "skipped"]


async def test_not_listed_is_not_deleted(tmp_path: Path) -> None:
    """An order that no page lists any more stays what it is: pages and searches have gaps."""
    async with a_world(tmp_path) as world:
        world.shop.put("g1", **an_order("1001"))
        world.clock.advance(60)
        await world.run()
        world.shop.remove("g1")
        for _ in range(3):
            world.clock.advance(3600)
            await world.run()
        assert await world.fates() == ["delivered"]
        assert "state" not in world.erp.documents["SO-1"]


async def test_a_hint_about_what_is_still_there_deletes_nothing(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        world.shop.put("g1", **an_order("1001"))
        world.clock.advance(60)
        await world.run()
        await is_told(world, "g1")
        await world.run()
        assert await world.fates() == ["delivered"]
        assert "state" not in world.erp.documents["SO-1"]


async def test_an_answer_lost_while_cancelling_is_tried_again(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await delivered_then_deleted(world)
        lost = [Unreachable("connection reset")]

        def drop(_calls: object) -> None:
            if lost:
                raise lost.pop()

        world.erp.after = drop
        await world.run()
        assert await world.fates() == ["delivered", "delivered"]
        assert world.erp.documents["SO-1"]["state"] == "cancelled"


async def test_what_the_destination_will_not_cancel_is_a_task_for_a_person(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await delivered_then_deleted(world)

        def refuse(_calls: object) -> None:
            raise WaitForPerson("SO-1 is shipped", code="ChangedAtDestination", path="state")

        world.erp.before = refuse
        await world.run()
        gone = (await world.transactions())[1]
        assert (gone.fate, gone.reason, gone.acts) == (
            "waiting", "ChangedAtDestination", "operations",
        )  # fmt: skip


async def test_observing_cancels_nothing(tmp_path: Path) -> None:
    cancel = {"onSourceDelete": "Cancel"}
    async with World(tmp_path, a_pipeline(destination=cancel)) as world:
        await delivered_then_deleted(world)
        world.pipelines = (a_pipeline(destination=cancel, mode="Observe"),)
        await world.run()
        gone = (await world.transactions())[1]
        assert (gone.fate, gone.reason) == ("waiting", "ObserveMode")
        assert "state" not in world.erp.documents["SO-1"]


@pytest.mark.parametrize("times", [2])
async def test_being_told_twice_cancels_once(tmp_path: Path, times: int) -> None:
    async with a_world(tmp_path) as world:
        await delivered_then_deleted(world)
        for number in range(times):
            await is_told(world, "g1", f"again{number}")
        await world.run()
        assert await world.fates() == ["delivered", "delivered"]
        assert [kind for kind, _ in world.erp.log].count("act") == 1


async def test_what_is_deleted_after_a_change_of_filter_is_told(tmp_path: Path) -> None:
    """Another filter is another feed, which never showed it: the ledger knows it from the first."""
    deletes = {"destination": {"onSourceDelete": "Cancel"}}
    async with World(tmp_path, a_pipeline(source={"start": "Now"}, **deletes)) as world:
        await world.run()
        world.clock.advance(60)
        world.shop.put("g1", **an_order("1001"))
        world.clock.advance(86_400)
        await world.run()
        source = {"start": "Now", "filter": {"status": "any"}}
        world.pipelines = (a_pipeline(source=source, **deletes),)
        world.clock.advance(86_400)
        await world.run()
        world.shop.remove("g1")
        await is_told(world, "g1")
        await world.run()
        assert world.erp.documents["SO-1"]["state"] == "cancelled"
        assert [row.key for row in await world.transactions()] == ["1001", "1001"]

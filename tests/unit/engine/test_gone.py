"""A person wants anew what the destination may have no more: it is looked for, and made once."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.support.toy import World, a_pipeline, an_order

from knect.engine.telling.audit import audit_both_ends
from knect.engine.working.requests import Request, perform
from knect.ledger.again import tell_again
from knect.ledger.instants import to_us
from knect.ledger.questions.queries import equations
from knect.ledger.timeline import decode
from knect.model import Edit
from knect.sdk.contract import Call, Delivery, Effect
from knect.sdk.errors import CredentialsRejected, Unreachable, WaitForPerson
from knect.seams import new_id


async def _wish(world: World, verb: str = "replay", **more: Any) -> None:
    wish = Request(verb=verb, actor="ana", reason="x", keys=("1001",), **more)
    now = to_us(world.clock.now())
    done = await world.ledger.write(lambda c: perform(c, wish, now_us=now, new_id=new_id))
    assert done["count"] == 1


async def _delivered(world: World) -> None:
    world.shop.put("g1", **an_order())
    await _later(world)
    assert await world.fates() == ["delivered"]
    world.erp.log.clear()


async def _later(world: World, seconds: float = 60) -> Any:
    world.clock.advance(seconds)
    await world.run()
    return (await world.transactions())[-1]


def _told(row: Any, what: str = "resolved") -> str:
    return next(event.note for event in reversed(decode(row.timeline)) if event.what == what)


async def _balanced(world: World) -> bool:
    return all(one.balanced for one in await world.ledger.read(equations))


async def test_what_was_deleted_there_is_made_once_more(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        await _delivered(world)
        world.erp.documents["SO-9"] = world.erp.documents.pop("SO-1") | {"external_id": "others"}
        await _wish(world)
        new = await _later(world)
        assert (new.fate, new.destination_id) == ("delivered", "SO-2")
        assert _told(new) == "erp has SO-1 no more"
        assert [one["number"] for one in world.erp.of("shop:g1")] == ["1001"]
        assert [kind for kind, _ in world.erp.log] == ["resolve", "present", "lookup", "create"]
        await _wish(world)
        assert (await _later(world)).fate == "unchanged"
        assert len(world.erp.of("shop:g1")) == 1
        assert await _balanced(world)


async def test_what_is_still_there_is_left_as_it_is(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        await _delivered(world)
        await _wish(world)
        new = await _later(world)
        assert (new.fate, new.reason, _told(new)) == (
            "unchanged", "SameContent", "erp still has SO-1",
        )  # fmt: skip
        assert world.erp.creates() == []


async def test_where_it_cannot_be_asked_the_story_says_so(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        await _delivered(world)
        world.erp.documents.clear()
        world.erp.cannot_tell = True
        await _wish(world)
        new = await _later(world)
        assert (new.fate, world.erp.creates()) == ("unchanged", [])
        assert _told(new) == "erp cannot be asked whether it still has SO-1"


async def test_what_nobody_asks_for_is_not_looked_for(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        await _delivered(world)
        world.erp.documents.clear()
        world.shop.put("g1", **an_order())
        assert (await _later(world)).fate in ("unchanged", "delivered")
        now = to_us(world.clock.now())
        await world.ledger.write(
            lambda c: tell_again(c, "orders", after=0, until=None, new_id=new_id, now_us=now)
        )
        assert (await _later(world)).fate == "unchanged"
        assert "present" not in [kind for kind, _ in world.erp.log]
        assert world.erp.documents == {}


async def test_an_edit_of_what_is_gone_makes_it_so(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        await _delivered(world)
        world.erp.documents.clear()
        await _wish(world, "edit", edits=(Edit(path="note", value="set"),))
        assert (await _later(world)).fate == "delivered"
        (document,) = world.erp.of("shop:g1")
        assert document["note"] == "set"


async def test_without_an_answer_it_waits_and_nothing_is_believed(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        await _delivered(world)
        world.erp.documents.clear()
        world.erp.look_up_fails = [CredentialsRejected("no")]
        await _wish(world)
        new = await _later(world)
        assert (new.fate, new.reason) == ("waiting", "CredentialsRejected")
        await _wish(world, "retry")
        assert (await _later(world)).fate == "delivered"
        assert len(world.erp.of("shop:g1")) == 1


@pytest.mark.parametrize("arrives", [True, False])
async def test_the_answer_is_lost_and_it_is_there_once(tmp_path: Path, arrives: bool) -> None:
    async with World(tmp_path) as world:
        await _delivered(world)
        world.erp.documents.clear()
        await _wish(world)

        def lost(_calls: Sequence[Call]) -> None:
            world.erp.after = world.erp.before = None
            raise Unreachable("connection reset", could_have_been_seen=True)

        if arrives:
            world.erp.after = lost
        else:
            world.erp.before = lost
        new = await _later(world)
        for _ in range(4):
            new = await _later(world, 600)
        assert new.fate == "delivered"
        assert len(world.erp.of("shop:g1")) == 1
        assert await _balanced(world)


async def test_what_is_left_of_it_is_taken_and_not_made_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Part of a document of several: found by our id, under another one. It came to be in this
    life of the worker, so that without a person's word nothing would be looked for.
    """
    planned: list[Delivery] = []
    async with World(tmp_path, lease=6000) as world:
        plan = world.erp.plan

        def watched(delivery: Delivery) -> Sequence[Effect]:
            planned.append(delivery)
            return plan(delivery)

        monkeypatch.setattr(world.erp, "plan", watched)
        worker = world.worker()
        await worker.start()
        try:
            await worker.run_once()
            world.clock.advance(400)
            world.shop.put("g1", **an_order(created_at=world.clock.now().isoformat()))
            world.clock.advance(60)
            await worker.run_once()
            assert [kind for kind, _ in world.erp.log] == ["resolve", "create"]
            world.erp.documents["SO-7"] = world.erp.documents.pop("SO-1")
            await _wish(world)
            world.clock.advance(60)
            await worker.run_once()
        finally:
            await worker.close()
        *_, new = await world.transactions()
        assert (new.fate, new.destination_id) == ("delivered", "SO-7")
        assert world.erp.creates() == ["shop:g1"]
        assert list(world.erp.documents) == ["SO-7"]
        assert [one.bound for one in planned[:2]] == [None, None]
        assert planned[1].before == ()


async def test_what_waits_because_it_is_gone_is_made_once_more(tmp_path: Path) -> None:
    """The shop changed it, and the change could not be written to what is not there."""

    def no_such(calls: Sequence[Call]) -> None:
        if calls[0].effect.target is not None:
            said = "SO-1 is not there any more; somebody deleted it"
            raise WaitForPerson(said, code="ChangedAtDestination")

    async with World(tmp_path) as world:
        await _delivered(world)
        world.erp.documents.clear()
        world.erp.before = no_such
        world.shop.put("g1", **an_order(note="ring twice"))
        row = await _later(world)
        assert (row.fate, row.reason) == ("waiting", "ChangedAtDestination")
        await _wish(world, "retry")
        assert (await _later(world)).fate == "waiting"
        assert "present" not in [kind for kind, _ in world.erp.log]
        await _wish(world)
        assert (await _later(world)).fate == "delivered"
        assert await world.fates() == ["delivered", "delivered"]
        (document,) = world.erp.of("shop:g1")
        assert document["note"] == "ring twice"


async def test_where_only_updates_are_written_it_is_left_out(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        await _delivered(world)
        world.erp.documents.clear()
        world.pipelines = (a_pipeline(destination={"write": "Update"}),)
        await _wish(world)
        new = await _later(world)
        assert (new.fate, new.reason) == ("skipped", "NotAtDestination")


async def test_in_observe_mode_it_says_that_it_would_be_made(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        await _delivered(world)
        world.erp.documents.clear()
        world.pipelines = (a_pipeline(mode="Observe"),)
        await _wish(world)
        new = await _later(world)
        assert (new.fate, new.reason, world.erp.creates()) == ("waiting", "ObserveMode", [])


async def test_an_audit_says_what_to_type(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        await _delivered(world)
        world.erp.documents.clear()
        worker = world.worker()
        await worker.start()
        try:
            told = await audit_both_ends(
                world.ledger, world.document(), worker.connectors, world.catalog
            )
        finally:
            await worker.close()
        (finding,) = told.findings
        assert finding.sentence == (
            "1001 was delivered to erp as SO-1, but is not there any more; to have it there again: "
            "knect replay 1001"
        )

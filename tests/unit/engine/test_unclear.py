"""A lost answer stays open, whatever is decided about the record afterwards."""

from pathlib import Path
from typing import Any

from tests.support.toy import World, a_pipeline, an_order

from knect.engine.working.requests import Request, perform
from knect.ledger import Connection
from knect.sdk.errors import Unreachable
from knect.seams import new_id


def _drop(_calls: Any) -> None:
    raise Unreachable("connection reset")


async def test_what_may_have_been_written_is_not_skipped_by_a_new_rule(tmp_path: Path) -> None:
    async with World(tmp_path, once="LookupAfterSettle", settle=3600) as world:
        world.shop.put("g1", **an_order())
        world.clock.advance(60)

        world.erp.after = _drop
        worker = world.worker(name="one")
        await worker.start()
        await worker.feeds[0].poll()
        await worker.pipelines[0].work()
        await worker.close()
        world.erp.after = None
        assert len(world.erp.documents) == 1

        rule = {"when": "true", "then": "Skip", "reason": "not ours"}
        world.pipelines = (a_pipeline(mapping={"admit": [rule]}),)
        world.clock.advance(4000)
        await world.run()
        (row,) = await world.transactions()
        assert (row.fate, row.acts, row.next_us) == ("unknown", "operations", None)
        assert "may have written it" in row.message


async def test_what_was_never_written_is_skipped(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        world.shop.put("g1", **an_order())
        world.clock.advance(60)
        rule = {"when": "true", "then": "Skip", "reason": "not ours"}
        world.pipelines = (a_pipeline(mapping={"admit": [rule]}),)
        await world.run()
        assert await world.fates() == ["skipped"]


async def test_what_a_person_skips_is_looked_for_before_its_next_version_is_made(
    tmp_path: Path,
) -> None:
    """The person saw it in the ERP; the customer edits the order afterwards."""
    async with World(tmp_path, once="LookupAfterSettle", settle=5) as world:
        world.erp.unique = False
        lose = [_drop]

        def once(calls: Any) -> None:
            if lose:
                lose.pop()(calls)

        def order() -> None:
            world.erp.after = once
            world.shop.put("g1", **an_order())

        def skip(connection: Connection) -> int:
            wish = Request(verb="skip", actor="ana", reason="it is right there", keys=("1001",))
            now_us = int(world.clock.now().timestamp() * 1e6)
            return int(perform(connection, wish, now_us=now_us, new_id=new_id)["count"])

        worker = world.worker(name="one")
        await worker.start()
        world.clock.advance(400)  # what comes to be from now on is news to it
        order()
        world.clock.advance(5)
        await worker.feeds[0].poll()
        await worker.pipelines[0].work()
        assert await world.ledger.write(skip) == 1
        world.clock.advance(10)
        world.shop.put("g1", **an_order(note="ring twice"))
        world.clock.advance(5)
        await worker.run_once()
        await worker.close()
        assert [one["note"] for one in world.erp.documents.values()] == ["ring twice"]
        assert await world.fates() == ["skipped", "delivered"]

"""A lost answer stays open, whatever is decided about the record afterwards."""

from pathlib import Path
from typing import Any

from tests.support.toy import World, a_pipeline, an_order

from knect.sdk.errors import Unreachable


async def test_what_may_have_been_written_is_not_skipped_by_a_new_rule(tmp_path: Path) -> None:
    async with World(tmp_path, once="LookupAfterSettle", settle=3600) as world:
        world.shop.put("g1", **an_order())
        world.clock.advance(60)

        def drop(_calls: Any) -> None:
            raise Unreachable("connection reset")

        world.erp.after = drop
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

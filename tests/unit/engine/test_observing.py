"""`mode: Observe` with `match`: what an older integration lost is named, and nothing is written."""

from pathlib import Path
from typing import Any

from tests.support.toy import World, a_pipeline, an_order

from knect.sdk.errors import Unreachable

BY_NUMBER = {"match": ["number"]}


def observing(tmp_path: Path, **more: Any) -> World:
    return World(tmp_path, a_pipeline(mode="Observe", destination=BY_NUMBER, **more))


async def test_what_is_there_and_what_is_lost_are_told_apart(tmp_path: Path) -> None:
    async with observing(tmp_path) as world:
        world.erp.documents["OLD-7"] = {"number": "1001", "total": 1}
        for number in ("1001", "1002"):
            world.shop.put(f"g{number}", **an_order(number))
        world.clock.advance(60)
        await world.run()
        rows = {row.key: row for row in await world.transactions()}
        assert (rows["1001"].fate, rows["1001"].reason) == ("waiting", "ObserveMode")
        assert "erp has it already, as OLD-7" in rows["1001"].message
        assert (rows["1002"].fate, rows["1002"].reason) == ("waiting", "MissingAtDestination")
        assert rows["1002"].message.startswith("erp has nothing with number '1002'")
        assert (rows["1002"].field, rows["1002"].value) == ("number", "1002")
        assert not {"create", "update", "ensure"} & {kind for kind, _ in world.erp.log}


async def test_what_was_late_only_is_found_when_it_is_looked_for_again(tmp_path: Path) -> None:
    async with observing(tmp_path) as world:
        world.shop.put("g1", **an_order("1001"))
        world.clock.advance(60)
        await world.run()
        assert [row.reason for row in await world.transactions()] == ["MissingAtDestination"]
        world.erp.documents["OLD-7"] = {"number": "1001", "total": 1}
        world.clock.advance(3600)
        await world.run()
        assert [row.reason for row in await world.transactions()] == ["ObserveMode"]


async def test_going_live_creates_what_was_lost_and_adopts_the_rest(tmp_path: Path) -> None:
    async with observing(tmp_path) as world:
        world.erp.documents["OLD-7"] = {"number": "1001", "total": 1}
        for number in ("1001", "1002"):
            world.shop.put(f"g{number}", **an_order(number))
        world.clock.advance(60)
        await world.run()
        world.pipelines = (a_pipeline(mode="Live", destination=BY_NUMBER),)
        await world.run()
        assert await world.fates() == ["delivered", "delivered"]
        assert world.erp.creates() == ["shop:g1002"]


async def test_several_are_a_persons_decision_also_while_observing(tmp_path: Path) -> None:
    async with observing(tmp_path) as world:
        for name in ("OLD-7", "OLD-8"):
            world.erp.documents[name] = {"number": "1001", "total": 1}
        world.shop.put("g1", **an_order("1001"))
        world.clock.advance(60)
        await world.run()
        (row,) = await world.transactions()
        assert (row.fate, row.reason) == ("waiting", "AmbiguousMatch")


async def test_what_knect_made_itself_is_not_called_lost(tmp_path: Path) -> None:
    async with observing(tmp_path) as world:
        made = {"number": "1001", "total": 20, "external_id": "shop:g1"}
        world.erp.documents["SO-1"] = made
        world.shop.put("g1", **an_order("1001"))
        world.clock.advance(60)
        await world.run()
        (row,) = await world.transactions()
        assert row.reason == "ObserveMode"
        assert "SO-1" in row.message


async def test_an_erp_that_cannot_be_asked_loses_nothing(tmp_path: Path) -> None:
    async with observing(tmp_path) as world:
        world.erp.documents["OLD-7"] = {"number": "1001", "total": 1}
        world.shop.put("g1", **an_order("1001"))
        world.erp.look_up_fails = [Unreachable("away", could_have_been_seen=False)]
        world.shop.put("g2", **an_order("1002"))
        world.clock.advance(60)
        await world.run()
        world.clock.advance(3600)
        await world.run()
        reasons = sorted(row.reason for row in await world.transactions())
        assert reasons == ["MissingAtDestination", "ObserveMode"]

"""`destination.match`: what an older integration made is adopted, never doubled or guessed at."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from tests.support.toy import World, a_pipeline, an_order

from knect.engine.delivering.adoption import values_to_match
from knect.ledger import schema as s
from knect.model import PartyRef
from knect.sdk.errors import Unreachable

BY_NUMBER = {"match": ["number"]}


def old_document(number: str, **fields: Any) -> dict[str, Any]:
    return {"number": number, "total": 1, "note": "typed in by hand", **fields}


def a_world(tmp_path: Path, **options: Any) -> World:
    return World(tmp_path, a_pipeline(destination=options.pop("destination", BY_NUMBER)), **options)


async def effects(world: World) -> list[Any]:
    return await world.ledger.read(lambda c: list(c.execute(select(s.effects))))


async def bound(world: World) -> list[tuple[str, str]]:
    b = s.bindings.c
    return [
        tuple(row)
        for row in await world.ledger.read(
            lambda c: list(c.execute(select(b.external_id, b.destination_id)))
        )
    ]


async def test_what_is_there_already_is_adopted_and_brought_up_to_date(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        world.erp.documents["OLD-7"] = old_document("1001")
        world.shop.put("g1", **an_order("1001"))
        world.clock.advance(60)
        await world.run()
        assert await world.fates() == ["delivered"]
        assert list(world.erp.documents) == ["OLD-7"]
        assert world.erp.documents["OLD-7"]["total"] == pytest.approx(20)
        assert world.erp.documents["OLD-7"]["external_id"] == "shop:g1"
        assert world.erp.creates() == []
        assert [(row.state, row.adopted, row.destination_id) for row in await effects(world)] == [
            ("done", True, "OLD-7")
        ]
        assert await bound(world) == [("shop:g1", "OLD-7")]


async def test_what_was_adopted_is_updated_ever_after(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        world.erp.documents["OLD-7"] = old_document("1001")
        world.shop.put("g1", **an_order("1001"))
        world.clock.advance(60)
        await world.run()
        world.shop.put("g1", note="leave at the door")
        world.clock.advance(60)
        await world.run()
        assert await world.fates() == ["delivered", "delivered"]
        assert world.erp.documents["OLD-7"]["note"] == "leave at the door"
        assert [kind for kind, _ in world.erp.log].count("match") == 1


async def test_without_match_nothing_is_looked_for(tmp_path: Path) -> None:
    async with a_world(tmp_path, destination={}) as world:
        world.erp.documents["OLD-7"] = old_document("1001")
        await world.run_with_news(lambda: world.shop.put("g1", **an_order("1001")))
        assert world.erp.creates() == ["shop:g1"]
        assert not {"lookup", "match"} & {kind for kind, _ in world.erp.log}


async def test_where_nothing_matches_it_is_created(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        world.erp.documents["OLD-7"] = old_document("999")
        world.shop.put("g1", **an_order("1001"))
        world.clock.advance(60)
        await world.run()
        assert world.erp.creates() == ["shop:g1"]
        assert [row.adopted for row in await effects(world)] == [False]


async def test_several_are_named_and_a_person_decides(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        world.erp.documents["OLD-7"] = old_document("1001")
        world.erp.documents["OLD-8"] = old_document("1001")
        world.shop.put("g1", **an_order("1001"))
        world.clock.advance(60)
        await world.run()
        (row,) = await world.transactions()
        assert (row.fate, row.reason, row.field, row.value) == (
            "waiting", "AmbiguousMatch", "number", "1001",
        )  # fmt: skip
        assert "2 documents with number '1001': OLD-7, OLD-8" in row.message
        assert (row.acts, row.next_us) == ("operations", None)
        assert world.erp.creates() == []
        assert all("external_id" not in one for one in world.erp.documents.values())


async def test_what_another_shop_made_is_not_taken(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        world.erp.documents["OLD-7"] = old_document("1001", external_id="other-shop:5")
        world.shop.put("g1", **an_order("1001"))
        world.clock.advance(60)
        await world.run()
        assert world.erp.documents["OLD-7"]["external_id"] == "other-shop:5"
        assert world.erp.creates() == ["shop:g1"]


@pytest.mark.parametrize("carries_ids", [True, False])
async def test_two_orders_of_one_number_never_adopt_one_document(
    tmp_path: Path, carries_ids: bool
) -> None:
    async with a_world(tmp_path, batch=16) as world:
        world.erp.carries_ids = carries_ids
        world.erp.documents["OLD-7"] = old_document("1001")
        world.shop.put("g1", **an_order("1001"))
        world.shop.put("g2", **an_order("1001"))
        world.clock.advance(60)
        await world.run()
        assert await world.fates() == ["delivered", "delivered"]
        names = dict(await bound(world))
        assert sorted(names) == ["shop:g1", "shop:g2"]
        assert set(names.values()) == set(world.erp.documents)
        assert len(world.erp.creates()) == 1


async def test_a_batch_of_new_and_known_ones_is_sorted_out(tmp_path: Path) -> None:
    async with a_world(tmp_path, batch=16) as world:
        world.erp.documents["OLD-7"] = old_document("1003")
        for i in range(6):
            world.shop.put(f"g{i}", **an_order(str(1000 + i)))
        world.clock.advance(60)
        await world.run()
        assert await world.fates() == ["delivered"] * 6
        assert len(world.erp.documents) == 6
        assert len(world.erp.of("shop:g3")) == 1
        assert world.erp.documents["OLD-7"]["external_id"] == "shop:g3"


async def test_an_answer_lost_after_the_adoption_makes_nothing_new(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        world.erp.documents["OLD-7"] = old_document("1001")
        world.shop.put("g1", **an_order("1001"))
        world.clock.advance(60)
        lost = [Unreachable("connection reset")]

        def drop(_calls: object) -> None:
            if lost:
                raise lost.pop()

        world.erp.after = drop
        await world.run()
        assert await world.fates() == ["delivered"]
        assert list(world.erp.documents) == ["OLD-7"]
        assert await bound(world) == [("shop:g1", "OLD-7")]


async def test_an_adoption_that_never_arrived_is_tried_again(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        world.erp.documents["OLD-7"] = old_document("1001")
        world.shop.put("g1", **an_order("1001"))
        world.clock.advance(60)
        lost = [Unreachable("connection reset")]

        def drop(_calls: object) -> None:
            if lost:
                raise lost.pop()

        world.erp.before = drop
        await world.run()
        assert await world.fates() == ["delivered"]
        assert list(world.erp.documents) == ["OLD-7"]
        assert world.erp.documents["OLD-7"]["total"] == pytest.approx(20)


async def test_a_lost_ledger_finds_its_own_documents_and_brings_them_up_to_date(
    tmp_path: Path,
) -> None:
    async with a_world(tmp_path) as world:
        world.erp.documents["SO-1"] = old_document("1001", external_id="shop:g1")
        world.shop.put("g1", **an_order("1001"))
        world.clock.advance(60)
        await world.run()
        assert await world.fates() == ["delivered"]
        assert world.erp.documents["SO-1"]["total"] == pytest.approx(20)
        assert world.erp.creates() == []


def test_fewer_values_than_declared_match_nothing() -> None:
    record = PartyRef(email="ana@example.com")
    assert values_to_match(record, ["email"]) == {"email": "ana@example.com"}  # type: ignore[arg-type]
    assert values_to_match(record, ["email", "phone"]) == {}  # type: ignore[arg-type]
    assert values_to_match(record, []) == {}  # type: ignore[arg-type]
    assert values_to_match(record, ["email.host"]) == {}  # type: ignore[arg-type]

"""What is replayed as then: by the mapping that made the old document, whatever it is now."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update
from tests.support.toy import World, a_pipeline, an_order

from knect.engine.working.requests import Request, perform
from knect.gateway import Refusal, questions, wishes
from knect.gateway.answers import Wish
from knect.ledger import schema as s
from knect.ledger.instants import to_us
from knect.ledger.questions.activity import activity
from knect.ledger.questions.queries import equations
from knect.ledger.timeline import decode
from knect.model import Edit
from knect.sdk.contract import Delivery
from knect.seams import new_id


def _mapped(note: str, **spec: Any) -> dict[str, Any]:
    return a_pipeline(mapping={"set": {"note": f"'{note}'"}}, **spec)


async def _replay(world: World, key: str = "1001", *, as_then: bool = True) -> dict[str, Any]:
    wish = Request(verb="replay", actor="ana", keys=(key,), as_then=as_then)
    now = to_us(world.clock.now())
    return await world.ledger.write(lambda c: perform(c, wish, now_us=now, new_id=new_id))


async def _run_with(world: World, pipeline: dict[str, Any]) -> list[Any]:
    world.pipelines = (pipeline,)
    world.clock.advance(60)
    await world.run()
    return await world.transactions()


async def _seen(world: World, **fields: Any) -> None:
    world.shop.put("g1", **an_order(**fields))
    world.clock.advance(60)
    await world.run()


def _only(world: World) -> dict[str, Any]:
    (document,) = world.erp.documents.values()
    return document


async def test_it_is_mapped_by_what_the_mapping_was_and_the_next_one_is_not(
    tmp_path: Path,
) -> None:
    async with World(tmp_path, _mapped("then")) as world:
        await _seen(world)
        await _run_with(world, _mapped("now"))
        world.erp.documents.clear()
        done = await _replay(world)
        assert done["count"] == 1
        old, new = await _run_with(world, _mapped("now"))
        assert (new.fate, new.replay_of, done["ids"]) == ("delivered", old.id, [new.id])
        assert new.mapping == old.mapping
        assert _only(world)["note"] == "then"
        assert decode(new.timeline)[0].note == "replay by ana, as then"
        await _replay(world, as_then=False)
        *_, last = await _run_with(world, _mapped("now"))
        assert (last.fate, _only(world)["note"]) == ("delivered", "now")
        assert last.mapping != old.mapping
        assert all(one.balanced for one in await world.ledger.read(equations))
        told = [one.selector for one in await world.ledger.read(activity)]
        assert told == ["1001", "1001 as then"]


async def test_what_goes_as_then_and_what_goes_as_now_are_not_mixed(tmp_path: Path) -> None:
    async with World(tmp_path, _mapped("then"), batch=10) as world:
        for n in range(3):
            world.shop.put(f"g{n}", **an_order(number=f"100{n}"))
        world.clock.advance(60)
        await world.run()
        await _run_with(world, _mapped("later"))
        world.shop.put("g9", **an_order(number="1009"))
        await _run_with(world, _mapped("later"))
        await _replay(world, "1000")
        await _replay(world, "1001", as_then=False)
        await _replay(world, "1009")
        await _run_with(world, _mapped("now"))
        notes = {one["number"]: one["note"] for one in world.erp.documents.values()}
        assert notes == {"1000": "then", "1001": "now", "1002": "then", "1009": "later"}


async def test_value_tables_and_settings_are_of_then_and_masks_of_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pipeline(meaning: str, *mask: str) -> dict[str, Any]:
        table = {"name": "via", "configMapRef": {"name": "via"}}
        mapping = {"valueMaps": [table], "set": {"via": "lookup('via', 'visa')"}}
        declared = a_pipeline(
            mapping=mapping,
            privacy={"mask": list(mask)},
            destination={"settings": {"via": meaning}},
        )
        return {**declared, "valueMaps": {"via": {"visa": meaning}}}

    planned: list[Delivery] = []
    async with World(tmp_path, pipeline("card")) as world:
        plan = world.erp.plan
        monkeypatch.setattr(world.erp, "plan", lambda one: planned.append(one) or plan(one))
        await _seen(world)
        hidden = pipeline("CARD", "customer.email")
        await _run_with(world, hidden)
        world.erp.documents.clear()
        await _replay(world)
        _, new = await _run_with(world, hidden)
        assert _only(world)["via"] == "card"
        assert planned[-1].settings["via"] == "card"
        shown = await questions.show(world.ledger, new.id, payload=True)
        assert shown.payloads
        assert all("ana@example.com" not in text for text in shown.payloads.values())


async def test_where_nothing_is_written_nothing_is_as_then_either(tmp_path: Path) -> None:
    async with World(tmp_path, _mapped("then")) as world:
        await _seen(world)
        observed = _mapped("now", mode="Observe")
        await _run_with(world, observed)
        world.erp.documents.clear()
        writes = world.erp.creates()
        await _replay(world)
        _, new = await _run_with(world, observed)
        assert (new.fate, new.reason) == ("waiting", "ObserveMode")
        assert world.erp.creates() == writes


async def test_a_mapping_that_is_none_any_more_is_said_and_stops_that_one_alone(
    tmp_path: Path,
) -> None:
    async with World(tmp_path, _mapped("then"), batch=10) as world:
        await _seen(world)
        world.shop.put("g2", **an_order(number="1002"))
        await _run_with(world, _mapped("now"))
        body = (
            '{"mapping": {"set": {"note": "order.("}}, "settings": {"settings": {}}, "tables": {}}'
        )
        first = update(s.mappings).where(s.mappings.c.revision == 1)
        await world.ledger.write(lambda c: c.execute(first.values(body=body)))
        await _replay(world)
        await _replay(world, "1002")
        *_, broken, fine = await _run_with(world, _mapped("now"))
        assert (broken.fate, broken.reason, broken.acts) == ("rejected", "MappingError", "engineer")
        assert broken.message.startswith("the mapping of then (revision 1) cannot be used any more")
        assert (fine.fate, fine.reason) == ("unchanged", "SameContent")


async def test_what_has_not_ended_or_was_never_mapped_does_not_go_as_then(tmp_path: Path) -> None:
    async with World(tmp_path, _mapped("then")) as world:
        await _seen(world, lines=[{"sku": "KN-99", "quantity": "2", "price": "10.00"}])
        assert await world.fates() == ["waiting"]
        assert (await _replay(world))["count"] == 0
        assert (await _replay(world, as_then=False))["count"] == 1
        world.erp.products.add("KN-99")
        world.clock.advance(3600)
        await world.run()
        assert await world.fates() == ["delivered"]
        never = update(s.transactions).values(mapping=None)  # as our own write coming back has
        await world.ledger.write(lambda c: c.execute(never))
        assert (await _replay(world))["count"] == 0


async def test_only_replay_goes_as_then_and_who_finds_nothing_is_told_why(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="only replay goes as then; retry goes as now"):
        wishes.check("retry", Wish(words=("1",), as_then=True))
    async with World(tmp_path) as world:

        async def carry(request: Request) -> dict[str, Any]:
            return await world.ledger.write(
                lambda c: perform(c, request, now_us=to_us(world.clock.now()), new_id=new_id)
            )

        with pytest.raises(Refusal, match=r"nothing to replay there \(as then goes what has ended"):
            await wishes.act(
                world.ledger, "replay", Wish(words=("1",), as_then=True), actor="ana", carry=carry
            )


async def test_what_waits_for_something_as_then_is_tried_again_as_then(tmp_path: Path) -> None:
    async with World(tmp_path, _mapped("then")) as world:
        await _seen(world)
        await _run_with(world, _mapped("now"))
        world.erp.documents.clear()
        await _replay(world)
        world.erp.products.remove("KN-1")
        *_, new = await _run_with(world, _mapped("now"))
        assert new.fate == "waiting"
        world.erp.products.add("KN-1")
        world.clock.advance(3600)
        *_, new = await _run_with(world, _mapped("now"))
        assert (new.fate, _only(world)["note"]) == ("delivered", "then")


async def test_what_was_set_by_hand_stays_set_and_is_masked_as_now(tmp_path: Path) -> None:
    async with World(tmp_path, _mapped("then")) as world:
        await _seen(world)
        wish = Request(
            verb="edit", actor="ana", reason="x", keys=("1001",),
            edits=(
                Edit(path="customer.email", value="set@example.com"),
                Edit(path="raw.private", value="private words"),
            ),
        )  # fmt: skip
        now = to_us(world.clock.now())
        await world.ledger.write(lambda c: perform(c, wish, now_us=now, new_id=new_id))
        hidden = _mapped("now", privacy={"mask": ["customer.email"]})
        await _run_with(world, _mapped("then"))
        await _run_with(world, hidden)
        world.erp.documents.clear()
        await _replay(world)
        *_, new = await _run_with(world, hidden)
        assert (new.fate, _only(world)["note"]) == ("delivered", "then")
        shown = await questions.show(world.ledger, new.id, payload=True)
        assert "customer.email" in shown.payloads["edits"]
        for private in ("set@example.com", "private words"):
            assert all(private not in text for text in shown.payloads.values())

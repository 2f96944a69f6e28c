"""A record that a person set something in: delivered so, once, and only as far as it was meant."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update
from tests.support.toy import World, a_pipeline, an_order

from knect.engine.deciding.masking import HIDDEN
from knect.engine.telling.story import story_of
from knect.engine.working.requests import Request, perform
from knect.gateway import questions
from knect.ledger import schema as s
from knect.ledger.instants import to_us
from knect.ledger.payload import payloads_of
from knect.ledger.questions.activity import activity
from knect.ledger.questions.queries import equations
from knect.ledger.questions.stories import rows_to_tell
from knect.ledger.retention import RetentionPolicy, retire_slice
from knect.ledger.timeline import decode
from knect.model import Edit, decode_json
from knect.sdk.errors import Unreachable
from knect.seams import new_id

CANARY = "canary@example.com"
MASKED = a_pipeline(
    privacy={"mask": ["customer.email"]}, mapping={"set": {"mail": "order.customer.email"}}
)
GAVE_TWO = {"lines": [{"sku": "KN-99", "quantity": "2", "price": "10.00"}]}


def _drop(_calls: Any) -> None:
    raise Unreachable("connection reset")


async def _edit(
    world: World, *pairs: tuple[str, str | None], key: str = "1001", **more: Any
) -> Any:
    wish = Request(
        verb="edit", actor="ana", reason="the shop cannot", keys=(key,),
        edits=tuple(Edit(path=path, value=value) for path, value in pairs), **more,
    )  # fmt: skip
    now = to_us(world.clock.now())
    return await world.ledger.write(lambda c: perform(c, wish, now_us=now, new_id=new_id))


async def _seen(world: World, **fields: Any) -> None:
    world.shop.put("g1", **an_order(**fields))
    world.clock.advance(60)
    await world.run()


async def _balanced(world: World) -> bool:
    return all(one.balanced for one in await world.ledger.read(equations))


async def _held(world: World) -> list[Any]:
    """Return the goods that nobody may sell a second time."""
    held = select(s.commitments).where(s.commitments.c.released_us.is_(None))
    rows: list[Any] = await world.ledger.read(lambda c: list(c.execute(held)))
    return rows


def _only(world: World) -> dict[str, Any]:
    (document,) = world.erp.documents.values()
    return document


async def test_what_waits_goes_on_with_what_was_set(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        await _seen(world, **GAVE_TWO)
        assert await world.fates() == ["waiting"]
        assert (await _edit(world, ("lines[0].sku", "KN-1")))["count"] == 1
        await world.run()
        (row,) = await world.transactions()
        assert (row.fate, row.reason) == ("delivered", None)
        assert _only(world)["lines"][0]["sku"] == "KN-1"
        told = {event.what: event.note for event in decode(row.timeline)}
        assert told["edit"] == "by ana: lines[0].sku"
        (done,) = await world.ledger.read(activity)
        assert (done.verb, done.selector) == ("edit", "1001 set lines[0].sku")
        assert await _balanced(world)


async def test_what_was_rejected_is_delivered_as_a_new_transaction(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        await _seen(world, total="21.00")
        assert await world.fates() == ["rejected"]
        done = await _edit(world, ("totals.total", "20.00"))
        await world.run()
        old, new = await world.transactions()
        assert (old.fate, new.fate) == ("rejected", "delivered")
        assert (new.id, new.replay_of) == (done["ids"][0], old.id)
        assert decode(new.timeline)[0].note == "edit by ana: totals.total"
        (told,) = await world.ledger.read(lambda c: rows_to_tell(c, [new.seq]))
        (link,) = story_of(told).links
        assert (link.relation, link.trace_id) == ("edit-of", old.id)
        assert world.erp.creates() == ["shop:g1"]
        assert await _balanced(world)


async def test_a_payload_that_is_no_record_is_set_as_the_source_calls_it(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        await _seen(world, total="twenty")
        (row,) = await world.transactions()
        assert row.reason == "BadRecord"
        await _edit(world, ("raw.total", "20.00"))
        await world.run()
        assert await world.fates() == ["rejected", "delivered"]
        shown = await questions.show(world.ledger, (await world.transactions())[1].id, payload=True)
        assert decode_json(shown.payloads["source"])["total"] == "twenty", "as it was sent"
        assert decode_json(shown.payloads["edits"]) == [{"path": "raw.total", "value": "20.00"}]


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("lines[4].sku", "KN-1", "there is no [4]: it has 1, counted from 0"),
        ("totals.total", "much", "totals.total holds a number"),
        ("raw.number", "1002", "with this it would be another record"),
        ("raw.id", "g2", "with this it would be another record"),
    ],
)
async def test_what_does_not_fit_is_rejected_and_can_be_set_again(
    tmp_path: Path, path: str, value: str, says: str
) -> None:
    async with World(tmp_path) as world:
        await _seen(world, total="21.00")
        await _edit(world, (path, value))
        await world.run()
        row = (await world.transactions())[-1]
        assert (row.fate, row.reason, row.field) == ("rejected", "EditDoesNotFit", path)
        assert says in row.message
        assert world.erp.documents == {}
        await _edit(world, ("totals.total", "20.00"), as_read=True)
        await world.run()
        assert (await world.fates())[-1] == "delivered"
        assert await _balanced(world)


async def test_a_value_with_which_it_is_not_sound_is_not_sent(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        await _seen(world, total="21.00")
        await _edit(world, ("totals.total", "22.00"))
        await world.run()
        row = (await world.transactions())[-1]
        assert (row.fate, row.reason) == ("rejected", "TotalsMismatch")
        assert world.erp.documents == {}


async def test_the_next_version_is_taken_as_it_is_read(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        await _seen(world, note="in the shop")
        await _edit(world, ("note", "by hand"))
        await world.run()
        assert _only(world)["note"] == "by hand"
        world.clock.advance(60)
        await world.run()
        assert _only(world)["note"] == "by hand", "nothing new was said of it"
        await _seen(world, note="in the shop again")
        assert _only(world)["note"] == "in the shop again"
        assert await _balanced(world)


async def test_what_is_delivered_once_more_keeps_what_was_set(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        await _seen(world, note="in the shop")
        await _edit(world, ("note", "by hand"))
        await world.run()
        again = Request(verb="replay", actor="ana", keys=("1001",))
        now = to_us(world.clock.now())
        await world.ledger.write(lambda c: perform(c, again, now_us=now, new_id=new_id))
        await world.run()
        assert _only(world)["note"] == "by hand"
        assert world.erp.creates() == ["shop:g1"]
        await _edit(world, as_read=True)
        await world.run()
        assert _only(world)["note"] == "in the shop"


async def test_only_what_was_set_is_taken_back(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        await _seen(world, note="in the shop")
        assert (await _edit(world, as_read=True))["count"] == 0
        assert await world.fates() == ["delivered"]


async def test_what_was_let_pass_as_it_was_is_judged_as_it_is_set(tmp_path: Path) -> None:
    rule = {"when": "order.note == 'dear'", "then": "Wait", "reason": "somebody has to look"}
    async with World(tmp_path, a_pipeline(mapping={"admit": [rule]})) as world:
        await _seen(world, note="dear", **GAVE_TWO)
        let = Request(verb="approve", actor="bo", reason="it is right", keys=("1001",))
        now = to_us(world.clock.now())
        await world.ledger.write(lambda c: perform(c, let, now_us=now, new_id=new_id))
        await world.run()
        (row,) = await world.transactions()
        assert (row.reason, row.approved) == ("UnknownSku", "bo")
        await _edit(world, ("lines[0].sku", "KN-1"), ("lines[0].quantity", "2"))
        await world.run()
        (row,) = await world.transactions()
        assert (row.fate, row.reason, row.approved) == ("waiting", "AdmitWait", None)
        assert world.erp.documents == {}


async def test_one_edit_comes_after_the_other(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        await _seen(world, **GAVE_TWO, total="21.00")
        await _edit(world, ("totals.total", "20.00"), ("note", "one"))
        await world.run()
        assert (await world.fates())[-1] == "waiting"
        await _edit(world, ("lines[0].sku", "KN-1"), ("note", "two"))
        await world.run()
        assert (await world.fates())[-1] == "delivered"
        document = _only(world)
        assert (document["lines"][0]["sku"], document["note"]) == ("KN-1", "two")


async def test_what_may_be_there_already_is_found_before_it_is_written_as_set(
    tmp_path: Path,
) -> None:
    """Its answer was lost; the ERP would take a second document of the same id."""
    async with World(tmp_path, once="LookupAfterSettle", settle=30) as world:
        world.erp.unique = False
        world.erp.after = _drop
        world.shop.put("g1", **an_order(note="in the shop"))
        world.clock.advance(60)
        worker = world.worker(name="one")
        await worker.start()
        await worker.feeds[0].poll()
        await worker.pipelines[0].work()
        await worker.close()
        world.erp.after = None
        assert await world.fates() == ["unknown"]
        await _edit(world, ("note", "by hand"))
        await world.run()
        assert world.erp.creates() == ["shop:g1"]
        assert _only(world)["note"] == "by hand"
        assert (await world.fates())[-1] == "delivered"
        assert await _balanced(world)


async def test_what_is_half_written_ends_and_goes_on_as_a_new_one(tmp_path: Path) -> None:
    """Its customer is there by the e-mail it had; the order could not be written."""
    async with World(tmp_path) as world:
        world.erp.with_party = True

        def refuse(calls: Any) -> None:
            if calls[0].effect.name == "document":
                raise Unreachable("connection reset")

        world.erp.before = refuse
        await _seen(world)
        assert await world.fates() == ["waiting"]
        world.erp.before = None
        held = await _held(world)
        assert [(one.sku, one.quantity) for one in held] == [("kn-1", "2")]
        assert (await _edit(world, ("customer.email", "bo@example.com")))["count"] == 1
        (still,) = await _held(world)
        assert (still.sku, still.quantity) == ("kn-1", "2")
        assert still.transaction != held[0].transaction
        await world.run()
        old, new = await world.transactions()
        assert (old.fate, old.reason) == ("skipped", "SkippedByPerson")
        assert old.message == "edited by ana: customer.email"
        assert (new.fate, new.replay_of) == ("delivered", old.id)
        assert sorted(world.erp.parties) == ["ana@example.com", "bo@example.com"]
        assert len(world.erp.documents) == 1
        assert await _balanced(world)


async def test_what_was_set_is_kept_as_long_as_it_is_needed(tmp_path: Path) -> None:
    """Longer than a payload of what was delivered: it waits for somebody to set the rest."""
    policy = RetentionPolicy(payloads_us=1)
    async with World(tmp_path) as world:
        await _seen(world, **GAVE_TWO)
        await _edit(world, ("note", "by hand"))
        await world.run()
        assert await world.fates() == ["waiting"]
        for _ in range(2):
            world.clock.advance(3600)
            now = to_us(world.clock.now())
            await world.ledger.write(lambda c, us=now: retire_slice(c, policy, us))  # type: ignore[misc]
        await _edit(world, ("lines[0].sku", "KN-1"))
        await world.run()
        assert (_only(world)["note"], await world.fates()) == ("by hand", ["delivered"])
        world.clock.advance(3600)
        now = to_us(world.clock.now())
        await world.ledger.write(lambda c: retire_slice(c, policy, now))
        (row,) = await world.transactions()
        assert await world.ledger.read(lambda c: payloads_of(c, [row.edits])) == {}


async def test_a_figure_is_not_edited(tmp_path: Path) -> None:
    async with World(tmp_path, a_pipeline("stock", entity="inventory")) as world:
        world.shop.put("KN-1", entity="inventory", stock=7)
        world.clock.advance(60)
        await world.run()
        assert await _edit(world, ("on_hand", "9"), key="KN-1") == {"count": 0, "last": 0}
        assert len(await world.transactions()) == 1


async def test_a_deletion_is_not_edited(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        await _seen(world)
        await world.ledger.write(lambda c: c.execute(update(s.versions).values(deleted=True)))
        assert (await _edit(world, ("note", "by hand")))["count"] == 0


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    "pair",
    [("customer.email", "other-canary@example.com"), ("raw.email", "other-canary@example.com")],
)
async def test_neither_what_was_there_nor_what_was_set_is_shown_if_it_is_masked(
    tmp_path: Path, pair: tuple[str, str], when: str
) -> None:
    async with World(tmp_path, MASKED) as world:
        await _seen(world, email=CANARY, **GAVE_TWO)
        await _edit(world, pair, ("lines[0].sku", "KN-1"))
        if when == "after":
            await world.run()
            assert _only(world)["mail"] == "other-canary@example.com"
        row = (await world.transactions())[-1]
        shown = await questions.show(world.ledger, row.id, payload=True)
        assert "canary@" not in f"{shown}"
        assert decode_json(shown.payloads["edits"])[0] == {"path": pair[0], "value": HIDDEN}
        assert decode_json(shown.payloads["edits"])[1]["value"] == "KN-1"
        assert "canary@" not in f"{await world.ledger.read(activity)}"

"""Each record makes at most one document, whatever the answer was."""

from pathlib import Path

import pytest
from tests.support.toy import World, a_pipeline, an_order

from knect.sdk.errors import Refused, Throttled, UnexpectedAnswer, Unreachable


async def test_an_order_is_delivered_and_a_second_read_writes_nothing(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        world.shop.put("g1", **an_order("1001"))
        world.clock.advance(60)
        await world.run()
        assert await world.fates() == ["delivered"]
        assert world.erp.documents["SO-1"]["total"] == pytest.approx(20)
        sent = len(world.erp.log)
        world.clock.advance(60)
        await world.run()
        assert len(world.erp.log) == sent
        assert await world.fates() == ["delivered"]


async def test_an_answer_lost_after_the_commit_makes_no_second_document(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        world.shop.put("g1", **an_order())
        world.clock.advance(60)
        lost = [Unreachable("connection reset")]

        def drop(_calls: object) -> None:
            if lost:
                raise lost.pop()

        world.erp.after = drop
        await world.run()
        assert world.erp.creates() == ["shop:g1"]
        assert len(world.erp.documents) == 1
        rows = await world.transactions()
        assert [(r.fate, r.destination_number) for r in rows] == [("delivered", "SO-1")]


async def test_a_commit_that_lands_late_is_waited_for(tmp_path: Path) -> None:
    """The answer is lost, the look-up finds nothing, and only then the document appears."""
    async with World(tmp_path, once="LookupAfterSettle", settle=10) as world:
        world.erp.unique = False
        world.shop.put("g1", **an_order())
        world.clock.advance(60)
        held: list[object] = []

        def vanish(calls: list[object]) -> None:
            if not held:
                held.extend(calls)
                raise Unreachable("connection reset")

        world.erp.before = vanish
        looked = []
        original = world.erp.lookup

        async def lookup(calls: list[object]) -> object:
            looked.append(world.clock.monotonic())
            if len(looked) == 3:
                world.erp.commit(held[0])
            return await original(calls)

        world.erp.lookup = lookup
        await world.run()
        assert len(looked) >= 3
        assert len(world.erp.documents) == 1
        assert await world.fates() == ["delivered"]


async def test_what_never_landed_is_sent_again_after_the_settle_time(tmp_path: Path) -> None:
    """Which begins when a server as slow as we would have waited for has done it: after 30 s."""
    async with World(tmp_path, once="LookupAfterSettle", settle=10) as world:
        world.erp.unique = False
        world.shop.put("g1", **an_order())
        world.clock.advance(60)
        began = world.clock.monotonic()
        times: list[float] = []

        def vanish(_calls: object) -> None:
            times.append(world.clock.monotonic() - began)
            if len(times) == 1:
                raise Unreachable("connection reset")

        world.erp.before = vanish
        await world.run()
        assert len(world.erp.documents) == 1
        assert 40 <= times[1] - times[0] < 50
        assert await world.fates() == ["delivered"]


async def test_a_look_up_proves_by_when_it_was_asked_not_by_when_it_was_answered(
    tmp_path: Path,
) -> None:
    """The answer takes longer than was left to settle; the document appears meanwhile."""
    async with World(tmp_path, once="LookupAfterSettle", settle=10) as world:
        world.erp.unique = False
        held: list[object] = []

        def vanish(calls: list[object]) -> None:
            if not held:
                held.extend(calls)
                raise Unreachable("connection reset")

        world.erp.before = vanish
        original, asked = world.erp.lookup, []

        async def slow(calls: list[object]) -> object:
            answer = await original(calls)
            if not asked:
                world.erp.commit(held[0])
                world.clock.advance(12)
            asked.append(world.clock.monotonic())
            return answer

        world.erp.lookup = slow
        await world.run_with_news(lambda: world.shop.put("g1", **an_order()))
        assert len(asked) >= 2
        assert len(world.erp.documents) == 1
        assert await world.fates() == ["delivered"]


async def test_nothing_that_was_never_sent_is_looked_up(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        refusals = [Unreachable("refused", could_have_been_seen=False)]

        def refuse(_calls: object) -> None:
            if refusals:
                raise refusals.pop()

        world.erp.before = refuse
        await world.run_with_news(lambda: world.shop.put("g1", **an_order()))
        assert "lookup" not in [kind for kind, _ in world.erp.log]
        assert await world.fates() == ["delivered"]


async def test_one_poisoned_record_does_not_hold_its_batch(tmp_path: Path) -> None:
    async with World(tmp_path, batch=16) as world:
        world.erp.poison = {"7"}
        for i in range(16):
            world.shop.put(f"g{i}", **an_order(str(i)))
        world.clock.advance(60)
        await world.run()
        rows = await world.transactions()
        assert [r.key for r in rows if r.fate == "rejected"] == ["7"]
        assert sum(r.fate == "delivered" for r in rows) == 15
        rejected = next(r for r in rows if r.fate == "rejected")
        assert (rejected.field, rejected.value) == ("number", "7")
        # a batch of 16 is halved to the culprit: log2(16) levels of two requests at most
        assert (
            len([1 for kind, name in world.erp.log if (kind, name) == ("create", "shop:g7")]) == 5
        )


async def test_throttling_is_patience_and_no_attempt(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        world.shop.put("g1", **an_order())
        world.clock.advance(60)
        answers = [Throttled("slow down", retry_after=3) for _ in range(9)]

        def throttle(_calls: object) -> None:
            if answers:
                raise answers.pop()

        world.erp.before = throttle
        began = world.clock.monotonic()
        await world.run()
        rows = await world.transactions()
        assert [(r.fate, r.attempt) for r in rows] == [("delivered", 1)]
        assert world.clock.monotonic() - began >= 27


async def test_the_same_failure_again_and_again_ends_at_a_person(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        world.shop.put("g1", **an_order())
        world.clock.advance(60)

        def break_down(_calls: object) -> None:
            error = UnexpectedAnswer("an HTML page instead of an answer")
            error.answered = True
            raise error

        world.erp.before = break_down
        await world.run()
        row = (await world.transactions())[0]
        assert (row.fate, row.reason, row.acts) == ("waiting", "RetriesExhausted", "operations")
        assert row.attempt == 4
        assert row.next_us is None


async def test_a_refusal_is_final_and_names_field_and_value(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        world.shop.put("g1", **an_order())
        world.clock.advance(60)

        def refuse(_calls: object) -> None:
            raise Refused("the postcode is too long", path="shipping.zip", value="1" * 20)

        world.erp.before = refuse
        await world.run()
        row = (await world.transactions())[0]
        assert (row.fate, row.reason) == ("rejected", "DestinationRefused")
        assert (row.field, row.value) == ("shipping.zip", "1" * 20)
        assert row.message == "the postcode is too long"


async def test_two_orders_of_one_guest_make_one_party(tmp_path: Path) -> None:
    async with World(tmp_path, once="LookupAfterSettle", settle=5) as world:
        world.erp.with_party = True
        world.shop.put("g1", **an_order("1", email="Ana@Example.com"))
        world.shop.put("g2", **an_order("2", email="ana@example.com"))
        world.clock.advance(60)
        await world.run()
        assert list(world.erp.parties) == ["ana@example.com"]
        assert {d["party"] for d in world.erp.documents.values()} == {"party-1"}
        assert world.erp.log.count(("ensure", "email:ana@example.com")) == 1


async def test_two_pipelines_share_the_lease_of_a_business_key(tmp_path: Path) -> None:
    pipelines = (a_pipeline("a"), a_pipeline("b"))
    async with World(tmp_path, *pipelines, once="LookupAfterSettle", settle=5) as world:
        world.erp.with_party = True
        world.erp.unique = True
        world.shop.put("g1", **an_order("1"))
        world.clock.advance(60)
        await world.run()
        assert world.erp.log.count(("ensure", "email:ana@example.com")) == 1
        assert len(world.erp.documents) == 1
        assert set(await world.fates()) <= {"delivered", "unchanged"}

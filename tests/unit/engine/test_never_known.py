"""A write whose outcome nobody can find out stops at a person, and goes on when it is told."""

from pathlib import Path
from typing import Any

from tests.support.toy import World, an_order

from knect.ledger.actions import retry
from knect.ledger.instants import to_us
from knect.sdk.errors import (
    ConnectorError,
    CredentialsRejected,
    Throttled,
    UnexpectedAnswer,
    Unreachable,
    WaitForPerson,
)

ATTEMPTS = 4  # what the toy pipelines declare
_PAGE = "an HTML page instead of an answer"


def _answers_nonsense(world: World) -> None:
    """Let the ERP commit what it is sent, and answer with a page."""

    def after(_calls: Any) -> None:
        raise UnexpectedAnswer(_PAGE)

    world.erp.after = after


def _looks_up_with(world: World, error: Exception) -> None:
    async def lookup(calls: Any) -> Any:
        world.erp.log.extend(("lookup", call.effect.external_id) for call in calls)
        raise error

    world.erp.lookup = lookup  # type: ignore[method-assign]


async def _retry(world: World) -> None:
    now = to_us(world.clock.now())
    (row,) = await world.transactions()
    await world.ledger.write(
        lambda c: retry(c, [row.seq], selector="", actor="ana", reason=None, now_us=now)
    )


def _asked(world: World) -> int:
    return world.erp.log.count(("lookup", "shop:g1"))


async def test_it_stops_at_a_person_who_can_have_it_asked_again(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        _answers_nonsense(world)
        look_up = world.erp.lookup
        _looks_up_with(world, UnexpectedAnswer(_PAGE))
        assert await world.run_with_news(lambda: world.shop.put("g1", **an_order())) == []
        (row,) = await world.transactions()
        assert (row.fate, row.reason, row.acts) == ("unknown", "OutcomeUnknown", "operations")
        assert (row.next_us, row.attempt) == (None, ATTEMPTS)
        assert row.message == (
            "'document' was sent to erp, and 4 attempts have not told whether it was written there;"
            f" the last look-up failed: {_PAGE}. Look for it in erp, then retry to have it looked "
            "up again, or skip it if it is right there"
        )
        assert _asked(world) == ATTEMPTS - 1
        world.clock.advance(3600)
        await world.run()
        assert _asked(world) == ATTEMPTS - 1  # nothing moves by itself any more

        await _retry(world)
        await world.run()
        assert _asked(world) == 2 * ATTEMPTS - 1
        assert await world.fates() == ["unknown"]

        world.erp.lookup = look_up  # type: ignore[method-assign]
        await _retry(world)
        await world.run()
        (row,) = await world.transactions()
        assert (row.fate, row.destination_number, row.message) == ("delivered", "SO-1", None)
        assert world.erp.creates() == ["shop:g1"]


async def test_a_defect_of_ours_stops_it_as_well(tmp_path: Path) -> None:
    async with World(tmp_path) as world:

        def broken(_calls: Any) -> None:
            raise KeyError("a field nobody foresaw")

        world.erp.after = broken
        _looks_up_with(world, KeyError("a field nobody foresaw"))
        await world.run_with_news(lambda: world.shop.put("g1", **an_order()))
        (row,) = await world.transactions()
        assert (row.fate, row.acts, row.next_us) == ("unknown", "operations", None)
        assert "Knect itself failed on it (KeyError); the log says where" in row.message
        assert world.erp.creates() == ["shop:g1"]


async def test_a_defect_before_anything_was_sent_is_no_lost_answer(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        world.erp.with_party = True  # it is looked up before it is made
        world.shop.put("g1", **an_order())
        world.clock.advance(60)
        _looks_up_with(world, KeyError("a field nobody foresaw"))
        await world.run()
        (row,) = await world.transactions()
        assert (row.fate, row.reason, row.acts) == ("waiting", "Fatal", "engineer")


async def test_what_is_never_there_is_not_sent_without_end(tmp_path: Path) -> None:
    """The look-up says no each time, and each time the answer to the write is a page."""
    async with World(tmp_path) as world:
        world.shop.put("g1", **an_order())
        world.clock.advance(60)

        def before(_calls: Any) -> None:
            raise UnexpectedAnswer(_PAGE)

        world.erp.before = before
        await world.run()
        (row,) = await world.transactions()
        assert (row.fate, row.reason, row.acts) == ("waiting", "RetriesExhausted", "operations")
        assert row.next_us is None
        assert row.message == (
            "'document' was sent to erp 4 times without an answer that tells what came of it, and "
            "erp has not got it; see why there, then retry"
        )
        assert len(world.erp.creates()) == ATTEMPTS
        world.erp.before = None
        await _retry(world)
        await world.run()
        assert await world.fates() == ["delivered"]


async def test_a_write_that_hangs_while_the_rest_answers_ends_too(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        world.shop.put("g1", **an_order())
        world.clock.advance(60)

        def before(_calls: Any) -> None:
            raise Unreachable("no answer within 30 s")

        world.erp.before = before
        await world.run()
        (row,) = await world.transactions()
        assert (row.fate, row.reason) == ("waiting", "RetriesExhausted")


async def test_an_outage_is_waited_for(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        _answers_nonsense(world)
        world.erp.look_up_fails = [Unreachable("connection refused") for _ in range(12)]
        await world.run_with_news(lambda: world.shop.put("g1", **an_order()), patience_seconds=3600)
        (row,) = await world.transactions()
        assert (row.fate, row.destination_number) == ("delivered", "SO-1")
        assert _asked(world) == 13


async def test_patience_the_server_asks_for_is_no_attempt(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        world.shop.put("g1", **an_order())
        world.clock.advance(60)
        _answers_nonsense(world)
        began = world.clock.monotonic()
        slow: list[ConnectorError] = [Throttled("slow down", retry_after=20) for _ in range(9)]
        world.erp.look_up_fails = slow
        await world.run()
        assert await world.fates() == ["delivered"]
        assert world.clock.monotonic() - began >= 180


async def test_a_run_does_not_wait_for_new_credentials(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        _answers_nonsense(world)
        look_up = world.erp.lookup
        _looks_up_with(world, CredentialsRejected("erp does not accept the key"))
        await world.run_with_news(lambda: world.shop.put("g1", **an_order()))
        (row,) = await world.transactions()
        assert (row.fate, row.acts, row.attempt) == ("unknown", "engineer", 1)
        assert row.waits_for == "reason:CredentialsRejected"
        assert row.next_us > to_us(world.clock.now())  # a worker that stays asks again by itself

        world.erp.lookup = look_up  # type: ignore[method-assign]
        world.clock.advance(3600)
        await world.run()
        assert await world.fates() == ["delivered"]
        assert world.erp.creates() == ["shop:g1"]


async def test_one_that_cannot_be_looked_up_does_not_hold_those_beside_it(tmp_path: Path) -> None:
    async with World(tmp_path, batch=16) as world:

        def orders() -> None:
            for number in range(1, 5):
                world.shop.put(f"g{number}", **an_order(f"100{number}"))

        lost = [Unreachable("connection reset")]

        def drop(_calls: Any) -> None:
            if lost:
                raise lost.pop()

        world.erp.after = drop
        look_up = world.erp.lookup

        async def lookup(calls: Any) -> Any:
            if "shop:g2" in [call.effect.external_id for call in calls]:
                raise WaitForPerson("erp has 2 records with our id shop:g2")
            return await look_up(calls)

        world.erp.lookup = lookup  # type: ignore[method-assign]
        await world.run_with_news(orders)
        assert await world.fates() == ["delivered", "unknown", "delivered", "delivered"]
        stuck = (await world.transactions())[1]
        assert stuck.acts == "operations"
        assert "erp has 2 records with our id shop:g2" in stuck.message
        assert len(world.erp.documents) == 4

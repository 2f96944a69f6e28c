"""A destination that is silent on each record is as silent as one that raises: it is left in peace."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.support.toy import World, an_order

from knect.sdk.contract import Call, Outcome
from knect.sdk.errors import Throttled, Unreachable
from knect.sdk.parts import not_begun

PATIENCE = 60.0
LONG = 3 * PATIENCE


def _silent(calls: Sequence[Call]) -> list[Outcome]:
    first = Outcome(error=Unreachable("the line is dead", could_have_been_seen=False))
    return [first, *(not_begun() for _ in calls[1:])]


def _throttled(calls: Sequence[Call]) -> list[Outcome]:
    return [Outcome(error=Throttled("slowly", retry_after=30.0)) for _ in calls]


async def _run(world: World, answers: object, orders: int) -> tuple[list[object], int, float]:
    """Run once at a destination that answers so for long; return what is told, calls, seconds."""
    began, asked = 0.0, 0
    original = world.erp.write

    async def write(calls: Sequence[Call]) -> Sequence[Outcome]:
        nonlocal asked
        asked += 1
        if world.clock.monotonic() > began + LONG:
            return await original(calls)
        return answers(calls)  # type: ignore[operator,no-any-return]

    def news() -> None:
        nonlocal began
        for number in range(orders):
            world.shop.put(f"g{number}", **an_order(str(number)))
        began = world.clock.monotonic() + 60

    world.erp.write = write  # type: ignore[method-assign]
    told = await world.run_with_news(news)
    return told, asked, world.clock.monotonic() - began


@pytest.mark.parametrize("orders", [1, 20])
async def test_a_run_gives_up_and_says_who_is_silent(tmp_path: Path, orders: int) -> None:
    async with World(tmp_path) as world:
        told, asked, seconds = await _run(world, _silent, orders)
        assert "erp has not answered for" in str(told[0])
        assert PATIENCE <= seconds < LONG
        assert asked < 30, "one call at a time finds out when it is back"
        assert set(await world.fates()) == {"in_flight"}


async def test_one_that_asks_for_patience_has_answered(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        told, _, seconds = await _run(world, _throttled, 2)
        assert told == []
        assert seconds > LONG
        assert set(await world.fates()) == {"delivered"}

"""A refusal while an earlier try may still be at work is not the destination's last word."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.support.toy import World, an_order

from knect.engine.deciding.policy import not_final
from knect.ledger import Fate
from knect.sdk.errors import (
    ConnectorError,
    CredentialsRejected,
    MissingReference,
    Refused,
    ScopeMissing,
    Throttled,
    Unreachable,
    WaitForPerson,
)

REFUSALS = [Refused("it is being confirmed"), WaitForPerson("somebody has changed it")]


def _answers(world: World, *said: ConnectorError) -> list[float]:
    """Let the ERP answer writes with these, and then do them; return when it was asked."""
    asked: list[float] = []
    left = list(said)

    def before(_calls: Sequence[Any]) -> None:
        asked.append(world.clock.monotonic())
        if left:
            raise left.pop(0)

    world.erp.before = before
    return asked


async def _an_edit(world: World) -> None:
    """Let an order be delivered, and change it."""
    world.shop.put("g1", **an_order())
    world.clock.advance(60)
    await world.run()
    world.shop.put("g1", note="changed")
    world.clock.advance(60)


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda one: type(one).__name__)
async def test_what_is_refused_after_a_lost_answer_is_tried_again(
    tmp_path: Path, refusal: ConnectorError
) -> None:
    async with World(tmp_path) as world:
        await _an_edit(world)
        asked = _answers(world, Unreachable("connection reset"), refusal)
        await world.run()
        assert len(asked) == 3
        assert await world.fates() == ["delivered", "delivered"]
        assert world.erp.documents["SO-1"]["note"] == "changed"


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda one: type(one).__name__)
async def test_it_is_believed_once_no_earlier_try_can_be_at_work(
    tmp_path: Path, refusal: ConnectorError
) -> None:
    async with World(tmp_path) as world:
        await _an_edit(world)
        asked = _answers(world, Unreachable("connection reset"), *[refusal] * 50)
        await world.run()
        assert asked[-1] - asked[0] >= 30.0, "as long as a request may take"
        assert asked[-2] - asked[0] < 30.0
        _, edit = await world.transactions()
        assert edit.fate == ("rejected" if isinstance(refusal, Refused) else "waiting")
        assert edit.message == refusal.message


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda one: type(one).__name__)
async def test_without_a_lost_answer_it_is_believed_at_once(
    tmp_path: Path, refusal: ConnectorError
) -> None:
    async with World(tmp_path) as world:
        await _an_edit(world)
        asked = _answers(world, refusal)
        await world.run()
        assert len(asked) == 1
        _, edit = await world.transactions()
        assert edit.fate == ("rejected" if isinstance(refusal, Refused) else "waiting")


@pytest.mark.parametrize(
    "error",
    [
        CredentialsRejected("no"),
        ScopeMissing("no"),
        Throttled("later"),
        MissingReference("no product", kind="sku", value="KN-1"),
    ],
    ids=lambda one: type(one).__name__,
)
def test_what_no_own_write_can_cause_is_what_it_is(error: ConnectorError) -> None:
    assert not_final(error, at_work=20.0) is None


def test_it_says_what_was_refused_and_why_it_is_not_believed() -> None:
    error = Refused('You can not call "confirm".', path="state", value="confirmed")
    verdict = not_final(error, at_work=12.4)
    assert verdict is not None
    assert (verdict.fate, verdict.counts) == (Fate.IN_FLIGHT, False)
    assert (verdict.field, verdict.value) == ("state", "confirmed")
    assert verdict.message == (
        'You can not call "confirm"; but an earlier try was not answered and may still be at work'
        " for 12 s, so this is not believed before it is tried once more"
    )
    assert verdict.next_in == 5.0
    assert not_final(error, at_work=0.0) is None

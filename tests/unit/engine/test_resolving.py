"""Groups that work at the same time ask the destination for the same thing once."""

import asyncio
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from knect.engine.delivering.resolve import Resolver
from knect.sdk.contract import Reference
from knect.sdk.errors import ConnectorError, UnexpectedAnswer
from knect.seams import SystemClock


class Slow:
    """A destination that answers once it is let; `said` is what it knows."""

    def __init__(self, **said: str) -> None:
        self.said = said
        self.asked: list[set[str]] = []
        self.failing = 0
        self.let = asyncio.Event()

    async def resolve(
        self, references: Sequence[Reference]
    ) -> Mapping[tuple[str, str], str | ConnectorError]:
        self.asked.append({one.value for one in references})
        await self.let.wait()
        if self.failing:
            self.failing -= 1
            raise UnexpectedAnswer("out of order")
        return {(r.kind, r.value): self.said[r.value] for r in references if r.value in self.said}


def job(*values: str) -> Any:
    references = [Reference(kind="sku", value=value, path="sku") for value in values]
    mapped = SimpleNamespace(references=references)
    made = SimpleNamespace(
        mapped=mapped,
        claimed=SimpleNamespace(reason=None),
        resolved={},
        verdict=None,
        is_cancelled=False,
    )
    made.judge = lambda verdict: setattr(made, "verdict", verdict)
    return made


async def at_the_same_time(slow: Slow, *jobs: Any) -> list[BaseException | None]:
    """Resolve each job as a group of its own; return what went wrong with each."""
    resolver = Resolver(destination=slow, where="shop", clock=SystemClock())  # type: ignore[arg-type]
    groups = [asyncio.create_task(resolver.resolve([one], {}, retry_seconds=60.0)) for one in jobs]
    async with asyncio.timeout(10):
        while not slow.asked:
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        slow.let.set()
        ended = await asyncio.gather(*groups, return_exceptions=True)
    return [one if isinstance(one, BaseException) else None for one in ended]


async def test_what_is_being_asked_for_is_waited_for() -> None:
    slow = Slow(A="1", B="2", WH="7")
    one, two = job("A", "WH"), job("B", "WH")
    assert await at_the_same_time(slow, one, two) == [None, None]
    assert slow.asked == [{"A", "WH"}, {"B"}]
    assert one.resolved == {("sku", "A"): "1", ("sku", "WH"): "7"}
    assert two.resolved == {("sku", "B"): "2", ("sku", "WH"): "7"}


async def test_what_the_other_did_not_learn_is_asked_for_once_more() -> None:
    slow = Slow(A="1")
    one, two = job("A", "X"), job("X")
    assert await at_the_same_time(slow, one, two) == [None, None]
    assert slow.asked == [{"A", "X"}, {"X"}]
    assert (one.verdict.waits_for, two.verdict.waits_for) == ("sku:X@shop", "sku:X@shop")


async def test_what_is_missing_is_not_asked_for_twice_by_one() -> None:
    slow = Slow(WH="7")
    one, two = job("WH"), job("X", "WH")
    assert await at_the_same_time(slow, one, two) == [None, None]
    assert slow.asked == [{"WH"}, {"X"}]
    assert two.verdict.waits_for == "sku:X@shop"


async def test_a_failure_is_the_failure_of_who_asked() -> None:
    slow = Slow(A="1")
    slow.failing = 1
    one, two = job("A"), job("A")
    first, second = await at_the_same_time(slow, one, two)
    assert isinstance(first, UnexpectedAnswer)
    assert second is None
    assert two.resolved == {("sku", "A"): "1"}

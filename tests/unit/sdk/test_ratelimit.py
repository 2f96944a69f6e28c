import asyncio

import pytest
from tests.unit.sdk.simulated_clock import SimulatedClock

from knect.sdk.ratelimit import CostBudget


class Shop:
    """The server's side of the same bucket."""

    def __init__(self, clock: SimulatedClock, maximum: float, rate: float) -> None:
        self.clock, self.maximum, self.rate = clock, maximum, rate
        self.level, self.at, self.refused, self.spent = maximum, clock.seconds, 0, 0.0

    def call(self, cost: float) -> float:
        self.level = min(self.maximum, self.level + (self.clock.seconds - self.at) * self.rate)
        self.at = self.clock.seconds
        if cost > self.level + 1e-6:
            self.refused += 1
        else:
            self.level -= cost
            self.spent += cost
        return self.level


@pytest.mark.parametrize("share", [100, 80, 50])
async def test_steady_state_uses_the_share_and_is_never_refused(share: int) -> None:
    clock = SimulatedClock()
    shop = Shop(clock, 2_000, 100)
    budget = CostBudget(clock, maximum=1_000, restore_rate=50, share_percent=share)
    start = clock.seconds
    while clock.seconds < start + 600:
        await budget.take(73)
        left = shop.call(73)
        budget.feed(maximum=2_000, available=left, restore_rate=100)
    possible = (2_000 + 600 * 100) * share / 100
    assert shop.refused == 0
    assert 0.97 * possible < shop.spent < 1.01 * possible


async def test_what_a_call_did_not_use_comes_back() -> None:
    clock = SimulatedClock()
    budget = CostBudget(clock, maximum=100, restore_rate=1)
    await budget.take(100)
    budget.settle(100, 40)
    assert await budget.take(60) == 0.0
    assert await budget.take(10) == pytest.approx(10.0)


async def test_a_refusal_with_advice_stops_everybody() -> None:
    clock = SimulatedClock()
    budget = CostBudget(clock, maximum=100, restore_rate=10)
    budget.pause(7.0)
    assert await budget.take(1) == pytest.approx(7.0)


async def test_a_cost_above_the_share_waits_for_the_full_share_and_passes() -> None:
    clock = SimulatedClock()
    budget = CostBudget(clock, maximum=100, restore_rate=10, share_percent=50)
    await budget.take(50)
    assert await budget.take(80) == pytest.approx(10.0)


async def test_first_come_first_served() -> None:
    clock = SimulatedClock()
    budget = CostBudget(clock, maximum=10, restore_rate=1)
    await budget.take(10)
    order: list[int] = []

    async def call(number: int) -> None:
        await budget.take(10 - number)
        order.append(number)

    await asyncio.gather(*(call(number) for number in range(5)))
    assert order == [0, 1, 2, 3, 4]

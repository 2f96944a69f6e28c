import asyncio

import pytest
from tests.support.toy.clock import FastClock
from tests.unit.sdk.simulated_clock import SimulatedClock

from knect.sdk.errors import Throttled
from knect.sdk.ratelimit import CostBudget, urgency


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


async def test_the_more_urgent_goes_first_and_nobody_waits_for_ever() -> None:
    clock = FastClock()
    budget = CostBudget(clock, maximum=1, restore_rate=0.1)
    await budget.take(1)
    order: list[str] = []

    async def call(name: str, how_urgent: int) -> None:
        urgency.set(how_urgent)
        await budget.take(1)
        order.append(name)

    waiting = [asyncio.create_task(call("picture", 2)), asyncio.create_task(call("stock", 1))]
    await asyncio.sleep(0)
    waiting += [asyncio.create_task(call(f"order {number}", 0)) for number in range(8)]
    await asyncio.gather(*waiting)
    assert order[:2] == ["order 0", "order 1"]
    assert order.index("picture") < order.index("order 7"), "the least urgent starved"
    assert order.index("stock") < order.index("order 7")


class Bucket:
    """A server that allows 40 calls and lets 2 a second come back; it says what is left."""

    def __init__(self, clock: FastClock) -> None:
        self.clock, self.level, self.at = clock, 40.0, clock.monotonic()
        self.refused = self.served = 0

    def call(self) -> int:
        now = self.clock.monotonic()
        self.level = min(40.0, self.level + (now - self.at) * 2)
        self.at = now
        if self.level < 1:
            self.refused += 1
        else:
            self.level -= 1
            self.served += 1
        return int(self.level)


async def test_three_pipelines_of_two_urgencies_use_what_is_allowed_and_are_never_refused() -> None:
    clock = FastClock()
    server, budget = Bucket(clock), CostBudget(clock, maximum=40, restore_rate=2)
    until = clock.monotonic() + 150
    done = {"orders": 0, "payments": 0, "stock": 0}

    async def pipeline(name: str, how_urgent: int) -> None:
        urgency.set(how_urgent)
        while clock.monotonic() < until:
            await budget.take(1)
            await clock.sleep(0.05)  # the way there
            left = server.call()
            await clock.sleep(0.05)  # the way back
            budget.over(1)
            budget.feed(maximum=40, available=left, restore_rate=2)
            done[name] += 1

    await asyncio.gather(pipeline("orders", 0), pipeline("payments", 0), pipeline("stock", 1))
    allowed = 40 + 150 * 2
    assert server.refused == 0
    assert server.served >= 0.97 * allowed
    assert done["orders"] > 3 * done["stock"] > 0


async def test_points_whose_answer_was_lost_are_found_again() -> None:
    clock = SimulatedClock()
    budget = CostBudget(clock, maximum=1_000, restore_rate=50)
    for _ in range(5):
        await budget.take(150)  # the connection broke each time, and nothing was ever counted
        budget.over(150)
    await budget.take(50)
    budget.over(50)
    budget.feed(maximum=1_000, available=950, restore_rate=50)
    assert await budget.take(900) == 0.0


@pytest.mark.parametrize(
    "told",
    [
        {"restore_rate": 0.0},
        {"restore_rate": -5.0},
        {"maximum": 0.0},
        {"available": float("nan")},
        {"restore_rate": float("inf")},
        {"available": -1e300},
    ],
)
async def test_whatever_a_server_says_of_its_bucket_calls_go_on(told: dict[str, float]) -> None:
    clock = SimulatedClock()
    budget = CostBudget(clock, maximum=100, restore_rate=10)
    budget.feed(**{"maximum": 100.0, "available": 50.0, "restore_rate": 10.0, **told})
    assert await budget.take(60) <= 86_500


async def test_advice_for_ever_is_advice_for_a_day() -> None:
    clock = SimulatedClock()
    budget = CostBudget(clock, maximum=100, restore_rate=10)
    budget.pause(1e60)
    assert await budget.take(1) == pytest.approx(86_400.0)
    assert Throttled("later", retry_after=1e60).retry_after == 86_400.0
    assert Throttled("later", retry_after=-1.0).retry_after == 0.0

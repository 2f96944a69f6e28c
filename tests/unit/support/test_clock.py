"""The clock of tests: it goes when nobody is at work, and only then."""

import asyncio
import threading

from tests.support.toy.clock import FastClock


async def test_time_goes_to_one_timer_after_the_other() -> None:
    clock, woken = FastClock(), []

    async def wakes(seconds: float) -> None:
        await clock.sleep(seconds)
        woken.append(clock.monotonic())

    await asyncio.gather(*map(wakes, (3600, 5, 60, 5)))
    assert woken == [5, 5, 60, 3600]


async def test_what_is_ready_comes_before_what_is_due() -> None:
    clock = FastClock()
    slept = asyncio.create_task(clock.sleep(1))
    for _ in range(100):
        await asyncio.sleep(0)
        assert clock.monotonic() == 0
    await slept


async def test_time_stands_still_while_a_thread_works() -> None:
    clock, may_end = FastClock(), threading.Event()

    def work() -> float:
        assert may_end.wait(10)
        return clock.monotonic()

    slept = asyncio.create_task(clock.sleep(60))
    asyncio.get_running_loop().call_later(0.01, may_end.set)
    assert await asyncio.to_thread(work) == 0
    await slept
    assert clock.monotonic() == 60


async def test_time_stands_still_while_somebody_says_so() -> None:
    clock, under_way, seen = FastClock(), [True], []
    clock.busy = lambda: bool(under_way)

    def answered() -> None:
        seen.append(clock.monotonic())
        under_way.clear()

    asyncio.get_running_loop().call_later(0.01, answered)
    await clock.sleep(60)
    assert seen == [0]


async def test_nobody_is_woken_who_has_gone() -> None:
    clock = FastClock()
    gone = asyncio.create_task(clock.sleep(5))
    await asyncio.sleep(0)
    gone.cancel()
    await clock.sleep(60)
    assert clock.monotonic() == 60
    assert gone.cancelled()


async def test_each_of_two_clocks_goes() -> None:
    one, other = FastClock(), FastClock()
    await asyncio.gather(one.sleep(60), other.sleep(3600))
    assert (one.monotonic(), other.monotonic()) == (60, 3600)

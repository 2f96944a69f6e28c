"""Alive means: the loop turns, and none of our own loops is dead or hangs."""

import asyncio

from tests.support.toy.clock import FastClock

from knect.engine.bounds.pulse import Beat, Pulse


class Standing:
    """Time that stands unless moved."""

    def __init__(self) -> None:
        self.at = 0.0

    def now(self):  # type: ignore[no-untyped-def]
        return FastClock().now()

    def monotonic(self) -> float:
        return self.at

    async def sleep(self, seconds: float) -> None:
        await asyncio.Event().wait()


async def test_a_loop_that_does_not_turn_a_dead_one_and_one_that_hangs() -> None:
    clock = Standing()
    beats: list[Beat] = []
    pulse = Pulse(clock, lambda: beats)
    ticking = asyncio.create_task(pulse.run())
    await asyncio.sleep(0)
    assert pulse.trouble() is None
    clock.at = 6.0
    assert pulse.trouble() == "the event loop did not turn for 6 s"
    ticking.cancel()
    clock.at = 0.0

    beat = Beat("lease renewal", clock, deadline=20.0)
    beats.append(beat)
    assert pulse.trouble() is None, "not started"
    hanging = beat.of(asyncio.create_task(asyncio.Event().wait()))
    assert pulse.trouble() is None
    clock.at = 4.0
    beat.strike()
    clock.at = 5.0
    assert pulse.trouble() is None
    assert beat.trouble() is None
    clock.at = 25.0
    assert beat.trouble() == ("the lease renewal loop has not turned for 21 s; a restart frees it")
    hanging.cancel()

    async def dies() -> None:
        raise ValueError("secret")

    dead = beat.of(asyncio.create_task(dies()))
    await asyncio.gather(dead, return_exceptions=True)
    assert beat.trouble() == (
        "the lease renewal loop has ended (ValueError); a restart brings it back"
    )

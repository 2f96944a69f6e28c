"""A remote's budget of points, as the remote itself tells it.

Why: published limits change and differ by plan; the answer to each call says what is left and how
fast it comes back. Calls wait here before they are sent, so that a steady state sees no refusal.
Must not: be shared between Connections, or trust its own numbers once the server gave others.
"""

import asyncio

from knect.seams import Clock

__all__ = ["CostBudget"]


class CostBudget:
    """Points in a bucket that refills (Shopify's throttleStatus is the model).

    Args:
        clock: time.
        maximum: the bucket's size until the server says.
        restore_rate: points a second until the server says.
        share_percent: our part of the account's budget. The rest of the bucket stays untouched,
            and of what comes back we take that part.
    """

    def __init__(
        self, clock: Clock, *, maximum: float, restore_rate: float, share_percent: int = 100
    ) -> None:
        self._clock = clock
        self._share = share_percent / 100
        self._maximum = maximum
        self._rate = restore_rate
        self._level = maximum * self._share
        self._known_at = clock.monotonic()
        self._resume_at = clock.monotonic()
        self._turn = asyncio.Lock()

    async def take(self, cost: float) -> float:
        """Wait until `cost` points are ours and take them; return the seconds waited.

        First come, first served. A cost above the whole share is granted when the share is full.
        """
        started = self._clock.monotonic()
        async with self._turn:
            while (delay := self._delay(cost)) > 0:
                await self._clock.sleep(delay)
            self._level -= cost
        return self._clock.monotonic() - started

    def settle(self, taken: float, actual: float) -> None:
        """Give back what a call took too much, or take what it cost more."""
        self._refill()
        self._level = min(self._level + taken - actual, self._maximum * self._share)

    def feed(self, *, maximum: float, available: float, restore_rate: float) -> None:
        """Take over what the server says; `available` is the whole account's, not our share."""
        self._refill()
        self._maximum = maximum
        self._rate = restore_rate
        reserve = maximum * (1 - self._share)
        # Calls of ours still under way are counted on our side only: never believe more is left.
        self._level = min(self._level, available - reserve, maximum * self._share)

    def pause(self, seconds: float) -> None:
        """Let nobody pass for that long: the server refused and said until when."""
        self._resume_at = max(self._resume_at, self._clock.monotonic() + seconds)

    def _refill(self) -> None:
        now = self._clock.monotonic()
        gained = (now - self._known_at) * self._rate * self._share
        self._level = min(self._level + gained, self._maximum * self._share)
        self._known_at = now

    def _delay(self, cost: float) -> float:
        self._refill()
        needed = min(cost, self._maximum * self._share)
        missing = max(0.0, needed - self._level)
        refill = missing / (self._rate * self._share) if missing > 1e-9 else 0.0
        return max(refill, self._resume_at - self._clock.monotonic())

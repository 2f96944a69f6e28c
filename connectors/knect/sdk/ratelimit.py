"""A remote's budget of points, as the remote itself tells it.

Why: published limits change and differ by plan; the answer to each call says what is left and how
fast it comes back. Calls wait here before they are sent, so that a steady state sees no refusal;
the more urgent go first. Where several processes speak to one account they draw from one pool.
Must not: be shared between Connections, or trust its own numbers once the server gave others.
"""

import asyncio
from contextvars import ContextVar
from math import isfinite
from typing import Protocol

from msgspec import Struct, field

from knect.seams import Clock

__all__ = ["BudgetPool", "CostBudget", "Draw", "urgency"]

#: How urgent the work is that a call is made for; lower goes first. The engine sets it.
urgency: ContextVar[int] = ContextVar("urgency", default=0)

#: Who waited this long (seconds) goes first, however little urgent it is.
_PATIENCE = 60.0
#: A pool is asked for what comes back in so many seconds, to ask it rarely.
_SLICE_SECONDS = 0.5
#: So much less than a cost is enough, and nobody looks again sooner: clocks have their grain.
_TRIFLE = 1e-6
#: Nobody waits for a server's numbers longer than this, in seconds; then it is asked anew.
_LONGEST_PAUSE = 86_400.0
_SHORTEST_PAUSE = 0.001


class Draw(Struct, frozen=True, kw_only=True):
    """What a pool gave: `granted` points now, or more after `wait` seconds."""

    granted: float
    wait: float = 0.0


class BudgetPool(Protocol):
    """One account's points, shared by all processes that speak to it."""

    async def draw(
        self, *, least: float, want: float, maximum: float, rate: float, left: float | None
    ) -> Draw:
        """Give up to `want` points if there are at least `least`.

        `left` is what the server said is left, since the last draw; the pool never has more.
        """
        ...


class _Waiter(Struct, kw_only=True, eq=False):
    urgency: int
    number: int
    since: float
    first: asyncio.Event = field(default_factory=asyncio.Event)


class CostBudget:
    """Points in a bucket that refills (Shopify's throttleStatus is the model).

    Args:
        clock: time.
        maximum: the bucket's size until the server says.
        restore_rate: points a second until the server says.
        share_percent: our part of the account's budget. The rest of the bucket stays untouched,
            and of what comes back we take that part.
        pool: where the points come from when other processes use the same account; None: ours
            alone.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        maximum: float,
        restore_rate: float,
        share_percent: int = 100,
        pool: BudgetPool | None = None,
    ) -> None:
        self._clock = clock
        self._share = share_percent / 100
        self._maximum = maximum
        self._rate = restore_rate
        self._pool = pool
        self._level = 0.0 if pool else maximum * self._share
        self._told: float | None = None
        self._under_way = 0.0
        self._known_at = clock.monotonic()
        self._resume_at = clock.monotonic()
        self._line: list[_Waiter] = []
        self._arrivals = 0

    async def take(self, cost: float) -> float:
        """Wait until `cost` points are ours and take them; return the seconds waited.

        The most urgent first, then first come, first served. A cost above the whole share is
        granted when the share is full.
        """
        started = self._clock.monotonic()
        self._arrivals += 1
        me = _Waiter(urgency=urgency.get(), number=self._arrivals, since=started)
        self._line.append(me)
        try:
            while True:
                first = self._next()
                if first is not me:
                    me.first.clear()
                    first.first.set()  # it may have become so while nobody looked
                    await me.first.wait()
                    continue
                delay = await self._missing_for(cost)
                if delay <= 0 and self._next() is me:
                    self._level -= cost
                    self._under_way += cost
                    return self._clock.monotonic() - started
                await self._clock.sleep(max(delay, _SHORTEST_PAUSE))
        finally:
            self._line.remove(me)
            if self._line:
                self._next().first.set()

    def over(self, taken: float) -> None:
        """Say that a call that took so much has ended, however: the server counted it, or never
        will.
        """
        self._under_way -= taken

    def settle(self, taken: float, actual: float) -> None:
        """Give back what a call took too much, or take what it cost more."""
        self._refill()
        self._level = min(self._level + taken - actual, self._maximum * self._share)

    def feed(self, *, maximum: float, available: float, restore_rate: float) -> None:
        """Take over what the server says; `available` is the whole account's, not our share.

        What no bucket can be (nothing ever comes back, a number that is none) is passed over; more
        is never owed than a day brings back.
        """
        numbers = (maximum, available, restore_rate)
        if not all(map(isfinite, numbers)) or min(maximum, restore_rate) <= 0:
            return
        available = max(available, -restore_rate * _LONGEST_PAUSE)
        self._refill()
        self._maximum = maximum
        self._rate = restore_rate
        ours = min(available - maximum * (1 - self._share), maximum * self._share)
        # The server may or may not have counted calls that are still under way: what is left lies
        # between the two. Without the lower end, points whose answer was lost would be so for good.
        # A pool is told what is left, and owes what others took beyond our share; not we as well.
        least = ours - self._under_way if self._pool is None else self._level
        most = ours if self._pool is None else max(ours, 0.0)
        self._level = min(max(self._level, least), most)
        self._told = ours

    def pause(self, seconds: float) -> None:
        """Let nobody pass for that long: the server refused and said until when."""
        seconds = min(seconds, _LONGEST_PAUSE)
        self._resume_at = max(self._resume_at, self._clock.monotonic() + seconds)

    def _next(self) -> _Waiter:
        """Return whose turn it is."""
        old = self._clock.monotonic() - _PATIENCE
        return min(self._line, key=lambda one: (one.since > old and one.urgency, one.number))

    async def _missing_for(self, cost: float) -> float:
        """Return the seconds until the cost can be paid, after drawing from the pool if there is
        one.
        """
        delay = self._delay(cost)
        paused = self._resume_at - self._clock.monotonic()
        if self._pool is None or delay <= 0 or paused > 0:
            return delay
        size, rate = self._maximum * self._share, self._rate * self._share
        needed = min(cost, size) - self._level
        least = min(needed, size)  # what is owed may be more than the pool ever holds at once
        told, self._told = self._told, None
        drawn = await self._pool.draw(
            least=least,
            want=max(least, rate * _SLICE_SECONDS),
            maximum=size,
            rate=rate,
            left=told,
        )
        self._level += drawn.granted
        missing = needed - drawn.granted
        return 0.0 if missing <= _TRIFLE else drawn.wait or missing / rate

    def _refill(self) -> None:
        now = self._clock.monotonic()
        if self._pool is None:
            gained = (now - self._known_at) * self._rate * self._share
            self._level = min(self._level + gained, self._maximum * self._share)
        self._known_at = now

    def _delay(self, cost: float) -> float:
        self._refill()
        needed = min(cost, self._maximum * self._share)
        missing = max(0.0, needed - self._level)
        refill = missing / (self._rate * self._share) if missing > _TRIFLE else 0.0
        return max(refill, self._resume_at - self._clock.monotonic())

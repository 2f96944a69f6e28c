"""Time that jumps to the next timer at the moment in which nothing else is left to do.

Why: an event loop asks its selector to wait exactly when none of its callbacks is ready; nobody has
to look now and then whether it has come to that. What is awaited outside the loop is known and not
guessed: calls handed to threads are counted, and `busy` tells the rest (the ledger, requests).
Must not: wait by itself, or jump while any of that is under way.
"""

import asyncio
import heapq
import itertools
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

__all__ = ["START", "FastClock"]

START = datetime(2026, 11, 1, 12, tzinfo=UTC)


class FastClock:
    """A clock whose time tests move, or that moves by itself as soon as all the world waits for it.

    `busy` tells whether real work (the ledger's thread) is under way.
    """

    def __init__(self, start: datetime = START) -> None:
        self._now = start
        self._began = start
        self._timers: list[tuple[datetime, int, asyncio.Future[None]]] = []
        self._order = itertools.count()
        self.busy: Callable[[], bool] = lambda: False
        with suppress(RuntimeError):  # made before its loop, it meets it with its first timer
            _resting(asyncio.get_running_loop())

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return (self._now - self._began).total_seconds()

    def advance(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)

    async def sleep(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        timer = loop.create_future()
        due = self._now + timedelta(seconds=max(0.0, seconds))
        heapq.heappush(self._timers, (due, next(self._order), timer))
        _resting(loop).clocks.add(self)
        await timer

    def jump(self) -> bool:
        """Go to the next timer, unless somebody is at work; tell whether somebody was woken."""
        while self._timers and not self.busy():
            due, _, timer = heapq.heappop(self._timers)
            if not timer.done():
                self._now = max(self._now, due)
                timer.set_result(None)
                return True
        return False

    @property
    def awaited(self) -> bool:
        """Whether anybody waits for it."""
        return bool(self._timers)


class _Resting:
    """Stands before a loop's selector: asked to wait, it first lets the clocks jump."""

    def __init__(self, loop: Any) -> None:
        self.clocks: set[FastClock] = set()
        self._selector = loop._selector
        self._in_thread = loop.run_in_executor
        self._threads = 0
        loop._selector, loop.run_in_executor = self, self._counted

    def __getattr__(self, name: str) -> Any:
        return getattr(self._selector, name)

    def select(self, timeout: float | None = None) -> Any:
        events = self._selector.select(0)
        if events or timeout == 0:
            return events
        woken = [] if self._threads else [clock for clock in self.clocks if clock.jump()]
        if woken:
            return events
        self.clocks = {clock for clock in self.clocks if clock.awaited}
        return self._selector.select(timeout)

    def _counted(self, *words: Any) -> Any:
        future = self._in_thread(*words)
        self._threads += 1
        future.add_done_callback(self._came_back)
        return future

    def _came_back(self, _future: Any) -> None:
        self._threads -= 1


def _resting(loop: Any) -> _Resting:
    if not isinstance(loop._selector, _Resting):
        _Resting(loop)
    found: _Resting = loop._selector
    return found

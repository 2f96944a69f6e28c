"""The work queue: keys that need a look, each looked at by one task at a time.

Why: events only say that something may have changed. Merging them here makes every reconcile
level-triggered: a hundred events for one key are one look, a failing key waits longer each time,
and every key is looked at again after a while even if no event came.
Must not: know what a key means, or hold anything a restart would miss.
"""

import asyncio
import heapq
import random
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

__all__ = ["Backoff", "WorkQueue"]

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Backoff:
    """Seconds a failing key waits: doubled from `first` to `longest`, with full jitter.

    `shared` is the longest after a failure that is everybody's: nothing tells the keys when it is
    over, and what a user changed meanwhile should not wait for minutes then.
    """

    first: float = 1.0
    longest: float = 300.0
    shared: float = 30.0

    def seconds(self, failures: int, chance: float, *, is_shared: bool = False) -> float:
        """Return the wait after the n-th failure in a row; never under a tenth of `first`."""
        longest = min(self.longest, self.shared) if is_shared else self.longest
        most = min(longest, self.first * 2.0 ** min(failures - 1, 32))
        return max(self.first / 10, most * chance)


@dataclass(slots=True)
class _Entry:
    """What is known of a key between looks."""

    due: float | None = None
    failures: int = 0
    not_before: float = 0.0
    running: bool = False
    again: bool = False


class WorkQueue(Generic[Key]):
    """Calls `reconcile(key)` for due keys, at most `workers` at once, one at a time per key.

    `reconcile` returns the seconds until the key wants another look, None for never. An exception
    is a failure: `failed(key, error)` is told and the key comes back after its backoff, and not
    before the seconds that `asked_for(error)` returns; `is_shared(error)` tells whether it is
    everybody's.
    `monotonic` and `chance` are seams; waiting uses `asyncio` and so the loop's own clock.
    """

    def __init__(
        self,
        reconcile: Callable[[Key], Awaitable[float | None]],
        *,
        failed: Callable[[Key, Exception], None],
        asked_for: Callable[[Exception], float] = lambda _error: 0.0,
        is_shared: Callable[[Exception], bool] = lambda _error: False,
        workers: int = 16,
        backoff: Backoff | None = None,
        monotonic: Callable[[], float] | None = None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._reconcile = reconcile
        self._failed = failed
        self._asked_for = asked_for
        self._is_shared = is_shared
        self._slots = asyncio.Semaphore(workers)
        self._backoff = backoff or Backoff()
        self._monotonic = monotonic or (lambda: asyncio.get_running_loop().time())
        self._chance = chance
        self._entries: dict[Key, _Entry] = {}
        self._heap: list[tuple[float, int, Key]] = []
        self._count = 0
        self._woken = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._started: dict[Key, float] = {}

    def add(self, key: Key, *, after: float = 0.0) -> None:
        """Ask for a look at a key, now or after some seconds; an earlier wish stays."""
        entry = self._entries.setdefault(key, _Entry())
        if entry.running:
            # the look under way may have passed what changed; later wishes are its own to make
            entry.again = entry.again or after <= 0
            return
        now = self._monotonic()
        due = now + after
        if entry.due is not None and entry.due <= due:
            return
        if entry.failures and after <= 0:
            # a key that fails keeps its pause: an event storm must not undo the backoff,
            # but a real change may have repaired it, so it is looked at within the first step
            due = min(entry.due if entry.due is not None else due, now + self._backoff.first)
            due = max(due, entry.not_before)
        self._put(key, entry, due)

    def forget(self, key: Key) -> None:
        """Drop a key that means nothing any more."""
        entry = self._entries.get(key)
        if entry is not None and not entry.running:
            del self._entries[key]

    @property
    def depth(self) -> int:
        """Return how many keys are due now and not being looked at."""
        now = self._monotonic()
        return sum(
            1
            for entry in self._entries.values()
            if not entry.running and entry.due is not None and entry.due <= now
        )

    @property
    def oldest_seconds(self) -> float:
        """Return how long the longest-waiting due key has waited."""
        now = self._monotonic()
        waits = [
            now - entry.due
            for entry in self._entries.values()
            if not entry.running and entry.due is not None and entry.due <= now
        ]
        return max(waits, default=0.0)

    @property
    def longest_look_seconds(self) -> float:
        """Return how long the longest look that is under way has taken."""
        now = self._monotonic()
        return max((now - began for began in self._started.values()), default=0.0)

    async def run(self) -> None:
        """Serve the queue until cancelled; looks under way are cancelled with it."""
        try:
            while True:
                key = await self._next()
                await self._slots.acquire()
                self._begin(key)
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _next(self) -> Key:
        while True:
            self._woken.clear()
            now = self._monotonic()
            while self._heap:
                due, _, key = self._heap[0]
                entry = self._entries.get(key)
                if entry is None or entry.running or entry.due != due:
                    heapq.heappop(self._heap)  # overtaken by an earlier wish, or forgotten
                    continue
                if due > now:
                    break
                heapq.heappop(self._heap)
                return key
            pause = self._heap[0][0] - now if self._heap else None
            try:
                async with asyncio.timeout(pause):
                    await self._woken.wait()
            except TimeoutError:
                continue

    def _begin(self, key: Key) -> None:
        entry = self._entries.get(key)
        if entry is None or entry.running:
            self._slots.release()
            return
        entry.due, entry.running, entry.again = None, True, False
        self._started[key] = self._monotonic()
        task = asyncio.create_task(self._look(key, entry))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _look(self, key: Key, entry: _Entry) -> None:
        wait: float | None
        try:
            wait = await self._reconcile(key)
            entry.failures = 0
        except Exception as error:  # noqa: BLE001 - whatever it is, the key comes back
            entry.failures += 1
            asked = self._asked_for(error)
            pause = self._backoff.seconds(
                entry.failures, self._chance(), is_shared=self._is_shared(error)
            )
            wait = max(asked, pause)
            entry.not_before = self._monotonic() + asked
            self._failed(key, error)
        finally:
            entry.running = False
            self._started.pop(key, None)
            self._slots.release()
        if entry.again and not entry.failures:
            wait = 0.0
        if wait is None:
            self._entries.pop(key, None)
        else:
            self._put(key, entry, self._monotonic() + wait)

    def _put(self, key: Key, entry: _Entry, due: float) -> None:
        entry.due = due
        self._count += 1
        heapq.heappush(self._heap, (due, self._count, key))
        self._woken.set()

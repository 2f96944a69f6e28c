"""An event loop whose time jumps, whose order of callbacks is drawn, and whose lives can end.

Why: a thousand schedules a minute, each of them replayable from its seed. A life is what one
process is elsewhere: every callback belongs to the life in whose context it was made. A dead life's
callbacks are dropped (SIGKILL: no `finally` comes to await anything), a frozen one's are kept until
it thaws (SIGSTOP), while the world's go on.
Must not: wait for real time, use threads, or depend on addresses of objects.
"""

import asyncio
import heapq
import itertools
import random
from collections.abc import Callable, Coroutine
from contextlib import suppress
from contextvars import Context, ContextVar, copy_context
from typing import Any

__all__ = ["LIFE", "Killed", "Life", "SimLoop"]


class Killed(BaseException):
    """Raised where a life ends in the middle of a step; nothing of it runs afterwards."""


class Life:
    """One life of a process."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.dead = False
        self.frozen = False
        self.held: list[asyncio.Handle] = []

    def __repr__(self) -> str:
        return self.name


#: Whose code runs; None is the world: the two ends, the network, the test.
LIFE: ContextVar[Life | None] = ContextVar("LIFE", default=None)

_serials = itertools.count(1)


class _Task(asyncio.Task[Any]):
    """A task whose place in a set does not depend on its address."""

    def __init__(self, *args: Any, **words: Any) -> None:
        self._serial = next(_serials)
        super().__init__(*args, **words)

    def __hash__(self) -> int:
        return self._serial


class _Future(asyncio.Future[Any]):
    def __init__(self, *args: Any, **words: Any) -> None:
        self._serial = next(_serials)
        super().__init__(*args, **words)

    def __hash__(self) -> int:
        return self._serial


class SimLoop(asyncio.BaseEventLoop):
    """`drive(until)` runs everything up to an instant, in seconds since the loop began."""

    def __init__(self, dice: random.Random, *, shuffled: bool) -> None:
        super().__init__()
        self._now = 0.0
        self._dice = dice
        self._shuffled = shuffled
        self._waiting: list[asyncio.Handle] = []
        self._thawed: list[asyncio.Handle] = []
        self._timers: list[tuple[float, int, asyncio.TimerHandle]] = []
        self._order = itertools.count()
        self._made: list[tuple[_Task, Context]] = []
        self.steps = 0
        self.errors: list[str] = []
        self.set_exception_handler(self._defect)

    # ------------------------------------------------------------ what asyncio asks for

    def time(self) -> float:
        return self._now

    def call_soon(
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        handle = asyncio.Handle(callback, args, self, context)
        self._waiting.append(handle)
        return handle

    call_soon_threadsafe = call_soon  # type: ignore[assignment]

    def call_later(
        self, delay: float, callback: Callable[..., object], *args: Any,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:  # fmt: skip
        return self.call_at(self._now + delay, callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[..., object], *args: Any,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:  # fmt: skip
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        heapq.heappush(self._timers, (when, next(self._order), handle))
        return handle

    def create_future(self) -> asyncio.Future[Any]:
        return _Future(loop=self)

    def create_task(
        self, coro: Coroutine[Any, Any, Any], *, name: str | None = None,
        context: Context | None = None,
    ) -> asyncio.Task[Any]:  # fmt: skip
        context = copy_context() if context is None else context
        task = _Task(coro, loop=self, name=name, context=context)
        self._made.append((task, context))
        return task

    def get_debug(self) -> bool:
        return False

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """It stays in the heap and is passed over."""

    def _defect(self, _loop: object, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if not isinstance(error, Killed):
            self.errors.append(f"{context['message']}: {error!r}")

    # ------------------------------------------------------------ what the test asks for

    def drive(
        self, until: float, *, steps: int | None = None, done: Callable[[], bool] = lambda: False
    ) -> bool:
        """Run up to an instant, or until `done`, or for so many callbacks; tell whether `done`."""
        asyncio._set_running_loop(self)
        try:
            left = steps if steps is not None else -1
            while left != 0:
                if done():
                    return True
                if not self._waiting and not self._thawed and not self._jump(until):
                    break
                handle = self._next()
                if handle._cancelled:  # type: ignore[attr-defined]
                    continue
                life = handle._context.get(LIFE)  # type: ignore[attr-defined]
                if life is not None and (life.dead or life.frozen):
                    if not life.dead:
                        life.held.append(handle)
                    continue
                handle._run()
                self.steps += 1
                left -= 1
            else:
                return done()
        finally:
            asyncio._set_running_loop(None)
        self._now = max(self._now, until)
        return done()

    def _next(self) -> asyncio.Handle:
        if self._thawed:
            return self._thawed.pop(0)
        waiting = self._waiting
        count = len(waiting)
        return waiting.pop(self._dice.randrange(count) if self._shuffled and count > 1 else 0)

    def _jump(self, until: float) -> bool:
        """Go to the next instant at which something is due, if it is not after `until`."""
        timers = self._timers
        while timers and timers[0][2]._cancelled:
            heapq.heappop(timers)
        if not timers or timers[0][0] > until:
            return False
        self._now = max(self._now, timers[0][0])
        while timers and timers[0][0] <= self._now:
            handle = heapq.heappop(timers)[2]
            if not handle._cancelled:
                self._waiting.append(handle)
        return True

    def thaw(self, life: Life) -> None:
        """Let a frozen life go on: as in asyncio, what came due meanwhile runs in the order in
        which it did, and before anything that follows from it.
        """
        life.frozen = False
        self._thawed.extend(life.held)
        life.held.clear()

    def dispose(self, lives: list[Life]) -> None:
        """End everything: no life runs again, and no task complains that it was forgotten."""
        for life in lives:
            life.dead = True
        for task, _ in self._made:
            task._log_destroy_pending = False  # type: ignore[attr-defined]
        for task, context in self._made:
            if not task.done():
                with suppress(BaseException):  # it may want to await, or what it awaits does
                    context.run(task.get_coro().close)  # type: ignore[union-attr]
        self._made.clear()
        self._waiting.clear()
        self._timers.clear()
        self.close()

"""Whether this process is alive: its event loop turns, and none of its own loops died or hangs.

Why: the kubelet restarts what says it is dead, so a green and hung worker would stay hung for ever,
and a worker that called a dead shop its own death would be restarted for nothing.
Must not: know anything of remote systems or of the ledger.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from knect.seams import Clock

__all__ = ["Beat", "Pulse"]

T = TypeVar("T")

_TICK = 0.5
#: A loop that turns more slowly than this serves nobody in time.
_MOST_LAG = 5.0


class Beat:
    """The sign of life of one loop: it strikes once per turn, at least every `deadline` seconds."""

    def __init__(self, name: str, clock: Clock, *, deadline: float) -> None:
        self.name = name
        self._clock = clock
        self._deadline = deadline
        self._struck = clock.monotonic()
        self._task: asyncio.Task[Any] | None = None

    def of(self, task: "asyncio.Task[T]") -> "asyncio.Task[T]":
        """Say which task strikes; return it."""
        self._task = task
        self.strike()
        return task

    def strike(self) -> None:
        """Say that the loop turned."""
        self._struck = self._clock.monotonic()

    def trouble(self) -> str | None:
        """Return what is wrong as a sentence, None if nothing is."""
        if self._task is None:
            return None
        if self._task.done():
            cause = None if self._task.cancelled() else self._task.exception()
            ended = f" ({type(cause).__name__})" if cause is not None else ""
            return f"the {self.name} loop has ended{ended}; a restart brings it back"
        silent = self._clock.monotonic() - self._struck
        if silent > self._deadline:
            return f"the {self.name} loop has not turned for {silent:.0f} s; a restart frees it"
        return None


class Pulse:
    """Answers for the whole process. `beats` are asked anew each time."""

    def __init__(self, clock: Clock, beats: Callable[[], Iterable[Beat]]) -> None:
        self._clock = clock
        self._beats = beats
        self._ticked = clock.monotonic()

    async def run(self) -> None:
        """Tick until cancelled."""
        while True:
            self._ticked = self._clock.monotonic()
            await self._clock.sleep(_TICK)

    def trouble(self) -> str | None:
        """Return what is wrong as a sentence, None if this process is alive."""
        lag = self._clock.monotonic() - self._ticked - _TICK
        if lag > _MOST_LAG:
            return f"the event loop did not turn for {lag:.0f} s"
        for beat in self._beats():
            trouble = beat.trouble()
            if trouble is not None:
                return trouble
        return None

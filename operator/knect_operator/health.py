"""Whether the operator works, said honestly: 500 when a loop hangs, not when a cluster is slow.

Why our own: the framework's page answers as long as its server lives, also when every watch is
dead. Must not: speak about remotes or workers, or restart a standby for waiting.
"""

import asyncio
from collections.abc import Callable, Iterator

__all__ = ["Health", "Pulse"]


class Pulse:
    """Beats once a second in the event loop; late beats show a loop that hangs."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._last = monotonic()

    async def run(self) -> None:
        """Beat until cancelled."""
        while True:
            self._last = self._monotonic()
            await asyncio.sleep(1.0)

    @property
    def late(self) -> float:
        """Return by how many seconds the beat is late."""
        return max(0.0, self._monotonic() - self._last - 1.0)


class Health:
    """Gathers what must hold. Each part returns a sentence of trouble, or nothing."""

    def __init__(self) -> None:
        self._parts: list[Callable[[], str | None]] = []

    def add(self, part: Callable[[], str | None]) -> None:
        """Add a part to be asked."""
        self._parts.append(part)

    def at_most(self, what: str, value: Callable[[], float], limit: float) -> None:
        """Add a figure that must stay below a limit."""
        self.add(
            lambda: (
                f"{what}: {value():.0f} s, allowed are {limit:.0f} s" if value() > limit else None
            )
        )

    def troubles(self) -> Iterator[str]:
        """Yield what does not hold."""
        for part in self._parts:
            trouble = part()
            if trouble is not None:
                yield trouble

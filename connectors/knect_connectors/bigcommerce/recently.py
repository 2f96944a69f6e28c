"""What this process told the store of a little while ago, and the store may not show yet.

Why: an adjustment of stock is applied after it was answered. Who reads 5 right after telling 3 and
then 5 does not know that the 5 is the old one: such a look-up must find nothing.
Must not: be relied upon for more; a process that takes over after a kill knows nothing of it, but
comes no sooner than the lease of the one that died has ended.
"""

from knect.seams import Clock

__all__ = ["Recently"]

_MOST = 50_000


class Recently:
    """Values by key, with when they were told."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._told: dict[str, list[tuple[float, int]]] = {}

    def told(self, key: str, value: int) -> None:
        """Remember that a value is being told."""
        values = self._told.pop(key, [])
        self._told[key] = [*values[-3:], (self._clock.monotonic(), value)]
        if len(self._told) > _MOST:
            del self._told[next(iter(self._told))]

    def only(self, key: str, value: int, within: float) -> bool:
        """Tell whether nothing but this value was told of a key within so many seconds."""
        since = self._clock.monotonic() - within
        return all(at < since or one == value for at, one in self._told.get(key, ()))

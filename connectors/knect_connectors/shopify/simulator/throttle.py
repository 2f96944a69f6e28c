"""The leaky bucket of points, server side.

Must not: sleep; a request that does not fit is refused, as the platform does.
"""

from typing import Any

from knect.seams import Clock

__all__ = ["Throttle"]

#: No single query may cost more, whatever is in the bucket.
MAX_COST = 1_000.0


class Throttle:
    """`maximum` points, refilled at `rate` a second."""

    def __init__(self, clock: Clock, *, maximum: float, rate: float) -> None:
        self._clock = clock
        self.maximum = maximum
        self.rate = rate
        self._level = maximum
        self._at = clock.monotonic()
        self.max_cost = MAX_COST
        self.refused = 0
        self.spent = 0.0

    def take(self, requested: float) -> bool:
        """Take the requested cost, or say that it does not fit."""
        self._refill()
        if requested > self._level:
            self.refused += 1
            return False
        self._level -= requested
        self.spent += requested
        return True

    def give_back(self, unused: float) -> None:
        """Return what the query did not cost in the end."""
        self._level = min(self.maximum, self._level + unused)
        self.spent -= unused

    def cost(self, requested: float, actual: float | None) -> dict[str, Any]:
        """Return `extensions.cost` of an answer."""
        self._refill()
        return {
            "requestedQueryCost": int(requested),
            "actualQueryCost": None if actual is None else int(actual),
            "throttleStatus": {
                "maximumAvailable": self.maximum,
                "currentlyAvailable": int(self._level),
                "restoreRate": self.rate,
            },
        }

    def _refill(self) -> None:
        now = self._clock.monotonic()
        self._level = min(self.maximum, self._level + (now - self._at) * self.rate)
        self._at = now

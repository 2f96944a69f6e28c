"""The quota of requests: so many in a window, told with every answer.

Must not: forget a window that has passed.
"""

from collections.abc import Mapping

from knect.sdk.testing import Answer
from knect.seams import Clock
from knect_connectors.bigcommerce.simulator.wire import TYPE

__all__ = ["Quota"]


class Quota:
    """A fixed window of `window` seconds. `refused` counts who came too often."""

    def __init__(self, clock: Clock, *, quota: int, window: float) -> None:
        self._clock = clock
        self._quota = quota
        self._window = window
        self._ends = clock.monotonic() + window
        self._used = 0
        self.refused = 0

    def take(self) -> bool:
        """Count a request; False where the window has none left."""
        self._roll()
        if self._used >= self._quota:
            self.refused += 1
            return False
        self._used += 1
        return True

    def headers(self) -> Mapping[str, str]:
        """Return what every answer says of the quota."""
        self._roll()
        left = max(0.0, self._ends - self._clock.monotonic())
        return {
            "X-Rate-Limit-Time-Window-Ms": str(int(self._window * 1000)),
            "X-Rate-Limit-Time-Reset-Ms": str(int(left * 1000)),
            "X-Rate-Limit-Requests-Quota": str(self._quota),
            "X-Rate-Limit-Requests-Left": str(self._quota - self._used),
        }

    def refusal(self) -> Answer:
        """Return a 429 as the platform words it."""
        body = {"status": 429, "title": "Too many requests", "type": TYPE}
        headers = {"X-Retry-After": "1", "X-Rate-Limit-Time-Reset-Ms": "1000"}
        return Answer.of_json(body, status=429, headers=headers)

    def _roll(self) -> None:
        now = self._clock.monotonic()
        if now >= self._ends:
            self._used, self._ends = 0, now + self._window

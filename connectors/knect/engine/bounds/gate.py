"""A Connection that does not answer is left in peace, and one call at a time finds out when it is
back.

Why: during an outage a thousand records must not make a thousand calls a second; when it ends, work
must go on by itself. Must not: count records, or keep state that matters after a restart.
"""

from knect.seams import Clock

__all__ = ["Gate"]

_FAILURES_TO_CLOSE = 3
_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 30.0


class Gate:
    """Open while calls are answered; closed for growing pauses while they are not."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._failures = 0
        self._closed_until = 0.0
        self._silent_since: float | None = None

    @property
    def silent_for(self) -> float:
        """Seconds since calls began to go unanswered; 0 while they are answered."""
        since = self._silent_since
        return 0.0 if since is None else self._clock.monotonic() - since

    @property
    def closed_for(self) -> float:
        """Seconds until the next call may be made; 0 while open."""
        return max(0.0, self._closed_until - self._clock.monotonic())

    def answered(self) -> None:
        """Say that a call got an answer, whatever it was."""
        self._failures = 0
        self._closed_until = 0.0
        self._silent_since = None

    def unanswered(self) -> None:
        """Say that a call got none."""
        self._failures += 1
        if self._silent_since is None:
            self._silent_since = self._clock.monotonic()
        beyond = self._failures - _FAILURES_TO_CLOSE
        if beyond >= 0:
            pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** min(beyond, 10))
            self._closed_until = self._clock.monotonic() + pause

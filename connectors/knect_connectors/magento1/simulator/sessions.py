"""The API's sessions: given out at log-in, and ended after some calls or seconds.

Must not: know a wire format.
"""

import hashlib
from datetime import datetime

from knect.seams import Clock

__all__ = ["Sessions"]


class Sessions:
    """Who is logged in. `calls` and `seconds`: when a session ends, None: never.

    Ids are made of a seed and a counter, so that a run is the same each time.
    """

    def __init__(
        self, clock: Clock, *, user: str, key: str, calls: int | None = None,
        seconds: float | None = None, seed: int = 0,
    ) -> None:  # fmt: skip
        self.user = user
        self.key = key
        self.calls = calls
        self.seconds = seconds
        self.opened = 0
        self._clock = clock
        self._seed = seed
        self._alive: dict[str, tuple[bool, int, datetime]] = {}

    def start(self, *, logged_in: bool = False) -> str:
        """Open a session and return its id."""
        self.opened += 1
        name = hashlib.blake2b(f"{self._seed}/{self.opened}".encode(), digest_size=16).hexdigest()
        self._alive[name] = (logged_in, 0, self._clock.now())
        return name

    def login(self, user: str, key: str) -> str | None:
        """Return a new session, None for the wrong name or key."""
        return self.start(logged_in=True) if (user, key) == (self.user, self.key) else None

    def is_good(self, name: str) -> bool:
        """Tell whether a session may still call, and count the call."""
        logged_in, used, since = self._alive.get(name, (False, 0, self._clock.now()))
        age = (self._clock.now() - since).total_seconds()
        too_old = self.seconds is not None and age >= self.seconds
        too_used = self.calls is not None and used >= self.calls
        if not logged_in or too_old or too_used:
            self._alive.pop(name, None)
            return False
        self._alive[name] = (logged_in, used + 1, since)
        return True

    def end(self, name: str) -> None:
        """End one session."""
        self._alive.pop(name, None)

    def end_all(self) -> None:
        """End every session."""
        self._alive.clear()

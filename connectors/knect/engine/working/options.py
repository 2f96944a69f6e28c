"""How a worker runs, apart from what it runs.

Must not: hold anything of a document.
"""

import random
from collections.abc import Callable
from copy import copy

from knect.seams import Clock, IdSource, SystemClock, new_id

__all__ = ["WorkerOptions"]


class WorkerOptions:
    """How a worker runs, apart from what it runs. Times in seconds."""

    def __init__(
        self,
        *,
        name: str = "local",
        lease_seconds: float = 60.0,
        request_seconds: float = 30.0,
        patience_seconds: float = 60.0,
        clock: Clock | None = None,
        ids: IdSource = new_id,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.name = name
        self.lease_seconds = lease_seconds
        self.request_seconds = request_seconds
        self.patience_seconds = patience_seconds
        self.clock = clock or SystemClock()
        self.ids = ids
        self.chance = chance

    def timed_by(self, clock: Clock) -> "WorkerOptions":
        """Return the same options with another clock."""
        other = copy(self)
        other.clock = clock
        return other

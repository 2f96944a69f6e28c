"""How long this worker may act, kept alive while it lives.

Why: a frozen or cut-off worker must know by its own clock that its time is over *before* it sends
anything more. Must not: use wall time; a jumping clock must not lengthen a lease.
"""

import asyncio
import logging

from knect.ledger import Ledger, LedgerError
from knect.ledger.claims import renew
from knect.ledger.instants import to_us
from knect.seams import Clock

__all__ = ["WorkerLease"]

_log = logging.getLogger("knect.lease")


class WorkerLease:
    """Renews the leases of everything one worker has in hand, three times per lease."""

    def __init__(self, ledger: Ledger, *, holder: str, seconds: float, clock: Clock) -> None:
        self._ledger = ledger
        self._holder = holder
        self._seconds = seconds
        self._clock = clock
        self._until = clock.monotonic() + seconds
        self._task: asyncio.Task[None] | None = None

    def remaining(self) -> float:
        """Return the seconds left; 0 or less when the lease is gone."""
        return self._until - self._clock.monotonic()

    def start(self) -> None:
        """Begin to renew."""
        self._task = asyncio.create_task(self._run(), name="lease")

    async def stop(self) -> None:
        """Stop renewing."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            await self._clock.sleep(self._seconds / 3)
            began = self._clock.monotonic()
            now = to_us(self._clock.now())
            try:
                await self._ledger.write(
                    lambda c, now=now: renew(  # type: ignore[misc]
                        c, holder=self._holder, now_us=now, lease_us=int(self._seconds * 1e6)
                    )
                )
            except LedgerError as error:
                _log.warning("the lease could not be renewed", extra={"reason": str(error)})
                continue
            self._until = began + self._seconds

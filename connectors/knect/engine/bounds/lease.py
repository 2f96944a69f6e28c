"""How long this worker may act, kept alive while it lives.

Why: a frozen or cut-off worker must know by its own clock that its time is over *before* it sends
anything more. Must not: use wall time; a jumping clock must not lengthen a lease.
"""

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from knect.engine.bounds.pulse import Beat
from knect.ledger import Connection, Ledger, LedgerError
from knect.ledger.claims import renew
from knect.ledger.feeds import attend
from knect.ledger.instants import to_us
from knect.seams import Clock

__all__ = ["Lease", "Taken", "WorkerLease", "attended_until", "covers_all"]

_log = logging.getLogger("knect.lease")


@dataclass(slots=True, eq=False)
class Taken:
    """When one claim took something in hand, in seconds of the clock that never goes back.

    Its lease counts from when it was asked for; renewals include it once it was had. A slow ledger
    may answer a renewal in between. What is `over` stays so: somebody else may have claimed it.
    """

    asked_at: float
    had_at: float
    over: bool = False


class Lease(Protocol):
    """How long this worker may still act for what it has in hand."""

    def remaining(self, taken: Taken | None = None) -> float:
        """Return seconds for what was taken then; 0 or less when it is gone."""
        ...


def attended_until(now_us: int, lease_seconds: float) -> int:
    """Return until when it goes without saying that who works on a pipeline still does."""
    return now_us + int(2 * lease_seconds * 1e6)


def covers_all(lease: Lease, taken: Iterable[Taken]) -> bool:
    """Tell whether this worker may still act for everything it took at these moments."""
    return all(lease.remaining(moment) > 0 for moment in taken)


class WorkerLease:
    """Renews the leases of everything one worker has in hand, three times per lease.

    `in_hand` tells the row ids, and when each was taken; `renewing` is awaited before each renewal.
    With each it says that it works on the pipelines that are `attended`.
    What is no longer in hand, because its commit failed, is left to run out, so that it can be
    claimed again. What ran out before a renewal was answered is over, whatever the renewal says: a
    claim that was answered late may be over before its first one, and a renewal that was answered
    late finds what was claimed meanwhile.
    """

    def __init__(
        self,
        ledger: Ledger,
        *,
        holder: str,
        seconds: float,
        clock: Clock,
        in_hand: Callable[[], Mapping[int, Taken]],
        renewing: Callable[[], Awaitable[None]],
        attended: Callable[[], Sequence[str]] = tuple,
    ) -> None:
        self._attended = attended
        self._ledger = ledger
        self._holder = holder
        self._seconds = seconds
        self._clock = clock
        self._in_hand = in_hand
        self._renewing = renewing
        self._until = clock.monotonic() + seconds
        self._renewed_at = -math.inf
        self._task: asyncio.Task[None] | None = None
        self.beat = Beat("lease renewal", clock, deadline=max(60.0, 2 * seconds))

    def remaining(self, taken: Taken | None = None) -> float:
        """Return the seconds left for what was taken then; 0 or less when the lease is gone.

        A renewal covers what was in hand when it began.
        """
        now = self._clock.monotonic()
        if taken is None:
            return self._until - now
        if taken.over:
            return 0.0
        renewed = taken.had_at < self._renewed_at
        return (self._until if renewed else taken.asked_at + self._seconds) - now

    def start(self) -> None:
        """Begin to renew."""
        self._task = self.beat.of(asyncio.create_task(self._run(), name="lease"))

    async def stop(self) -> None:
        """Stop renewing."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        """Renew again and again, as often as said whatever a renewal takes."""
        every = self._seconds / 3
        next_at = self._clock.monotonic() + every
        while True:
            self.beat.strike()
            await self._clock.sleep(max(0.0, next_at - self._clock.monotonic()))
            next_at = self._clock.monotonic() + every
            try:
                await self._renew()
            except LedgerError as error:
                _log.warning("the lease could not be renewed", extra={"reason": str(error)})

    async def _renew(self) -> None:
        await self._renewing()
        began = self._clock.monotonic()
        now, in_hand = to_us(self._clock.now()), self._in_hand()
        seqs = [seq for seq, taken in in_hand.items() if self.remaining(taken) > 0]
        lease_us = int(self._seconds * 1e6)

        def unit(connection: Connection) -> None:
            renew(connection, holder=self._holder, seqs=seqs, now_us=now, lease_us=lease_us)
            attend(connection, self._attended(), attended_until(now, self._seconds))

        await self._ledger.write(unit)
        if self.remaining() < 0:
            _log.warning("the lease had run out; what was in hand is given back")
        for taken in in_hand.values():
            taken.over = self.remaining(taken) <= 0
        self._until, self._renewed_at = began + self._seconds, began

"""The clock several workers share: the database's, carried on by this machine's steady one.

Why: leases and due times are compared between workers; a pod whose clock is an hour off must
neither take what others hold nor leave what is due. The wall clock of the machine is looked at only
where the ledger is a file. Must not: be asked for durations of remote calls; `monotonic` is.
"""

import logging
from datetime import datetime, timedelta

from knect.ledger import Ledger, LedgerError
from knect.seams import Clock

__all__ = ["LedgerClock"]

_log = logging.getLogger("knect.clock")

#: An answer that took longer says too little about when the database read its clock.
_SLOW_SECONDS = 1.0
_WORTH_A_WORD = 5.0


class LedgerClock:
    """Implements `Clock`. Until the first `sync`, and on a file, it is the machine's clock."""

    def __init__(self, clock: Clock, ledger: Ledger) -> None:
        self._clock = clock
        self._ledger = ledger
        self._anchor: tuple[datetime, float] | None = None

    def now(self) -> datetime:
        """Return the database's instant, in UTC."""
        if self._anchor is None:
            return self._clock.now()
        at, when = self._anchor
        return at + timedelta(seconds=self._clock.monotonic() - when)

    def monotonic(self) -> float:
        """Return seconds that never go back."""
        return self._clock.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait for that many seconds."""
        await self._clock.sleep(seconds)

    async def sync(self) -> None:
        """Ask the database for its time; trouble leaves the clock as it is."""
        asked = self._clock.monotonic()
        try:
            at = await self._ledger.server_time()
        except LedgerError as error:
            _log.warning("the database's clock is not known", extra={"reason": str(error)})
            return
        took = self._clock.monotonic() - asked
        if at is None or (took > _SLOW_SECONDS and self._anchor is not None):
            return
        first = self._anchor is None
        self._anchor = (at, asked + took / 2)
        off = (self._clock.now() - at).total_seconds()
        if first and abs(off) > _WORTH_A_WORD:
            _log.warning("this machine's clock is off", extra={"seconds": round(off, 1)})

"""The clock several workers share: the database's, carried on by this machine's steady one.

Why: leases and due times are compared between workers; a pod whose clock is an hour off must
neither take what others hold nor leave what is due. Where the ledger is a file, it is the machine's
wall clock that is carried on, and never followed in a jump: forwards, that would end every lease,
and back, leave what is due for as long as it jumped. Must not: be asked for durations of remote
calls; `monotonic` is.
"""

import logging
from datetime import datetime

from knect.ledger import Ledger, LedgerError
from knect.ledger.instants import from_us, to_us
from knect.seams import Clock

__all__ = ["LedgerClock"]

_log = logging.getLogger("knect.clock")

#: An answer that took longer says too little about when the database read its clock.
_SLOW_SECONDS = 1.0
_WORTH_A_WORD = 5.0
#: A wall clock that jumped is followed by this share of the time that passed.
_FOLLOWED = 0.1


class LedgerClock:
    """Implements `Clock`. Until the first `sync` it is the machine's clock."""

    def __init__(self, clock: Clock, ledger: Ledger) -> None:
        self._clock = clock
        self._ledger = ledger
        self.monotonic = clock.monotonic  # seconds that never go back
        self._anchor: tuple[int, float] | None = None
        self._is_off = False

    def now(self) -> datetime:
        """Return the database's instant, in UTC."""
        return from_us(self.now_us())

    def now_us(self) -> int:
        """Return the database's instant as the ledger writes it: microseconds since 1970."""
        if self._anchor is None:
            return to_us(self._clock.now())
        at, when = self._anchor
        return at + int((self.monotonic() - when) * 1_000_000)

    async def sleep(self, seconds: float) -> None:
        """Wait for that many seconds."""
        await self._clock.sleep(seconds)

    async def sync(self) -> None:
        """Ask the database for its time, or the machine; trouble leaves the clock as it is."""
        asked = self.monotonic()
        try:
            at = await self._ledger.server_time()
        except LedgerError as error:
            _log.warning("the database's clock is not known", extra={"reason": str(error)})
            return
        took = self.monotonic() - asked
        if at is None:
            self._follow(self._clock.now())
            return
        if took > _SLOW_SECONDS and self._anchor is not None:
            return
        first = self._anchor is None
        self._anchor = (to_us(at), asked + took / 2)
        off = (self._clock.now() - at).total_seconds()
        if first and abs(off) > _WORTH_A_WORD:
            _log.warning("this machine's clock is off", extra={"seconds": round(off, 1)})

    def _follow(self, wall: datetime) -> None:
        """Go after the machine's wall clock, a jump of it in small steps."""
        here = self.monotonic()
        if self._anchor is None:
            self._anchor = (to_us(wall), here)
            return
        ours = self.now_us()
        off = (to_us(wall) - ours) / 1_000_000
        step = _FOLLOWED * (here - self._anchor[1])
        if abs(off) > _WORTH_A_WORD and not self._is_off:
            _log.warning("this machine's clock jumped", extra={"seconds": round(off, 1)})
        self._is_off = abs(off) > _WORTH_A_WORD
        self._anchor = (ours + round(max(-step, min(off, step)) * 1_000_000), here)

"""Retention while work goes on: a slice, a breath, the next slice.

Must not: hold the ledger longer than a slice takes.
"""

import logging

from msgspec import structs

from knect.engine.bounds.pulse import Beat
from knect.ledger import Ledger, LedgerError
from knect.ledger.instants import to_us
from knect.ledger.lives import keep_life
from knect.ledger.retention import RetentionPolicy, retire_slice, shrink
from knect.seams import Clock

__all__ = ["Housekeeper", "sized"]

_log = logging.getLogger("knect.housekeeping")

_EVERY_SECONDS = 3600.0
_BREATH_SECONDS = 0.05
#: So long may others wait for a slice; a large ledger on a slow disk gets smaller ones.
_SLICE_SECONDS = 0.1
_FEWEST_ROWS, _MOST_ROWS = 10, 500


class Housekeeper:
    """Applies a retention policy once an hour; the life of `holder` goes on and is kept."""

    def __init__(
        self, ledger: Ledger, policy: RetentionPolicy, clock: Clock, *, holder: str
    ) -> None:
        self._ledger = ledger
        self._policy = policy
        self._clock = clock
        self._holder = holder
        self.beat = Beat("housekeeping", clock, deadline=2 * _EVERY_SECONDS)

    async def clean(self) -> int:
        """Remove everything that is old enough now; return how many versions were retired."""
        retired = 0
        policy = self._policy
        began = to_us(self._clock.now())
        await self._ledger.write(lambda c: keep_life(c, self._holder, began))
        while True:
            self.beat.strike()
            now, asked = to_us(self._clock.now()), self._clock.monotonic()
            slice_ = await self._ledger.write(
                lambda c, now=now, policy=policy: retire_slice(c, policy, now)  # type: ignore[misc]
            )
            retired += slice_.versions
            policy = sized(policy, self._clock.monotonic() - asked)
            if not slice_.anything:
                while await self._ledger.write(shrink):
                    await self._clock.sleep(_BREATH_SECONDS)
                return retired
            await self._clock.sleep(_BREATH_SECONDS)

    async def run(self) -> None:
        """Clean for ever; trouble with the ledger is logged and tried again."""
        while True:
            try:
                retired = await self.clean()
                if retired:
                    _log.info("retired", extra={"versions": retired})
            except LedgerError as error:
                _log.warning("retention waits", extra={"reason": str(error)})
            self.beat.strike()
            await self._clock.sleep(_EVERY_SECONDS)


def sized(policy: RetentionPolicy, took: float) -> RetentionPolicy:
    """Return the policy with as many rows in a slice as fit; it grows slower than it shrinks."""
    fitting = policy.slice_rows * min(2.0, _SLICE_SECONDS / max(took, 0.001))
    rows = max(_FEWEST_ROWS, min(_MOST_ROWS, int(fitting)))
    return structs.replace(policy, slice_rows=rows)

"""Whether a record may have been delivered by a ledger that is gone.

Why: a ledger that was restored from a backup has forgotten what was done since, and one that was
lost has forgotten all; neither knows. What existed before this life of a worker began is therefore
looked for at the destination before it is made there. Who works on without a break never asks:
what is first seen after all older things were read is news.
Must not: ask a destination, or doubt what the ledger knows to be delivered.
"""

from collections.abc import Sequence

from knect.engine.bounds.ledger_clock import LedgerClock
from knect.engine.delivering.job import Job
from knect.ledger import Ledger
from knect.ledger.vouching import first_sights, read_whole_us
from knect.sdk.contract import Operation

__all__ = ["Hindsight"]


class Hindsight:
    """What one pipeline's worker saw happen itself, since its life began."""

    def __init__(self, ledger: Ledger, clock: LedgerClock) -> None:
        self._ledger = ledger
        self._began_us = clock.now_us()
        self._read_whole_us: int | None = None

    async def doubt(self, jobs: Sequence[Job]) -> None:
        """Mark the jobs that are about to make what may be there already."""
        making = {job.seq: job for job in jobs if _makes(job)}
        if not making:
            return
        for job in making.values():
            job.unvouched = True
        version = next(iter(making.values())).claimed.version
        if self._read_whole_us is None:
            self._read_whole_us = await self._ledger.read(
                lambda c: read_whole_us(c, version, began_us=self._began_us)
            )
        whole_us = self._read_whole_us
        if whole_us is None:
            return
        seen = await self._ledger.read(lambda c: first_sights(c, list(making)))
        for seq, first_us in seen.items():
            making[seq].unvouched = first_us <= whole_us


def _makes(job: Job) -> bool:
    """Tell whether the next effect makes something of which this ledger knows no earlier try."""
    effect = job.effect
    return (
        effect is not None
        and effect.operation is Operation.CREATE
        and job.bound is None
        and effect.name not in job.written
    )

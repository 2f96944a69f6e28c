"""Whether a record may have been delivered by a ledger that is gone.

Why: a ledger that was restored from a backup has forgotten what was done since, and one that was
lost has forgotten all; neither knows. What existed at the source before this life of a worker began
is therefore looked for at the destination before it is made there, whenever it is seen first: it
may be read, or change, long after. What came to be since is news, and nothing is asked; but of what
was there and is gone, parts may be left.
Must not: ask a destination, or doubt what this ledger saw happen.
"""

from collections.abc import Sequence

from knect.engine.bounds.ledger_clock import LedgerClock
from knect.engine.delivering.job import Job
from knect.ledger.effects import UNCERTAIN
from knect.model.record import created_at
from knect.sdk.contract import Operation

__all__ = ["Hindsight"]

#: A source's clock may be ahead of the ledger's by so much, or behind it.
_AHEAD_SECONDS = 300.0


class Hindsight:
    """What one pipeline's worker cannot vouch for, by when its life began."""

    def __init__(self, clock: LedgerClock, *, changes: bool) -> None:
        """`changes`: the pipeline brings what is there up to date; else content is no matter."""
        self._clock, self._changes = clock, changes
        self._began_us = clock.now_us()

    def doubt(self, jobs: Sequence[Job]) -> None:
        """Mark the jobs that are about to make what may be there already."""
        since, until = self._began_us / 1e6 + _AHEAD_SECONDS, self._clock.now_us() / 1e6
        for job in jobs:
            if _makes(job) and not self._is_known(job):
                came = _came_to_be(job)
                # what is not yet is a mistake, in a zone of time perhaps, and says nothing
                job.unvouched = (
                    job.gone is not None
                    or came is None
                    or not since <= came <= until + _AHEAD_SECONDS
                )

    def _is_known(self, job: Job) -> bool:
        """Tell whether an earlier try of the next effect says what is there.

        One that failed in an earlier life does not: the ledger that is gone may have tried again.
        What may have been sent before anybody looked is looked for, and is ours or not.
        """
        row = job.written.get(job.effect_name)
        if row is None:
            return False
        if row.state in UNCERTAIN:
            return row.document is not None or not self._changes
        return row.document is not None and (row.ended_us or 0) >= self._began_us


def _came_to_be(job: Job) -> float | None:
    """Return when the record did, in seconds since 1970; of some nobody knows."""
    created = created_at(job.extracted.record) if job.extracted else None
    return None if created is None else created.timestamp()


def _makes(job: Job) -> bool:
    effect = job.effect
    return effect is not None and effect.operation is Operation.CREATE and job.bound is None

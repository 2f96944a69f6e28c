"""Whether the destination still has what the binding says, or perhaps what was sent since.

Why: 5 was delivered, of 7 nobody was told whether it arrived, and now it is 5 again: "nothing has
changed" is true of the source, and the shop may have 7. So this once it is written all the same.
And stock moves at the shop by itself: three were sold there and three came in, the level is the
same, and the shop has three too few. A level that was read anew is brought there each time.
Must not: ask the destination, or decide anything else.
"""

from collections.abc import Sequence

from knect.engine.job import Job
from knect.ledger import Ledger
from knect.ledger.effects import unsure_since

__all__ = ["doubt_what_is_bound"]


async def doubt_what_is_bound(ledger: Ledger, jobs: Sequence[Job]) -> None:
    """Mark the jobs that have nothing new to say, but after a try of unknown outcome."""
    same = {
        job.seq: job
        for job in jobs
        if job.bound and job.mapped and job.bound.hash == job.mapped.hash
    }
    same_levels = [job for job in same.values() if job.claimed.entity == "inventory"]
    for job in same_levels:
        job.doubted = True
    same = {seq: job for seq, job in same.items() if not job.doubted}
    if not same:
        return
    after = {seq: job.bound.transaction for seq, job in same.items() if job.bound}
    for seq in await ledger.read(lambda c: unsure_since(c, after)):
        same[seq].doubted = True

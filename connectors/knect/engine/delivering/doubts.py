"""Whether the destination still has what the binding says, or perhaps what was sent since.

Why: 5 was delivered, of 7 nobody was told whether it arrived, and now it is 5 again: "nothing has
changed" is true of the source, and the shop may have 7. So this once it is written all the same.
And a shop takes off by itself what it sells: three were sold there and three came in, the level is
the same, and the shop has three too few. So a level is written, too, if the ERP had an order of the
shop that names its SKU when it was read, and the level before it was read without; not whenever it
is told again, for a sale nobody has read yet would be given back.
And a person who replays a figure, or an audit that repairs, has a reason to think that the shop has
another one.
Must not: ask the destination, or decide anything else.
"""

from collections.abc import Sequence

from knect.engine.delivering.job import Job
from knect.ledger import Ledger
from knect.ledger.again import is_wanted_anew
from knect.ledger.effects import unsure_since
from knect.ledger.figures import sold_since
from knect.model import InventoryLevel, Price

__all__ = ["doubt_what_is_bound"]


async def doubt_what_is_bound(ledger: Ledger, jobs: Sequence[Job], *, where: str) -> None:
    """Mark the jobs with nothing new to say whose destination, `where`, may have something else."""
    same = {
        job.seq: job
        for job in jobs
        if job.bound and job.mapped and job.bound.hash == job.mapped.hash
    }
    if not same:
        return
    after = {seq: job.bound.transaction for seq, job in same.items() if job.bound}
    skus = {seq: sku for seq, job in same.items() if (sku := _counted(job))}
    unsure = await ledger.read(lambda c: unsure_since(c, after))
    until = max((same[seq].claimed.seen_us for seq in skus), default=0)
    sold = (
        await ledger.read(lambda c: sold_since(c, where, skus, after, until_us=until))
        if skus
        else []
    )
    wanted = [seq for seq, job in same.items() if _is_figure(job) and _is_wanted(job)]
    for seq in (*unsure, *sold, *wanted):
        same[seq].doubted = True


def _is_figure(job: Job) -> bool:
    record = job.extracted.record if job.extracted else None
    return isinstance(record, InventoryLevel | Price)


def _is_wanted(job: Job) -> bool:
    return job.claimed.replay_of is not None and is_wanted_anew(job.claimed.timeline)


def _counted(job: Job) -> str | None:
    record = job.extracted.record if job.extracted else None
    return record.sku if isinstance(record, InventoryLevel) else None

"""Two records that tell the same level: neither overwrites the other in silence.

Why: an ERP has two places and the shop one stock, or a table maps two places onto one; then the
shop shows whichever place was told last, and nothing looks wrong.
Must not: choose between them, or add them up; a person says which one counts.
"""

from collections.abc import Sequence

from knect.engine.deciding.holds import told_by_two
from knect.engine.delivering.job import Job
from knect.ledger import Ledger
from knect.ledger.figures import Teller, tellers_beside
from knect.model import InventoryLevel

__all__ = ["hold_rivals"]


async def hold_rivals(ledger: Ledger, jobs: Sequence[Job], *, where: str) -> None:
    """Hold the levels that another record tells `where` as well, unless a person let them pass."""
    first: dict[str, Job] = {}
    for job in jobs:
        key = _level_at(job)
        if key is None:
            continue
        if key in first and first[key].external_id != job.external_id:
            _hold(job, where, first[key].claimed.source_id)
        else:
            first[key] = job
    if not first:
        return
    ours = {key: job.external_id for key, job in first.items()}
    beside = await ledger.read(lambda c: tellers_beside(c, where, ours))
    for key, other in beside.items():
        if _speaks(other, first[key]):
            _hold(first[key], where, other.source_id)


def _level_at(job: Job) -> str | None:
    """Return which of the destination's levels a job is about to write; None if it may."""
    is_level = job.extracted is not None and isinstance(job.extracted.record, InventoryLevel)
    if not is_level or job.verdict or job.written or job.claimed.approved or job.effect is None:
        return None
    return job.effect.key


def _speaks(other: Teller, job: Job) -> bool:
    """Tell whether another record has told the level after ours did; one that fell silent may be
    what ours has taken the place of.
    """
    return job.bound is None or other.updated_us >= job.bound.updated_us


def _hold(job: Job, where: str, other: str | None) -> None:
    assert job.extracted is not None
    record = job.extracted.record
    assert isinstance(record, InventoryLevel)
    job.judge(told_by_two(record, where, other or "another record"))

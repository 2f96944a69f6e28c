"""A record without a counterpart is not left out while the counterpart may just be being written.

Why: an order the ERP has taken can come back (cancelled by a clerk) before the answer that says so
arrived, or was looked up. Left out then, the change would be lost for good.
Must not: call out, or hold what was read before the write began.
"""

from collections.abc import Sequence

from msgspec import structs

from knect.api.reasons import Reason
from knect.engine.deciding.policy import ITSELF
from knect.engine.delivering.job import Job
from knect.engine.delivering.settings import PipelineSettings
from knect.ledger import Fate, Ledger
from knect.ledger.counterparts import oldest_open_write

__all__ = ["await_counterparts"]

_LOOK_AGAIN_SECONDS = 5.0


async def await_counterparts(
    ledger: Ledger, settings: PipelineSettings, jobs: Sequence[Job]
) -> None:
    """Let each job wait that would be left out for want of a counterpart, if one may come."""
    left_out = [
        job
        for job in jobs
        if job.verdict is not None
        and (job.verdict.fate, job.verdict.reason) == (Fate.SKIPPED, Reason.NOT_AT_DESTINATION)
        and job.bound is None
    ]
    if not left_out:
        return
    entity, here, there = settings.entity, settings.source, settings.destination
    since = await ledger.read(lambda c: oldest_open_write(c, destination=here, entity=entity))
    for job in left_out:
        if since is None or since > job.claimed.created_us:
            continue
        assert job.verdict is not None
        job.judge(
            structs.replace(
                job.verdict,
                fate=Fate.WAITING,
                reason=Reason.OUTCOME_UNKNOWN,
                message=f"{here} is being written to by other records; one of them may be this",
                acts=ITSELF,
                next_in=_LOOK_AGAIN_SECONDS,
                waits_for=f"{entity}:{job.claimed.source_id}@{there}",
                counts=False,
            )
        )

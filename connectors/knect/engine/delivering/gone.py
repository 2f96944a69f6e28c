"""Whether the destination still has what a person wants delivered anew.

Why: somebody deletes a document by mistake, and its record has not changed since. "Nothing of it
has changed" is no answer to who asks for it to be there again. What nobody asks for is not made
once more: an audit names it, for it may have been deleted on purpose.
Must not: ask about what nobody wants anew, or about figures, which are set whatever is known.
"""

from collections.abc import Sequence

from knect.engine.delivering.job import Job
from knect.ledger.again import is_wanted_by_person
from knect.ledger.bindings import is_removed
from knect.ledger.schema import FIGURES
from knect.sdk.contract import Delivered, Destination

__all__ = ["look_for_wanted", "wanted_anew"]


def wanted_anew(jobs: Sequence[Job]) -> list[Job]:
    """Return those that a person wants delivered anew, and that were delivered."""
    return [
        job
        for job in jobs
        if job.verdict is None
        and job.mapped is not None
        and job.bound is not None
        and not is_removed(job.bound)
        and job.claimed.entity not in FIGURES
        and is_wanted_by_person(job.claimed.timeline)
    ]


async def look_for_wanted(destination: Destination, jobs: Sequence[Job], *, where: str) -> None:
    """Ask which of these are still there; what is gone is bound no more, and is made anew.

    What this transaction has bound already it has made, or found. Raises what the connector raises.
    """
    for job in jobs:
        job.anew = job.bound is not None and job.bound.transaction == job.seq
    jobs = [job for job in jobs if not job.anew]
    if not jobs:
        return
    documents = [
        Delivered(
            entity=job.claimed.entity,
            external_id=job.external_id,
            destination_id=job.bound.destination_id,
        )
        for job in jobs
        if job.bound is not None
    ]
    for job, is_there in zip(jobs, await destination.present(documents), strict=True):
        assert job.bound is not None
        name = job.bound.number or job.bound.destination_id
        if is_there is None:
            job.looked = f"{where} cannot be asked whether it still has {name}"
        elif is_there:
            job.looked = f"{where} still has {name}"
        else:
            job.looked = f"{where} has {name} no more"
            job.gone, job.anew, job.bound = job.bound.destination_id, True, None
            job.previous, job.tried = None, ()

"""Nothing ends as skipped or rejected while an earlier attempt may have written it.

Why: the mapping, or the record, can change between an attempt whose answer was lost and the next
one. Without a plan there is no look-up, nor is there one for a change of what is there: what really
exists is for people to see.
Must not: call out, or end anything.
"""

from collections.abc import Sequence

from knect.api.reasons import Reason
from knect.engine.deciding.policy import OPERATIONS, Verdict
from knect.engine.delivering.job import Job
from knect.ledger import Fate, Ledger
from knect.ledger.effects import UNCERTAIN, effects_of

__all__ = ["keep_open", "left_open", "perhaps_there"]

_ENDS = (Fate.SKIPPED, Fate.REJECTED)


async def keep_open(ledger: Ledger, jobs: Sequence[Job], *, where: str) -> None:
    """Turn the end of each job whose earlier write has no known outcome into `unknown`.

    `where` is the destination's name.
    """
    ending = {job.seq: job for job in jobs if job.verdict is not None and job.verdict.fate in _ENDS}
    if not ending:
        return
    rows = await ledger.read(lambda c: effects_of(c, list(ending)))
    for row in rows:
        if row.state in UNCERTAIN:
            job = ending[row.transaction]
            assert job.verdict is not None
            job.judge(left_open(job.verdict, row.name, where))


def left_open(verdict: Verdict, effect: str, where: str) -> Verdict:
    """Return what becomes of what would end, if what it may have written cannot be looked for."""
    if verdict.fate not in _ENDS:
        return verdict
    said = f"an earlier attempt may have written it ({effect}): look for it in {where}"
    return _to_be_looked_for(verdict, Fate.UNKNOWN, said)


def perhaps_there(verdict: Verdict, where: str) -> Verdict:
    """Return what becomes of what would end because nothing of its record is there, if something
    may be, and cannot be looked for.
    """
    said = f"an earlier version of it may have been written: look for it in {where}, take it back"
    return _to_be_looked_for(verdict, Fate.WAITING, f"{said} there")


def _to_be_looked_for(verdict: Verdict, fate: Fate, said: str) -> Verdict:
    return Verdict(
        fate=fate,
        reason=Reason.OUTCOME_UNKNOWN,
        message=f"{verdict.message or verdict.fate}; but {said}, then skip this",
        acts=OPERATIONS,
        counts=False,
    )

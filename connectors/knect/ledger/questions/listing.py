"""Which transactions are like this: a list for people, newest first, page by page.

Why: a cause names three records for example, and who tells customers, or looks at what came within
the last hour, needs all of them. Must not: read more of a ledger than a page needs.
"""

from collections.abc import Sequence

from msgspec import Struct
from sqlalchemy import Connection, select

from knect.ledger import schema as s
from knect.ledger.fates import Fate
from knect.ledger.questions.queries import Summary, summaries
from knect.ledger.questions.stopped import is_stopped
from knect.ledger.supersede import is_overtaken

__all__ = ["Which", "listed"]


class Which(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is to be listed; all that is given has to be so.

    `stopped`: what `knect stuck` counts. `replaced`: also what a newer version of it replaced.
    `since_us`: in its fate for this reason since then, or later. `before`: the row of the last one
    of the page before.
    """

    pipeline: str | None = None
    fates: Sequence[str] = ()
    because: str | None = None
    stopped: bool = False
    replaced: bool = False
    since_us: int | None = None
    before: int | None = None


def listed(connection: Connection, which: Which, limit: int | None = None) -> list[Summary]:
    """Return the last words on records that are so, or all that was said, the newest first."""
    t = s.transactions
    query = select(t.c.seq).order_by(t.c.seq.desc()).limit(limit)
    if which.stopped:
        query = query.where(is_stopped())
    elif not which.replaced and Fate.SUPERSEDED not in which.fates:
        query = query.where(~is_overtaken(t))
    if which.pipeline is not None:
        # With a fate an index has both. Without one, an index of the pipeline's has all of it, and
        # not by age; the newest are found sooner from the end on.
        few = which.fates or which.stopped
        query = query.where((t.c.pipeline if few else t.c.pipeline.concat("")) == which.pipeline)
    if which.fates:
        query = query.where(t.c.fate.in_(which.fates))
    if which.because is not None:
        query = query.where(t.c.reason == which.because)
    if which.since_us is not None:
        query = query.where(t.c.since_us >= which.since_us)
    if which.before is not None:
        query = query.where(t.c.seq < which.before)
    seqs = list(connection.execute(query).scalars())
    return summaries(connection, seqs)

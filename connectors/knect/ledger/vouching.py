"""What this ledger cannot vouch for: records that may have been delivered and are not known to be.

Why: a ledger that was restored from a backup, or lost and begun anew, does not know what was done
since, and cannot know that it does not. What existed at a source before a worker began, or was
brought in from older history, may have been delivered by a ledger that is gone; what was first
seen after everything older had been read, was not. Must not: write.
"""

from collections.abc import Collection

from sqlalchemy import Connection, func, select

from knect.ledger import schema as s
from knect.ledger.store.sets import one_of

__all__ = ["first_sights", "read_whole_us"]

#: Windows that show what is new; others bring in what is old.
_OF_NEWS = ("poll", "webhook")


def read_whole_us(connection: Connection, version: int, *, began_us: int) -> int | None:
    """Return when all was read that the source of a version had at an instant; None: not yet."""
    w, v = s.windows, s.versions
    feed = select(v.c.feed).where(v.c.seq == version).scalar_subquery()
    found: int | None = connection.execute(
        select(func.min(w.c.closed_us)).where(
            w.c.feed == feed,
            w.c.kind == "poll",
            w.c.closed_us.is_not(None),
            w.c.opened_us >= began_us,
            w.c.until_us >= began_us,
        )
    ).scalar()
    return found


def first_sights(connection: Connection, seqs: Collection[int]) -> dict[int, int]:
    """Return when the records of transactions were seen first, by row id, in microseconds.

    Left out is what was brought in from older history, or how nobody knows any more.
    """
    t, v, w = s.transactions, s.versions, s.windows
    first, other = v.alias("first"), v.alias("other")
    earliest = (
        select(func.min(other.c.seq))
        .where(other.c.feed == v.c.feed, other.c.source_id == v.c.source_id)
        .scalar_subquery()
    )
    rows = connection.execute(
        select(t.c.seq, first.c.seen_us)
        .join(v, v.c.seq == t.c.version)
        .join(first, first.c.seq == earliest)
        .join(w, w.c.seq == first.c.window)
        .where(one_of(t.c.seq, seqs), w.c.kind.in_(_OF_NEWS))
    )
    return {row.seq: row.seen_us for row in rows}

"""How many changes a feed usually has, so that none at all can be suspicious.

Must not: know expectations people declared; those are the pipeline's.
"""

from sqlalchemy import Connection, func, select

from knect.ledger import schema as s

__all__ = ["expected_changes"]

_BASELINE_US = 7 * 86_400 * 1_000_000
_LEAST_BASELINE_US = 3_600 * 1_000_000


def expected_changes(connection: Connection, feed: int, *, since_us: int, until_us: int) -> float:
    """Return the changes a window of this length usually has, from the polls of seven days."""
    w = s.windows
    row = connection.execute(
        select(
            func.sum(w.c.listed - w.c.repeated).label("changes"),
            func.min(w.c.since_us).label("first"),
            func.max(w.c.until_us).label("last"),
        ).where(
            w.c.feed == feed,
            w.c.kind == "poll",
            w.c.closed_us.is_not(None),
            w.c.since_us >= until_us - _BASELINE_US,
        )
    ).one()
    if not row.changes or row.last - row.first < _LEAST_BASELINE_US:
        return 0.0
    per_microsecond = float(row.changes) / float(row.last - row.first)
    return per_microsecond * (until_us - since_us)

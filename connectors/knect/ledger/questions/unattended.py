"""Which pipelines nobody works on, though something is due for long.

Why: what a pipeline has left that was renamed, taken out or suspended, or whose worker is gone, is
neither rejected nor waiting for anybody; the sum calls it "in flight", and it goes nowhere.
Must not: say why; a ledger does not know what is declared.
"""

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, func, or_, select

from knect.ledger import schema as s
from knect.ledger.fates import ENDED

__all__ = ["LATE_US", "Unattended", "unattended"]

#: What is due is taken sooner than this by a worker that works. Microseconds.
LATE_US = 120_000_000
#: So many records are named of each pipeline.
_EXAMPLES = 3


class Unattended(Struct, frozen=True, kw_only=True):
    """How many transactions of a pipeline nobody takes up, and since when the oldest is due."""

    pipeline: str
    count: int
    since_us: int
    examples: tuple[str, ...]


def unattended(
    connection: Connection, pipeline: str | None = None, *, now_us: int
) -> list[Unattended]:
    """Return the pipelines (or the one) that have overdue work and nothing in hand, by name."""
    t = s.transactions
    p = s.subscriptions.c
    names = select(p.pipeline).where(p.attended_us < now_us).order_by(p.pipeline)
    found = []
    for name in connection.execute(names).scalars().all():
        if pipeline not in (None, name) or _is_held(connection, name, now_us):
            continue
        late = _late(name, now_us)
        count, since = connection.execute(
            select(func.count(), func.min(t.c.next_us)).where(*late)
        ).one()
        if count:
            oldest = select(t.c.key).where(*late).order_by(t.c.next_us, t.c.seq).limit(_EXAMPLES)
            keys = tuple(connection.execute(oldest).scalars())
            found.append(Unattended(pipeline=name, count=count, since_us=since, examples=keys))
    return found


def _is_held(connection: Connection, pipeline: str, now_us: int) -> bool:
    t = s.transactions.c
    held = select(t.seq).where(t.pipeline == pipeline, t.lease_us >= now_us - LATE_US).limit(1)
    return connection.execute(held).first() is not None


def _late(pipeline: str, now_us: int) -> tuple[ColumnElement[bool], ...]:
    t = s.transactions.c
    return (
        t.pipeline == pipeline,
        t.next_us < now_us - LATE_US,
        or_(t.lease_us.is_(None), t.lease_us < now_us),
        t.fate.not_in(ENDED),
    )

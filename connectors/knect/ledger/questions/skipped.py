"""What was left out on purpose, grouped by why: so that a plan can be read as a whole.

Must not: decide what is left out; the engine and the connectors do.
"""

from collections.abc import Sequence

from msgspec import Struct
from sqlalchemy import Connection, func, select

from knect.ledger import schema as s
from knect.ledger.fates import Fate

__all__ = ["SkippedGroup", "last_transaction", "skipped_after"]

_EXAMPLES = 3


class SkippedGroup(Struct, frozen=True, kw_only=True):
    """Records of one pipeline left out for one reason. `message` is that of one of them."""

    pipeline: str
    reason: str | None
    message: str | None
    count: int
    examples: tuple[str, ...]


def last_transaction(connection: Connection) -> int:
    """Return the newest transaction's row id, 0 if there is none."""
    return int(connection.execute(select(func.max(s.transactions.c.seq))).scalar() or 0)


def skipped_after(connection: Connection, seq: int) -> Sequence[SkippedGroup]:
    """Return what was skipped of the transactions made after row `seq`, largest group first."""
    t = s.transactions
    rows = connection.execute(
        select(
            t.c.pipeline,
            t.c.reason,
            func.min(t.c.message).label("message"),
            func.count().label("many"),
        )
        .where(t.c.seq > seq, t.c.fate == Fate.SKIPPED)
        .group_by(t.c.pipeline, t.c.reason)
        .order_by(func.count().desc(), t.c.pipeline, t.c.reason)
    )
    return [
        SkippedGroup(
            pipeline=row.pipeline,
            reason=row.reason,
            message=row.message,
            count=row.many,
            examples=tuple(
                connection.execute(
                    select(t.c.key)
                    .where(
                        t.c.seq > seq,
                        t.c.fate == Fate.SKIPPED,
                        t.c.pipeline == row.pipeline,
                        t.c.reason.is_not_distinct_from(row.reason),
                    )
                    .order_by(t.c.seq)
                    .limit(_EXAMPLES)
                ).scalars()
            ),
        )
        for row in rows.all()
    ]

"""The "unmapped" list: which values are waited for, by how many.

Must not: list waits for people or payment; those are no values.
"""

from msgspec import Struct
from sqlalchemy import Connection, func, select

from knect.ledger import schema as s
from knect.ledger.fates import Fate

__all__ = ["UnmappedValue", "unmapped_values"]


class UnmappedValue(Struct, frozen=True, kw_only=True):
    """A value a destination does not know. `examples` are keys of records that wait."""

    destination: str
    kind: str
    value: str
    waiting: int
    examples: tuple[str, ...]


def unmapped_values(
    connection: Connection, *, limit: int | None = None, offset: int = 0
) -> list[UnmappedValue]:
    """Return what is waited for, most wanted first."""
    t = s.transactions
    rows = connection.execute(
        select(t.c.waits_for, func.count().label("many"))
        .where(t.c.fate == Fate.WAITING, t.c.waits_for.like("%:%@%"))
        .group_by(t.c.waits_for)
        .order_by(func.count().desc(), t.c.waits_for)
        .limit(limit)
        .offset(offset)
    ).all()
    found = []
    for row in rows:
        what, _, destination = row.waits_for.rpartition("@")
        kind, _, value = what.partition(":")
        keys = connection.execute(
            select(t.c.key)
            .where(t.c.waits_for == row.waits_for, t.c.fate == Fate.WAITING)
            .order_by(t.c.seq)
            .limit(3)
        )
        found.append(
            UnmappedValue(
                destination=destination,
                kind=kind,
                value=value,
                waiting=row.many,
                examples=tuple(keys.scalars()),
            )
        )
    return found

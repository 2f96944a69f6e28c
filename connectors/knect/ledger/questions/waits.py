"""The "unmapped" list: which values are waited for, by how many.

Must not: list waits for people, payment or other records; those are no values, and nothing could
be mapped.
"""

from collections import defaultdict
from collections.abc import Sequence

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, func, or_, select, union

from knect.ledger import schema as s
from knect.ledger.fates import Fate
from knect.ledger.store.sets import one_of

__all__ = ["UnmappedValue", "unmapped_values", "waited_for_at"]

#: What waits for a record, which comes by itself: a shipment for its order, an answer for a write.
_FOR_RECORDS = ("ParentNotDelivered", "OutcomeUnknown")
#: So many records are named of each value.
_EXAMPLES = 3


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
        .where(*_waits_for_a_value())
        .group_by(t.c.waits_for)
        .order_by(func.count().desc(), t.c.waits_for)
        .limit(limit)
        .offset(offset)
    ).all()
    examples = _examples(connection, [row.waits_for for row in rows])
    found = []
    for row in rows:
        what, _, destination = row.waits_for.rpartition("@")
        kind, _, value = what.partition(":")
        found.append(
            UnmappedValue(
                destination=destination,
                kind=kind,
                value=value,
                waiting=row.many,
                examples=tuple(examples[row.waits_for]),
            )
        )
    return found


def waited_for_at(connection: Connection, kind: str, value: str) -> list[str]:
    """Return the Connections at which a value is waited for, in order."""
    t = s.transactions
    known = union(
        select(s.subscriptions.c.destination), select(s.feeds.c.connection)
    )  # who can be waited for
    awaited = {f"{kind}:{value}@{name}": name for name in connection.execute(known).scalars()}
    found = connection.execute(
        select(t.c.waits_for)
        .where(*_waits_for_a_value(), one_of(t.c.waits_for, awaited))
        .distinct()
    )
    return sorted(awaited[one] for one in found.scalars())


def _waits_for_a_value() -> tuple[ColumnElement[bool], ...]:
    t = s.transactions.c
    return (
        t.fate == Fate.WAITING,
        t.waits_for.like("%:%@%"),
        or_(t.reason.is_(None), t.reason.not_in(_FOR_RECORDS)),
    )


def _examples(connection: Connection, awaited: Sequence[str]) -> dict[str, list[str]]:
    """Return the first few that wait for each: all of them with one statement."""
    found: dict[str, list[str]] = defaultdict(list)
    if not awaited:
        return found
    t = s.transactions
    place = func.row_number().over(partition_by=t.c.waits_for, order_by=t.c.seq)
    ranked = (
        select(t.c.waits_for, t.c.key, place.label("place"))
        .where(*_waits_for_a_value(), one_of(t.c.waits_for, awaited))
        .subquery()
    )
    query = select(ranked).where(ranked.c.place <= _EXAMPLES).order_by(ranked.c.place)
    for row in connection.execute(query):
        found[row.waits_for].append(row.key)
    return found

"""What is stopped: how much, since when, and for which causes.

Why: an outage or a catalogue that is not there stops a hundred thousand records for as many causes;
they are asked for in one go, by page, and a worker's metrics by reason.
Must not: count what was replaced by a newer version of the same record, or leave out what is only
followed by an old copy, or by our own write coming back: nobody would ever miss it.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from knect.ledger import schema as s
from knect.ledger.fates import HOLDING, Fate
from knect.ledger.store.sets import one_of
from knect.ledger.supersede import is_overtaken

__all__ = ["StoppedCount", "StuckGroup", "is_stopped", "stuck", "stuck_by_reason", "stuck_totals"]

#: So many records are named of each cause.
_EXAMPLES = 3


class StuckGroup(Struct, frozen=True, kw_only=True):
    """Transactions stopped for the same cause."""

    pipeline: str
    destination: str | None
    fate: str
    reason: str | None
    value: str | None
    message: str | None
    acts: str | None
    count: int
    oldest_us: int
    examples: tuple[str, ...]


class StoppedCount(Struct, frozen=True, kw_only=True):
    """How many are stopped for a reason, whatever the values."""

    pipeline: str
    fate: str
    reason: str | None
    count: int
    oldest_us: int


def is_stopped() -> ColumnElement[bool]:
    """What waits for a person or a missing thing, was rejected, is unknown, or was retried in
    vain or stalled; not what a newer version of the same record replaced.

    Pipelines and fates are named first, so that the index over both finds the few among millions.
    """
    t = s.transactions
    few = and_(
        t.c.pipeline.in_(select(s.subscriptions.c.pipeline)),
        t.c.fate.in_(HOLDING),
    )
    stopped = or_(
        t.c.fate.in_((Fate.WAITING, Fate.REJECTED, Fate.UNKNOWN)),
        and_(
            t.c.fate == Fate.IN_FLIGHT, or_(t.c.attempt > 0, t.c.stalled, t.c.reason.is_not(None))
        ),
    )
    return and_(few, stopped, ~is_overtaken(t))


def stuck_totals(connection: Connection, pipeline: str | None = None) -> dict[str, tuple[int, int]]:
    """Return fate -> (how many are stopped, since when the oldest)."""
    t = s.transactions
    query = (
        select(t.c.fate, func.count(), func.min(t.c.since_us))
        .where(is_stopped())
        .group_by(t.c.fate)
    )
    if pipeline is not None:
        query = query.where(t.c.pipeline == pipeline)
    return {fate: (count, oldest) for fate, count, oldest in connection.execute(query)}


def stuck_by_reason(connection: Connection) -> list[StoppedCount]:
    """Return how many are stopped, and since when, by pipeline, fate and reason."""
    t = s.transactions
    columns = (t.c.pipeline, t.c.fate, t.c.reason)
    rows = connection.execute(
        select(*columns, func.count().label("many"), func.min(t.c.since_us).label("oldest_us"))
        .where(is_stopped())
        .group_by(*columns)
    )
    return [
        StoppedCount(
            pipeline=row.pipeline,
            fate=row.fate,
            reason=row.reason,
            count=row.many,
            oldest_us=row.oldest_us,
        )
        for row in rows
    ]


def stuck(
    connection: Connection,
    pipeline: str | None = None,
    *,
    fates: Sequence[Fate] = HOLDING,
    reasons: Sequence[str] | None = None,
    limit: int | None = None,
    offset: int = 0,
) -> list[StuckGroup]:
    """Return what is stopped (of some reasons), grouped by cause, largest first."""
    t = s.transactions
    meant = [is_stopped(), t.c.fate.in_(fates)]
    if reasons is not None:
        meant.append(t.c.reason.in_(reasons))
    if pipeline is not None:
        meant.append(t.c.pipeline == pipeline)
    rows: Sequence[Any] = connection.execute(
        select(
            *_cause(),
            s.subscriptions.c.destination,
            func.count().label("many"),
            func.min(t.c.since_us).label("oldest_us"),
            func.min(t.c.message).label("message"),
        )
        .outerjoin(s.subscriptions, s.subscriptions.c.pipeline == t.c.pipeline)
        .where(*meant)
        .group_by(*_cause(), s.subscriptions.c.destination)
        .order_by(func.count().desc(), func.min(t.c.since_us), func.min(t.c.seq))
        .limit(limit)
        .offset(offset)
    ).all()
    examples = _examples(connection, rows, meant)
    return [
        StuckGroup(
            pipeline=row.pipeline,
            destination=row.destination,
            fate=row.fate,
            reason=row.reason,
            value=row.value,
            message=row.message,
            acts=row.acts,
            count=row.many,
            oldest_us=row.oldest_us,
            examples=tuple(examples[_of(row)]),
        )
        for row in rows
    ]


def _cause() -> tuple[ColumnElement[Any], ...]:
    t = s.transactions.c
    return (t.pipeline, t.fate, t.reason, t.value, t.acts)


def _of(row: Any) -> tuple[Any, ...]:
    return (row.pipeline, row.fate, row.reason, row.value, row.acts)


def _examples(
    connection: Connection, groups: Sequence[Any], meant: Sequence[ColumnElement[bool]]
) -> dict[tuple[Any, ...], list[str]]:
    """Return the oldest few of each cause: all of them with one look at what is stopped."""
    found: dict[tuple[Any, ...], list[str]] = defaultdict(list)
    if not groups:
        return found
    t = s.transactions
    place = func.row_number().over(partition_by=_cause(), order_by=(t.c.since_us, t.c.seq))
    ranked = (
        select(*_cause(), t.c.key, place.label("place"))
        .where(
            *meant,
            *(
                one_of(func.coalesce(column, ""), {value or "" for value in values})
                for column, values in (
                    (t.c.reason, (group.reason for group in groups)),
                    (t.c.value, (group.value for group in groups)),
                )
            ),
        )
        .subquery()
    )
    query = select(ranked).where(ranked.c.place <= _EXAMPLES).order_by(ranked.c.place)
    for row in connection.execute(query):
        found[_of(row)].append(row.key)
    return found

"""What people ask the ledger: where is it, what is stuck, does it add up.

Why: the CLI, the API and the console show the same answers because they ask here.
Must not: write, or format for a screen.
"""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, Row, Select, and_, func, or_, select, union

from knect.ledger import schema as s
from knect.ledger.fates import ENDED, HOLDING, OPEN, Fate

__all__ = [
    "Coverage",
    "Equation",
    "StuckGroup",
    "Summary",
    "Waiting",
    "coverage",
    "equations",
    "find",
    "forgotten",
    "show",
    "stuck",
    "stuck_totals",
    "waiting_for_same",
]


#: So much of a transaction id is enough to mean it.
_ID_PREFIX = 8


class Summary(Struct, frozen=True, kw_only=True):
    """A transaction as people see it in a list. Instants are microseconds since 1970, UTC."""

    seq: int
    id: str
    pipeline: str
    entity: str
    source: str
    source_id: str
    key: str
    fate: str
    stage: str
    since_us: int
    created_us: int
    attempt: int
    reason: str | None
    field: str | None
    value: str | None
    message: str | None
    next_us: int | None
    acts: str | None
    waits_for: str | None
    destination: str | None
    destination_id: str | None
    destination_number: str | None
    stalled: bool
    timeline: str
    version: int
    hash: str
    document: str | None
    hidden: str | None
    replay_of: str | None
    revision: int | None
    mapping_body: str | None


class Coverage(Struct, frozen=True, kw_only=True):
    """Until when a feed's reads are complete, and what stops it if something does."""

    connection: str
    entity: str
    complete_until_us: int
    failing_since_us: int | None
    failure: str | None
    reason: str | None
    last_success_us: int | None


class Equation(Struct, frozen=True, kw_only=True):
    """One pipeline's sum. `seen` was counted by reading, `fates` by working."""

    name: str
    seen: int
    fates: dict[str, int]

    @property
    def balanced(self) -> bool:
        """True if both sides are equal."""
        return self.seen == sum(self.fates.values())


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


class Waiting(Struct, frozen=True):
    """How many others wait for the same thing."""

    count: int


_FROM_TRANSACTION = [
    name
    for name in Summary.__struct_fields__
    if name not in ("source", "destination", "hash", "revision", "mapping_body")
]


def _summaries() -> Select[Any]:
    t, v = s.transactions, s.versions
    return (
        select(
            *(t.c[name] for name in _FROM_TRANSACTION),
            v.c.connection.label("source"),
            v.c.hash,
            s.subscriptions.c.destination,
            s.mappings.c.revision,
            s.mappings.c.body.label("mapping_body"),
        )
        .join(v, v.c.seq == t.c.version)
        .outerjoin(s.subscriptions, s.subscriptions.c.pipeline == t.c.pipeline)
        .outerjoin(s.mappings, s.mappings.c.seq == t.c.mapping)
    )


def _summary(row: Row[Any]) -> Summary:
    return Summary(**row._mapping)  # noqa: SLF001 - the documented way to a row as a mapping


def find(
    connection: Connection, key: str, *, typed: str = "", limit: int = 50, offset: int = 0
) -> list[Summary]:
    """Return the newest transaction per record and pipeline that `key` (normalised) leads to.

    `key` may be an order number, an e-mail, a SKU, a source id, a document number or id at the
    destination, or (the beginning of) a transaction's id. Open ones come first, newest first.
    `typed` is the key before it was normalised: documents are not stored normalised.
    """
    t = s.transactions
    by_key = select(s.versions.c.source_id, s.versions.c.feed).join(
        s.keys, s.keys.c.version == s.versions.c.seq
    )
    records = {
        (row.feed, row.source_id)
        for row in connection.execute(by_key.where(s.keys.c.value == key).distinct())
    }
    for query in (_by_document((key, key.upper(), typed)), _by_id(key)):
        records |= {(row.feed, row.source_id) for row in connection.execute(query)}
    if not records:
        return []
    newest = (
        select(func.max(t.c.seq))
        .join(s.versions, s.versions.c.seq == t.c.version)
        .where(
            or_(
                *(
                    and_(s.versions.c.feed == feed, s.versions.c.source_id == source_id)
                    for feed, source_id in sorted(records)[:200]
                )
            )
        )
        .group_by(t.c.pipeline, t.c.source_id)
    )
    order = (t.c.fate.in_(ENDED), t.c.since_us.desc(), t.c.seq.desc())
    query = _summaries().where(t.c.seq.in_(newest)).order_by(*order)
    rows = connection.execute(query.limit(limit).offset(offset))
    return [_summary(row) for row in rows]


def _by_document(spellings: Sequence[str]) -> Select[Any]:
    """Records by number or id of what they became; every part of it has an index."""
    b, v = s.bindings, s.versions
    known = select(s.subscriptions.c.destination)
    entities = select(s.feeds.c.entity)
    named = b.c.destination_id.in_(spellings)
    documents = union(
        select(b.c.source, b.c.entity, b.c.source_id).where(b.c.number.in_(spellings)),
        select(b.c.source, b.c.entity, b.c.source_id).where(
            b.c.destination.in_(known), b.c.entity.in_(entities), named
        ),
    ).subquery()
    return (
        select(v.c.source_id, v.c.feed)
        .join(
            documents,
            and_(
                v.c.connection == documents.c.source,
                v.c.entity == documents.c.entity,
                v.c.source_id == documents.c.source_id,
            ),
        )
        .distinct()
    )


def _by_id(key: str) -> Select[Any]:
    t = s.transactions
    whole_or_beginning = (
        and_(t.c.id >= key, t.c.id < f"{key}g") if len(key) >= _ID_PREFIX else t.c.id == key
    )
    return (
        select(s.versions.c.source_id, s.versions.c.feed)
        .join(t, t.c.version == s.versions.c.seq)
        .where(whole_or_beginning)
        .distinct()
    )


def forgotten(connection: Connection) -> int:
    """Return how many transactions retention has removed."""
    return int(connection.execute(select(func.sum(s.retired.c.count))).scalar() or 0)


def show(connection: Connection, identifier: str) -> list[Summary]:
    """Return transactions by id or the beginning of one (at least 6 characters)."""
    t = s.transactions
    rows = connection.execute(
        _summaries()
        .where(t.c.id >= identifier, t.c.id < f"{identifier}g")
        .order_by(t.c.seq)
        .limit(10)
    )
    return [_summary(row) for row in rows]


def coverage(connection: Connection) -> list[Coverage]:
    """Return until when each feed's reads are complete."""
    f = s.feeds
    rows = connection.execute(select(f).order_by(f.c.connection, f.c.entity))
    return [
        Coverage(
            connection=row.connection,
            entity=row.entity,
            complete_until_us=row.cursor_us,
            failing_since_us=row.failing_since_us,
            failure=row.failure,
            reason=row.reason,
            last_success_us=row.last_success_us,
        )
        for row in rows
    ]


def equations(connection: Connection, pipeline: str | None = None) -> list[Equation]:
    """Return both sides of the equation, per pipeline, each counted from its own rows."""
    t = s.transactions
    by_pipeline = select(
        s.sightings.c.pipeline, func.sum(s.sightings.c.seen).label("seen")
    ).group_by(s.sightings.c.pipeline)
    seen = {row.pipeline: row.seen for row in connection.execute(by_pipeline)}
    fates: dict[str, dict[str, int]] = {}
    counted = select(t.c.pipeline, t.c.fate, func.count()).group_by(t.c.pipeline, t.c.fate)
    for name, fate, count in connection.execute(counted):
        fates.setdefault(name, {})[fate] = count
    for name, fate, count in connection.execute(
        select(s.retired.c.pipeline, s.retired.c.fate, s.retired.c.count)
    ):
        row = fates.setdefault(name, {})
        row[fate] = row.get(fate, 0) + count
    subscribed = connection.execute(select(s.subscriptions.c.pipeline)).scalars()
    names = sorted({*seen, *fates, *subscribed})
    return [
        Equation(
            name=name,
            seen=int(seen.get(name, 0)),
            fates={fate.value: fates.get(name, {}).get(fate, 0) for fate in Fate},
        )
        for name in names
        if pipeline in (None, name)
    ]


def _stopped() -> ColumnElement[bool]:
    """What waits for a person or a missing thing, was rejected, is unknown, or was retried in
    vain or stalled; not what a newer version of the same record replaced.

    Pipelines and fates are named first, so that the index over both finds the few among millions.
    """
    t, later = s.transactions, s.transactions.alias("later")
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
    replaced = select(later.c.seq).where(
        later.c.pipeline == t.c.pipeline,
        later.c.source_id == t.c.source_id,
        later.c.seq > t.c.seq,
    )
    return and_(few, stopped, ~replaced.exists())


def stuck_totals(connection: Connection, pipeline: str | None = None) -> dict[str, tuple[int, int]]:
    """Return fate -> (how many are stopped, since when the oldest)."""
    t = s.transactions
    query = (
        select(t.c.fate, func.count(), func.min(t.c.since_us)).where(_stopped()).group_by(t.c.fate)
    )
    if pipeline is not None:
        query = query.where(t.c.pipeline == pipeline)
    return {fate: (count, oldest) for fate, count, oldest in connection.execute(query)}


def stuck(
    connection: Connection,
    pipeline: str | None = None,
    *,
    limit: int | None = None,
    offset: int = 0,
) -> list[StuckGroup]:
    """Return what is stopped, grouped by cause, largest first."""
    t = s.transactions
    columns = (t.c.pipeline, t.c.fate, t.c.reason, t.c.value, t.c.acts)
    query = (
        select(
            *columns,
            s.subscriptions.c.destination,
            func.count().label("many"),
            func.min(t.c.since_us).label("oldest_us"),
            func.min(t.c.message).label("message"),
        )
        .outerjoin(s.subscriptions, s.subscriptions.c.pipeline == t.c.pipeline)
        .where(_stopped())
        .group_by(*columns, s.subscriptions.c.destination)
        .order_by(func.count().desc(), func.min(t.c.since_us), func.min(t.c.seq))
        .limit(limit)
        .offset(offset)
    )
    if pipeline is not None:
        query = query.where(t.c.pipeline == pipeline)
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
            examples=_examples(connection, row),
        )
        for row in connection.execute(query)
    ]


def _examples(connection: Connection, group: Row[Any]) -> tuple[str, ...]:
    t = s.transactions
    rows = connection.execute(
        select(t.c.key)
        .where(
            t.c.pipeline == group.pipeline,
            t.c.fate == group.fate,
            t.c.reason.is_not_distinct_from(group.reason),
            t.c.value.is_not_distinct_from(group.value),
        )
        .order_by(t.c.since_us)
        .limit(3)
    )
    return tuple(rows.scalars())


def waiting_for_same(connection: Connection, waits_for: str, besides: int) -> int:
    """Return how many other open transactions wait for the same thing."""
    t = s.transactions
    return int(
        connection.execute(
            select(func.count()).where(
                t.c.waits_for == waits_for, t.c.seq != besides, t.c.fate.in_(OPEN)
            )
        ).scalar()
        or 0
    )

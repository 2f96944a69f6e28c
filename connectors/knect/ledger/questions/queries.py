"""What people ask the ledger: where is it, what is stuck, does it add up.

Why: the CLI, the API and the console show the same answers because they ask here.
Must not: write, or format for a screen.
"""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct
from sqlalchemy import Connection, Row, Select, and_, case, func, select

from knect.ledger import schema as s
from knect.ledger.fates import ENDED, OPEN, Fate
from knect.ledger.questions.leads import MOST_HOLDING, records
from knect.ledger.store.sets import one_of
from knect.ledger.supersede import speaks

__all__ = [
    "Coverage",
    "Equation",
    "Summary",
    "Waiting",
    "coverage",
    "equations",
    "find",
    "forgotten",
    "show",
    "summaries",
    "waiting_for_same",
]


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
    edits: str | None
    revision: int | None
    mapping_body: str | None
    lease_us: int | None = None


class Coverage(Struct, frozen=True, kw_only=True):
    """From when until when a feed's reads are complete, and what stops it if something does.

    `start_us` is 0 where all there is was to be read. `is_read`: a read was completed; else
    `complete_until_us` is where reading will begin.
    """

    connection: str
    entity: str
    complete_until_us: int
    failing_since_us: int | None
    failure: str | None
    reason: str | None
    last_success_us: int | None
    is_read: bool = True
    start_us: int = 0


class Equation(Struct, frozen=True, kw_only=True):
    """One pipeline's sum. `seen` was counted by reading, `fates` by working."""

    name: str
    seen: int
    fates: dict[str, int]

    @property
    def balanced(self) -> bool:
        """True if both sides are equal."""
        return self.seen == sum(self.fates.values())


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


def summaries(connection: Connection, seqs: Sequence[int]) -> list[Summary]:
    """Return transactions by row id, the newest first."""
    t = s.transactions
    rows = connection.execute(_summaries().where(one_of(t.c.seq, seqs)).order_by(t.c.seq.desc()))
    return [_summary(row) for row in rows]


def find(
    connection: Connection,
    key: str,
    *,
    typed: str = "",
    limit: int = 50,
    offset: int = 0,
    most: int = MOST_HOLDING,
) -> list[Summary]:
    """Return, per record and pipeline that `key` (normalised) leads to, the newest transaction that
    says what became of it; where none does, the newest.

    `key` may be an order number, an e-mail, a SKU, a source id, a document number or id at the
    destination, or (the beginning of) a transaction's id. Open ones come first, then what is called
    so itself (an order before its payments), newest first.
    `typed` is the key before it was normalised: documents are not stored normalised. Of a key
    that more than `most` versions have, only the newest are looked at, and the newest open ones.
    """
    t, v = s.transactions, s.versions
    led = records(connection, key, typed=typed, most=most)
    last_word = func.max(case((speaks(t), t.c.seq)))
    newest = (
        select(func.coalesce(last_word, func.max(t.c.seq)))
        .select_from(led)
        .join(v, and_(v.c.feed == led.c.feed, v.c.source_id == led.c.source_id))
        .join(t, t.c.version == v.c.seq)
        .group_by(t.c.pipeline, t.c.source_id)
    )
    belongs = func.lower(t.c.key) != key
    order = (t.c.fate.in_(ENDED), belongs, t.c.since_us.desc(), t.c.seq.desc())
    shown = select(t.c.seq).where(t.c.seq.in_(newest)).order_by(*order).limit(limit).offset(offset)
    rows = connection.execute(_summaries().where(t.c.seq.in_(shown)).order_by(*order))
    return [_summary(row) for row in rows]


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


def coverage(connection: Connection, pipeline: str | None = None) -> list[Coverage]:
    """Return until when each feed's reads are complete, or that of a pipeline."""
    f, p = s.feeds, s.subscriptions
    start = select(func.min(p.c.start_us)).where(p.c.feed == f.c.seq).scalar_subquery()
    query = select(f, start.label("start_us")).order_by(f.c.connection, f.c.entity)
    if pipeline is not None:
        query = query.where(f.c.seq.in_(select(p.c.feed).where(p.c.pipeline == pipeline)))
    rows = connection.execute(query)
    return [
        Coverage(
            connection=row.connection,
            entity=row.entity,
            complete_until_us=row.cursor_us,
            failing_since_us=row.failing_since_us,
            failure=row.failure,
            reason=row.reason,
            last_success_us=row.last_success_us,
            is_read=row.last_success_us is not None or row.cursor_us > (row.start_us or 0),
            start_us=row.start_us or 0,
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

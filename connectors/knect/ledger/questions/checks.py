"""What the ledger can say against itself: rows that must be there and are not.

Why: the equation says that something is missing; this says what. Must not: repair.
"""

from collections.abc import Collection
from typing import Any

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, FromClause, and_, func, not_, select

from knect.ledger import schema as s
from knect.ledger.fates import OPEN, Fate
from knect.ledger.store.sets import one_of

__all__ = [
    "DOCUMENTS_AT_ONCE",
    "DeliveredDocument",
    "Finding",
    "delivered_documents",
    "known_versions",
    "self_check",
]

#: So many documents are in memory at once.
DOCUMENTS_AT_ONCE = 20_000


class Finding(Struct, frozen=True, kw_only=True):
    """Something that must not be. `kind` is stable, `key` what people call the record."""

    kind: str  # MissingTransaction MissingBinding ExpiredLease MissingAtDestination …
    pipeline: str
    key: str
    sentence: str
    transaction: str | None = None


class DeliveredDocument(Struct, frozen=True, kw_only=True):
    """A document the ledger says exists: what it is called, by whom."""

    transaction: str
    pipeline: str
    key: str
    destination: str
    entity: str
    external_id: str
    destination_id: str
    number: str | None


def self_check(connection: Connection, *, now_us: int) -> list[Finding]:
    """Return every contradiction within the ledger."""
    return [
        *_missing_transactions(connection),
        *_unbound(connection),
        *_expired(connection, now_us),
    ]


def _missing_transactions(connection: Connection) -> list[Finding]:
    """Versions whose window counted them for a pipeline, without that pipeline's transaction."""
    v, t, seen = s.versions, s.transactions, s.sightings
    rows = connection.execute(
        select(v.c.seq, v.c.source_id, v.c.connection, v.c.entity, seen.c.pipeline)
        .join(seen, seen.c.window == v.c.window)
        .outerjoin(t, and_(t.c.version == v.c.seq, t.c.pipeline == seen.c.pipeline))
        .where(t.c.seq.is_(None), v.c.retired.is_(False))
        .order_by(v.c.seq)
    ).all()
    findings = []
    for row in rows:
        label = connection.execute(
            select(s.keys.c.value)
            .where(s.keys.c.version == row.seq, s.keys.c.kind != "id")
            .order_by(s.keys.c.kind != "number")
            .limit(1)
        ).scalar()
        key = label or row.source_id
        findings.append(
            Finding(
                kind="MissingTransaction",
                pipeline=row.pipeline,
                key=key,
                sentence=(
                    f"{key} ({row.connection} {row.entity} {row.source_id}) was seen, but its "
                    f"transaction in {row.pipeline} is gone from the ledger"
                ),
            )
        )
    return findings


def _unbound(connection: Connection) -> list[Finding]:
    t, b, v = s.transactions, s.bindings, s.versions
    rows = connection.execute(
        select(t.c.id, t.c.pipeline, t.c.key)
        .join(v, v.c.seq == t.c.version)
        .outerjoin(b, _same_record(t, v, b))
        .where(t.c.fate == Fate.DELIVERED, t.c.destination_id.is_not(None), b.c.seq.is_(None))
        .order_by(t.c.seq)
    )
    return [
        Finding(
            kind="MissingBinding",
            pipeline=row.pipeline,
            key=row.key,
            transaction=row.id,
            sentence=f"{row.key} is said to be delivered, but what it became is not recorded",
        )
        for row in rows
    ]


def _expired(connection: Connection, now_us: int) -> list[Finding]:
    t = s.transactions
    rows = connection.execute(
        select(t.c.id, t.c.pipeline, t.c.key, t.c.holder).where(
            t.c.holder.is_not(None), t.c.lease_us < now_us
        )
    )
    return [
        Finding(
            kind="ExpiredLease",
            pipeline=row.pipeline,
            key=row.key,
            transaction=row.id,
            sentence=(
                f"{row.key} is in the hands of {row.holder}, whose lease ran out; the next worker "
                "takes it over"
            ),
        )
        for row in rows
    ]


def _same_record(t: FromClause, v: FromClause, b: FromClause) -> ColumnElement[bool]:
    """Tell whether a binding is of a transaction's record.

    For joins: they make an index of their own for it, which a subquery for each row would not.
    """
    return and_(
        b.c.source == v.c.connection, b.c.source_id == t.c.source_id, b.c.entity == t.c.entity
    )


def delivered_documents(
    connection: Connection, pipeline: str, *, after: int = 0, limit: int = DOCUMENTS_AT_ONCE
) -> tuple[list[DeliveredDocument], int]:
    """Return the documents at a pipeline's destination of records whose newest ended transaction
    wrote or found one: of so many bindings, past the row `after`.

    With the row after which to go on, 0 if that was all.
    """
    b, f, sub = s.bindings, s.feeds, s.subscriptions
    bound = connection.execute(
        select(b.c.seq, *(b.c[name] for name in _OF_BINDING))
        .join(sub, and_(sub.c.pipeline == pipeline, sub.c.destination == b.c.destination))
        .join(f, f.c.seq == sub.c.feed)
        .where(
            b.c.seq > after,
            b.c.source == f.c.connection,
            b.c.entity == f.c.entity,
            b.c.source_id.is_not(None),
        )
        .order_by(b.c.seq)
        .limit(limit)
    ).all()
    ended = _newest_ended(connection, pipeline, {row.source_id for row in bound})
    wrote = _written(connection, {row.external_id for row in bound})
    documents = []
    for row in bound:
        newest = ended.get(row.source_id)
        if newest is not None and (row.destination, row.entity, row.external_id) in wrote:
            documents.append(
                DeliveredDocument(
                    transaction=newest.id,
                    pipeline=pipeline,
                    key=newest.key,
                    destination=row.destination,
                    entity=row.entity,
                    external_id=row.external_id,
                    destination_id=row.destination_id,
                    number=row.number,
                )
            )
    return documents, bound[-1].seq if len(bound) == limit else 0


_OF_BINDING = ("destination", "entity", "external_id", "destination_id", "number", "source_id")


def _newest_ended(connection: Connection, pipeline: str, ids: Collection[str]) -> dict[str, Any]:
    """Return record -> its newest transaction that has ended; none where that took it away.

    Open fates are named: an index by fates would be tried for those that ended.
    """
    t, of_it = s.transactions, s.transactions.alias("of_it")
    newest = (
        select(func.max(of_it.c.seq))
        .where(
            of_it.c.pipeline == pipeline,
            one_of(of_it.c.source_id, ids),
            of_it.c.fate.not_in(OPEN),
        )
        .group_by(of_it.c.source_id)
    )
    rows = connection.execute(
        select(t.c.source_id, t.c.id, t.c.key)
        .join(s.versions, s.versions.c.seq == t.c.version)
        .where(t.c.seq.in_(newest), not_(and_(s.versions.c.deleted, t.c.fate == Fate.DELIVERED)))
    )
    return {row.source_id: row for row in rows}


def _written(connection: Connection, external_ids: Collection[str]) -> set[tuple[str, str, str]]:
    """Return destination, entity and external id of what was written there.

    A key begins with its destination: one record is called the same at all of them.
    """
    e = s.effects.c
    rows = connection.execute(
        select(e.external_id, e.entity, e.key).where(
            one_of(e.external_id, external_ids), e.state == "done"
        )
    )
    return {(row.key.partition("/")[0], row.entity, row.external_id) for row in rows}


def known_versions(
    connection: Connection, feed: int, ids: Collection[str]
) -> dict[str, tuple[str, frozenset[str]]]:
    """Return source id -> newest recorded token, and what was seen under it (hashes), of those of
    some records of a feed that the ledger has a version of.
    """
    v = s.versions
    newest = (
        select(v.c.source_id, func.max(v.c.token).label("token"))
        .where(v.c.feed == feed, one_of(v.c.source_id, ids))
        .group_by(v.c.source_id)
        .subquery("newest")
    )
    same = and_(v.c.source_id == newest.c.source_id, v.c.token == newest.c.token)
    rows = connection.execute(
        select(v.c.source_id, v.c.token, v.c.hash).join(newest, same).where(v.c.feed == feed)
    )
    found: dict[str, tuple[str, frozenset[str]]] = {}
    for name, token, digest in rows:
        _, others = found.get(name, ("", frozenset()))
        found[name] = (token, others | {digest})
    return found

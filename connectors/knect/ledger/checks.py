"""What the ledger can say against itself: rows that must be there and are not.

Why: the equation says that something is missing; this says what. Must not: repair.
"""

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, FromClause, and_, func, select

from knect.ledger import schema as s
from knect.ledger.fates import ENDED, Fate

__all__ = [
    "DeliveredDocument",
    "Finding",
    "delivered_documents",
    "known_versions",
    "self_check",
]


class Finding(Struct, frozen=True, kw_only=True):
    """Something that must not be. `kind` is stable, `key` what people call the record."""

    kind: str  # MissingTransaction MissingBinding ExpiredLease MissingAtDestination …
    pipeline: str
    key: str
    sentence: str
    transaction: str | None = None


class DeliveredDocument(Struct, frozen=True, kw_only=True):
    """A document the ledger says exists: how to look it up."""

    transaction: str
    pipeline: str
    key: str
    destination: str
    entity: str
    external_id: str
    destination_id: str
    number: str | None
    write: str
    name: str
    lease: str


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


def delivered_documents(connection: Connection, pipeline: str) -> list[DeliveredDocument]:
    """Return the document of each record whose newest ended transaction wrote or found one."""
    t, b, v, e = s.transactions, s.bindings, s.versions, s.effects
    newest = (
        select(func.max(t.c.seq).label("seq"))
        .where(t.c.pipeline == pipeline, t.c.fate.in_(ENDED))
        .group_by(t.c.source_id)
        .subquery("newest")
    )
    first = (
        select(e.c.external_id, e.c.entity, func.min(e.c.seq).label("seq"))
        .where(e.c.state == "done")
        .group_by(e.c.external_id, e.c.entity)
        .subquery("first")
    )
    rows = connection.execute(
        select(
            t.c.id.label("transaction"),
            t.c.pipeline,
            t.c.key,
            b.c.destination,
            b.c.entity,
            b.c.external_id,
            b.c.destination_id,
            b.c.number,
            e.c.write,
            e.c.name,
            e.c.key.label("lease"),
        )
        .select_from(newest)
        .join(t, t.c.seq == newest.c.seq)
        .join(v, v.c.seq == t.c.version)
        .outerjoin(b, _same_record(t, v, b))
        .outerjoin(
            first, and_(first.c.external_id == b.c.external_id, first.c.entity == b.c.entity)
        )
        .outerjoin(e, e.c.seq == first.c.seq)
        .order_by(newest.c.seq)
    )
    return [DeliveredDocument(**row) for row in rows.mappings() if row["lease"] is not None]


def known_versions(connection: Connection, feed: int) -> dict[str, tuple[str, frozenset[str]]]:
    """Return source id -> newest recorded token of a feed, and what was seen under it (hashes)."""
    v = s.versions
    newest = (
        select(v.c.source_id, func.max(v.c.token).label("token"))
        .where(v.c.feed == feed)
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

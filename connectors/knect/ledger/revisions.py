"""Mapping revisions: what a pipeline's mapping was when a transaction was mapped.

Must not: be edited; a changed mapping is a new revision.
"""

from sqlalchemy import Connection, insert, select, update

from knect.ledger import schema as s
from knect.ledger.fates import Fate
from knect.ledger.payload import content_hash

__all__ = ["Revision", "body_of", "ensure_revision", "mapping_changed", "newest_body"]

Revision = tuple[int, int]  # row id, number


def ensure_revision(
    connection: Connection, *, pipeline: str, body: str, now_us: int
) -> tuple[Revision, bool]:
    """Return the revision with this body, made if it is new, and whether it is new."""
    m = s.mappings
    digest = content_hash(body.encode())
    latest = connection.execute(
        select(m.c.seq, m.c.revision, m.c.hash)
        .where(m.c.pipeline == pipeline)
        .order_by(m.c.revision.desc())
        .limit(1)
    ).one_or_none()
    if latest is not None and latest.hash == digest:
        return (latest.seq, latest.revision), False
    number = (latest.revision if latest else 0) + 1
    result = connection.execute(
        insert(m).values(
            pipeline=pipeline, revision=number, hash=digest, body=body, created_us=now_us
        )
    )
    key = result.inserted_primary_key
    assert key is not None
    return (int(key[0]), number), latest is not None


def newest_body(connection: Connection, pipeline: str) -> str | None:
    """Return what a pipeline's mapping and settings are now; None if it never worked."""
    m = s.mappings
    newest = select(m.c.body).where(m.c.pipeline == pipeline).order_by(m.c.revision.desc())
    return connection.execute(newest.limit(1)).scalar()


def body_of(connection: Connection, seq: int) -> tuple[int, str]:
    """Return the number of a revision, and what mapping and settings were then."""
    m = s.mappings
    row = connection.execute(select(m.c.revision, m.c.body).where(m.c.seq == seq)).one()
    return row.revision, row.body


def mapping_changed(connection: Connection, *, pipeline: str, now_us: int) -> int:
    """Make due what waits for a reason a new mapping may have removed; return how many.

    Admit rules, value tables and the mode are part of the mapping. What waits for a reference is
    tried as well: a new table may translate it.
    """
    t = s.transactions
    result = connection.execute(
        update(t)
        .where(t.c.pipeline == pipeline, t.c.fate == Fate.WAITING, t.c.waits_for.is_not(None))
        .values(next_us=now_us)
    )
    return int(result.rowcount)

"""Retention: what may be forgotten, in small slices between other writes.

Why: a ledger that only grows ends in a full disk. Payloads of plain successes go first, then whole
transactions; what goes is still counted (`retired`), so the equation holds, and bindings stay for
ever: they are what keeps a second document from being made. Of stock and prices the last word
stays whole (`figures`): it is delivered again when an order takes of it.
Windows, answered webhooks and what people did go by their age, oldest first.
Must not: remove anything that is open, the newest version of a record, or hold a long transaction.
"""

from msgspec import Struct, structs
from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Connection,
    and_,
    delete,
    func,
    insert,
    literal_column,
    or_,
    select,
    true,
    update,
)

from knect.ledger import schema as s
from knect.ledger.actions import SKIPPED_BY_PERSON
from knect.ledger.fates import ENDED, Fate
from knect.ledger.figures import date_anew, is_last_word, is_needed
from knect.ledger.lives import drop_lives
from knect.ledger.store.sets import one_of
from knect.ledger.store.upserts import alone_with_versions, insert_or_update
from knect.seams import crash_point

__all__ = ["RetentionPolicy", "Slice", "ledger_size", "retire_slice", "shrink"]

_DAY_US = 86_400 * 1_000_000
_PLAIN = (Fate.DELIVERED, Fate.UNCHANGED, Fate.SKIPPED, Fate.SUPERSEDED, Fate.ECHO)


class RetentionPolicy(Struct, frozen=True, kw_only=True):
    """Ages in microseconds, size in bytes (SQLite only)."""

    transactions_us: int = 90 * 86_400 * 1_000_000
    payloads_us: int = 30 * 86_400 * 1_000_000
    hints_us: int = 7 * 86_400 * 1_000_000  # so long a webhook sent again is known
    actions_us: int = 366 * 86_400 * 1_000_000
    most_bytes: int = 20 * 1024**3
    slice_rows: int = 100  # of the first slice; the housekeeper finds its own measure


class Slice(Struct, frozen=True, kw_only=True):
    """What one slice removed, or found to be kept; all zero when there was nothing left to do."""

    payloads: int
    versions: int
    exchanges: int
    windows: int
    hints: int
    actions: int

    @property
    def anything(self) -> bool:
        """True if another slice may find more."""
        return any(structs.astuple(self))


def retire_slice(connection: Connection, policy: RetentionPolicy, now_us: int) -> Slice:
    """Remove one slice of what is old enough. Call again until nothing is left."""
    alone_with_versions(connection)
    connection.execute(delete(s.writers).where(s.writers.c.at_us < now_us - _DAY_US))
    drop_lives(connection, now_us - policy.transactions_us)
    payload_before = now_us - policy.payloads_us
    if ledger_size(connection) > policy.most_bytes:
        payload_before = now_us  # over the bound: payloads of successes go at any age
    payloads = _drop_payloads(connection, payload_before, policy.slice_rows, now_us)
    versions = _retire_versions(connection, now_us - policy.transactions_us, policy.slice_rows)
    crash_point("retention.half")
    rows, w, i, a = policy.slice_rows, s.windows.c, s.inbox.c, s.actions.c
    return Slice(
        payloads=payloads,
        versions=versions,
        exchanges=_drop_exchanges(connection, now_us - policy.transactions_us, rows),
        windows=_drop_oldest(
            connection, w.opened_us, now_us - policy.transactions_us, w.closed_us, rows
        ),
        hints=_drop_oldest(connection, i.received_us, now_us - policy.hints_us, i.window, rows),
        actions=_drop_oldest(connection, a.at_us, now_us - policy.actions_us, a.at_us, rows),
    )


def _drop_oldest(
    connection: Connection, at: Column[int], before_us: int, done: Column[int], limit: int
) -> int:
    """Drop the oldest rows of a table that are of that age and `done` (a column that is set)."""
    table = at.table
    wanted: list[ColumnElement[bool]] = [done.is_not(None)]
    if table is s.windows:  # SQLite would give the newest one's number again: counts name it
        wanted.append(table.c.seq < select(func.max(table.c.seq)).scalar_subquery())
    oldest = select(table.c.seq, at).where(*wanted).order_by(table.c.seq).limit(limit)
    old = [row.seq for row in connection.execute(oldest) if row[1] < before_us]
    if old:
        connection.execute(delete(table).where(one_of(table.c.seq, old)))
    return len(old)


def ledger_size(connection: Connection) -> int:
    """Return the bytes of a SQLite ledger that are in use; 0 on PostgreSQL, which has its own."""
    if connection.dialect.name != "sqlite":
        return 0
    pages, free, size = (
        connection.exec_driver_sql(f"PRAGMA {name}").scalar() or 0
        for name in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * size)


def shrink(connection: Connection, pages: int = 1000) -> int:
    """Give free pages of a SQLite ledger back to the file system; return how many.

    One by one: the driver stops this pragma after its first page, whatever number it is given.
    """
    if connection.dialect.name != "sqlite":
        return 0
    free = int(connection.exec_driver_sql("PRAGMA freelist_count").scalar() or 0)
    for _ in range(min(free, pages)):
        connection.exec_driver_sql("PRAGMA incremental_vacuum(1)").close()
    return min(free, pages)


def _drop_payloads(connection: Connection, before_us: int, limit: int, now_us: int) -> int:
    """Drop payloads that only plain successes of that age refer to; return how many were looked at.

    What is needed of figures is dated anew instead, where it is looked at for its age.
    """
    p, v, t = s.payloads, s.versions, s.transactions
    needs = t.c.fate.not_in(_PLAIN) | (t.c.since_us >= before_us)
    as_read = select(t.c.seq).join(v, v.c.seq == t.c.version).where(v.c.hash == p.c.hash, needs)
    as_mapped = select(t.c.seq).where(t.c.document == p.c.hash, needs)
    as_edited = select(t.c.seq).where(t.c.edits == p.c.hash, needs)
    oldest = (
        select(p.c.hash, is_needed(p).label("kept"))
        .where(
            p.c.stored_us < before_us,
            ~as_read.exists(), ~as_mapped.exists(), ~as_edited.exists(),
        )
        .order_by(p.c.stored_us)
        .limit(limit)
    )  # fmt: skip
    if before_us == now_us:  # at any age: there would be no end of dating anew
        oldest = oldest.where(~is_needed(p))
    rows = connection.execute(oldest).all()
    date_anew(connection, [row.hash for row in rows if row.kept], now_us)
    if old := [row.hash for row in rows if not row.kept]:
        # The age again: another worker may have stored the same content in between.
        connection.execute(delete(p).where(p.c.hash.in_(old), p.c.stored_us < before_us))
    return len(rows)


#: As the index has it: SQLite does not see that `retired = 0` is the same.
_FALSE: ColumnElement[bool] = literal_column("false", Boolean)


def _retire_versions(connection: Connection, before_us: int, limit: int) -> int:
    """Remove the transactions of versions whose every transaction ended before that."""
    v = s.versions
    rows = connection.execute(
        select(v.c.seq, is_last_word(v).label("kept"))
        .where(v.c.seen_us < before_us, v.c.retired == _FALSE, ~_is_alive(before_us))
        .order_by(v.c.seen_us)
        .limit(limit)
    ).all()
    if not rows:
        return 0
    seqs = [row.seq for row in rows]
    older = _kept_so_far(connection, seqs, before_us)
    _forget_transactions(connection, [*(row.seq for row in rows if not row.kept), *older])
    _drop_versions(connection, seqs, older)
    return len(seqs)


def _is_alive(before_us: int) -> ColumnElement[bool]:
    """Return the condition that something of a version is open, or ended since, or holds goods; or
    that somebody skipped what may be there, which nothing else knows of.
    """
    t, c, e = s.transactions, s.commitments.c, s.effects.c
    holds = select(c.seq).where(c.transaction == t.c.seq, c.released_us.is_(None)).exists()
    has_not_ended = t.c.fate.not_in(ENDED) | (t.c.since_us >= before_us)
    unsure = select(e.seq).where(e.transaction == t.c.seq, e.unsure_us.is_not(None)).exists()
    may_be_there = and_(t.c.reason == SKIPPED_BY_PERSON, unsure)
    kept = or_(has_not_ended, holds, may_be_there)
    return select(t.c.seq).where(t.c.version == s.versions.c.seq, kept).exists()


def _kept_so_far(connection: Connection, seqs: list[int], before_us: int) -> list[int]:
    """Return the versions that were kept until a newer one, which is among these."""
    v, newer = s.versions, s.versions.alias("newer")
    same = (newer.c.feed == v.c.feed) & (newer.c.source_id == v.c.source_id)
    found = connection.execute(
        select(v.c.seq)
        .distinct()
        .join(newer, same)
        .where(
            newer.c.seq.in_(seqs), ~newer.c.deleted, v.c.seq < newer.c.seq, v.c.retired == true(),
            ~is_last_word(v), ~_is_alive(before_us),
        )
    )  # fmt: skip
    return list(found.scalars())


def _forget_transactions(connection: Connection, versions: list[int]) -> None:
    """Remove the transactions of versions, which count from now on as retired."""
    t = s.transactions
    _keep_counts(connection, versions)
    mine = select(t.c.seq).where(t.c.version.in_(versions))
    connection.execute(delete(s.exchange_links).where(s.exchange_links.c.transaction.in_(mine)))
    connection.execute(delete(s.effects).where(s.effects.c.transaction.in_(mine)))
    connection.execute(delete(s.commitments).where(s.commitments.c.transaction.in_(mine)))
    connection.execute(delete(t).where(t.c.version.in_(versions)))
    connection.execute(delete(s.keys).where(s.keys.c.version.in_(versions)))


def _keep_counts(connection: Connection, versions: list[int]) -> None:
    """Move what is about to go from both sides of the equation to the retired counts."""
    t, v = s.transactions, s.versions
    fates = connection.execute(
        select(t.c.pipeline, t.c.fate, func.count().label("many"))
        .where(t.c.version.in_(versions))
        .group_by(t.c.pipeline, t.c.fate)
    ).all()
    for row in fates:
        _add(connection, row.pipeline, row.fate, row.many)
    seen = connection.execute(
        select(v.c.window, t.c.pipeline, func.count().label("many"))
        .join(t, t.c.version == v.c.seq)
        .where(v.c.seq.in_(versions), t.c.replay_of.is_(None))
        .group_by(v.c.window, t.c.pipeline)
    ).all()
    for row in seen:
        _move_seen(connection, row.window, row.pipeline, row.many)


def _add(connection: Connection, pipeline: str, fate: str, count: int) -> None:
    r = s.retired
    known = connection.execute(
        select(r.c.count).where(r.c.pipeline == pipeline, r.c.fate == fate)
    ).scalar()
    connection.execute(
        insert_or_update(connection, r, unique=("pipeline", "fate"), changing=("count",)),
        {"pipeline": pipeline, "fate": fate, "count": (known or 0) + count},
    )


def _move_seen(connection: Connection, window: int, pipeline: str, count: int) -> None:
    """Count what a window showed a pipeline in row 0 from now on; what a later one gave it is not
    counted there, and stays where it is.
    """
    w = s.sightings
    here = (w.c.window == window) & (w.c.pipeline == pipeline)
    shown = connection.execute(select(w.c.seen).where(here)).scalar() or 0
    moving = min(shown, count)
    if not moving:
        return
    connection.execute(update(w).where(here).values(seen=w.c.seen - moving))
    moved = connection.execute(
        update(w).where(w.c.window == 0, w.c.pipeline == pipeline).values(seen=w.c.seen + moving)
    )
    if moved.rowcount == 0:
        connection.execute(insert(w).values(window=0, pipeline=pipeline, seen=moving))
    connection.execute(delete(w).where(here, w.c.seen == 0))


def _drop_versions(connection: Connection, seqs: list[int], older: list[int]) -> None:
    """Drop versions, but keep the newest of each record: a re-sighting is known by it. Where that
    is its deletion, keep the one before it, too: whoever missed the deletion is told of it if he
    had the record.

    `older` are those that were kept before one of `seqs` was there.
    """
    v, newer = s.versions, s.versions.alias("newer")
    later = select(newer.c.seq).where(
        newer.c.feed == v.c.feed, newer.c.source_id == v.c.source_id, newer.c.seq > v.c.seq,
        ~newer.c.deleted,
    )  # fmt: skip
    had_its_time = select(v.c.seq).where(v.c.seq.in_(seqs), later.exists(), ~is_last_word(v))
    old = [*connection.execute(had_its_time).scalars(), *older]
    connection.execute(delete(v).where(v.c.seq.in_(old)))
    connection.execute(update(v).where(v.c.seq.in_(seqs)).values(retired=True))


def _drop_exchanges(connection: Connection, before_us: int, limit: int) -> int:
    """Drop calls of that age, also those made for what is still open; links go with their
    transactions.
    """
    x = s.exchanges
    old = list(
        connection.execute(
            select(x.c.span_id).where(x.c.started_us < before_us).limit(limit)
        ).scalars()
    )
    if old:
        connection.execute(delete(x).where(x.c.span_id.in_(old)))
    return len(old)

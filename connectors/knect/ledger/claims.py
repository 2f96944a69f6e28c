"""Taking work in hand: claims, their leases, and what wakes what waits.

Why: a claim is a row with a lease and a fencing number, so a worker that died, froze or was cut
off can neither block its work nor commit it late. Must not: call out; decide fates.
"""

from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct, structs
from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    bindparam,
    func,
    or_,
    select,
    union_all,
    update,
)

from knect.ledger import schema as s
from knect.ledger.fates import ENDED, OPEN, Fate
from knect.ledger.feed_lease import readers_called, release_feeds, renew_feeds
from knect.ledger.marks import NEXT_STAGE, add_marks
from knect.ledger.store.prepared import Prepared
from knect.ledger.store.sets import Rows, one_of
from knect.ledger.timeline import INTERRUPTED, Event
from knect.seams import crash_point

__all__ = ["Claimed", "claim", "hand_back", "hand_back_all", "next_due", "reclaim", "renew", "wake"]


#: Who acts, where nobody has to.
_ITSELF = "itself"


class Claimed(Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """A transaction in hand, with the version it is about. `hash` names the version's payload."""

    seq: int
    id: str
    pipeline: str
    entity: str
    source_id: str
    key: str
    fate: str
    stage: str
    attempt: int
    fence: int
    created_us: int
    since_us: int
    reason: str | None
    message: str | None
    timeline: str
    mapping: int | None
    replay_of: str | None
    approved: str | None
    edits: str | None  # names the payload of what a person set in the record
    as_then: int | None  # row of the revision it is to be mapped by, if not by the newest
    version: int
    token: str
    hash: str
    seen_us: int  # when the version was read
    deleted: bool
    holder: str | None  # who had it in hand before


def claim(
    connection: Connection,
    *,
    pipeline: str,
    holder: str,
    calls: str,
    now_us: int,
    lease_us: int,
    limit: int,
) -> list[Claimed]:
    """Take up to `limit` transactions that are due, oldest first, at most one per source record.

    An older transaction of the same record that is still open goes first. `calls` is the trace id
    under which remote calls for them will be made: written ahead of the first call.
    """
    rows: list[Claimed] = _DUE.of(connection, pipeline=pipeline, now_us=now_us, limit=limit)
    if not rows:
        return []
    taken_over = [row.seq for row in rows if row.holder is not None]
    timelines = _mark_interrupted(connection, taken_over, now_us=now_us, by=holder)
    _TAKE.run(
        connection,
        seqs=[row.seq for row in rows],
        taker=holder,
        until_us=now_us + lease_us,
        calls_of_it=calls,
    )
    if timelines:
        rows = [structs.replace(row, timeline=timelines.get(row.seq, row.timeline)) for row in rows]
    return rows


def _mark_interrupted(
    connection: Connection, seqs: Sequence[int], *, now_us: int, by: str
) -> dict[int, str]:
    """Say on what was taken from a dead worker where it was and under which trace id it called.

    A write it had ahead may have left until this moment: settle times count from here. Returns
    the timelines as they are now.
    """
    if not seqs:
        return {}
    t, e = s.transactions, s.effects
    held = connection.execute(
        select(t.c.seq, t.c.attempt, t.c.stage, t.c.calls).where(one_of(t.c.seq, seqs))
    )
    marks = {
        row.seq: Event(
            row.attempt + 1,
            INTERRUPTED,
            now_us,
            ok=False,
            note=f"{NEXT_STAGE.get(row.stage, row.stage)} {row.calls}",
            worker=by,
        )
        for row in held
    }
    connection.execute(
        update(e).where(one_of(e.c.transaction, seqs), e.c.state == "ahead").values(ahead_us=now_us)
    )
    return add_marks(connection, marks)


def next_due(connection: Connection, pipeline: str, *, moving: bool = False) -> int | None:
    """Return when the next transaction becomes due by itself, None if none will.

    `moving` leaves out what waits for something, and writes of unknown outcome that are asked for
    now and then, but cannot be found out before somebody acts.
    What somebody has in hand is due when its lease ends. What stands behind an older open
    transaction of its record becomes due with that one.
    """
    question = _MOVING_DUE if moving else _NEXT_DUE
    return question.run(connection, pipeline=pipeline).scalar()


def _is_first() -> ColumnElement[bool]:
    """Tell whether it is the oldest open one of its record, and so open itself.

    Asked as a smallest number, and as "has not ended": "there is none before that is open" is a
    join for PostgreSQL, which compares everything open with everything open as long as it has no
    statistics.
    """
    t, one = s.transactions, s.transactions.alias("one")
    first = select(func.min(one.c.seq)).where(
        one.c.pipeline == t.c.pipeline, one.c.source_id == t.c.source_id, one.c.fate.not_in(ENDED)
    )
    return first.scalar_subquery() == t.c.seq


def _due() -> Select[Any]:
    """What is due, in the order of its index, so that the rest of a long line is not looked at.

    No fate is named: an index by fates would be tried for it, and the line read to its end.
    """
    t, v = s.transactions, s.versions
    of_version = ("token", "hash", "seen_us", "deleted")
    shown: dict[str, ColumnElement[Any]] = {
        n: v.c[n] if n in of_version else t.c[n] for n in Claimed.__struct_fields__
    }
    shown["fence"] = (t.c.fence + 1).label("fence")  # as it is once it is taken
    return (
        select(*shown.values())
        .join(v, v.c.seq == t.c.version)
        .where(
            t.c.pipeline == bindparam("pipeline"),
            t.c.next_us <= bindparam("now_us"),
            or_(t.c.holder.is_(None), t.c.lease_us < bindparam("now_us")),
            _is_first(),
        )
        .order_by(t.c.next_us, t.c.seq)
        .limit(bindparam("limit"))
        .with_for_update(skip_locked=True, of=t)  # SQLite has one writer and no such words
    )


def _next_due(*conditions: ColumnElement[bool]) -> Select[Any]:
    """The first one of what nobody has, and the first lease that ends; each by its index."""
    t = s.transactions
    asked = (t.c.pipeline == bindparam("pipeline"), _is_first(), *conditions)
    free = (
        select(t.c.next_us)
        .where(*asked, t.c.next_us.is_not(None), t.c.holder.is_(None))
        .order_by(t.c.next_us, t.c.seq)
    )
    held = (
        select((t.c.lease_us + 1).label("next_us"))
        .where(*asked, t.c.lease_us.is_not(None))
        .order_by(t.c.lease_us)
    )
    firsts = (select(one.limit(1).subquery()) for one in (free, held))
    return select(func.min(union_all(*firsts).subquery("due").c.next_us))


_DUE = Rows(_due(), Claimed)
_NEXT_DUE = Prepared(_next_due())
_MOVING_DUE = Prepared(
    _next_due(
        s.transactions.c.fate != Fate.WAITING,
        or_(s.transactions.c.fate != Fate.UNKNOWN, s.transactions.c.acts == _ITSELF),
    )
)
_TAKE = Prepared(
    update(s.transactions)
    .where(one_of(s.transactions.c.seq, "seqs"))
    .values(
        holder=bindparam("taker"),
        lease_us=bindparam("until_us"),
        fence=s.transactions.c.fence + 1,
        calls=bindparam("calls_of_it"),
    )
)


def renew(
    connection: Connection, *, holder: str, seqs: Sequence[int], now_us: int, lease_us: int
) -> int:
    """Extend the leases of what this worker has in hand or reads; an expired one is not revived.

    Returns how many transactions it still has.
    """
    crash_point("lease.renew")
    renew_feeds(connection, holder=holder, now_us=now_us, lease_us=lease_us)
    renewed = _RENEW.run(
        connection, seqs=seqs, asking=holder, now_us=now_us, until_us=now_us + lease_us
    )
    return int(renewed.rowcount)


_RENEW = Prepared(
    update(s.transactions)
    .where(
        one_of(s.transactions.c.seq, "seqs"),
        s.transactions.c.holder == bindparam("asking"),
        s.transactions.c.lease_us >= bindparam("now_us"),
    )
    .values(lease_us=bindparam("until_us"))
)


def reclaim(
    connection: Connection,
    *,
    worker: str,
    holder: str,
    is_over: Callable[[str], bool],
    now_us: int,
) -> list[int]:
    """Free what earlier lives of the same worker had in hand, and mark it as interrupted.

    A holder is `worker#life`. What a life has that is not known to be over is left to its lease.
    Returns the row ids.
    """
    t = s.transactions
    ours = t.c.holder.startswith(f"{worker}#", autoescape=True), t.c.holder != holder
    lives = connection.execute(select(t.c.holder).where(*ours).distinct()).scalars()
    readers = readers_called(connection, worker, but=holder)
    over = [life for life in {*lives, *readers} if is_over(life)]
    for life in over:
        release_feeds(connection, life)
    held = select(t.c.seq).where(t.c.holder.in_(over)).order_by(t.c.seq).with_for_update()
    seqs = list(connection.execute(held).scalars())
    if seqs:
        _mark_interrupted(connection, seqs, now_us=now_us, by=holder)
        connection.execute(
            update(t)
            .where(one_of(t.c.seq, seqs))
            .values(holder=None, lease_us=None, fence=t.c.fence + 1, next_us=now_us)
        )
    return seqs


def hand_back(connection: Connection, *, holder: str, now_us: int) -> int:
    """Free what a worker that ends in good order has not finished; return how many.

    What it had ahead may have left until this moment, and under which trace id is marked.
    """
    release_feeds(connection, holder)
    t = s.transactions
    held = select(t.c.seq).where(t.c.holder == holder).order_by(t.c.seq).with_for_update()
    seqs = list(connection.execute(held).scalars())
    if seqs:
        _mark_interrupted(connection, seqs, now_us=now_us, by=holder)
        connection.execute(
            update(t)
            .where(one_of(t.c.seq, seqs))
            .values(holder=None, lease_us=None, fence=t.c.fence + 1, next_us=now_us)
        )
    return len(seqs)


def hand_back_all(connection: Connection, *, now_us: int) -> None:
    """Free what anybody has in hand: in a copy of a ledger nobody else is at work."""
    held = connection.execute(
        select(s.leases.c.holder).union(
            select(s.transactions.c.holder).where(s.transactions.c.holder.is_not(None))
        )
    )
    for holder in held.scalars().all():
        hand_back(connection, holder=holder, now_us=now_us)
    connection.execute(update(s.subscriptions).values(attended_us=0))


def wake(connection: Connection, waits_for: Sequence[str], *, now_us: int) -> int:
    """Make everything that waits for one of these things due now; return how many."""
    return int(_WAKE.run(connection, wanted=waits_for, now_us=now_us).rowcount)


_WAKE = Prepared(
    update(s.transactions)
    .where(one_of(s.transactions.c.waits_for, "wanted"), s.transactions.c.fate.in_(OPEN))
    .values(next_us=bindparam("now_us"))
)

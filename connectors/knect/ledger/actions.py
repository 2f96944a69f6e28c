"""What people do to transactions: retry, approve, skip, replay; a row says who and why.

Must not: be called while another process writes a SQLite ledger; the CLI goes through the worker
when one lives.
"""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, insert, or_, select, update

from knect.ledger import schema as s
from knect.ledger.again import deliver_again
from knect.ledger.commitments import Commitment, release_stock
from knect.ledger.effects import UNCERTAIN
from knect.ledger.fates import OPEN, Fate
from knect.ledger.goods import Goods, Heirs, goods_of, pass_on
from knect.ledger.marks import add_marks
from knect.ledger.questions.leads import named
from knect.ledger.store.sets import one_of
from knect.ledger.store.upserts import alone_with_versions
from knect.ledger.supersede import is_overtaken, let_arrive, speaks, supersede_idle
from knect.ledger.timeline import Event
from knect.seams import IdSource

__all__ = [
    "SKIPPED_BY_PERSON",
    "approve",
    "note_action",
    "replay",
    "retry",
    "select_transactions",
    "skip",
]

#: Reason of what somebody ended by hand.
SKIPPED_BY_PERSON = "SkippedByPerson"


def select_transactions(
    connection: Connection,
    *,
    ids: Sequence[str] = (),
    keys: Sequence[str] = (),
    reasons: Sequence[str] = (),
    pipeline: str | None = None,
    fates: Sequence[Fate] = (*OPEN, Fate.REJECTED),
    after: int = 0,
    until: int | None = None,
    limit: int | None = None,
) -> list[int]:
    """Return row ids of the last words on each record that match all that is given.

    `ids` are whole ids, `keys` what people call the records; one of either is enough. Ascending;
    only those past `after` and up to `until`, and so many of them. What says nothing of its record,
    an old copy or our own write coming back, is meant only by its id.
    """
    t = s.transactions
    query = (
        select(t.c.seq)
        .where(t.c.fate.in_(fates), t.c.seq > after, ~is_overtaken(t))
        .where(or_(speaks(t), t.c.id.in_(ids)))
        .order_by(t.c.seq)
        .limit(limit)
    )
    if until is not None:
        query = query.where(t.c.seq <= until)
    if ids or keys:
        query = query.where(t.c.seq.in_(named(connection, ids, keys)))
    if reasons:
        query = query.where(t.c.reason.in_(reasons))
    if pipeline is not None:
        query = query.where(t.c.pipeline == pipeline)
    return list(connection.execute(query).scalars())


def _in_nobodys_hands(connection: Connection, seqs: Sequence[int]) -> dict[int, int]:
    """Return the attempts of those that no worker has in hand; none takes them until the commit."""
    t = s.transactions
    free = (
        select(t.c.seq, t.c.attempt)
        .where(one_of(t.c.seq, seqs), t.c.holder.is_(None))
        .order_by(t.c.seq)
        .with_for_update()
    )
    return {row.seq: row.attempt for row in connection.execute(free)}


def note_action(
    connection: Connection,
    *,
    verb: str,
    selector: str,
    actor: str,
    reason: str | None,
    count: int,
    now_us: int,
) -> None:
    """Note who did what to how many, and why."""
    connection.execute(
        insert(s.actions).values(
            at_us=now_us, actor=actor, verb=verb, selector=selector, reason=reason, count=count
        )
    )


def retry(
    connection: Connection,
    seqs: Sequence[int],
    *,
    selector: str,
    actor: str,
    reason: str | None,
    now_us: int,
) -> int:
    """Make transactions due now: a new attempt in the same trace. Returns how many.

    What a worker has in hand is left to it.
    """
    count = _set_going(connection, "retry", seqs, actor=actor, now_us=now_us)
    note_action(
        connection, verb="retry", selector=selector, actor=actor, reason=reason, count=count,
        now_us=now_us,
    )  # fmt: skip
    return count


def approve(
    connection: Connection,
    seqs: Sequence[int],
    *,
    selector: str,
    actor: str,
    reason: str,
    now_us: int,
) -> int:
    """Let transactions pass although a guard or an admit rule holds them; they are due now.

    Holds for these versions only: the next one is judged anew. Returns how many.
    """
    count = _set_going(connection, "approve", seqs, actor=actor, now_us=now_us, approved=actor)
    note_action(
        connection, verb="approve", selector=selector, actor=actor, reason=reason, count=count,
        now_us=now_us,
    )  # fmt: skip
    return count


def _set_going(
    connection: Connection,
    verb: str,
    seqs: Sequence[int],
    *,
    actor: str,
    now_us: int,
    **more: str,
) -> int:
    """Make transactions due now that nobody has in hand; return how many."""
    t = s.transactions
    alone_with_versions(connection)
    free = _in_nobodys_hands(connection, seqs)
    note = f"by {actor}"
    add_marks(
        connection,
        {seq: Event(attempt + 1, verb, now_us, note=note) for seq, attempt in free.items()},
    )
    uncertain = select(s.effects.c.seq).where(
        s.effects.c.transaction == t.c.seq, s.effects.c.state.in_(UNCERTAIN)
    )
    for fate, where in (
        (Fate.UNKNOWN, uncertain.exists()),
        (Fate.IN_FLIGHT, ~uncertain.exists()),
    ):
        connection.execute(
            update(t)
            .where(one_of(t.c.seq, free), where)
            .values(
                fate=fate,
                next_us=now_us,
                attempt=0,
                since_us=now_us,
                waits_for=None,
                acts="itself",
                **more,
            )
        )
    return len(free)


def skip(
    connection: Connection,
    seqs: Sequence[int],
    *,
    selector: str,
    actor: str,
    reason: str,
    now_us: int,
) -> int:
    """End transactions by a person's decision; what a worker has in hand is left to it.

    What one of them wrote, perhaps, is looked for before anything newer of its record is made.
    Returns how many.
    """
    t = s.transactions
    free = list(_in_nobodys_hands(connection, seqs))
    release_stock(connection, free, now_us)
    let_arrive(connection, free, now_us)
    connection.execute(
        update(t)
        .where(one_of(t.c.seq, free))
        .values(
            fate=Fate.SKIPPED,
            reason=SKIPPED_BY_PERSON,
            message=f"skipped by {actor}: {reason}",
            since_us=now_us,
            next_us=None,
            waits_for=None,
            acts=None,
        )
    )
    note_action(
        connection,
        verb="skip",
        selector=selector,
        actor=actor,
        reason=reason,
        count=len(free),
        now_us=now_us,
    )
    return len(free)


class Replayed(NamedTuple):
    """How many are delivered anew, and the ids of those that are new."""

    many: int
    ids: list[str]


def replay(
    connection: Connection,
    seqs: Sequence[int],
    *,
    new_id: IdSource,
    selector: str,
    actor: str,
    reason: str | None,
    now_us: int,
) -> Replayed:
    """Make a new transaction for the version of each that has ended, linked to it.

    What has not ended is tried again instead: a new one would stand behind it. But a figure is to
    be set whatever is known of it, and takes the place of what does not move. New ones are counted
    as seen by a window of their own, so the equation holds.
    """
    t, v = s.transactions, s.versions
    alone_with_versions(connection)
    named = (t.c.id, t.c.pipeline, t.c.entity, t.c.source_id, t.c.key, t.c.version)
    rows = connection.execute(
        select(t.c.seq, t.c.fate, *named, v.c.feed)
        .join(v, v.c.seq == t.c.version)
        .where(one_of(t.c.seq, seqs))
        .order_by(t.c.seq)
    ).all()
    going_on = [x.seq for x in rows if x.fate in OPEN and x.entity not in s.FIGURES]
    count = _set_going(connection, "replay", going_on, actor=actor, now_us=now_us)
    anew = [x for x in rows if x.fate not in OPEN or x.entity in s.FIGURES]
    standing: dict[str, list[str]] = {}
    for x in anew:
        if x.fate in OPEN:
            standing.setdefault(x.pipeline, []).append(x.source_id)
    for pipeline, names in standing.items():
        supersede_idle(connection, [pipeline], names, now_us)
    goods = goods_of(connection, [x.seq for x in anew])
    made = deliver_again(
        connection, anew, kind="replay", note=f"replay by {actor}", new_id=new_id, now_us=now_us
    )
    pass_on(connection, goods, _heirs(connection, goods, made), new_id=new_id, now_us=now_us)
    count += len(made)
    note_action(
        connection, verb="replay", selector=selector, actor=actor, reason=reason, count=count,
        now_us=now_us,
    )  # fmt: skip
    return Replayed(count, made)


def _heirs(connection: Connection, goods: Sequence[Goods], made: Sequence[str]) -> Heirs:
    """Return what each of the transactions that were `made` takes: what the one before it held."""
    if not goods:
        return {}
    held: dict[tuple[str, str], list[Goods]] = {}
    for one in goods:
        held.setdefault((one.pipeline, one.source_id), []).append(one)
    t = s.transactions.c
    rows = connection.execute(
        select(t.seq, t.pipeline, t.source_id).where(one_of(t.id, made))
    ).all()
    return {
        (row.pipeline, row.source_id): [
            Commitment(
                sku=one.sku, location=one.location, quantity=one.quantity,
                connection=one.connection, transaction=row.seq,
            )
            for one in held.get((row.pipeline, row.source_id), ())
        ]
        for row in rows
    }  # fmt: skip

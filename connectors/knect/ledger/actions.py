"""What people do to transactions that have not ended: retry, approve, skip; a row says who and why.

Must not: be called while another process writes a SQLite ledger; the CLI goes through the worker
when one lives.
"""

from collections.abc import Sequence

from sqlalchemy import Connection, insert, or_, select, update

from knect.ledger import schema as s
from knect.ledger.commitments import release_stock
from knect.ledger.effects import UNCERTAIN
from knect.ledger.fates import OPEN, Fate
from knect.ledger.marks import add_marks
from knect.ledger.questions.leads import named
from knect.ledger.store.sets import one_of
from knect.ledger.store.upserts import alone_with_versions
from knect.ledger.supersede import is_overtaken, let_arrive, speaks
from knect.ledger.timeline import Event

__all__ = [
    "SKIPPED_BY_PERSON",
    "approve",
    "end_by_person",
    "in_nobodys_hands",
    "note_action",
    "retry",
    "select_transactions",
    "set_going",
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
    editable: bool = False,
    edited: bool = False,
    mapped: bool = False,
) -> list[int]:
    """Return row ids of the last words on each record that match all that is given.

    `ids` are whole ids, `keys` what people call the records; one of either is enough. Ascending;
    only those past `after` and up to `until`, and so many of them. What says nothing of its record,
    an old copy or our own write coming back, is meant only by its id. `editable`: only what has a
    content that a person may set: no figures, for the next one comes soon, and no deletions;
    `edited`: only what somebody has set something in; `mapped`: only what came as far as that.
    """
    t, v = s.transactions, s.versions
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
    if editable:
        gone = select(v.c.seq).where(v.c.seq == t.c.version, v.c.deleted)
        query = query.where(t.c.entity.not_in(s.FIGURES), ~gone.exists())
    if edited:
        query = query.where(t.c.edits.is_not(None))
    if mapped:
        query = query.where(t.c.mapping.is_not(None))
    return list(connection.execute(query).scalars())


def in_nobodys_hands(connection: Connection, seqs: Sequence[int]) -> dict[int, int]:
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
    count = set_going(connection, "retry", seqs, actor=actor, now_us=now_us)
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
    count = set_going(connection, "approve", seqs, actor=actor, now_us=now_us, approved=actor)
    note_action(
        connection, verb="approve", selector=selector, actor=actor, reason=reason, count=count,
        now_us=now_us,
    )  # fmt: skip
    return count


def set_going(
    connection: Connection,
    verb: str,
    seqs: Sequence[int],
    *,
    actor: str,
    now_us: int,
    says: str = "",
    **more: str,
) -> int:
    """Make transactions due now that nobody has in hand; return how many."""
    t = s.transactions
    alone_with_versions(connection)
    free = in_nobodys_hands(connection, seqs)
    note = f"by {actor}{says}"
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
    free = list(in_nobodys_hands(connection, seqs))
    end_by_person(connection, free, f"skipped by {actor}: {reason}", now_us)
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


def end_by_person(connection: Connection, seqs: Sequence[int], message: str, now_us: int) -> None:
    """End transactions that nobody has in hand; what they hold is free, and what they wrote,
    perhaps, may still arrive.
    """
    t = s.transactions
    release_stock(connection, seqs, now_us)
    let_arrive(connection, seqs, now_us)
    connection.execute(
        update(t)
        .where(one_of(t.c.seq, seqs))
        .values(
            fate=Fate.SKIPPED,
            reason=SKIPPED_BY_PERSON,
            message=message,
            since_us=now_us,
            next_us=None,
            waits_for=None,
            acts=None,
        )
    )

"""Ending what a newer version of the same record made pointless.

Why: and only that. Our own write that comes back, and what an old copy tells late, are recorded
last and say nothing new; taken for the newer version they would end what nobody has delivered.
A record is asked for by its name. Fates are asked for as what they are not: an index by fates
would be tried for them, and has everything that is open.
A level, or a price, whose write nobody can tell of is a person's, but not for longer than until the
next one: that one is written whatever stands there, once the lost one can no longer arrive.
Must not: touch a transaction somebody has in hand, or another one with a write of unknown outcome.
"""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Select,
    and_,
    bindparam,
    or_,
    select,
    update,
)

from knect.ledger import schema as s
from knect.ledger.business_keys import free_keys
from knect.ledger.commitments import release_stock
from knect.ledger.effects import UNCERTAIN
from knect.ledger.fates import ENDED, OPEN, Fate
from knect.ledger.store.prepared import Prepared
from knect.ledger.store.sets import Rows, one_of

__all__ = [
    "OLDER_VERSION",
    "is_overtaken",
    "is_replaceable",
    "let_arrive",
    "speaks",
    "supersede",
    "supersede_idle",
    "unsaid",
]

#: Reason of a transaction whose version is not the newest, although it was recorded last.
OLDER_VERSION = "OlderVersion"


def speaks(transactions: FromClause) -> ColumnElement[bool]:
    """Return the condition that a transaction is about what its record has become."""
    t = transactions.c
    return and_(t.fate != Fate.ECHO, or_(t.reason.is_(None), t.reason != OLDER_VERSION))


def is_overtaken(transactions: FromClause) -> ColumnElement[bool]:
    """Return the condition that a newer transaction is about what the record has become."""
    t, later = transactions.c, s.transactions.alias("later")
    newer = select(later.c.seq).where(
        later.c.pipeline == t.pipeline, later.c.source_id == t.source_id, later.c.seq > t.seq,
        speaks(later),
    )  # fmt: skip
    return newer.exists()


def unsaid(
    connection: Connection, pipelines: Sequence[str], source_ids: Collection[str]
) -> set[tuple[str, str]]:
    """Return (pipeline, record) of those with a version that is not delivered yet.

    What comes next of such a record is more than our own write coming back.
    """
    if not source_ids:
        return set()
    t = s.transactions.c
    rows: Any = connection.execute(
        select(t.pipeline, t.source_id).where(
            t.pipeline.in_(pipelines), one_of(t.source_id, source_ids), t.fate.not_in(ENDED)
        )
    )
    return {(row.pipeline, row.source_id) for row in rows}


def supersede_idle(
    connection: Connection, pipelines: Sequence[str], source_ids: Sequence[str], now_us: int
) -> Sequence[int]:
    """End older transactions of the same keys that nobody has in hand, if the newer version says
    all they could say.
    """
    idle = _IDLE.run(connection, pipelines=pipelines, source_ids=source_ids)
    seqs = list(idle.scalars())
    supersede(connection, seqs, now_us)
    return seqs


def is_replaceable(transactions: FromClause) -> ColumnElement[bool]:
    """Return the condition that a newer version says all that a transaction could say.

    It wrote nothing whose outcome is open; or it is about a figure and moves by itself no more.
    Where an earlier try may have arrived it goes on, as long as it moves by itself, and finds out:
    the newer version may be one that writes nothing, and would never ask. So does what has found
    its document as a ledger that is gone had made it.
    """
    t, e = transactions.c, s.effects.c
    written = select(e.transaction).where(e.transaction == t.seq)
    uncertain = e.state.in_(UNCERTAIN)
    unsure = and_(e.state == "failed", e.unsure_us.is_not(None))
    found = and_(e.state == "done", e.document.is_(None))
    is_figure = and_(t.entity.in_(s.FIGURES), t.fate.in_(OPEN), t.next_us.is_(None))
    return or_(
        and_(t.fate == Fate.IN_FLIGHT, ~written.where(or_(uncertain, unsure, found)).exists()),
        and_(t.fate == Fate.WAITING, ~written.where(uncertain).exists()),
        is_figure,
    )


def _idle() -> Select[int]:
    t = s.transactions
    return (
        select(t.c.seq)
        .where(
            one_of(t.c.pipeline, "pipelines"),
            one_of(t.c.source_id, "source_ids"),
            t.c.fate.not_in(ENDED),
            t.c.holder.is_(None),
            is_replaceable(t),
        )
        .order_by(t.c.seq)
        .with_for_update(skip_locked=True)  # locked is: another worker takes it in hand
    )


_IDLE = Prepared(_idle())


def supersede(connection: Connection, seqs: Sequence[int], now_us: int) -> None:
    """End transactions because a newer version of their record is in the ledger."""
    if not seqs:
        return
    release_stock(connection, seqs, now_us)
    let_arrive(connection, seqs, now_us)
    connection.execute(
        update(s.transactions)
        .where(one_of(s.transactions.c.seq, seqs))
        .values(
            fate=Fate.SUPERSEDED,
            reason="NewerVersion",
            message="a newer version of the record arrived before this one was delivered",
            since_us=now_us,
            next_us=None,
            waits_for=None,
            acts=None,
        )
    )


def let_arrive(connection: Connection, seqs: Sequence[int], now_us: int) -> None:
    """Remember of what these sent and nobody could tell of, as they end or begin to wait, when it
    may have left, and give its keys back: nothing newer of the record is sent before it must have
    arrived, or is made without a look.
    """
    if not seqs:
        return
    names = _UNDER_WAY.of(connection, seqs=seqs)
    if names:
        _LET_ARRIVE.run(connection, seqs=seqs, now_us=now_us)
        free_keys(connection, names)


_UNDER_WAY = Rows(
    select(s.effects.c.key, s.transactions.c.id)
    .join(s.transactions, s.transactions.c.seq == s.effects.c.transaction)
    .where(one_of(s.effects.c.transaction, "seqs"), s.effects.c.state.in_(UNCERTAIN)),
    tuple[str, str],
)
_LET_ARRIVE = Prepared(
    update(s.effects)
    .where(one_of(s.effects.c.transaction, "seqs"), s.effects.c.state.in_(UNCERTAIN))
    .values(state="failed", ended_us=bindparam("now_us"), unsure_us=s.effects.c.ahead_us)
)

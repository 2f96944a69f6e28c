"""Ending what a newer version of the same record made pointless.

Must not: touch a transaction somebody has in hand, or one with a write of unknown outcome.
"""

from collections.abc import Sequence

from sqlalchemy import Connection, select, update

from knect.ledger import schema as s
from knect.ledger.commitments import release_stock
from knect.ledger.fates import Fate
from knect.ledger.sets import one_of

__all__ = ["supersede", "supersede_idle"]


def supersede_idle(
    connection: Connection, pipelines: Sequence[str], source_ids: Sequence[str], now_us: int
) -> Sequence[int]:
    """End older transactions of the same keys that nobody has in hand and that wrote nothing
    whose outcome is open: the newer version says all they could say.
    """
    uncertain = select(s.effects.c.transaction).where(
        s.effects.c.transaction == s.transactions.c.seq,
        s.effects.c.state.in_(("ahead", "unknown")),
    )
    idle = connection.execute(
        select(s.transactions.c.seq)
        .where(
            s.transactions.c.pipeline.in_(pipelines),
            one_of(s.transactions.c.source_id, source_ids),
            s.transactions.c.fate.in_((Fate.IN_FLIGHT, Fate.WAITING)),
            s.transactions.c.holder.is_(None),
            ~uncertain.exists(),
        )
        .order_by(s.transactions.c.seq)
        .with_for_update(skip_locked=True)  # locked is: another worker takes it in hand
    )
    seqs = [row.seq for row in idle]
    supersede(connection, seqs, now_us)
    return seqs


def supersede(connection: Connection, seqs: Sequence[int], now_us: int) -> None:
    """End transactions because a newer version of their record is in the ledger."""
    if not seqs:
        return
    release_stock(connection, seqs, now_us)
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

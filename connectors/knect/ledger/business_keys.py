"""Business keys while something is written under them: one transaction at a time has each.

Why: two records of one customer must not make two customers. Must not: know who works; the
transaction holds the key, whoever has it in hand.
"""

from collections.abc import Sequence

from sqlalchemy import Connection, select, update

from knect.ledger import schema as s
from knect.ledger.fates import OPEN
from knect.ledger.store.bulk import DeleteMany, InsertMany
from knect.ledger.store.sets import Rows, one_of

__all__ = ["free_keys", "take_keys"]


def take_keys(
    connection: Connection, names: Sequence[tuple[str, str]], now_us: int
) -> set[tuple[str, str]]:
    """Lease business keys: (name, transaction id). Returns those had.

    The transaction, not the process, holds a key: whoever takes the transaction over has it. It
    is free again once the effect has a known outcome, or the transaction has ended.
    """
    if not names:
        return set()
    names = sorted(names)  # all workers take them in one order, so that none waits in a circle
    if _TAKE.run(connection, [(name, who, 1, now_us) for name, who in names]) == len(names):
        return set(names)
    holders: dict[str, str] = dict(_HOLDERS.of(connection, names=[name for name, _ in names]))
    for name, who in names:
        holder = holders.get(name)  # none: another worker gave it back just now
        if holder not in (None, who) and _has_ended(connection, holder):
            connection.execute(update(s.leases).where(s.leases.c.name == name).values(holder=who))
            holders[name] = who
    return {(name, who) for name, who in names if holders.get(name) == who}


_TAKE = InsertMany(s.leases, ("name", "holder", "fence", "expires_us"), ignore=True)
_HOLDERS = Rows(
    select(s.leases.c.name, s.leases.c.holder)
    .where(one_of(s.leases.c.name, "names"))
    .order_by(s.leases.c.name)
    .with_for_update(),
    tuple[str, str],
)
_FREE = DeleteMany(s.leases, ("name", "holder"))


def _has_ended(connection: Connection, transaction_id: str | None) -> bool:
    fate = connection.execute(
        select(s.transactions.c.fate).where(s.transactions.c.id == transaction_id)
    ).scalar()
    return fate not in OPEN


def free_keys(connection: Connection, names: Sequence[tuple[str, str]]) -> None:
    """Give business keys back: (name, transaction id)."""
    _FREE.run(connection, sorted(names))

"""Stock that is sold and not yet in the ERP's own figure.

Why: an order that waits has taken goods the ERP still counts as available; whoever sends stock to
a shop must subtract them, or they are sold twice. Must not: know a formula; pipelines declare it.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from msgspec import Struct, structs
from sqlalchemy import Connection, delete, insert, select, update

from knect.ledger import schema as s
from knect.ledger.sets import one_of

__all__ = ["Commitment", "commit_stock", "committed", "release_stock"]


class Commitment(Struct, frozen=True, kw_only=True):
    """So many pieces of a SKU for one order. `connection` is the ERP they are taken from."""

    connection: str
    sku: str
    location: str | None
    quantity: str  # decimal
    transaction: int


def commit_stock(connection: Connection, commitments: Sequence[Commitment], now_us: int) -> None:
    """Set what the transactions named take; what they took before is replaced."""
    c = s.commitments
    seqs = list({commitment.transaction for commitment in commitments})
    if not seqs:
        return
    connection.execute(delete(c).where(one_of(c.c.transaction, seqs), c.c.released_us.is_(None)))
    connection.execute(
        insert(c), [{**structs.asdict(commitment), "made_us": now_us} for commitment in commitments]
    )


def release_stock(connection: Connection, transactions: Sequence[int], now_us: int) -> None:
    """Say that the ERP's figure includes these orders, or that they will never come."""
    c = s.commitments
    connection.execute(
        update(c)
        .where(one_of(c.c.transaction, transactions), c.c.released_us.is_(None))
        .values(released_us=now_us)
    )


def committed(connection: Connection, erp: str) -> Mapping[str, Decimal]:
    """Return SKU -> pieces sold and not yet in the ERP's figure."""
    c = s.commitments
    sums: dict[str, Decimal] = {}
    rows = connection.execute(
        select(c.c.sku, c.c.quantity).where(c.c.connection == erp, c.c.released_us.is_(None))
    )
    for row in rows:
        sums[row.sku] = sums.get(row.sku, Decimal(0)) + Decimal(row.quantity)
    return sums

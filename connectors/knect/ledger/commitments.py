"""Stock that is sold and not yet in the ERP's own figure.

Why: an order on its way has taken goods the ERP still counts as available; whoever sends stock to
a shop must subtract them, or they are sold twice. SKUs are kept and compared as keys are: people
type blanks and other case, and what is meant must not be sold twice for that.
Must not: know a formula; pipelines declare it.
"""

from collections.abc import Collection, Mapping, Sequence

from msgspec import Struct
from sqlalchemy import Connection, bindparam, or_, select, update

from knect.ledger import schema as s
from knect.ledger.store.bulk import InsertMany
from knect.ledger.store.prepared import Prepared
from knect.ledger.store.sets import one_of
from knect.model import normalise

__all__ = [
    "Commitment",
    "OpenOrder",
    "Pieces",
    "commit_stock",
    "commitments_of",
    "open_orders",
    "release_stock",
]


class Pieces(Struct, frozen=True, kw_only=True):
    """So many pieces of a SKU, which is as an order spells it."""

    sku: str
    location: str | None
    quantity: str  # decimal


class Commitment(Pieces, frozen=True, kw_only=True):
    """Pieces for one order. `connection` is the ERP they are taken from."""

    connection: str
    transaction: int


def commitments_of(
    pieces: Sequence[Pieces], *, connection: str, transaction: int
) -> list[Commitment]:
    """Return pieces as what one order takes from an ERP."""
    return [
        Commitment(
            sku=one.sku,
            location=one.location,
            quantity=one.quantity,
            connection=connection,
            transaction=transaction,
        )
        for one in pieces
    ]


class OpenOrder(Struct, frozen=True, kw_only=True):
    """What one order takes of one SKU, which is normalised. `key` is the order's number."""

    sku: str
    location: str | None
    quantity: str  # decimal
    made_us: int
    released_us: int | None
    key: str


def commit_stock(
    connection: Connection,
    commitments: Sequence[Commitment],
    now_us: int,
    since: Mapping[int, int] | None = None,
) -> None:
    """Let transactions take goods; what one holds already stays as it is.

    `since` says of transactions for how long the goods have been taken, if not from now on.
    """
    if not commitments:
        return
    seqs = list({commitment.transaction for commitment in commitments})
    held, made = set(_HELD.run(connection, transactions=seqs).scalars()), since or {}
    _TAKEN.run(
        connection,
        [
            (
                one.connection,
                normalise(one.sku),
                one.location,
                one.quantity,
                one.transaction,
                made.get(one.transaction, now_us),
            )
            for one in commitments
            if one.transaction not in held
        ],
    )


_HELD = Prepared(
    select(s.commitments.c.transaction).where(
        one_of(s.commitments.c.transaction, "transactions"), s.commitments.c.released_us.is_(None)
    )
)
_TAKEN = InsertMany(
    s.commitments, ("connection", "sku", "location", "quantity", "transaction", "made_us")
)


def release_stock(connection: Connection, transactions: Sequence[int], now_us: int) -> None:
    """Say that the ERP's figure includes these orders, or that they will never come."""
    if transactions:
        _RELEASE.run(connection, transactions=transactions, now_us=now_us)


_RELEASE = Prepared(
    update(s.commitments)
    .where(
        one_of(s.commitments.c.transaction, "transactions"), s.commitments.c.released_us.is_(None)
    )
    .values(released_us=bindparam("now_us"))
)


def open_orders(
    connection: Connection, erp: str, skus: Collection[str], *, since_us: int
) -> list[OpenOrder]:
    """Return what orders take of these SKUs that an ERP's figure of `since_us` cannot include.

    What was released after that instant was not in the figure either.
    """
    if not skus:
        return []
    c, t = s.commitments, s.transactions
    rows = connection.execute(
        select(c.c.sku, c.c.location, c.c.quantity, c.c.made_us, c.c.released_us, t.c.key)
        .join(t, t.c.seq == c.c.transaction)
        .where(
            c.c.connection == erp,
            one_of(c.c.sku, {normalise(sku) for sku in skus}),
            or_(c.c.released_us.is_(None), c.c.released_us > since_us),
        )
        .order_by(c.c.seq)
    )
    return [OpenOrder(**row) for row in rows.mappings()]

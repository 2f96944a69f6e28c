"""The goods orders hold from the moment they are recorded until the ERP has them.

Why: a line of orders may be long, and an ERP slow: as long as an order stands in it, its goods are
sold, and a level told meanwhile must not offer them once more. A newer version of an order takes
over what the one before held, so that nothing is free in between. Goods are only held where
somebody tells levels less what orders take.
Must not: tell a level; `restock` sends those anew that are wrong by what is let go here.
"""

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any

from msgspec import Struct
from sqlalchemy import Connection, Select, bindparam, delete, or_, select

from knect.ledger import schema as s
from knect.ledger.commitments import Commitment, commit_stock, release_stock
from knect.ledger.fates import OPEN
from knect.ledger.restock import counting, restock
from knect.ledger.store.prepared import Prepared
from knect.ledger.store.sets import Rows, one_of
from knect.model import normalise
from knect.seams import IdSource

__all__ = ["Goods", "Heirs", "goods_of", "goods_of_records", "let_go", "pass_on", "takers"]

#: (pipeline, record) -> what its newest version takes.
Heirs = Mapping[tuple[str, str], Sequence[Commitment]]


class Goods(Struct, frozen=True, array_like=True):
    """What one transaction holds of an ERP's stock."""

    transaction: int
    pipeline: str
    source_id: str
    connection: str
    sku: str
    location: str | None
    quantity: str  # decimal
    made_us: int


def takers(connection: Connection, pipelines: Sequence[str]) -> dict[str, str]:
    """Return pipeline -> ERP, of those pipelines of orders whose ERP's levels are told less what
    orders take.
    """
    return dict(_TAKERS.of(connection, pipelines=pipelines))


def _takers() -> Select[Any]:
    p, reads = s.subscriptions, counting().subquery("reads")
    return select(p.c.pipeline, p.c.destination).where(
        one_of(p.c.pipeline, "pipelines"),
        select(reads.c.feed).where(reads.c.connection == p.c.destination).exists(),
    )


_TAKERS = Rows(_takers(), tuple[str, str])


def goods_of(connection: Connection, transactions: Sequence[int]) -> list[Goods]:
    """Return what these transactions hold."""
    return _GOODS.of(connection, transactions=transactions)


def goods_of_records(
    connection: Connection, pipelines: Sequence[str], source_ids: Sequence[str]
) -> list[Goods]:
    """Return what all transactions of these records in these pipelines hold."""
    return _GOODS_OF_RECORDS.of(connection, pipelines=pipelines, source_ids=source_ids)


def _goods() -> Select[Any]:
    c, t = s.commitments.c, s.transactions.c
    return (
        select(
            c.transaction, t.pipeline, t.source_id, c.connection, c.sku, c.location, c.quantity,
            c.made_us,
        )
        .join(s.transactions, t.seq == c.transaction)
        .where(c.released_us.is_(None))
    )  # fmt: skip


_GOODS = Rows(_goods().where(one_of(s.transactions.c.seq, "transactions")), Goods)
_GOODS_OF_RECORDS = Rows(
    _goods().where(
        one_of(s.transactions.c.pipeline, "pipelines"),
        one_of(s.transactions.c.source_id, "source_ids"),
    ),
    Goods,
)


def let_go(
    connection: Connection, goods: Sequence[Goods], *, new_id: IdSource, now_us: int
) -> None:
    """Release what of these goods belongs to transactions that have ended, and send the levels
    anew: a person speaks for the order now.
    """
    pass_on(connection, goods, {}, new_id=new_id, now_us=now_us)


def pass_on(
    connection: Connection, goods: Sequence[Goods], heirs: Heirs, *, new_id: IdSource, now_us: int
) -> None:
    """Let newer versions take what they take, and end what those before held that have ended.

    To be called in the commit that ended them. What a version takes as the one before did counts as
    taken all the time; the levels of what differs are sent anew.
    """
    ended = _ended(connection, {one.transaction for one in goods})
    before: dict[tuple[str, str], list[Goods]] = {}
    for one in goods:
        if one.transaction in ended:
            before.setdefault((one.pipeline, one.source_id), []).append(one)
    differs: dict[str, set[str]] = {}
    since: dict[int, int] = {}
    for record, held in before.items():
        heir = heirs.get(record, ())
        for erp, sku in _differences(held, heir):
            differs.setdefault(erp, set()).add(sku)
        for mine in heir:
            since[mine.transaction] = min(old.made_us for old in held)
        if heir:
            seqs = [old.transaction for old in held]
            _TAKEN_OVER.run(connection, transactions=seqs, now_us=now_us)
            ended.difference_update(seqs)
    release_stock(connection, sorted(ended), now_us)
    commit_stock(connection, [one for heir in heirs.values() for one in heir], now_us, since)
    for erp, skus in sorted(differs.items()):
        restock(connection, erp, skus, new_id=new_id, now_us=now_us)


def _ended(connection: Connection, transactions: Collection[int]) -> set[int]:
    if not transactions:
        return set()
    t = s.transactions.c
    query = select(t.seq).where(one_of(t.seq, transactions), t.fate.not_in(OPEN))
    return set(connection.execute(query).scalars())


#: Whose goods go on to a newer version holds none, and never did: it was ended just now.
_TAKEN_OVER = Prepared(
    delete(s.commitments).where(
        one_of(s.commitments.c.transaction, "transactions"),
        or_(
            s.commitments.c.released_us.is_(None),
            s.commitments.c.released_us == bindparam("now_us"),
        ),
    )
)


def _differences(held: Sequence[Goods], heir: Sequence[Commitment]) -> set[tuple[str, str]]:
    """Return (ERP, normalised SKU) of what one takes otherwise than the other."""
    sums: dict[tuple[str, str, str | None], Decimal] = {}
    signed: list[tuple[int, Goods | Commitment]] = [(-1, one) for one in held]
    signed += [(1, one) for one in heir]
    for sign, one in signed:
        name = (one.connection, normalise(one.sku), one.location)
        sums[name] = sums.get(name, Decimal(0)) + sign * Decimal(one.quantity)
    return {(erp, sku) for (erp, sku, _), pieces in sums.items() if pieces}

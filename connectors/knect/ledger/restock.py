"""Stock levels that are to be sent anew because open orders take more, or less, than before.

Why: an order that waits takes goods from every shop that shares the warehouse, and the ERP's own
figure does not move: without this, the other shops would sell them once more.
Must not: decide what is sent; the level's pipeline maps it with the open orders of that moment.
"""

from collections.abc import Collection, Sequence
from typing import Any

from msgspec import Struct
from sqlalchemy import Connection, Row, and_, func, select

from knect.ledger import schema as s
from knect.ledger.again import deliver_again
from knect.ledger.commitments import release_stock
from knect.ledger.fates import OPEN
from knect.ledger.sets import one_of
from knect.model import normalise
from knect.seams import IdSource

__all__ = ["Goods", "goods_of", "let_go", "restock"]


class Goods(Struct, frozen=True):
    """What one transaction holds of an ERP's stock."""

    transaction: int
    connection: str
    sku: str


def goods_of(
    connection: Connection,
    *,
    transactions: Sequence[int] = (),
    pipelines: Sequence[str] = (),
    source_ids: Sequence[str] = (),
) -> list[Goods]:
    """Return what these transactions, or all of these records in these pipelines, hold."""
    c, t = s.commitments, s.transactions
    which = (
        one_of(t.c.seq, transactions)
        if transactions
        else and_(t.c.pipeline.in_(pipelines), one_of(t.c.source_id, source_ids))
    )
    rows = connection.execute(
        select(c.c.transaction, c.c.connection, c.c.sku)
        .join(t, t.c.seq == c.c.transaction)
        .where(which, c.c.released_us.is_(None))
    )
    return [Goods(*row) for row in rows]


def let_go(
    connection: Connection, goods: Sequence[Goods], *, new_id: IdSource, now_us: int
) -> None:
    """Release what of these goods belongs to transactions that have ended, and send the levels
    anew: a newer version, or a person, speaks for the order now.
    """
    if not goods:
        return
    t = s.transactions
    ended = set(
        connection.execute(
            select(t.c.seq).where(
                t.c.seq.in_({one.transaction for one in goods}), t.c.fate.not_in(OPEN)
            )
        ).scalars()
    )
    release_stock(connection, sorted(ended), now_us)
    freed: dict[str, set[str]] = {}
    for one in goods:
        if one.transaction in ended:
            freed.setdefault(one.connection, set()).add(normalise(one.sku))
    for erp, skus in sorted(freed.items()):
        restock(connection, erp, skus, new_id=new_id, now_us=now_us)


def restock(
    connection: Connection, erp: str, skus: Collection[str], *, new_id: IdSource, now_us: int
) -> list[str]:
    """Deliver the newest levels of these SKUs again, in pipelines that count open orders.

    `skus` are normalised as keys are. What nobody has taken up yet is left alone: it is mapped
    with what orders take then, and nobody takes it up before the commit. What is in hand may have
    been mapped already, so it is followed by another one. Returns the ids of the new transactions.
    """
    readers = _readers(connection, erp)
    if not readers or not skus:
        return []
    v, k, t = s.versions, s.keys, s.transactions
    made: list[str] = []
    for reader in readers:
        newest = (
            select(func.max(t.c.seq))
            .join(v, v.c.seq == t.c.version)
            .join(k, k.c.version == v.c.seq)
            .where(
                t.c.pipeline == reader.pipeline,
                v.c.feed == reader.feed,
                k.c.kind == "sku",
                k.c.value.in_(skus),
            )
            .group_by(t.c.source_id)
        )
        rows = connection.execute(
            select(t, v.c.feed)
            .join(v, v.c.seq == t.c.version)
            .where(t.c.seq.in_(newest))
            .order_by(t.c.seq)
            .with_for_update(of=t)
        ).all()
        rows = [row for row in rows if row.fate not in OPEN or row.holder is not None]
        made += deliver_again(
            connection, rows, kind="restock", note="open orders changed", new_id=new_id,
            now_us=now_us,
        )  # fmt: skip
    return made


def _readers(connection: Connection, erp: str) -> Sequence[Row[Any, Any]]:
    """Return (pipeline, feed) of what sends this ERP's stock less what orders take."""
    f, p, m = s.feeds, s.subscriptions, s.mappings
    later = m.alias()
    newest = select(func.max(later.c.revision)).where(later.c.pipeline == p.c.pipeline)
    return connection.execute(
        select(p.c.pipeline, p.c.feed)
        .join(f, f.c.seq == p.c.feed)
        .join(m, m.c.pipeline == p.c.pipeline)
        .where(
            f.c.connection == erp,
            f.c.entity == "inventory",
            m.c.revision == newest.scalar_subquery(),
            m.c.body.contains("open_orders("),
        )
        .order_by(p.c.pipeline)
    ).all()

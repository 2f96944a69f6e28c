"""Stock levels that are to be sent anew because open orders take more, or less, than before.

Why: an order that waits takes goods from every shop that shares the warehouse, and the ERP's own
figure does not move: without this, the other shops would sell them once more. And when the ERP has
the order, its figure may stay as it was (an edit that changed the address, goods on back order):
without `recount` the pieces would never be sold again.
Must not: decide what is sent; the level's pipeline maps it with the open orders of that moment.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct
from sqlalchemy import Connection, Row, Select, func, select

from knect.ledger import schema as s
from knect.ledger.again import deliver_again
from knect.ledger.commitments import release_stock
from knect.ledger.fates import OPEN
from knect.ledger.feeds import Feed
from knect.ledger.store.sets import Rows, one_of
from knect.ledger.supersede import speaks
from knect.model import normalise
from knect.seams import IdSource

__all__ = [
    "Goods",
    "goods_of",
    "goods_of_records",
    "let_go",
    "looked_at",
    "looked_since",
    "recount",
    "restock",
]


class Goods(Struct, frozen=True, array_like=True):
    """What one transaction holds of an ERP's stock."""

    transaction: int
    connection: str
    sku: str


def goods_of(connection: Connection, transactions: Sequence[int]) -> list[Goods]:
    """Return what these transactions hold."""
    return _GOODS.of(connection, transactions=transactions)


def goods_of_records(
    connection: Connection, pipelines: Sequence[str], source_ids: Sequence[str]
) -> list[Goods]:
    """Return what all transactions of these records in these pipelines hold."""
    return _GOODS_OF_RECORDS.of(connection, pipelines=pipelines, source_ids=source_ids)


def _goods() -> Select[Any]:
    c = s.commitments.c
    return (
        select(c.transaction, c.connection, c.sku)
        .join(s.transactions, s.transactions.c.seq == c.transaction)
        .where(c.released_us.is_(None))
    )


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
    anew: a newer version, or a person, speaks for the order now.
    """
    if not goods:
        return
    t = s.transactions
    ended = set(
        connection.execute(
            select(t.c.seq).where(
                one_of(t.c.seq, {one.transaction for one in goods}), t.c.fate.not_in(OPEN)
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
    rows = [
        row
        for reader in _readers(connection, erp)
        for row in _newest(connection, reader, skus)
        if row.fate not in OPEN or row.holder is not None
    ]
    return deliver_again(
        connection, rows, kind="restock", note="open orders changed", new_id=new_id, now_us=now_us
    )


def recount(
    connection: Connection,
    feed: Feed,
    *,
    since_us: int,
    counted_us: Callable[[str], int | None],
    new_id: IdSource,
    now_us: int,
) -> list[str]:
    """Deliver again what was counted against orders that the ERP has had since.

    To be called when a feed of levels was read to its end, in the same commit: `since_us` is when
    it was looked at before. `counted_us` tells from a transaction's timeline of when its open
    orders were counted. Returns the ids of the new transactions.
    """
    c, erp, until_us = s.commitments, feed.key.connection, looked_at(connection, feed.seq)
    rows = connection.execute(
        select(c.c.sku, func.max(c.c.released_us).label("last_us"))
        .where(c.c.connection == erp, c.c.released_us >= since_us, c.c.released_us < until_us)
        .group_by(c.c.sku)
    )
    had = {row.sku: row.last_us for row in rows}
    again = [
        row
        for reader in (_readers(connection, erp) if had else ())
        if reader.feed == feed.seq
        for row in _newest(connection, reader, had)
        if row.holder is not None or _was_counted(row, counted_us, had)
    ]
    return deliver_again(
        connection, again, kind="restock", note="the ERP has had open orders since", new_id=new_id,
        now_us=now_us,
    )  # fmt: skip


def _was_counted(
    row: Row[Any], counted_us: Callable[[str], int | None], had: Mapping[str, int]
) -> bool:
    """Tell whether the level was sent when orders were counted that the figure has in it now."""
    as_of_us = None if row.fate in OPEN else counted_us(row.timeline)
    return as_of_us is not None and as_of_us < had.get(normalise(row.key), 0)


def looked_since(connection: Connection, versions: Iterable[int]) -> dict[int, int]:
    """Return, of those versions that are the newest of their records, of when they still are true.

    In microseconds of this side's clock: when the last window was opened that was read to its end.
    """
    f, v = s.feeds, s.versions
    later = v.alias()
    newer = select(later.c.seq).where(
        later.c.feed == v.c.feed, later.c.source_id == v.c.source_id, later.c.seq > v.c.seq,
        later.c.token >= v.c.token,
    )  # fmt: skip
    rows = connection.execute(
        select(v.c.seq, f.c.looked_us)
        .join(f, f.c.seq == v.c.feed)
        .where(one_of(v.c.seq, list(versions)), f.c.looked_us.is_not(None), ~newer.exists())
    )
    return {row.seq: row.looked_us for row in rows}


def looked_at(connection: Connection, feed: int) -> int:
    """Return when the last window of a feed was opened that was read to its end; 0: none was."""
    asked = select(s.feeds.c.looked_us).where(s.feeds.c.seq == feed)
    return connection.execute(asked).scalar() or 0


def _newest(
    connection: Connection, reader: Row[Any, Any], skus: Collection[str]
) -> Sequence[Row[Any]]:
    """Return a pipeline's last transaction of each record of these SKUs, with its feed."""
    v, k, t = s.versions, s.keys, s.transactions
    newest = (
        select(func.max(t.c.seq))
        .join(v, v.c.seq == t.c.version)
        .join(k, k.c.version == v.c.seq)
        .where(
            t.c.pipeline == reader.pipeline,
            v.c.feed == reader.feed,
            k.c.kind == "sku",
            one_of(k.c.value, skus),
            speaks(t),
        )
        .group_by(t.c.source_id)
    )
    return connection.execute(
        select(t, v.c.feed)
        .join(v, v.c.seq == t.c.version)
        .where(t.c.seq.in_(newest))
        .order_by(t.c.seq)
        .with_for_update(of=t)
    ).all()


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

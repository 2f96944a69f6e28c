"""Stock levels that are to be sent anew because open orders take more, or less, than before.

Why: an order on its way takes goods from every shop that shares the warehouse, and the ERP's own
figure does not move: without this, the other shops would sell them once more. And when the ERP has
the order, its figure may stay as it was (an edit that changed the address, goods on back order):
without `recount` the pieces would never be sold again.
Must not: decide what is sent; the level's pipeline maps it with the open orders of that moment.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, NamedTuple

from msgspec import Struct
from sqlalchemy import BindParameter, Connection, Row, Select, and_, bindparam, func, or_, select

from knect.ledger import schema as s
from knect.ledger.again import deliver_again
from knect.ledger.fates import OPEN
from knect.ledger.feeds import Feed
from knect.ledger.store.sets import Rows, one_of
from knect.ledger.supersede import speaks
from knect.model import normalise
from knect.seams import IdSource

__all__ = ["Counted", "counting", "looked_at", "looked_since", "recount", "restock"]

_WHY = "open orders changed"

#: A commit may be so much later than the instant that is written in it.
_COMMIT_US = 30_000_000


class Counted(NamedTuple):
    """Of when the figure is that open orders were counted against, and when they were counted; in
    microseconds.
    """

    as_of_us: int
    at_us: int


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
        for row in _newest(connection, _readers(connection, erp), skus)
        if row.fate not in OPEN or row.holder is not None
    ]
    return deliver_again(connection, rows, kind="restock", note=_WHY, new_id=new_id, now_us=now_us)


def recount(
    connection: Connection,
    feed: Feed,
    *,
    since_us: int,
    counted: Callable[[str], Counted | None],
    new_id: IdSource,
    now_us: int,
) -> list[str]:
    """Deliver again what was counted with orders that the ERP has had since, or without orders that
    were still on their way when it was looked at.

    To be called when a feed of levels was read to its end, in the same commit: `since_us` is when
    it was looked at before. `counted` tells from a transaction's timeline how its open orders were
    counted, if they were. Returns the ids of the new transactions.
    """
    erp, until_us = feed.key.connection, looked_at(connection, feed.seq)
    orders: dict[str, list[_Taken]] = {}
    for one in _MOVED.of(connection, erp=erp, since_us=since_us, until_us=until_us):
        orders.setdefault(one.sku, []).append(one)
    readers = [one for one in _readers(connection, erp) if one.feed == feed.seq] if orders else []
    again = [
        row
        for row in _newest(connection, readers, orders)
        if _is_off(row, counted, orders.get(normalise(row.key), ()))
    ]
    return deliver_again(connection, again, kind="restock", note=_WHY, new_id=new_id, now_us=now_us)


class _Taken(Struct, frozen=True, array_like=True):
    """From when to when goods of a SKU were taken; they still are if there is no end."""

    sku: str
    made_us: int
    released_us: int | None

    def is_counted_wrong(self, counted: Counted) -> bool:
        """Tell whether it was not counted for sure, or was although the ERP has had it since.

        Whether it was, if that was in the very instant the figure is of, nobody can tell.
        """
        if self.released_us is None:
            return not self.was_there(counted.at_us)
        return self.made_us <= counted.at_us and counted.as_of_us <= self.released_us

    def was_there(self, at_us: int) -> bool:
        """Tell whether it was committed at an instant for sure."""
        return self.made_us + _COMMIT_US < at_us


def _moved() -> Select[Any]:
    """What orders took that the ERP has had since the last look, and what was on its way."""
    c = s.commitments.c
    since: BindParameter[int] = bindparam("since_us")
    until: BindParameter[int] = bindparam("until_us")
    arrived = and_(c.released_us >= since, c.released_us < until)
    under_way = and_(c.released_us.is_(None), c.made_us >= since, c.made_us < until)
    return select(c.sku, c.made_us, c.released_us).where(
        c.connection == bindparam("erp"), or_(arrived, under_way)
    )


_MOVED = Rows(_moved(), _Taken)


def _is_off(
    row: Row[Any], counted: Callable[[str], Counted | None], orders: Sequence[_Taken]
) -> bool:
    """Tell whether the level was sent with other orders counted than the ERP's figure lacks now.

    How it is counted while it is in hand nobody knows: with what was there before it was.
    """
    if row.holder is not None:
        return any(
            one.released_us is not None or not one.was_there(row.created_us) for one in orders
        )
    told = None if row.fate in OPEN else counted(row.timeline)
    return told is not None and any(one.is_counted_wrong(told) for one in orders)


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
    connection: Connection, readers: Collection[Row[Any, Any, Any]], skus: Collection[str]
) -> Sequence[Row[Any]]:
    """Return each reader's last transaction of each record of these SKUs, with its feed.

    Asked for by the few that have these names: an index by pipeline, or by feed, would be tried for
    all that ever was told.
    """
    if not readers:
        return []
    v, k, t = s.versions, s.keys, s.transactions
    names = select(k.c.version).where(one_of(k.c.value, skus), k.c.kind == "figure")
    versions = list(connection.execute(names).scalars())
    newest = connection.execute(
        select(func.max(t.c.seq).label("seq"), t.c.pipeline, v.c.feed)
        .join(v, v.c.seq == t.c.version)
        .where(one_of(t.c.version, versions), speaks(t))
        .group_by(t.c.pipeline, v.c.feed, t.c.source_id)
    )
    reads = {(reader.pipeline, reader.feed) for reader in readers}
    seqs = [row.seq for row in newest if (row.pipeline, row.feed) in reads]
    return connection.execute(
        select(t, v.c.feed)
        .join(v, v.c.seq == t.c.version)
        .where(one_of(t.c.seq, seqs))
        .order_by(t.c.seq)
        .with_for_update(of=t)
    ).all()


def counting() -> Select[Any]:
    """Return (pipeline, feed, connection) of what sends an ERP's stock less what orders take."""
    f, p, m = s.feeds, s.subscriptions, s.mappings
    later = m.alias()
    newest = select(func.max(later.c.revision)).where(later.c.pipeline == p.c.pipeline)
    return (
        select(p.c.pipeline, p.c.feed, f.c.connection)
        .join(f, f.c.seq == p.c.feed)
        .join(m, m.c.pipeline == p.c.pipeline)
        .where(
            f.c.entity == "inventory",
            m.c.revision == newest.scalar_subquery(),
            m.c.body.contains("open_orders("),
        )
    )


def _readers(connection: Connection, erp: str) -> Sequence[Row[Any, Any, Any]]:
    query = counting().where(s.feeds.c.connection == erp)
    return connection.execute(query.order_by(s.subscriptions.c.pipeline)).all()

"""Figures, stock and prices: the last word on each is never forgotten, nor what was sent of it.

Why: a level that has not moved for months is sent anew the moment an order takes of it, and a price
is judged by the one before: without them a shop sells what is gone, and a guard lets everything
pass. Both hold no personal data, are small, and as many as there are goods.
And a shop moves its stock by itself: whether it sold since is asked here.
Must not: keep an older word than the last one.
"""

from collections.abc import Mapping, Sequence

from msgspec import Struct
from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    exists,
    func,
    or_,
    select,
    text,
    update,
)

from knect.ledger import schema as s
from knect.ledger.fates import Fate
from knect.ledger.store.sets import one_of
from knect.model import normalise

__all__ = [
    "Teller",
    "date_anew",
    "is_last_word",
    "is_needed",
    "sold_since",
    "tellers_beside",
]

#: As the index of bindings has it: SQLite takes it for nothing else.
_OF_FIGURES = text(s.OF_FIGURES)


class Teller(Struct, frozen=True, kw_only=True, gc=False):
    """A record that told a level: its id at the source, and when, in microseconds."""

    source_id: str | None
    updated_us: int


def is_last_word(versions: FromClause) -> ColumnElement[bool]:
    """Return the condition that a version is what a figure's record is now.

    What an old copy told late was recorded last and is not.
    """
    v, later = versions.c, s.versions.alias("later_word")
    newer = exists().where(
        later.c.feed == v.feed,
        later.c.source_id == v.source_id,
        later.c.seq > v.seq,
        later.c.token >= v.token,
    )
    return v.entity.in_(s.FIGURES) & ~newer


def is_needed(payloads: FromClause) -> ColumnElement[bool]:
    """Return the condition that a payload is a figure's last word, or what was sent of it last."""
    v, b = s.versions, s.bindings
    as_read = exists().where(v.c.hash == payloads.c.hash, is_last_word(v))
    as_sent = exists(select(b.c.seq).where(b.c.hash == payloads.c.hash, _OF_FIGURES).select_from(b))
    return or_(as_read, as_sent)


def date_anew(connection: Connection, payloads: Sequence[str], now_us: int) -> None:
    """Take payloads that are needed for new: so they are looked at once in a while, and not by
    every slice.
    """
    if payloads:
        p = s.payloads
        connection.execute(update(p).where(one_of(p.c.hash, payloads)).values(stored_us=now_us))


def sold_since(
    connection: Connection,
    shop: str,
    skus: Mapping[int, str],
    after: Mapping[int, int],
    *,
    until_us: int,
) -> list[int]:
    """Return the levels of whose SKU an order of the shop was seen since the last level that was
    delivered, and delivered up to an instant in microseconds.

    `skus` and `after`, the transaction that delivered it, are by the level's transaction. A SKU is
    compared as keys are.
    """
    t, k, v = s.transactions.c, s.keys.c, s.versions.c
    delivered = [after[seq] for seq in skus]
    rows = connection.execute(select(t.seq, t.version).where(one_of(t.seq, delivered)))
    versions = {row.seq: row.version for row in rows}
    told = {seq: versions[after[seq]] for seq in skus if after[seq] in versions}
    if not told:
        return []
    names = {normalise(skus[seq]) for seq in told}
    orders = connection.execute(
        select(k.value, func.max(k.version).label("newest"))
        .join(s.versions, v.seq == k.version)
        .join(s.transactions, t.version == v.seq)
        .where(
            one_of(k.value, names), k.kind == "sku", k.version > min(told.values()),
            v.connection == shop, v.entity == "orders",
            t.fate == Fate.DELIVERED, t.since_us <= until_us,
        )
        .group_by(k.value)
    )  # fmt: skip
    newest = {row.value: row.newest for row in orders}
    return [seq for seq, version in told.items() if newest.get(normalise(skus[seq]), 0) > version]


def tellers_beside(
    connection: Connection, destination: str, ours: Mapping[str, str]
) -> dict[str, Teller]:
    """Return which other record told a level last; `ours` is destination id -> our external id."""
    b = s.bindings.c
    rows = connection.execute(
        select(b.destination_id, b.external_id, b.source_id, b.updated_us)
        .where(
            b.destination == destination,
            b.entity == "inventory",
            one_of(b.destination_id, list(ours)),
        )
        .order_by(b.updated_us)
    )
    return {
        row.destination_id: Teller(source_id=row.source_id, updated_us=row.updated_us)
        for row in rows
        if row.external_id != ours[row.destination_id]
    }

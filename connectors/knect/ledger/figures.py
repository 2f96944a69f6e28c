"""What of stock and prices is never forgotten: each record's last word, and what was sent of it.

Why: a level that has not moved for months is sent anew the moment an order takes of it, and a price
is judged by the one before: without them a shop sells what is gone, and a guard lets everything
pass. Both hold no personal data, are small, and as many as there are goods.
Must not: keep an older word than the last one.
"""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, FromClause, exists, or_, select, text, update

from knect.ledger import schema as s
from knect.ledger.sets import one_of

__all__ = ["date_anew", "is_last_word", "is_needed"]

#: As the index of bindings has it: SQLite takes it for nothing else.
_OF_FIGURES = text(s.OF_FIGURES)


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

"""Which records a key leads to: whatever people have in hand of one.

Why: a customer has ten thousand orders and a SKU is in a hundred thousand; what is shown of them is
chosen where they lie, and the stopped one is among it. Must not: show, or match records.
"""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import CompoundSelect, Connection, Select, Subquery, and_, func, select, union

from knect.ledger import schema as s
from knect.ledger.fates import HOLDING
from knect.ledger.store.sets import one_of
from knect.model import normalise

__all__ = ["MOST_HOLDING", "called", "named", "records"]

#: So many versions with one key are looked at, the newest; and so many of those that are open.
MOST_HOLDING = 2_000
#: So much of a transaction id is enough to mean it.
_ID_PREFIX = 8


def records(connection: Connection, key: str, *, typed: str, most: int) -> Subquery:
    """Return (feed, source_id) of each record that `key` (normalised) leads to, as a subquery."""
    parts = [_by_key(key, most), _by_document((key, key.upper(), typed)), _by_id(key, most)]
    counted = select(s.keys.c.version).where(s.keys.c.value == key).limit(most + 1).subquery()
    count = connection.execute(select(func.count()).select_from(counted)).scalar() or 0
    if count > most:
        parts.append(_open(key, most))
    return union(*parts).subquery("led")


def _by_key(key: str, most: int) -> Select[Any]:
    k, v = s.keys, s.versions
    having = select(k.c.version).where(k.c.value == key).order_by(k.c.version.desc()).limit(most)
    return select(v.c.feed, v.c.source_id).where(v.c.seq.in_(having))


def _open(key: str, most: int) -> Select[Any]:
    """Those that have not come to a good end; few among millions, so they are asked for the key."""
    t, k = s.transactions, s.keys
    has_it = select(k.c.version).where(k.c.version == t.c.version, k.c.value == key)
    having = (
        select(t.c.version)
        .where(
            t.c.pipeline.in_(select(s.subscriptions.c.pipeline)),
            t.c.fate.in_(HOLDING),
            has_it.exists(),
        )
        .order_by(t.c.seq.desc())
        .limit(most)
    )
    return select(s.versions.c.feed, s.versions.c.source_id).where(s.versions.c.seq.in_(having))


def named(
    connection: Connection, ids: Sequence[str], keys: Sequence[str]
) -> CompoundSelect[tuple[int]]:
    """Return the row ids of transactions with these ids, or called so."""
    t = s.transactions
    indexed = {word for word in keys if _is_key(connection, normalise(word))}
    parts = [select(t.c.seq).where(one_of(t.c.id, ids)), called(indexed)]
    if others := set(keys) - indexed:  # "1001 refund 77" is nothing it could be found by
        parts.append(select(t.c.seq).where(one_of(t.c.key, others)))
    return union(*parts)


def called(words: Collection[str], *, kind: str | None = None) -> Select[tuple[int]]:
    """Return the row ids of transactions called by one of these words, each of them a key.

    What a record is called has no index of its own, but is among what it can be found by.
    """
    t, k = s.transactions, s.keys
    query = (
        select(t.c.seq)
        .join(k, k.c.version == t.c.version)
        .where(one_of(k.c.value, {normalise(word) for word in words}), one_of(t.c.key, words))
    )
    return query if kind is None else query.where(k.c.kind == kind)


def _is_key(connection: Connection, value: str) -> bool:
    query = select(s.keys.c.version).where(s.keys.c.value == value).limit(1)
    return connection.execute(query).first() is not None


def _by_document(spellings: Sequence[str]) -> Select[Any]:
    """Records by number or id of what they became; every part of it has an index."""
    b, v = s.bindings, s.versions
    known = select(s.subscriptions.c.destination)
    entities = select(s.feeds.c.entity)
    named = b.c.destination_id.in_(spellings)
    documents = union(
        select(b.c.source, b.c.entity, b.c.source_id).where(b.c.number.in_(spellings)),
        select(b.c.source, b.c.entity, b.c.source_id).where(
            b.c.destination.in_(known), b.c.entity.in_(entities), named
        ),
    ).subquery()
    return select(v.c.feed, v.c.source_id).join(
        documents,
        and_(
            v.c.connection == documents.c.source,
            v.c.entity == documents.c.entity,
            v.c.source_id == documents.c.source_id,
        ),
    )


def _by_id(key: str, most: int) -> Select[Any]:
    t = s.transactions
    whole_or_beginning = (
        and_(t.c.id >= key, t.c.id < f"{key}g") if len(key) >= _ID_PREFIX else t.c.id == key
    )
    begun = select(t.c.version).where(whole_or_beginning).order_by(t.c.id).limit(most)
    return select(s.versions.c.feed, s.versions.c.source_id).where(s.versions.c.seq.in_(begun))

"""What a pipeline has missed of a feed that others read meanwhile, and gets after all.

Why: a feed is read once for all of its pipelines. One that joined later, was suspended or is run
by itself would never be given what the ledger knows already, and nobody would miss it: the sum
counts what was given. Must not: give a pipeline a version twice.
"""

from collections.abc import Sequence

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    exists,
    func,
    or_,
    select,
    true,
)

from knect.ledger import schema as s
from knect.ledger.fates import Fate, Stage
from knect.ledger.feeds import Feed
from knect.ledger.sightings import count_seen, insert_transactions
from knect.ledger.store.sets import one_of
from knect.ledger.supersede import supersede_idle
from knect.ledger.timeline import Event, encode
from knect.seams import IdSource

__all__ = ["give_again", "give_the_rest"]

_NOTE = "it was read before for others"


def give_again(
    connection: Connection,
    *,
    feed: Feed,
    window: int,
    source_ids: Sequence[str],
    behind: Sequence[str],
    now_us: int,
    new_id: IdSource,
) -> list[int]:
    """Give each of these pipelines the newest version of some records, where it had it not yet.

    Returns row ids of transactions that were made or superseded.
    """
    touched: list[int] = []
    for pipeline in behind:
        missed = _missed(feed.seq, pipeline).where(one_of(s.versions.c.source_id, source_ids))
        rows = connection.execute(missed).all()
        touched += _give(connection, feed, window, pipeline, rows, now_us=now_us, new_id=new_id)
    return touched


def give_the_rest(
    connection: Connection,
    *,
    feed: Feed,
    window: int,
    pipelines: Sequence[str],
    now_us: int,
    new_id: IdSource,
) -> list[int]:
    """Give each of these pipelines what was recorded for others alone and no list shows any more:
    what is gone, what the filter leaves out by now, what came late.
    """
    v, t, p = s.versions, s.transactions.alias("earlier"), s.subscriptions.c
    before = s.versions.alias("before")  # of whose deliveries retention let go
    let_go = exists().where(
        before.c.feed == feed.seq, before.c.source_id == v.c.source_id, before.c.seq < v.c.seq,
        before.c.retired == true(),
    )  # fmt: skip
    stored = exists().where(s.payloads.c.hash == v.c.hash)
    touched: list[int] = []
    places = connection.execute(
        select(p.pipeline, p.start_us, p.missed_seq).where(
            p.feed == feed.seq, p.pipeline.in_(pipelines), p.missed_seq.is_not(None)
        )
    ).all()
    for place in places:
        had = exists().where(t.c.pipeline == place.pipeline, t.c.source_id == v.c.source_id)
        missed = _missed(feed.seq, place.pipeline).where(
            v.c.seq >= place.missed_seq,
            v.c.at_us >= place.start_us,
            or_(and_(v.c.deleted, or_(had, let_go)), stored),
        )
        rows = connection.execute(missed).all()
        touched += _give(
            connection, feed, window, place.pipeline, rows, now_us=now_us, new_id=new_id
        )
    return touched


def _missed(feed: int, pipeline: str) -> Select[int, str, str]:
    """Newest versions of a feed's records that a pipeline has no transaction of."""
    v, newer, t = s.versions, s.versions.alias("newer"), s.transactions
    given = exists().where(t.c.version == v.c.seq, t.c.pipeline == pipeline)
    is_newest: ColumnElement[bool] = ~exists().where(
        newer.c.feed == feed, newer.c.source_id == v.c.source_id, newer.c.seq > v.c.seq
    )
    called = select(func.max(t.c.key)).where(t.c.version == v.c.seq).scalar_subquery()
    label = func.coalesce(called, v.c.source_id).label("label")
    return (
        select(v.c.seq, v.c.source_id, label)
        .where(v.c.feed == feed, is_newest, ~given)
        .order_by(v.c.seq)
    )


def _give(
    connection: Connection,
    feed: Feed,
    window: int,
    pipeline: str,
    rows: Sequence[Row[int, str, str]],
    *,
    now_us: int,
    new_id: IdSource,
) -> list[int]:
    if not rows:
        return []
    superseded = supersede_idle(connection, [pipeline], [row.source_id for row in rows], now_us)
    timeline = encode([Event(0, "discovered", now_us, note=_NOTE)])
    made = insert_transactions(
        connection,
        [
            (
                new_id(), pipeline, feed.key.entity, row.source_id, row.label, row.seq,
                Fate.IN_FLIGHT.value, None, None, now_us, Stage.DISCOVERED.value, now_us, now_us,
                timeline,
            )
            for row in rows
        ],
    )  # fmt: skip
    count_seen(connection, window, [pipeline], len(rows))
    return [*superseded, *made]

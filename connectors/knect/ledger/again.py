"""Delivering a version once more: a new transaction, linked to the old, counted as seen.

Must not: take a version nobody delivered, or forget to count it: the equation has two sides.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, insert, select

from knect.ledger import schema as s
from knect.ledger.fates import Fate, Stage
from knect.ledger.store.bulk import InsertMany
from knect.ledger.store.sets import one_of
from knect.ledger.supersede import speaks
from knect.ledger.timeline import Event, encode
from knect.seams import IdSource

__all__ = ["deliver_again", "follow_up"]


def follow_up(
    connection: Connection, seqs: Sequence[int], *, new_id: IdSource, now_us: int
) -> list[str]:
    """Deliver once more what was written as it was before it changed; return the new ids.

    Where a newer version of the record is recorded, that one speaks for it.
    """
    t, v, later = s.transactions, s.versions, s.transactions.alias("later")
    newer = select(later.c.seq).where(
        later.c.pipeline == t.c.pipeline, later.c.source_id == t.c.source_id,
        later.c.seq > t.c.seq, speaks(later),
    )  # fmt: skip
    rows = connection.execute(
        select(t, v.c.feed)
        .join(v, v.c.seq == t.c.version)
        .where(one_of(t.c.seq, seqs), ~newer.exists())
        .order_by(t.c.seq)
    ).all()
    return deliver_again(
        connection, rows, kind="follow-up", note="it changed before it was found to be written",
        new_id=new_id, now_us=now_us,
    )  # fmt: skip


def deliver_again(
    connection: Connection,
    rows: Sequence[Row[*tuple[Any, ...]]],
    *,
    kind: str,
    note: str,
    new_id: IdSource,
    now_us: int,
) -> list[str]:
    """Make a new transaction of each row's version, in a window of `kind`; return the new ids.

    `rows` are transactions, each with its `feed`: what identifies them is enough.
    """
    windows = {feed: _window(connection, feed, kind, new_id, now_us) for feed in _feeds(rows)}
    timeline = encode([Event(0, "discovered", now_us, note=note)])
    fate, stage = Fate.IN_FLIGHT.value, Stage.DISCOVERED.value
    made = [new_id() for _ in rows]
    _MADE.run(
        connection,
        [
            (
                identifier, x.pipeline, x.entity, x.source_id, x.key, x.version, fate, stage,
                now_us, now_us, now_us, x.id, timeline,
            )
            for identifier, x in zip(made, rows, strict=True)
        ],
    )  # fmt: skip
    seen = Counter((windows[row.feed], row.pipeline) for row in rows)
    for (window, pipeline), count in seen.items():
        connection.execute(insert(s.sightings).values(window=window, pipeline=pipeline, seen=count))
    return made


_MADE = InsertMany(
    s.transactions,
    "id pipeline entity source_id key version fate stage created_us since_us next_us replay_of "
    "timeline".split(),
)


def _feeds(rows: Sequence[Row[*tuple[Any, ...]]]) -> list[int]:
    return list(dict.fromkeys(row.feed for row in rows))


def _window(connection: Connection, feed: int, kind: str, new_id: IdSource, now_us: int) -> int:
    """Make a window in which these are seen, and return its row id."""
    made = connection.execute(
        insert(s.windows).values(
            feed=feed, kind=kind, trace_id=new_id(), since_us=now_us, until_us=now_us,
            opened_us=now_us, closed_us=now_us,
        )
    )  # fmt: skip
    key = made.inserted_primary_key
    assert key is not None
    return int(key[0])

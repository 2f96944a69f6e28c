"""Delivering a version once more: a new transaction, linked to the old, counted as seen.

Must not: take a version nobody delivered, or forget to count it: the equation has two sides.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, insert, select

from knect.ledger import schema as s
from knect.ledger.fates import Fate, Stage
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
        .where(t.c.seq.in_(seqs), ~newer.exists())
        .order_by(t.c.seq)
    ).all()
    return deliver_again(
        connection, rows, kind="follow-up", note="it changed before it was found to be written",
        new_id=new_id, now_us=now_us,
    )  # fmt: skip


def deliver_again(
    connection: Connection,
    rows: Sequence[Row[Any]],
    *,
    kind: str,
    note: str,
    new_id: IdSource,
    now_us: int,
) -> list[str]:
    """Make a new transaction of each row's version, in a window of `kind`; return the new ids.

    `rows` are transactions, each with its `feed`.
    """
    t = s.transactions
    made: list[str] = []
    windows: dict[int, int] = {}
    seen: dict[tuple[int, str], int] = {}
    for row in rows:
        if row.feed not in windows:
            result = connection.execute(
                insert(s.windows).values(
                    feed=row.feed,
                    kind=kind,
                    trace_id=new_id(),
                    since_us=now_us,
                    until_us=now_us,
                    opened_us=now_us,
                    closed_us=now_us,
                )
            )
            key = result.inserted_primary_key
            assert key is not None
            windows[row.feed] = int(key[0])
        identifier = new_id()
        made.append(identifier)
        counted = (windows[row.feed], row.pipeline)
        seen[counted] = seen.get(counted, 0) + 1
        connection.execute(
            insert(t).values(
                id=identifier,
                pipeline=row.pipeline,
                entity=row.entity,
                source_id=row.source_id,
                key=row.key,
                version=row.version,
                fate=Fate.IN_FLIGHT,
                stage=Stage.DISCOVERED,
                created_us=now_us,
                since_us=now_us,
                next_us=now_us,
                replay_of=row.id,
                timeline=encode([Event(0, "discovered", now_us, note=note)]),
            )
        )
    for (window, pipeline), count in seen.items():
        connection.execute(insert(s.sightings).values(window=window, pipeline=pipeline, seen=count))
    return made

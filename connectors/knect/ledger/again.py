"""Delivering a version once more: a new transaction, linked to the old, counted as seen.

Must not: take a version nobody delivered, or forget to count it: the equation has two sides.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, insert

from knect.ledger import schema as s
from knect.ledger.fates import Fate, Stage
from knect.ledger.timeline import Event, encode
from knect.seams import IdSource

__all__ = ["deliver_again"]


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

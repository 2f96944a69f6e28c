"""The inbox: webhook hints on disk before they are acknowledged.

Must not: hold payloads; a hint only says which id to look at.
"""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, func, select

from knect.ledger import schema as s
from knect.ledger.upserts import insert_ignore

__all__ = ["crowded", "newest_hints", "open_hints", "store_hints"]


def store_hints(
    connection: Connection, connection_name: str, hints: Sequence[Mapping[str, object]]
) -> int:
    """Store webhook hints (entity, source_id, event_id, triggered_us, received_us); a repeated
    event is ignored. Returns how many were new.
    """
    result = connection.execute(
        insert_ignore(connection, s.inbox),
        [{"connection": connection_name, **hint} for hint in hints],
    )
    return int(result.rowcount)


def newest_hints(connection: Connection, names: Sequence[str]) -> dict[str, int]:
    """Return the newest row id of hints nobody looked at yet, per Connection that has any."""
    i = s.inbox.c
    rows = connection.execute(
        select(i.connection, func.max(i.seq).label("newest"))
        .where(i.connection.in_(names), i.window.is_(None))
        .group_by(i.connection)
    )
    return {row.connection: row.newest for row in rows}


def crowded(connection: Connection, name: str, most: int) -> bool:
    """Tell whether more than `most` hints of a Connection wait to be looked at."""
    i = s.inbox.c
    beyond = select(i.seq).where(i.connection == name, i.window.is_(None)).offset(most).limit(1)
    return connection.execute(beyond).first() is not None


def open_hints(
    connection: Connection, connection_name: str, entity: str, limit: int
) -> list[tuple[int, str]]:
    """Return (row id, source id) of hints nobody looked at yet, oldest first."""
    rows = connection.execute(
        select(s.inbox.c.seq, s.inbox.c.source_id)
        .where(
            s.inbox.c.connection == connection_name,
            s.inbox.c.entity == entity,
            s.inbox.c.window.is_(None),
        )
        .order_by(s.inbox.c.seq)
        .limit(limit)
    )
    return [(row.seq, row.source_id) for row in rows]

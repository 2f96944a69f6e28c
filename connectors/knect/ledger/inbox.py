"""The inbox: webhook hints on disk before they are acknowledged.

Must not: hold payloads; a hint only says which id to look at.
"""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, bindparam, func, select

from knect.ledger import schema as s
from knect.ledger.store.prepared import Prepared
from knect.ledger.store.upserts import insert_ignore

__all__ = ["crowded", "open_hints", "store_hints", "waiting_hints"]


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


def crowded(connection: Connection, name: str, most: int) -> bool:
    """Tell whether more than `most` hints of a Connection wait to be looked at."""
    i = s.inbox.c
    beyond = select(i.seq).where(i.connection == name, i.window.is_(None)).offset(most).limit(1)
    return connection.execute(beyond).first() is not None


def open_hints(
    connection: Connection, connection_name: str, entity: str, limit: int
) -> list[tuple[int, str]]:
    """Return (row id, source id) of hints nobody looked at yet, oldest first."""
    rows = _OPEN.run(connection, name=connection_name, entity=entity, limit=limit)
    return [(seq, source_id) for seq, source_id in rows]


_OPEN = Prepared(
    select(s.inbox.c.seq, s.inbox.c.source_id)
    .where(
        s.inbox.c.connection == bindparam("name"),
        s.inbox.c.entity == bindparam("entity"),
        s.inbox.c.window.is_(None),
    )
    .order_by(s.inbox.c.seq)
    .limit(bindparam("limit"))
)


def waiting_hints(connection: Connection) -> dict[tuple[str, str], tuple[int, int]]:
    """Return (connection, entity) -> (how many, newest row id) of hints nobody looked at yet.

    Cheap: an index holds just those. Whoever sees it change has something new to look at.
    """
    rows = _WAITING.run(connection)
    return {(name, entity): (count, newest) for name, entity, count, newest in rows}


_WAITING = Prepared(
    select(s.inbox.c.connection, s.inbox.c.entity, func.count(), func.max(s.inbox.c.seq))
    .where(s.inbox.c.window.is_(None))
    .group_by(s.inbox.c.connection, s.inbox.c.entity)
)

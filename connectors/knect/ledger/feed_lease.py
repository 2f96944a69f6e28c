"""Who reads a feed: one worker at a time, for as long as its lease lasts.

Why: two readers of one feed would see the same change at the same moment and record it twice. The
lease carries a fencing number that is checked in the commit of every page, so a reader that froze
and was replaced records nothing late. Must not: read, or decide when to read.
"""

from sqlalchemy import ColumnElement, Connection, bindparam, delete, select, update

from knect.ledger import schema as s
from knect.ledger.prepared import Prepared
from knect.ledger.upserts import insert_ignore

__all__ = [
    "FeedTaken",
    "ensure_reader",
    "readers_called",
    "release_feeds",
    "renew_feeds",
    "take_feed",
]

_PREFIX = "feed:"


class FeedTaken(Exception):
    """Another worker reads this feed now; what this one has read of it is not recorded."""


def take_feed(
    connection: Connection, *, feed: int, holder: str, now_us: int, lease_us: int
) -> int | None:
    """Become the feed's reader; return the fencing number, None if another worker reads it."""
    leases, name = s.leases, f"{_PREFIX}{feed}"
    connection.execute(
        insert_ignore(connection, leases),
        {"name": name, "holder": holder, "fence": 1, "expires_us": now_us},
    )
    row = connection.execute(
        select(leases).where(leases.c.name == name).with_for_update()
    ).one_or_none()
    if row is None or (row.holder != holder and row.expires_us > now_us):
        return None
    fence = int(row.fence) + int(row.holder != holder)
    connection.execute(
        update(leases)
        .where(leases.c.name == name)
        .values(holder=holder, fence=fence, expires_us=now_us + lease_us)
    )
    return fence


def ensure_reader(connection: Connection, *, feed: int, holder: str, fence: int) -> None:
    """Keep the reader's place until the commit. Raises FeedTaken if somebody else has it."""
    row = _READER.run(connection, feed=f"{_PREFIX}{feed}").one_or_none()
    if row is None or tuple(row) != (holder, fence):
        raise FeedTaken


_READER = Prepared(
    select(s.leases.c.holder, s.leases.c.fence)
    .where(s.leases.c.name == bindparam("feed"))
    .with_for_update()
)


def renew_feeds(connection: Connection, *, holder: str, now_us: int, lease_us: int) -> None:
    """Extend what this worker reads; an expired lease is not revived."""
    _RENEW.run(connection, asking=holder, now_us=now_us, until_us=now_us + lease_us)


def release_feeds(connection: Connection, holder: str) -> None:
    """Let others read what this worker read."""
    connection.execute(delete(s.leases).where(_feeds(), s.leases.c.holder == holder))


def readers_called(connection: Connection, worker: str, *, but: str) -> list[str]:
    """Return the other lives of a worker that have a feed; `but` is the holder that asks."""
    holder = s.leases.c.holder
    others = _feeds(), holder.startswith(f"{worker}#", autoescape=True), holder != but
    return list(connection.execute(select(holder).where(*others).distinct()).scalars())


def _feeds() -> ColumnElement[bool]:
    return s.leases.c.name.startswith(_PREFIX)


_RENEW = Prepared(
    update(s.leases)
    .where(
        _feeds(),
        s.leases.c.holder == bindparam("asking"),
        s.leases.c.expires_us >= bindparam("now_us"),
    )
    .values(expires_us=bindparam("until_us"))
)

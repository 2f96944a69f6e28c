"""Who reads a feed: one worker at a time, for as long as its lease lasts.

Why: two readers of one feed would see the same change at the same moment and record it twice. The
lease carries a fencing number that is checked in the commit of every page, so a reader that froze
and was replaced records nothing late. Must not: read, or decide when to read.
"""

from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, bindparam, delete, select, update

from knect.ledger import schema as s
from knect.ledger.store.bulk import InsertMany
from knect.ledger.store.prepared import Prepared

__all__ = [
    "FeedTaken",
    "Reader",
    "ensure_reader",
    "let_go",
    "reader_of",
    "readers_called",
    "release_feeds",
    "renew_feeds",
    "take_feed",
]

_PREFIX = "feed:"


class Reader(NamedTuple):
    """Of a feed's reader: when it last began to look and saw all, and how long its lease lasts.

    Microseconds since 1970, 0 for never and for no lease.
    """

    looked_us: int
    expires_us: int


class FeedTaken(Exception):
    """Another worker reads this feed now; what this one has read of it is not recorded."""


def take_feed(
    connection: Connection, *, feed: int, holder: str, now_us: int, lease_us: int
) -> int | None:
    """Become the feed's reader; return the fencing number, None if another worker reads it."""
    name = f"{_PREFIX}{feed}"
    _FIRST.run(connection, [(name, holder, 1, now_us)])
    row = _READER.run(connection, feed=name).one_or_none()
    if row is None or (row.holder != holder and row.expires_us > now_us):
        return None
    fence = int(row.fence) + int(row.holder != holder)
    _TAKE.run(connection, feed=name, taker=holder, number=fence, until_us=now_us + lease_us)
    return fence


_FIRST = InsertMany(s.leases, ("name", "holder", "fence", "expires_us"), ignore=True)
_READER = Prepared(select(s.leases).where(s.leases.c.name == bindparam("feed")).with_for_update())
_TAKE = Prepared(
    update(s.leases)
    .where(s.leases.c.name == bindparam("feed"))
    .values(holder=bindparam("taker"), fence=bindparam("number"), expires_us=bindparam("until_us"))
)


def ensure_reader(connection: Connection, *, feed: int, holder: str, fence: int) -> None:
    """Keep the reader's place until the commit. Raises FeedTaken if somebody else has it."""
    row = _READER.run(connection, feed=f"{_PREFIX}{feed}").one_or_none()
    if row is None or (row.holder, row.fence) != (holder, fence):
        raise FeedTaken


def renew_feeds(connection: Connection, *, holder: str, now_us: int, lease_us: int) -> None:
    """Extend what this worker reads; an expired lease is not revived."""
    _RENEW.run(connection, asking=holder, now_us=now_us, until_us=now_us + lease_us)


def reader_of(connection: Connection, feed: int) -> Reader:
    """Return what is known of a feed's reader, whoever that is."""
    looked = connection.execute(select(s.feeds.c.looked_us).where(s.feeds.c.seq == feed)).scalar()
    lease = select(s.leases.c.expires_us).where(s.leases.c.name == f"{_PREFIX}{feed}")
    return Reader(looked or 0, connection.execute(lease).scalar() or 0)


def let_go(connection: Connection, *, feed: int, holder: str) -> None:
    """Let others read one feed that this worker read."""
    mine = s.leases.c.name == f"{_PREFIX}{feed}", s.leases.c.holder == holder
    connection.execute(delete(s.leases).where(*mine))


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

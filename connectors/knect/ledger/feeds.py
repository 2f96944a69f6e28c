"""Feeds: what is read once for all pipelines that want it, and where reading continues.

Must not: look into what is read.
"""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct
from sqlalchemy import Connection, Select, bindparam, func, not_, or_, select, update

from knect.ledger import schema as s
from knect.ledger.store.prepared import Prepared
from knect.ledger.store.sets import one_of
from knect.ledger.store.upserts import insert_ignore

__all__ = [
    "Cursor",
    "Feed",
    "FeedKey",
    "Place",
    "attend",
    "began_us",
    "cursor_of",
    "ensure_feed",
    "feed_failed",
    "lock_feed",
    "note_missed",
    "places_of",
    "served_until",
    "subscribe",
    "subscribed_feeds",
]


class FeedKey(Struct, frozen=True):
    """What makes a feed: `filter` is JSON with sorted keys."""

    connection: str
    entity: str
    filter: str = "{}"


class Feed(Struct, frozen=True, kw_only=True):
    """A feed as the ledger knows it."""

    seq: int
    key: FeedKey
    cursor_us: int
    silent_windows: int


class Cursor(Struct, frozen=True):
    """Where a feed's reading continues, and where it once began.

    `looked_us`: by our clock, when it was last looked at, else when it was made.
    """

    at_us: int
    start_us: int
    looked_us: int = 0


class Place(Struct, frozen=True):
    """Where a pipeline begins, and until when it was given what its feed shows; source's clock.

    `missed_seq` is the first version that was recorded for others alone, if there is one.
    """

    pipeline: str
    start_us: int
    served_us: int
    missed_seq: int | None = None


def ensure_feed(connection: Connection, key: FeedKey, *, start_us: int, now_us: int) -> Feed:
    """Return the feed, made with its cursor at `start_us` if there was none."""
    connection.execute(
        insert_ignore(connection, s.feeds),
        {
            "connection": key.connection,
            "entity": key.entity,
            "filter": key.filter,
            "cursor_us": start_us,
            "started_us": now_us,
        },
    )
    row = connection.execute(
        select(s.feeds).where(
            s.feeds.c.connection == key.connection,
            s.feeds.c.entity == key.entity,
            s.feeds.c.filter == key.filter,
        )
    ).one()
    return Feed(seq=row.seq, key=key, cursor_us=row.cursor_us, silent_windows=row.silent_windows)


def lock_feed(connection: Connection, feed: int) -> None:
    """Record alone until the commit: versions become visible in the order of their row ids.

    SQLite's writer is alone anyway.
    """
    if connection.dialect.name == "postgresql":
        _LOCK.run(connection, feed=feed)


_LOCK = Prepared(select(s.feeds.c.seq).where(s.feeds.c.seq == bindparam("feed")).with_for_update())


def subscribe(
    connection: Connection,
    *,
    pipeline: str,
    feed: int,
    start_us: int,
    destination: str,
    overlap_us: int = 0,
    attended_us: int = 0,
) -> None:
    """Let a pipeline have every version the feed shows from where it begins, or was served, by
    whoever reads it; as long as somebody works on it, which goes without saying until then.

    `overlap_us`: so long before the place it had come to may something have come late that only who
    read the feed meanwhile was shown.
    """
    p, v = s.subscriptions, s.versions.c
    is_it = p.c.pipeline == pipeline
    place = select(p.c.feed, p.c.start_us, p.c.served_us).where(is_it)
    before = connection.execute(place).one_or_none()
    values: dict[str, Any] = {
        "feed": feed, "destination": destination, "attended_us": attended_us,
    }  # fmt: skip
    if before is None or before.feed != feed:  # what of it was recorded is not his yet
        since_us = start_us
        if before is not None:
            since_us = max(before.start_us, before.served_us - overlap_us)
        first = select(func.min(v.seq)).where(v.feed == feed, v.at_us >= since_us)
        values["missed_seq"] = connection.execute(first).scalar()
    begins = {"pipeline": pipeline, "start_us": start_us, "served_us": start_us}
    connection.execute(insert_ignore(connection, p), begins | values)
    connection.execute(update(p).where(is_it).values(**values))


def attend(connection: Connection, pipelines: Sequence[str], until_us: int) -> None:
    """Say that somebody works on these until then; 0: no longer."""
    _ATTEND.run(connection, pipelines=pipelines, until_us=until_us)


_ATTEND = Prepared(
    update(s.subscriptions)
    .where(one_of(s.subscriptions.c.pipeline, "pipelines"))
    .values(attended_us=bindparam("until_us"))
)


def subscribed_feeds(connection: Connection) -> list[tuple[Feed, tuple[str, ...]]]:
    """Return every feed with the pipelines that subscribed to it."""
    rows = connection.execute(
        select(s.feeds, s.subscriptions.c.pipeline)
        .join(s.subscriptions, s.subscriptions.c.feed == s.feeds.c.seq)
        .order_by(s.feeds.c.seq, s.subscriptions.c.pipeline)
    ).all()
    names: dict[int, list[str]] = {}
    for row in rows:
        names.setdefault(row.seq, []).append(row.pipeline)
    feeds = {
        row.seq: Feed(
            seq=row.seq,
            key=FeedKey(row.connection, row.entity, row.filter),
            cursor_us=row.cursor_us,
            silent_windows=row.silent_windows,
        )
        for row in rows
    }
    return [(feed, tuple(names[seq])) for seq, feed in feeds.items()]


def served_until(connection: Connection, pipeline: str | None = None) -> dict[str, int]:
    """Return until when each pipeline was given what its feed shows, in microseconds: up to the
    first that only others were given.
    """
    f, p, v = s.feeds.c, s.subscriptions.c, s.versions.c
    query = (
        select(p.pipeline, p.start_us, p.served_us, f.cursor_us, v.at_us)
        .join(s.feeds, f.seq == p.feed)
        .outerjoin(s.versions, v.seq == p.missed_seq)
    )
    if pipeline is not None:
        query = query.where(p.pipeline == pipeline)
    found = {}
    for row in connection.execute(query):
        until_us = min(row.cursor_us, row.served_us)
        is_missing = row.at_us is not None
        found[row.pipeline] = (
            min(until_us, max(row.at_us, row.start_us)) if is_missing else until_us
        )
    return found


def began_us(connection: Connection, pipeline: str) -> int | None:
    """Return where a pipeline once began, in microseconds; None for one that never ran."""
    begins = select(s.subscriptions.c.start_us).where(s.subscriptions.c.pipeline == pipeline)
    return connection.execute(begins).scalar()


def cursor_of(connection: Connection, feed: int) -> Cursor:
    """Return the cursor, and the earliest start of the pipelines that subscribed."""
    row = _CURSOR.run(connection, feed=feed).one_or_none()
    return Cursor(row.cursor_us, row.start_us or 0, row.looked) if row else Cursor(0, 0)


def note_missed(
    connection: Connection,
    *,
    feed: int,
    given_to: Sequence[str],
    first_seq: int,
    newest_us: int,
) -> None:
    """Remember of all other pipelines of a feed that versions from that row on were recorded which
    they were not given: of those that had begun when the newest of them was made.
    """
    _MISSED.run(connection, feed=feed, given_to=given_to, first_seq=first_seq, newest_us=newest_us)


_MISSED = Prepared(
    update(s.subscriptions)
    .where(
        s.subscriptions.c.feed == bindparam("feed"),
        not_(one_of(s.subscriptions.c.pipeline, "given_to")),
        s.subscriptions.c.start_us <= bindparam("newest_us"),
        s.subscriptions.c.missed_seq.is_(None),
    )
    .values(missed_seq=bindparam("first_seq"))
)


def places_of(
    connection: Connection, feed: int, pipelines: Sequence[str], now_us: int
) -> list[Place]:
    """Return the places of these pipelines of a feed, and of all others somebody works on, by
    name.
    """
    rows = _PLACES.run(connection, feed=feed, pipelines=pipelines, now_us=now_us)
    return [Place(*row) for row in rows]


_PLACES = Prepared(
    select(*(s.subscriptions.c[name] for name in Place.__struct_fields__))
    .where(
        s.subscriptions.c.feed == bindparam("feed"),
        or_(
            one_of(s.subscriptions.c.pipeline, "pipelines"),
            s.subscriptions.c.attended_us >= bindparam("now_us"),
        ),
    )
    .order_by(s.subscriptions.c.pipeline)
)


def _cursor() -> Select[int, int, int]:
    f, p = s.feeds.c, s.subscriptions.c
    first = select(func.min(p.start_us)).where(p.feed == f.seq).scalar_subquery()
    looked = func.coalesce(f.looked_us, f.started_us).label("looked")
    return select(f.cursor_us, first.label("start_us"), looked).where(f.seq == bindparam("feed"))


_CURSOR = Prepared(_cursor())


def feed_failed(
    connection: Connection, *, feed: int, reason: str, sentence: str, now_us: int
) -> None:
    """Remember that reading fails, since when, and why."""
    connection.execute(
        update(s.feeds)
        .where(s.feeds.c.seq == feed)
        .values(
            failing_since_us=func.coalesce(s.feeds.c.failing_since_us, now_us),
            failure=sentence,
            reason=reason,
        )
    )

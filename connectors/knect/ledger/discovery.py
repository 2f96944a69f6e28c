"""What the reading side writes: feeds, windows, versions, their fan-out, the inbox.

Why: a version, its transactions (one per subscribed pipeline, before any filter), the count of
what was seen and the window's progress go into *one* commit, so no crash can separate them.
Must not: look into payloads; identity of a version is (ordering token, content hash).
"""

from collections.abc import Mapping, Sequence

from msgspec import Struct
from sqlalchemy import Connection, func, insert, select, update

from knect.ledger import schema as s
from knect.ledger.fates import Fate, Stage
from knect.ledger.payload import StoredPayload, store_payloads
from knect.ledger.timeline import Event, encode
from knect.ledger.upserts import insert_ignore
from knect.seams import IdSource, crash_point

__all__ = [
    "Cursor",
    "Feed",
    "FeedKey",
    "Latest",
    "OpenWindow",
    "PageResult",
    "Sighting",
    "WindowStart",
    "bound_window",
    "close_window",
    "cursor_of",
    "ensure_feed",
    "feed_failed",
    "latest_versions",
    "open_hints",
    "open_window",
    "own_writes",
    "record_page",
    "store_hints",
    "subscribe",
    "subscribed_feeds",
    "supersede",
    "unfinished_window",
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


class WindowStart(Struct, frozen=True, kw_only=True):
    """A window about to be read; `trace_id` is also what its remote calls are traced under."""

    feed: int
    kind: str
    trace_id: str
    since_us: int
    until_us: int
    now_us: int


class OpenWindow(Struct, frozen=True, kw_only=True):
    """A window a dead process left open."""

    seq: int
    kind: str
    trace_id: str
    since_us: int
    until_us: int
    progress_us: int | None


class Cursor(Struct, frozen=True):
    """Where a feed's reading continues, and where it once began."""

    at_us: int
    start_us: int


class Latest(Struct, frozen=True):
    """The latest recorded version of one id."""

    token: str
    hash: str


class Sighting(Struct, frozen=True, kw_only=True):
    """A new version to record. `keys` are (kind, normalised value) for finding it."""

    source_id: str
    label: str
    token: str
    hash: str
    at_us: int
    deleted: bool
    payload: bytes | None  # packed
    size: int
    keys: Sequence[tuple[str, str]]
    echo: bool = False
    stale: bool = False  # older than the latest recorded one


class PageResult(Struct, frozen=True, kw_only=True):
    """What a page brought. `touched` are row ids of transactions that it made or ended and that
    will not be worked on: superseded, echo.
    """

    recorded: int
    touched: Sequence[int] = ()


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


def subscribe(
    connection: Connection, *, pipeline: str, feed: int, start_us: int, destination: str
) -> None:
    """Let a pipeline have every version the feed records from now on."""
    connection.execute(
        insert_ignore(connection, s.subscriptions),
        {"pipeline": pipeline, "feed": feed, "start_us": start_us, "destination": destination},
    )
    connection.execute(
        update(s.subscriptions)
        .where(s.subscriptions.c.pipeline == pipeline)
        .values(feed=feed, destination=destination, active=True)
    )


def unfinished_window(connection: Connection, feed: int) -> OpenWindow | None:
    """Return the poll window a dead process left open, if any."""
    row = connection.execute(
        select(s.windows)
        .where(
            s.windows.c.feed == feed, s.windows.c.kind == "poll", s.windows.c.closed_us.is_(None)
        )
        .order_by(s.windows.c.seq.desc())
        .limit(1)
    ).one_or_none()
    if row is None:
        return None
    return OpenWindow(
        seq=row.seq,
        kind=row.kind,
        trace_id=row.trace_id,
        since_us=row.since_us,
        until_us=row.until_us,
        progress_us=row.progress_us,
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


def cursor_of(connection: Connection, feed: int) -> Cursor:
    """Return the cursor, and the earliest start of the pipelines that subscribed."""
    at_us = connection.execute(select(s.feeds.c.cursor_us).where(s.feeds.c.seq == feed)).scalar()
    start_us = connection.execute(
        select(func.min(s.subscriptions.c.start_us)).where(s.subscriptions.c.feed == feed)
    ).scalar()
    return Cursor(at_us or 0, start_us or 0)


def bound_window(connection: Connection, window: int, until_us: int) -> None:
    """Set the exclusive end of a window, once the server's clock is known."""
    connection.execute(update(s.windows).where(s.windows.c.seq == window).values(until_us=until_us))


def own_writes(
    connection: Connection, connection_name: str, entity: str, source_ids: Sequence[str]
) -> dict[str, str]:
    """Return id -> version after our own last write, for ids we once wrote there."""
    b = s.bindings
    rows = connection.execute(
        select(b.c.destination_id, b.c.token).where(
            b.c.destination == connection_name,
            b.c.entity == entity,
            b.c.destination_id.in_(source_ids),
            b.c.token.is_not(None),
        )
    )
    return {row.destination_id: row.token for row in rows}


def open_window(connection: Connection, start: WindowStart) -> int:
    """Write a window ahead of its first remote call; return its row id."""
    result = connection.execute(
        insert(s.windows).values(
            feed=start.feed,
            kind=start.kind,
            trace_id=start.trace_id,
            since_us=start.since_us,
            until_us=start.until_us,
            opened_us=start.now_us,
        )
    )
    key = result.inserted_primary_key
    assert key is not None
    return int(key[0])


def latest_versions(
    connection: Connection, feed: int, source_ids: Sequence[str]
) -> dict[str, Latest]:
    """Return the latest recorded version of each id that has one."""
    newest = (
        select(func.max(s.versions.c.seq))
        .where(s.versions.c.feed == feed, s.versions.c.source_id.in_(source_ids))
        .group_by(s.versions.c.source_id)
    )
    rows = connection.execute(
        select(s.versions.c.source_id, s.versions.c.token, s.versions.c.hash).where(
            s.versions.c.seq.in_(newest)
        )
    )
    return {row.source_id: Latest(row.token, row.hash) for row in rows}


def record_page(
    connection: Connection,
    *,
    feed: Feed,
    window: int,
    sightings: Sequence[Sighting],
    listed: int,
    pipelines: Sequence[str],
    progress_us: int | None,
    now_us: int,
    new_id: IdSource,
    hints: Sequence[int] = (),
    note: str = "",
) -> PageResult:
    """Record a page's new versions, their transactions and counts, and the window's progress.

    `listed` counts everything the page named, also what was known already. `hints` are inbox rows
    this page answers.
    """
    superseded: Sequence[int] = ()
    if sightings:
        store_payloads(
            connection,
            [StoredPayload(x.hash, x.payload, x.size) for x in sightings if x.payload is not None],
            now_us,
        )
        seqs = _insert_versions(connection, feed, window, sightings, now_us)
        _insert_keys(connection, sightings, seqs)
        superseded = _supersede_idle(connection, pipelines, sightings, now_us)
        timeline = encode([Event(0, "discovered", now_us, note=note)])
        rows = [
            _transaction(x, seq, pipeline, feed.key.entity, now_us, timeline) | {"id": new_id()}
            for x, seq in zip(sightings, seqs, strict=True)
            for pipeline in pipelines
        ]
        if rows:
            connection.execute(insert(s.transactions), rows)
        _count_seen(connection, window, pipelines, len(sightings))
    connection.execute(
        update(s.windows)
        .where(s.windows.c.seq == window)
        .values(
            pages=s.windows.c.pages + 1,
            listed=s.windows.c.listed + listed,
            repeated=s.windows.c.repeated + (listed - len(sightings)),
            progress_us=progress_us,
        )
    )
    if hints:
        connection.execute(update(s.inbox).where(s.inbox.c.seq.in_(hints)).values(window=window))
    crash_point("rows.written")
    return PageResult(recorded=len(sightings), touched=superseded)


def _insert_versions(
    connection: Connection, feed: Feed, window: int, sightings: Sequence[Sighting], now_us: int
) -> list[int]:
    """Insert and return row ids. The feed's lease makes this process the only inserter, but on
    PostgreSQL other feeds insert too, so ids are read back and not computed.
    """
    rows = [
        {
            "feed": feed.seq,
            "connection": feed.key.connection,
            "entity": feed.key.entity,
            "source_id": x.source_id,
            "token": x.token,
            "hash": x.hash,
            "at_us": x.at_us,
            "seen_us": now_us,
            "window": window,
            "deleted": x.deleted,
        }
        for x in sightings
    ]
    result = connection.execute(
        insert(s.versions).returning(s.versions.c.seq, sort_by_parameter_order=True), rows
    )
    return [row.seq for row in result]


def _insert_keys(
    connection: Connection, sightings: Sequence[Sighting], seqs: Sequence[int]
) -> None:
    rows = [
        {"kind": kind, "value": value, "version": seq}
        for x, seq in zip(sightings, seqs, strict=True)
        for kind, value in dict.fromkeys(x.keys)
    ]
    if rows:
        connection.execute(insert_ignore(connection, s.keys), rows)


def _supersede_idle(
    connection: Connection, pipelines: Sequence[str], sightings: Sequence[Sighting], now_us: int
) -> Sequence[int]:
    """End older transactions of the same keys that nobody has in hand and that wrote nothing
    whose outcome is open: the newer version says all they could say.
    """
    uncertain = select(s.effects.c.transaction).where(
        s.effects.c.transaction == s.transactions.c.seq,
        s.effects.c.state.in_(("ahead", "unknown")),
    )
    idle = connection.execute(
        select(s.transactions.c.seq).where(
            s.transactions.c.pipeline.in_(pipelines),
            s.transactions.c.source_id.in_([x.source_id for x in sightings if not x.stale]),
            s.transactions.c.fate.in_((Fate.IN_FLIGHT, Fate.WAITING)),
            s.transactions.c.holder.is_(None),
            ~uncertain.exists(),
        )
    )
    seqs = [row.seq for row in idle]
    supersede(connection, seqs, now_us)
    return seqs


def supersede(connection: Connection, seqs: Sequence[int], now_us: int) -> None:
    """End transactions because a newer version of their record is in the ledger."""
    if not seqs:
        return
    connection.execute(
        update(s.transactions)
        .where(s.transactions.c.seq.in_(seqs))
        .values(
            fate=Fate.SUPERSEDED,
            reason="NewerVersion",
            message="a newer version of the record arrived before this one was delivered",
            since_us=now_us,
            next_us=None,
            waits_for=None,
            acts=None,
        )
    )


def _transaction(
    sighting: Sighting, version: int, pipeline: str, entity: str, now_us: int, timeline: bytes
) -> dict[str, object]:
    fate, reason, message = _first_fate(sighting)
    return {
        "pipeline": pipeline,
        "entity": entity,
        "source_id": sighting.source_id,
        "key": sighting.label,
        "version": version,
        "fate": fate,
        "stage": Stage.DISCOVERED,
        "created_us": now_us,
        "since_us": now_us,
        "next_us": now_us if fate is Fate.IN_FLIGHT else None,
        "reason": reason,
        "message": message,
        "timeline": timeline,
    }


def _first_fate(sighting: Sighting) -> tuple[Fate, str | None, str | None]:
    if sighting.echo:
        return Fate.ECHO, "OwnWrite", "this is our own write coming back"
    if sighting.stale:
        return Fate.SUPERSEDED, "OlderVersion", "a newer version was recorded before this one"
    return Fate.IN_FLIGHT, None, None


def _count_seen(connection: Connection, window: int, pipelines: Sequence[str], count: int) -> None:
    for pipeline in pipelines:
        result = connection.execute(
            update(s.sightings)
            .where(s.sightings.c.window == window, s.sightings.c.pipeline == pipeline)
            .values(seen=s.sightings.c.seen + count)
        )
        if result.rowcount == 0:
            connection.execute(
                insert(s.sightings).values(window=window, pipeline=pipeline, seen=count)
            )


def close_window(
    connection: Connection, *, feed: int, window: int, cursor_us: int | None, now_us: int
) -> None:
    """End a window; move the feed's cursor if it was a poll."""
    connection.execute(update(s.windows).where(s.windows.c.seq == window).values(closed_us=now_us))
    listed = select(s.windows.c.listed).where(s.windows.c.seq == window).scalar_subquery()
    values: dict[str, object] = {
        "last_success_us": now_us,
        "failing_since_us": None,
        "failure": None,
        "reason": None,
    }
    if cursor_us is not None:
        values["cursor_us"] = func.max(s.feeds.c.cursor_us, cursor_us)
        if connection.dialect.name == "postgresql":
            values["cursor_us"] = func.greatest(s.feeds.c.cursor_us, cursor_us)
        empty = connection.execute(select(listed)).scalar() == 0
        values["silent_windows"] = s.feeds.c.silent_windows + 1 if empty else 0
    connection.execute(update(s.feeds).where(s.feeds.c.seq == feed).values(**values))


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

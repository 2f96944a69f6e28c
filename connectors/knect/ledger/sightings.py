"""Recording what a window showed: versions, their fan-out to pipelines, and the count of both.

Why: a version, its transactions (one per subscribed pipeline, before any filter), the count of
what was seen and the window's progress go into *one* commit, so no crash can separate them.
Must not: look into payloads; identity of a version is (ordering token, content hash).
"""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct, structs
from sqlalchemy import Connection, Row, func, insert, select, update

from knect.ledger import schema as s
from knect.ledger.fates import Fate, Stage
from knect.ledger.feeds import Feed, lock_feed
from knect.ledger.payload import StoredPayload, store_payloads
from knect.ledger.supersede import supersede_idle
from knect.ledger.timeline import Event, encode
from knect.ledger.upserts import draw_ids, insert_ignore
from knect.seams import IdSource, crash_point

__all__ = ["Latest", "PageResult", "Sighting", "latest_versions", "own_writes", "record_page"]


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
    """What a page brought. `touched` are row ids of transactions that it made or superseded."""

    recorded: int
    touched: Sequence[int] = ()


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
    touched: list[int] = []
    if sightings:
        lock_feed(connection, feed.seq)
        store_payloads(
            connection,
            [StoredPayload(x.hash, x.payload, x.size) for x in sightings if x.payload is not None],
            now_us,
        )
        seqs = _insert_versions(connection, feed, window, sightings, now_us)
        _insert_keys(connection, sightings, seqs)
        sightings = _inherit_names(connection, feed.seq, sightings, seqs)
        superseded = supersede_idle(
            connection, pipelines, [x.source_id for x in sightings if not x.stale], now_us
        )
        timeline = encode([Event(0, "discovered", now_us, note=note)])
        rows = [
            _transaction(x, seq, pipeline, feed.key.entity, now_us, timeline) | {"id": new_id()}
            for x, seq in zip(sightings, seqs, strict=True)
            for pipeline in pipelines
        ]
        if rows:
            connection.execute(insert(s.transactions), rows)
        made = select(s.transactions.c.seq).where(s.transactions.c.version.in_(seqs))
        touched = [*superseded, *connection.execute(made).scalars()]
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
    return PageResult(recorded=len(sightings), touched=touched)


def _insert_versions(
    connection: Connection, feed: Feed, window: int, sightings: Sequence[Sighting], now_us: int
) -> list[int]:
    """Insert and return row ids, all in one statement: ids are drawn before."""
    seqs = draw_ids(connection, s.versions, len(sightings))
    rows = [
        {
            "seq": seq,
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
        for seq, x in zip(seqs, sightings, strict=True)
    ]
    connection.execute(insert(s.versions), rows)
    return seqs


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


def _inherit_names(
    connection: Connection, feed: int, sightings: Sequence[Sighting], seqs: Sequence[int]
) -> list[Sighting]:
    """Let tombstones be called and found by what their record was: a deletion has no fields."""
    named: list[Sighting] = []
    for x, seq in zip(sightings, seqs, strict=True):
        before = _newest_before(connection, feed, x.source_id, seq) if x.deleted else None
        if before is None:
            named.append(x)
            continue
        old = select(s.keys.c.kind, s.keys.c.value).where(s.keys.c.version == before.seq)
        rows = [
            {"kind": row.kind, "value": row.value, "version": seq}
            for row in connection.execute(old)
        ]
        if rows:
            connection.execute(insert_ignore(connection, s.keys), rows)
        named.append(structs.replace(x, label=before.key))
    return named


def _newest_before(
    connection: Connection, feed: int, source_id: str, seq: int
) -> Row[Any, Any] | None:
    v, t = s.versions, s.transactions
    return connection.execute(
        select(v.c.seq, t.c.key)
        .join(t, t.c.version == v.c.seq)
        .where(v.c.feed == feed, v.c.source_id == source_id, v.c.seq < seq)
        .order_by(v.c.seq.desc())
        .limit(1)
    ).one_or_none()


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

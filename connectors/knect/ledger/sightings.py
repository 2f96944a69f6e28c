"""Recording what a window showed: versions, their fan-out to pipelines, and the count of both.

Why: a version, its transactions (one per subscribed pipeline, before any filter), the count of
what was seen and the window's progress go into *one* commit, so no crash can separate them.
Must not: look into payloads; identity of a version is (ordering token, content hash).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct, structs
from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    bindparam,
    func,
    insert,
    select,
    update,
)

from knect.ledger import schema as s
from knect.ledger.commitments import Commitment, Pieces, commitments_of
from knect.ledger.fates import Fate, Stage
from knect.ledger.feeds import Feed, FeedKey, lock_feed, note_missed
from knect.ledger.goods import Goods, Heirs, goods_of_records, pass_on
from knect.ledger.payload import Packed, store_payloads
from knect.ledger.store.bulk import InsertMany
from knect.ledger.store.prepared import Prepared
from knect.ledger.store.sets import Rows, one_of
from knect.ledger.store.upserts import draw_ids, insert_ignore
from knect.ledger.supersede import OLDER_VERSION, supersede_idle, unsaid
from knect.ledger.timeline import Event, encode
from knect.seams import IdSource, crash_point

__all__ = [
    "Latest",
    "PageResult",
    "Sighting",
    "count_seen",
    "insert_transactions",
    "latest_anywhere",
    "latest_versions",
    "own_writes",
    "record_page",
]


class Latest(Struct, frozen=True, gc=False):
    """The latest recorded version of one id."""

    token: str
    hash: str


class Sighting(Struct, frozen=True, kw_only=True, gc=False):
    """A new version to record. `keys` are (kind, normalised value) for finding it, `pieces` what it
    takes of the stock if it is an order.
    """

    source_id: str
    label: str
    token: str
    hash: str
    at_us: int
    deleted: bool
    payload: bytes | None  # plain
    keys: Sequence[tuple[str, str]]
    echo: bool = False
    stale: bool = False  # older than the latest recorded one
    is_first: bool = False  # of its record
    pieces: Sequence[Pieces] = ()


class PageResult(Struct, frozen=True, kw_only=True):
    """What a page brought. `touched` are row ids of transactions that it made or superseded."""

    recorded: int
    touched: Sequence[int] = ()


def latest_versions(
    connection: Connection, feed: int, source_ids: Sequence[str]
) -> dict[str, Latest]:
    """Return the latest recorded version of each id that has one."""
    rows = _LATEST.of(connection, feed=feed, ids=source_ids)
    return {source_id: Latest(token, digest) for source_id, token, digest in rows}


def _newest(*of: ColumnElement[bool]) -> Select[Any]:
    v = s.versions
    newest = select(func.max(v.c.seq)).where(*of, one_of(v.c.source_id, "ids"))
    newest = newest.group_by(v.c.source_id)
    return select(v.c.source_id, v.c.token, v.c.hash).where(v.c.seq.in_(newest))


_LATEST = Rows(_newest(s.versions.c.feed == bindparam("feed")), tuple[str, str, str])
_ANYWHERE = Rows(
    _newest(
        s.versions.c.connection == bindparam("source"), s.versions.c.entity == bindparam("entity")
    ),
    tuple[str, str, str],
)


def latest_anywhere(
    connection: Connection, connection_name: str, entity: str, source_ids: Sequence[str]
) -> dict[str, Latest]:
    """Return the latest recorded version of each id that has one, in whichever feed: with another
    filter a pipeline has another feed, where nothing old is known.
    """
    rows = _ANYWHERE.of(connection, source=connection_name, entity=entity, ids=source_ids)
    return {source_id: Latest(token, digest) for source_id, token, digest in rows}


def own_writes(
    connection: Connection, connection_name: str, entity: str, source_ids: Sequence[str]
) -> dict[str, str]:
    """Return id -> version after our own last write, for ids we once wrote there."""
    return dict(_OWN.of(connection, destination=connection_name, entity=entity, ids=source_ids))


_OWN = Rows(
    select(s.bindings.c.destination_id, s.bindings.c.token).where(
        s.bindings.c.destination == bindparam("destination"),
        s.bindings.c.entity == bindparam("entity"),
        one_of(s.bindings.c.destination_id, "ids"),
        s.bindings.c.token.is_not(None),
    ),
    tuple[str, str],
)


def record_page(
    connection: Connection,
    *,
    feed: Feed,
    window: int,
    sightings: Sequence[Sighting],
    payloads: Sequence[Packed],
    listed: int,
    pipelines: Sequence[str],
    progress_us: int | None,
    now_us: int,
    new_id: IdSource,
    hints: Sequence[int] = (),
    note: str = "",
    takers: Mapping[str, str] | None = None,
    is_history: bool = False,
) -> PageResult:
    """Record a page's new versions, their transactions and counts, and the window's progress.

    `payloads` are those of the sightings. `listed` counts everything the page named, also what was
    known already. `hints` are inbox rows this page answers. `takers` are the pipelines whose orders
    hold goods of an ERP, pipeline -> ERP; what is history does so only if it is held already.
    """
    touched: list[int] = []
    if sightings:
        lock_feed(connection, feed.seq)
        store_payloads(connection, payloads, now_us)
        seqs = _insert_versions(connection, feed, window, sightings, now_us)
        _insert_keys(connection, sightings, seqs)
        sightings = _inherit_names(connection, feed, sightings, seqs)
        newer = [x.source_id for x in sightings if not x.stale]
        is_sold = feed.key.entity == "orders"  # only orders hold goods
        goods = goods_of_records(connection, pipelines, newer) if is_sold else []
        echoes = {x.source_id for x in sightings if x.echo}
        mixed = unsaid(connection, pipelines, echoes)
        superseded = supersede_idle(connection, pipelines, newer, now_us)
        timeline = encode([Event(0, "discovered", now_us, note=note)])
        made = insert_transactions(
            connection,
            [
                (
                    new_id(), pipeline, feed.key.entity, x.source_id, x.label, seq,
                    *_first_fate(x, now_us, is_news=(pipeline, x.source_id) in mixed),
                    Stage.DISCOVERED.value, now_us, now_us, timeline,
                )
                for x, seq in zip(sightings, seqs, strict=True)
                for pipeline in pipelines
            ],
        )  # fmt: skip
        heirs = _heirs(sightings, pipelines, made, goods, takers or {}, is_history=is_history)
        pass_on(connection, goods, heirs, new_id=new_id, now_us=now_us)
        touched = [*superseded, *made]
        note_missed(
            connection, feed=feed.seq, given_to=pipelines, first_seq=min(seqs),
            newest_us=max(x.at_us for x in sightings),
        )  # fmt: skip
        count_seen(connection, window, pipelines, len(sightings))
    _PROGRESS.run(
        connection,
        of_window=window,
        more=listed,
        again=listed - len(sightings),
        until_us=progress_us,
    )
    if hints:
        connection.execute(
            update(s.inbox).where(one_of(s.inbox.c.seq, hints)).values(window=window)
        )
    crash_point("rows.written")
    return PageResult(recorded=len(sightings), touched=touched)


def _heirs(
    sightings: Sequence[Sighting],
    pipelines: Sequence[str],
    made: Sequence[int],
    goods: Sequence[Goods],
    takers: Mapping[str, str],
    *,
    is_history: bool,
) -> Heirs:
    """Return what the newest version of each order takes: of one that was never seen, or whose
    version before holds its goods. Of all others the ERP knows.
    """
    held = {(one.pipeline, one.source_id) for one in goods}
    heirs: dict[tuple[str, str], list[Commitment]] = {}
    numbers = iter(made)
    for x in sightings:
        for pipeline in pipelines:
            seq, record, erp = next(numbers), (pipeline, x.source_id), takers.get(pipeline)
            if erp is None or x.stale or x.echo:
                continue
            if record in held or record in heirs or (x.is_first and not is_history):
                heirs[record] = commitments_of(x.pieces, connection=erp, transaction=seq)
    return heirs


_PROGRESS = Prepared(
    update(s.windows)
    .where(s.windows.c.seq == bindparam("of_window"))
    .values(
        pages=s.windows.c.pages + 1,
        listed=s.windows.c.listed + bindparam("more"),
        repeated=s.windows.c.repeated + bindparam("again"),
        progress_us=bindparam("until_us"),
    )
)


def _insert_versions(
    connection: Connection, feed: Feed, window: int, sightings: Sequence[Sighting], now_us: int
) -> list[int]:
    """Insert and return row ids, all in one statement: ids are drawn before."""
    seqs = draw_ids(connection, s.versions, len(sightings))
    key = feed.key
    _VERSIONS.run(
        connection,
        [
            (
                seq, feed.seq, key.connection, key.entity, x.source_id, x.token, x.hash, x.at_us,
                now_us, window, x.deleted,
            )
            for seq, x in zip(seqs, sightings, strict=True)
        ],
    )  # fmt: skip
    return seqs


def _insert_keys(
    connection: Connection, sightings: Sequence[Sighting], seqs: Sequence[int]
) -> None:
    rows = [
        (kind, value, seq) for x, seq in zip(sightings, seqs, strict=True) for kind, value in x.keys
    ]
    _KEYS.run(connection, rows)


_VERSIONS = InsertMany(
    s.versions,
    "seq feed connection entity source_id token hash at_us seen_us window deleted".split(),
)
_TRANSACTIONS = InsertMany(
    s.transactions,
    "seq id pipeline entity source_id key version fate reason message next_us stage created_us "
    "since_us timeline".split(),
)
_KEYS = InsertMany(s.keys, ("kind", "value", "version"), ignore=True)


def _inherit_names(
    connection: Connection, feed: Feed, sightings: Sequence[Sighting], seqs: Sequence[int]
) -> list[Sighting]:
    """Let tombstones be called and found by what their record was: a deletion has no fields."""
    named: list[Sighting] = []
    for x, seq in zip(sightings, seqs, strict=True):
        before = _newest_before(connection, feed.key, x.source_id, seq) if x.deleted else None
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
    connection: Connection, key: FeedKey, source_id: str, seq: int
) -> Row[Any, Any] | None:
    v, t = s.versions, s.transactions
    return connection.execute(
        select(v.c.seq, t.c.key)
        .join(t, t.c.version == v.c.seq)
        .where(
            v.c.connection == key.connection,
            v.c.entity == key.entity,
            v.c.source_id == source_id,
            v.c.seq < seq,
        )
        .order_by(v.c.seq.desc())
        .limit(1)
    ).one_or_none()


def _first_fate(
    sighting: Sighting, now_us: int, *, is_news: bool
) -> tuple[str, str | None, str | None, int | None]:
    """Return fate, reason, sentence, and when it is due.

    `is_news`: an older version is not delivered, so that our own write came back with news in it.
    """
    if sighting.echo and not is_news:
        return Fate.ECHO.value, "OwnWrite", "this is our own write coming back", None
    if sighting.stale:
        message = "a newer version was recorded before this one"
        return Fate.SUPERSEDED.value, OLDER_VERSION, message, None
    return Fate.IN_FLIGHT.value, None, None, now_us


def insert_transactions(
    connection: Connection, rows: Sequence[tuple[object, ...]]
) -> Sequence[int]:
    """Insert transactions, given without row ids; return those, all in one statement."""
    made = draw_ids(connection, s.transactions, len(rows))
    numbered = [(seq, *row) for seq, row in zip(made, rows, strict=True)]
    _TRANSACTIONS.run(connection, numbered)
    return made


def count_seen(connection: Connection, window: int, pipelines: Sequence[str], count: int) -> None:
    """Count what a window showed each of these pipelines."""
    for pipeline in pipelines:
        counted = _COUNT.run(connection, of_window=window, of_pipeline=pipeline, more=count)
        if counted.rowcount == 0:
            connection.execute(
                insert(s.sightings).values(window=window, pipeline=pipeline, seen=count)
            )


_COUNT = Prepared(
    update(s.sightings)
    .where(
        s.sightings.c.window == bindparam("of_window"),
        s.sightings.c.pipeline == bindparam("of_pipeline"),
    )
    .values(seen=s.sightings.c.seen + bindparam("more"))
)

"""Windows: bounded reads, written ahead of their first call and closed with the cursor.

Must not: move a cursor past what is recorded.
"""

from collections.abc import Sequence

from msgspec import Struct, json
from sqlalchemy import Connection, bindparam, insert, select, update

from knect.ledger import schema as s
from knect.ledger.store.prepared import Prepared

__all__ = [
    "OpenWindow",
    "WindowStart",
    "bound_window",
    "close_window",
    "open_window",
    "unfinished_window",
]


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
    pipelines: tuple[str, ...]


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


def bound_window(
    connection: Connection, window: int, since_us: int, until_us: int, pipelines: Sequence[str]
) -> None:
    """Set a window's beginning and its exclusive end, once the server's clock is known, and whom
    it is for: to its end, whoever reads it.
    """
    names = json.encode(list(pipelines)).decode()
    _BOUND.run(connection, of_window=window, begin_us=since_us, end_us=until_us, names=names)


_BOUND = Prepared(
    update(s.windows)
    .where(s.windows.c.seq == bindparam("of_window"))
    .values(
        since_us=bindparam("begin_us"), until_us=bindparam("end_us"), pipelines=bindparam("names")
    )
)


def unfinished_window(connection: Connection, feed: int) -> OpenWindow | None:
    """Return the poll window a dead process left open, if any."""
    row = _UNFINISHED.run(connection, of_feed=feed).one_or_none()
    if row is None:
        return None
    return OpenWindow(
        seq=row.seq,
        kind=row.kind,
        trace_id=row.trace_id,
        since_us=row.since_us,
        until_us=row.until_us,
        progress_us=row.progress_us,
        pipelines=tuple(json.decode(row.pipelines or "[]")),
    )


_UNFINISHED = Prepared(
    select(s.windows)
    .where(
        s.windows.c.feed == bindparam("of_feed"),
        s.windows.c.kind == "poll",
        s.windows.c.closed_us.is_(None),
    )
    .order_by(s.windows.c.seq.desc())
    .limit(1)
)


def close_window(
    connection: Connection,
    *,
    feed: int,
    window: int,
    cursor_us: int | None,
    now_us: int,
    served: Sequence[str] = (),
    moves_the_feed: bool = True,
) -> None:
    """End a window; if it was a poll, note that these pipelines were `served`, and, unless it was
    for who is behind the others, move the feed's cursor and keep when it began to look.

    The cursor goes back with a source's clock. Nobody has missed anything any more who was served
    by a window that moves it: the caller has given him the rest.
    """
    _CLOSE.run(connection, of_window=window, now_us=now_us)
    listed = select(s.windows.c.listed).where(s.windows.c.seq == window).scalar_subquery()
    values: dict[str, object] = {
        "last_success_us": now_us,
        "failing_since_us": None,
        "failure": None,
        "reason": None,
    }
    if cursor_us is not None:
        _serve(connection, feed, window, served, cursor_us, moves_the_feed=moves_the_feed)
    if cursor_us is not None and moves_the_feed:
        values["cursor_us"] = cursor_us
        opened = select(s.windows.c.opened_us).where(s.windows.c.seq == window)
        values["looked_us"] = opened.scalar_subquery()
        empty = connection.execute(select(listed)).scalar() == 0
        values["silent_windows"] = s.feeds.c.silent_windows + 1 if empty else 0
    connection.execute(update(s.feeds).where(s.feeds.c.seq == feed).values(**values))


def _serve(
    connection: Connection,
    feed: int,
    window: int,
    pipelines: Sequence[str],
    cursor_us: int,
    *,
    moves_the_feed: bool,
) -> None:
    """Note until when pipelines were served: those that had all before the window began."""
    p = s.subscriptions.c
    since = select(s.windows.c.since_us).where(s.windows.c.seq == window).scalar_subquery()
    connected = p.feed == feed, p.pipeline.in_(pipelines), p.served_us >= since
    moved = update(s.subscriptions).where(*connected)
    if moves_the_feed:
        moved = moved.values(served_us=cursor_us, missed_seq=None)
    else:
        moved = moved.where(p.served_us < cursor_us).values(served_us=cursor_us)
    connection.execute(moved)


_CLOSE = Prepared(
    update(s.windows)
    .where(s.windows.c.seq == bindparam("of_window"))
    .values(closed_us=bindparam("now_us"))
)

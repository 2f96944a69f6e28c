"""Delivering a version once more: a new transaction, linked to the old, counted as seen.

Why: the destination was asked for something else meanwhile, or somebody wants it written whatever
the ledger thinks is there; the first event of such a transaction tells which (`is_wanted_anew`).

Must not: take a version nobody delivered, or forget to count it: the equation has two sides.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, func, insert, select

from knect.ledger import schema as s
from knect.ledger.fates import Fate, Stage
from knect.ledger.store.bulk import InsertMany
from knect.ledger.store.sets import one_of
from knect.ledger.supersede import is_overtaken, speaks
from knect.ledger.timeline import Event, decode, encode
from knect.seams import IdSource

__all__ = [
    "ToldAgain",
    "deliver_again",
    "follow_up",
    "is_edited",
    "is_wanted_anew",
    "is_wanted_by_person",
    "tell_again",
]

#: Kinds of windows of what is written although it was delivered and is the same.
_ANEW = frozenset(("replay", "audit"))
#: What people do to have a record at its destination, whatever was done before.
_BY_PERSON = frozenset(("replay", "edit"))
#: So many are made in one commit: others write in between.
_AT_ONCE = 2_000


def is_wanted_anew(timeline: str) -> bool:
    """Tell whether a person, or an audit that repairs, wants a version written once more."""
    events = decode(timeline)
    return bool(events) and events[0].reason in _ANEW


def is_wanted_by_person(timeline: str) -> bool:
    """Tell whether a person wants its record delivered anew: it was made for that, or set going."""
    if not any(verb in timeline for verb in _BY_PERSON):  # as most are
        return False
    events = decode(timeline)
    return events[0].reason in _BY_PERSON or any(one.what in _BY_PERSON for one in events)


def is_edited(timeline: str) -> bool:
    """Tell whether a transaction was made because a person set something in its record."""
    events = decode(timeline)
    return bool(events) and events[0].reason == "edit"


def follow_up(
    connection: Connection, seqs: Sequence[int], *, new_id: IdSource, now_us: int
) -> list[str]:
    """Deliver once more what was written as it was before it changed; return the new ids.

    Where a newer version of the record is recorded, that one speaks for it.
    """
    t, v = s.transactions, s.versions
    rows = connection.execute(
        select(t, v.c.feed)
        .join(v, v.c.seq == t.c.version)
        .where(one_of(t.c.seq, seqs), ~is_overtaken(t))
        .order_by(t.c.seq)
    ).all()
    return deliver_again(
        connection, rows, kind="follow-up", note="it changed before it was found to be written",
        new_id=new_id, now_us=now_us,
    )  # fmt: skip


class ToldAgain(NamedTuple):
    """How many were made, the row after which to go on, and the one up to which."""

    made: int
    last: int
    until: int


def tell_again(
    connection: Connection,
    pipeline: str,
    *,
    after: int,
    until: int | None,
    new_id: IdSource,
    now_us: int,
) -> ToldAgain:
    """Deliver once more, because an audit wants it, the last word on each of a pipeline's records.

    Past the row `after` and up to `until`, the newest one there is if it is None. What is not
    ended is on its way anyway, and what was left out stays out.
    """
    t, v = s.transactions, s.versions
    if until is None:
        newest = select(func.max(t.c.seq)).where(t.c.pipeline == pipeline)
        until = connection.execute(newest).scalar() or 0
    rows = connection.execute(
        select(t, v.c.feed)
        .join(v, v.c.seq == t.c.version)
        .where(
            t.c.pipeline == pipeline, t.c.seq > after, t.c.seq <= until, v.c.deleted.is_(False),
            t.c.fate.in_((Fate.DELIVERED, Fate.UNCHANGED)), speaks(t), ~is_overtaken(t),
        )
        .order_by(t.c.seq)
        .limit(_AT_ONCE)
    ).all()  # fmt: skip
    deliver_again(
        connection, rows, kind="audit", note="an audit tells it once more", new_id=new_id,
        now_us=now_us,
    )  # fmt: skip
    return ToldAgain(len(rows), rows[-1].seq if rows else after, until)


def deliver_again(
    connection: Connection,
    rows: Sequence[Row[*tuple[Any, ...]]],
    *,
    kind: str,
    note: str,
    new_id: IdSource,
    now_us: int,
    edits: Mapping[int, str | None] | None = None,
    as_then: bool = False,
) -> list[str]:
    """Make a new transaction of each row's version, in a window of `kind`; return the new ids.

    `rows` are transactions, each with its `feed`: what identifies them is enough. What a person
    set in a record stays set, unless `edits` has something else for its row. `as_then`: mapped by
    the revision that mapped the old one.
    """
    edits = edits or {}
    windows = {feed: _window(connection, feed, kind, new_id, now_us) for feed in _feeds(rows)}
    timeline = encode([Event(0, "discovered", now_us, note=note, reason=kind)])
    fate, stage = Fate.IN_FLIGHT.value, Stage.DISCOVERED.value
    made = [new_id() for _ in rows]
    _MADE.run(
        connection,
        [
            (
                identifier, x.pipeline, x.entity, x.source_id, x.key, x.version, fate, stage,
                now_us, now_us, now_us, x.id, timeline, edits.get(x.seq, x.edits),
                x.mapping if as_then else None,
            )
            for identifier, x in zip(made, rows, strict=True)
        ],
    )  # fmt: skip
    seen = Counter((windows[row.feed], row.pipeline) for row in rows)
    for (window, pipeline), count in seen.items():
        connection.execute(insert(s.sightings).values(window=window, pipeline=pipeline, seen=count))
    return made


_MADE = InsertMany(
    s.transactions,
    "id pipeline entity source_id key version fate stage created_us since_us next_us replay_of "
    "timeline edits as_then".split(),
)


def _feeds(rows: Sequence[Row[*tuple[Any, ...]]]) -> list[int]:
    return list(dict.fromkeys(row.feed for row in rows))


def _window(connection: Connection, feed: int, kind: str, new_id: IdSource, now_us: int) -> int:
    """Make a window in which these are seen, and return its row id."""
    made = connection.execute(
        insert(s.windows).values(
            feed=feed, kind=kind, trace_id=new_id(), since_us=now_us, until_us=now_us,
            opened_us=now_us, closed_us=now_us,
        )
    )  # fmt: skip
    key = made.inserted_primary_key
    assert key is not None
    return int(key[0])

"""What the ledger knows of one pipeline's flow, in a handful of bounded questions.

Why: `/status` is asked every few seconds by whoever watches; it must cost the same with a thousand
transactions and with a million. Must not: judge; `knect.engine.deciding.verdicts` does.
"""

from collections.abc import Sequence

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, func, select, update

from knect.ledger import schema as s
from knect.ledger.fates import Fate
from knect.ledger.feeds import served_until

__all__ = ["Held", "Oldest", "PipelineFlow", "last_delivered", "pipeline_flow", "release_held"]

#: Beyond this, how many exactly is of no use to anybody.
_MOST_COUNTED = 10_000
#: Not stuck: it waits because a rule or a mode says so.
_BY_RULE = ("AdmitWait", "ObserveMode", "MissingAtDestination", "BeforeStart", "Suspended")
#: One cause at the destination holds everything that is written there.
_WHOLE_DESTINATION = ("CredentialsRejected", "ScopeMissing")


class Oldest(Struct, frozen=True, kw_only=True):
    """The transaction that has been stuck longest. `hidden` are hashes of what nobody is shown."""

    id: str
    key: str
    reason: str | None
    since_us: int
    hidden: str | None


class Held(Struct, frozen=True, kw_only=True):
    """What waits because the destination as a whole says no."""

    reason: str
    since_us: int
    message: str | None


class PipelineFlow(Struct, frozen=True, kw_only=True):
    """One pipeline's flow. Instants are microseconds since 1970, UTC; of the ledger's own clock
    but `complete_until_us`, which is the source's. `read_us` is when the last whole read ended.
    """

    name: str
    complete_until_us: int | None = None
    started_us: int | None = None
    read_us: int | None = None
    failing_since_us: int | None = None
    failure: str | None = None
    failure_reason: str | None = None
    stuck: int = 0
    oldest_stuck: Oldest | None = None
    held: Held | None = None
    oldest_open_us: int | None = None


def pipeline_flow(connection: Connection, pipeline: str) -> PipelineFlow:
    """Return what is known of a pipeline's flow; all None for one that never ran."""
    f, w, t = s.feeds, s.windows, s.transactions
    feed = connection.execute(
        select(f)
        .join(s.subscriptions, s.subscriptions.c.feed == f.c.seq)
        .where(s.subscriptions.c.pipeline == pipeline)
    ).first()
    if feed is None:
        return PipelineFlow(name=pipeline)
    read = select(func.max(w.c.closed_us)).where(w.c.feed == feed.seq, w.c.kind == "poll")
    mine = t.c.pipeline == pipeline
    stuck = (
        mine,
        t.c.fate.in_((Fate.WAITING, Fate.UNKNOWN, Fate.REJECTED)),
        func.coalesce(t.c.reason, "").not_in(_BY_RULE),
    )
    counted = select(t.c.seq).where(*stuck).limit(_MOST_COUNTED).subquery()
    count = connection.execute(select(func.count()).select_from(counted)).scalar() or 0
    in_flight = select(func.min(t.c.created_us)).where(mine, t.c.fate == Fate.IN_FLIGHT)
    return PipelineFlow(
        name=pipeline,
        complete_until_us=served_until(connection, pipeline)[pipeline],
        started_us=feed.started_us,
        read_us=connection.execute(read).scalar() or feed.last_success_us,
        failing_since_us=feed.failing_since_us,
        failure=feed.failure,
        failure_reason=feed.reason,
        stuck=count,
        oldest_stuck=_oldest(connection, stuck) if count else None,
        held=_held(connection, pipeline) if count else None,
        oldest_open_us=connection.execute(in_flight).scalar(),
    )


def _oldest(connection: Connection, stuck: Sequence[ColumnElement[bool]]) -> Oldest | None:
    t = s.transactions.c
    row = connection.execute(
        select(t.id, t.key, t.reason, t.since_us, t.hidden)
        .where(*stuck)
        .order_by(t.since_us)
        .limit(1)
    ).first()
    return None if row is None else Oldest(**row._mapping)  # noqa: SLF001 - the documented way


def _held(connection: Connection, pipeline: str) -> Held | None:
    t = s.transactions.c
    row = connection.execute(
        select(t.reason, t.since_us, t.message)
        .where(t.pipeline == pipeline, t.fate == Fate.WAITING, t.reason.in_(_WHOLE_DESTINATION))
        .order_by(t.since_us)
        .limit(1)
    ).first()
    return None if row is None else Held(**row._mapping)  # noqa: SLF001 - the documented way


def last_delivered(connection: Connection, pipeline: str) -> int | None:
    """Return when the newest delivered transaction was delivered, None if there is none."""
    t = s.transactions.c
    return connection.execute(
        select(t.since_us)
        .where(t.pipeline == pipeline, t.fate == Fate.DELIVERED)
        .order_by(t.seq.desc())
        .limit(1)
    ).scalar()


def release_held(connection: Connection, pipelines: Sequence[str], now_us: int) -> int:
    """Make due what waits for credentials or a permission; return how many."""
    t = s.transactions
    result = connection.execute(
        update(t)
        .where(
            t.c.pipeline.in_(pipelines),
            t.c.fate == Fate.WAITING,
            t.c.reason.in_(_WHOLE_DESTINATION),
            t.c.holder.is_(None),
        )
        .values(next_us=now_us)
    )
    return int(result.rowcount)

"""How each Connection is: what it answers, what is read from it, what is written to it.

Why: when several pipelines stop at once, the question is not "which order" but "is the ERP
answering us, since when not, and what hangs on it"; all of it is in the ledger, for every call is.
Must not: read more than the calls of the span that is asked for, or judge whose fault it is.
"""

from collections.abc import Iterable, Sequence

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, func, select, union

from knect.ledger import schema as s
from knect.ledger.questions.flow import last_delivered, pipeline_flow
from knect.ledger.questions.queries import Coverage, coverage

__all__ = [
    "OF_CONTENT",
    "Budget",
    "Calls",
    "ConnectionState",
    "Ended",
    "Hints",
    "Written",
    "connections",
]

#: Errors that are an answer: what was sent or read is at fault, and not the system.
OF_CONTENT = frozenset({"BadRecord", "MissingReference", "NotForThere", "Refused"})
_MICROSECONDS = 1_000_000


class Ended(Struct, frozen=True, kw_only=True):
    """Calls that ended alike, the last of which began at `last_us`. `error` is a class of
    `knect.sdk.errors`; without `status` there was no answer.
    """

    status: int | None
    error: str | None
    count: int
    last_us: int

    @property
    def failed(self) -> bool:
        """Whether the system did not do its part."""
        return self.error is not None and self.error not in OF_CONTENT


class Calls(Struct, frozen=True, kw_only=True):
    """The calls of a span, the most frequent way to end first. `median_ms` and `p95_ms` are of
    those with an answer.
    """

    ended: Sequence[Ended]
    median_ms: float | None
    p95_ms: float | None

    @property
    def count(self) -> int:
        """How many there were."""
        return sum(one.count for one in self.ended)

    @property
    def failed(self) -> int:
        """How many of them the system did not do its part in."""
        return sum(one.count for one in self.ended if one.failed)

    @property
    def well_us(self) -> int | None:
        """When the last one began that did not fail."""
        return max((one.last_us for one in self.ended if not one.failed), default=None)

    @property
    def failed_us(self) -> int | None:
        """When the last one began that failed."""
        return max((one.last_us for one in self.ended if one.failed), default=None)


class Written(Struct, frozen=True, kw_only=True):
    """A pipeline that writes there. `held`: all of it waits for this reason, since then."""

    pipeline: str
    delivered_us: int | None
    stopped: int
    held: str | None
    held_since_us: int | None


class Hints(Struct, frozen=True, kw_only=True):
    """Webhooks that came: the last one, and how many are still to be looked at, since when."""

    last_us: int
    waiting: int
    waiting_since_us: int | None


class Budget(Struct, frozen=True, kw_only=True):
    """What of the account's request budget is left by now, in the platform's own points."""

    left: float
    capacity: float
    per_second: float


class ConnectionState(Struct, frozen=True, kw_only=True):
    """One Connection. `leads_to` is None where no worker has told."""

    name: str
    leads_to: str | None
    calls: Calls
    feeds: Sequence[Coverage]
    writes: Sequence[Written]
    hints: Hints | None
    budget: Budget | None


def connections(connection: Connection, *, since_us: int, now_us: int) -> list[ConnectionState]:
    """Return every Connection the ledger knows, by name, with the calls since `since_us`."""
    f, b, u = s.feeds.c, s.subscriptions.c, s.systems.c
    names = union(select(f.connection), select(b.destination), select(u.connection))
    read = coverage(connection)
    leads: dict[str, str] = dict(connection.execute(select(u.connection, u.leads_to)).all())
    writers: dict[str, list[str]] = {}
    for row in connection.execute(select(b.destination, b.pipeline).order_by(b.pipeline)):
        writers.setdefault(row.destination, []).append(row.pipeline)
    budgets = _budgets(connection, now_us)
    called = _called(connection, since_us)
    return [
        ConnectionState(
            name=name,
            leads_to=leads.get(name),
            calls=_calls(connection, name, called.get(name, ()), since_us),
            feeds=[feed for feed in read if feed.connection == name],
            writes=[_written(connection, one) for one in writers.get(name, ())],
            hints=_hints(connection, name),
            budget=budgets.get(name),
        )
        for name in sorted(connection.execute(names).scalars())
    ]


def _called(connection: Connection, since_us: int) -> dict[str, list[Ended]]:
    x = s.exchanges.c
    what = (x.connection, x.status, x.error)
    rows = connection.execute(
        select(*what, func.count().label("count"), func.max(x.started_us).label("last_us"))
        .where(x.started_us >= since_us)
        .group_by(*what)
    )
    found: dict[str, list[Ended]] = {}
    for row in rows.mappings():
        kind = Ended(**{k: v for k, v in row.items() if k != "connection"})
        found.setdefault(row["connection"], []).append(kind)
    return found


def _calls(connection: Connection, name: str, ended: Iterable[Ended], since_us: int) -> Calls:
    told = sorted(ended, key=lambda one: (-one.count, -one.last_us))
    x = s.exchanges.c
    of_it = (x.connection == name, x.started_us >= since_us, x.status.is_not(None))
    answered = sum(one.count for one in told if one.status is not None)
    return Calls(
        ended=told,
        median_ms=_took(connection, of_it, answered // 2) if answered else None,
        p95_ms=_took(connection, of_it, answered * 95 // 100) if answered else None,
    )


def _took(connection: Connection, of_it: Sequence[ColumnElement[bool]], nth: int) -> float | None:
    """Return how long the nth fastest of them took, from 0."""
    took = s.exchanges.c.duration_ms
    return connection.execute(
        select(took).where(*of_it).order_by(took).offset(nth).limit(1)
    ).scalar()


def _written(connection: Connection, pipeline: str) -> Written:
    flow = pipeline_flow(connection, pipeline)
    return Written(
        pipeline=pipeline,
        delivered_us=last_delivered(connection, pipeline),
        stopped=flow.stuck,
        held=flow.held.reason if flow.held else None,
        held_since_us=flow.held.since_us if flow.held else None,
    )


def _hints(connection: Connection, name: str) -> Hints | None:
    i = s.inbox.c
    mine = i.connection == name
    last = connection.execute(select(func.max(i.received_us)).where(mine)).scalar()
    if last is None:
        return None
    waiting, since = connection.execute(
        select(func.count(), func.min(i.received_us)).where(mine, i.window.is_(None))
    ).one()
    return Hints(last_us=last, waiting=waiting, waiting_since_us=since)


def _budgets(connection: Connection, now_us: int) -> dict[str, Budget]:
    found = {}
    for row in connection.execute(select(s.budgets)):
        gained = max(0, now_us - row.updated_us) / _MICROSECONDS * row.refill_per_second
        found[row.connection] = Budget(
            left=min(row.capacity, row.tokens + gained),
            capacity=row.capacity,
            per_second=row.refill_per_second,
        )
    return found

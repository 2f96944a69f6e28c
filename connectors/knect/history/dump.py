"""A ledger's SQLite file as plain rows, read with nothing but `sqlite3`.

Why: a checker that read through the ledger's own code would believe its mistakes. Only the columns
the invariants need are taken, so an older or newer ledger is read as well as this one.
Must not: write, or need the writer to be stopped (the file is opened read-only).
"""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from msgspec import Struct, convert

__all__ = [
    "Effect",
    "Event",
    "Exchange",
    "Hint",
    "LedgerDump",
    "Life",
    "Sighting",
    "Transaction",
    "Version",
    "Window",
    "dump_of",
    "read_ledger",
]

T = TypeVar("T")


class Event(Struct, frozen=True, kw_only=True):
    """One entry of a transaction's timeline."""

    what: str
    at_us: int
    ok: bool = True
    note: str = ""

    @classmethod
    def of(cls, item: Sequence[Any]) -> "Event":
        """Return an event from the ledger's list: attempt, what, at, duration, ok, note, …; the
        end may be left out.
        """
        ok = item[4] if len(item) > 4 else True
        return cls(what=item[1], at_us=item[2], ok=ok, note=item[5] if len(item) > 5 else "")


class Transaction(Struct, frozen=True, kw_only=True):
    """The journey of one version through one pipeline."""

    seq: int
    id: str
    pipeline: str
    entity: str
    source_id: str
    key: str
    version: int
    fate: str
    stage: str
    since_us: int = 0
    holder: str | None = None
    lease_us: int | None = None
    calls: str | None = None
    reason: str | None = None
    message: str | None = None
    timeline: tuple[Event, ...] = ()


class Version(Struct, frozen=True, kw_only=True):
    """One state of one source record."""

    seq: int
    connection: str
    entity: str
    source_id: str
    token: str
    window: int


class Window(Struct, frozen=True, kw_only=True):
    """A read of a source."""

    seq: int
    kind: str
    trace_id: str


class Sighting(Struct, frozen=True, kw_only=True):
    """How many versions a window brought to a pipeline: the left side of the equation."""

    window: int
    pipeline: str
    seen: int


class Effect(Struct, frozen=True, kw_only=True):
    """One write of a delivery. `unsure_us`: when a try may have left that nobody answered."""

    transaction: int
    name: str
    entity: str
    external_id: str
    state: str
    destination_id: str | None = None
    adopted: bool = False
    unsure_us: int | None = None


class Exchange(Struct, frozen=True, kw_only=True):
    """A remote call as the ledger tells it. `served` counts the transactions it was made for."""

    trace_id: str
    span_id: str
    method: str
    template: str
    window: int | None = None
    served: int = 0


class Hint(Struct, frozen=True, kw_only=True):
    """A stored webhook; `window` is the read that answered it."""

    entity: str
    source_id: str
    window: int | None = None


class Life(Struct, frozen=True, kw_only=True):
    """One life of a worker; `calls` is the trace id of what it asked for itself."""

    holder: str
    calls: str


class LedgerDump(Struct, frozen=True, kw_only=True):
    """Everything of a ledger that the invariants speak of. `retired`: (pipeline, fate, count)."""

    transactions: Sequence[Transaction] = ()
    versions: Sequence[Version] = ()
    windows: Sequence[Window] = ()
    sightings: Sequence[Sighting] = ()
    effects: Sequence[Effect] = ()
    exchanges: Sequence[Exchange] = ()
    hints: Sequence[Hint] = ()
    lives: Sequence[Life] = ()
    retired: Sequence[tuple[str, str, int]] = ()


_SERVED = """
    select e.trace_id, e.span_id, e.method, e.template, e.window, count(l."transaction") as served
    from exchanges e left join exchange_links l on l.span_id = e.span_id
    group by e.trace_id, e.span_id
"""


def read_ledger(path: Path) -> LedgerDump:
    """Return the dump of the SQLite ledger at `path`, as of one instant.

    Raises sqlite3.Error when it is no ledger.
    """
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        connection.execute("begin")
        return dump_of(connection)
    finally:
        connection.close()


def dump_of(connection: sqlite3.Connection) -> LedgerDump:
    """Return the dump of the ledger behind a connection. Raises sqlite3.Error."""
    return LedgerDump(
        transactions=[_transaction(row) for row in _all(connection, Transaction)],
        versions=_rows(connection, Version),
        windows=_rows(connection, Window),
        sightings=_rows(connection, Sighting),
        effects=_rows(connection, Effect),
        exchanges=[convert(row, Exchange, strict=False) for row in _named(connection, _SERVED)],
        hints=_rows(connection, Hint, table="inbox"),
        lives=_rows(connection, Life, table="lives"),
        retired=[
            (row["pipeline"], row["fate"], row["count"])
            for row in _named(connection, "select pipeline, fate, count from retired")
        ],
    )


def _named(connection: sqlite3.Connection, query: str) -> Iterator[dict[str, Any]]:
    cursor = connection.execute(query)
    names = [column[0] for column in cursor.description]
    return (dict(zip(names, row, strict=True)) for row in cursor)


def _all(connection: sqlite3.Connection, kind: Any, table: str = "") -> Iterator[dict[str, Any]]:
    names = ", ".join(f'"{name}"' for name in kind.__struct_fields__)
    from_ = table or f"{kind.__name__.lower()}s"
    return _named(connection, f"select {names} from {from_} order by rowid")  # noqa: S608 - own names


def _rows(connection: sqlite3.Connection, kind: type[T], *, table: str = "") -> list[T]:
    return [convert(row, kind, strict=False) for row in _all(connection, kind, table)]


def _transaction(row: dict[str, Any]) -> Transaction:
    row["timeline"] = [Event.of(item) for item in json.loads(row["timeline"])]
    return convert(row, Transaction)

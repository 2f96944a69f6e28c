"""What the checker is given, and what it finds.

Must not: know where it came from; a real support case and a test hand in the same values.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct, field

from knect.history.dump import LedgerDump, Transaction, Version

__all__ = [
    "Call",
    "Document",
    "Fault",
    "History",
    "SourceRecord",
    "Violation",
    "clock_of",
    "read_calls",
]

#: A transaction of one of these fates says that the destination has the record.
ARRIVED = ("delivered", "unchanged")
#: These say nothing about the state of their record: a newer version, or our own write.
_SILENT = ("superseded", "echo")
#: Why a transaction was skipped, and why it waits for somebody who looks.
_BY_A_PERSON = "SkippedByPerson"
_ASKED_FOR = "OutcomeUnknown"


#: (connection or "", entity, source id)
Origin = tuple[str, str, str]


class Call(Struct, frozen=True, kw_only=True):
    """One line of a request log: a request as an *end* saw it. `key` names the business object
    (an external id), `status` is None if no answer was sent.
    """

    time: datetime
    method: str
    path: str
    key: str | None = None
    traceparent: str | None = None
    status: int | None = None
    fault: str | None = None
    committed: bool = False

    @property
    def trace_id(self) -> str | None:
        """The trace id of the `traceparent`, None if there was none or it is broken."""
        parts = (self.traceparent or "").split("-")
        return parts[1] if len(parts) == 4 and len(parts[1]) == 32 else None

    @property
    def words(self) -> str:
        """`create sent 14:02:01 (answer lost)`."""
        verb = {"POST": "create", "PUT": "update", "PATCH": "update"}.get(self.method, self.method)
        lost = " (answer lost)" if self.status is None else ""
        return f"{verb} sent {clock_of(self.time)}{lost}"


class Document(Struct, frozen=True, kw_only=True):
    """What the destination holds. `applied` are the source versions it took, in its order."""

    entity: str
    id: str
    external_id: str
    number: str | None = None
    currency: str | None = None
    total: Decimal | None = None
    lines: int | None = None
    content: Mapping[str, Any] = field(default_factory=dict)
    applied: Sequence[str] = ()


class SourceRecord(Struct, frozen=True, kw_only=True):
    """What the source holds. `content` is what the destination's document must be by now (the
    mapping's result, made by the judge's own hands), None: not compared. `connection` is needed
    where several sources may use one id.
    """

    entity: str
    id: str
    key: str
    connection: str = ""
    currency: str | None = None
    total: Decimal | None = None
    lines: int | None = None
    content: Mapping[str, Any] | None = None

    @property
    def origin(self) -> Origin:
        """What is one record of one source."""
        return self.connection, self.entity, self.id


class Violation(Struct, frozen=True, kw_only=True):
    """A broken invariant: which, of what record, and the smallest excerpt that shows it."""

    invariant: str
    key: str
    excerpt: str


class Fault(Struct, frozen=True, kw_only=True):
    """What somebody did to a system on purpose, and when: a kill, a cut, an injected answer."""

    time: datetime
    name: str
    where: str = ""


class History(Struct, frozen=True, kw_only=True, dict=True):
    """The evidence of one run.

    Attributes:
        ledger: the dump.
        source_calls, destination_calls: the request logs.
        records, documents: what both ends hold at the end.
        faults: what was done on purpose, if anything was.
        now_us: when the dump was taken (microseconds since 1970, UTC).
        is_quiet: work had come to rest; what may still be open during work is then wrong.
        second_read: when a further full read began that must write nothing, if there was one.
        creates: what a creating request looks like: (method, start of the path).
    """

    ledger: LedgerDump
    source_calls: Sequence[Call] = ()
    destination_calls: Sequence[Call] = ()
    records: Sequence[SourceRecord] = ()
    documents: Sequence[Document] = ()
    faults: Sequence[Fault] = ()
    now_us: int = 0
    is_quiet: bool = True
    second_read: datetime | None = None
    creates: Sequence[tuple[str, str]] = (("POST", "/"),)

    def is_create(self, call: Call) -> bool:
        """Tell whether a call made something."""
        return any(call.method == m and call.path.startswith(p) for m, p in self.creates)

    @cached_property
    def by_seq(self) -> dict[int, Transaction]:
        """Transactions by row id."""
        return {one.seq: one for one in self.ledger.transactions}

    @cached_property
    def _connections(self) -> dict[int, str]:
        """Version -> connection; empty where the evidence names none."""
        if not any(record.connection for record in self.records):
            return {}
        return {one.seq: one.connection for one in self.ledger.versions}

    def origin_of(self, one: Transaction | Version) -> Origin:
        """Return which record of which source a transaction or a version speaks of."""
        version = one.version if isinstance(one, Transaction) else one.seq
        return self._connections.get(version, ""), one.entity, one.source_id

    @cached_property
    def newest(self) -> dict[Origin, Transaction]:
        """The newest transaction that says how its record stands."""
        return {
            self.origin_of(one): one
            for one in sorted(self.ledger.transactions, key=lambda one: (one.version, one.seq))
            if one.fate not in _SILENT
        }

    @cached_property
    def owners(self) -> dict[tuple[str, str], list[Transaction]]:
        """(entity, external id) -> the transactions that wrote it or meant to."""
        found: dict[tuple[str, str], list[Transaction]] = {}
        for effect in self.ledger.effects:
            owner = self.by_seq.get(effect.transaction)
            if owner is not None:
                found.setdefault((effect.entity, effect.external_id), []).append(owner)
        return found

    @cached_property
    def perhaps_made(self) -> set[tuple[str, str]]:
        """(entity, external id) of what was skipped while nobody could tell whether it was made, or
        by a person when it was half made; and of what a person is asked to look for.
        """
        asked = {
            (origin[1], external)
            for origin, external in self.external_of.items()
            if (one := self.newest.get(origin)) is not None
            and one.fate == "waiting"
            and one.reason == _ASKED_FOR
        }
        return asked | {
            (effect.entity, effect.external_id)
            for effect in self.ledger.effects
            if (owner := self.by_seq.get(effect.transaction)) is not None
            and owner.fate == "skipped"
            and (
                (effect.state == "failed" and effect.unsure_us is not None)
                or (effect.state == "done" and owner.reason == _BY_A_PERSON)
            )
        }

    @cached_property
    def external_of(self) -> dict[Origin, str]:
        """Record -> external id of its own document."""
        return {
            self.origin_of(owner): external
            for (entity, external), owners in self.owners.items()
            for owner in owners
            if owner.entity == entity
        }

    @cached_property
    def _names(self) -> dict[str, str]:
        keys: dict[str, set[str]] = {}
        for (_, external), owners in self.owners.items():
            keys.setdefault(external, set()).update(owner.key for owner in owners)
        return {external: found.pop() for external, found in keys.items() if len(found) == 1}

    def name_of(self, external_id: str) -> str:
        """Return what people call what has this external id."""
        return self._names.get(external_id, external_id)


def clock_of(moment: datetime | int) -> str:
    """Return the time of day, UTC, of an instant or of microseconds since 1970."""
    if isinstance(moment, int):
        moment = datetime.fromtimestamp(moment / 1e6, UTC)
    return f"{moment.astimezone(UTC):%H:%M:%S}"


def read_calls(path: Path) -> list[Call]:
    """Return a request log of JSON lines, in order. A last line cut short by a kill is left out."""
    decoder = msgspec.json.Decoder(Call)
    lines = path.read_bytes().split(b"\n")
    return [decoder.decode(line) for line in lines[:-1] if line]

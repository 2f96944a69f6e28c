"""A history as a file of JSON lines: what `knect audit` reads and writes.

Why: a support case comes as files from three systems (the ledger's export, request logs of both
ends); lines of one shape can be joined with `cat`, in any order. README.md describes them.
Must not: guess; a line that is not understood is named, with its number, and so are all others.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import Struct, structs

from knect.history.dump import (
    Effect,
    Event,
    Exchange,
    Hint,
    LedgerDump,
    Life,
    Sighting,
    Transaction,
    Version,
    Window,
)
from knect.history.evidence import Call, Document, Fault, History, SourceRecord

__all__ = ["FORMAT", "Case", "HistoryUnreadable", "Retired", "read_history", "write_history"]

#: Grows when a reader of the format before could not read it.
FORMAT = 1
_MOST_NAMED = 20


class Case(Struct, frozen=True, kw_only=True):
    """The first line: what is known of the history as a whole.

    `quiet`: work had come to rest. `now`: when the ledger was read. `second_read`: when a further
    full read began that must write nothing. `creates`: (method, start of the path) of requests
    that make something.
    """

    format: int
    now: datetime
    quiet: bool = False
    second_read: datetime | None = None
    creates: tuple[tuple[str, str], ...] = (("POST", "/"),)


class Retired(Struct, frozen=True, kw_only=True):
    """How many transactions of a fate retention has removed from a pipeline."""

    pipeline: str
    fate: str
    count: int


#: The word of a line -> what stands in it.
_KINDS: Mapping[str, type[Struct]] = {
    "history": Case,
    "transaction": Transaction,
    "version": Version,
    "window": Window,
    "sighting": Sighting,
    "effect": Effect,
    "exchange": Exchange,
    "hint": Hint,
    "life": Life,
    "retired": Retired,
    "source_call": Call,
    "destination_call": Call,
    "record": SourceRecord,
    "document": Document,
    "fault": Fault,
}


class HistoryUnreadable(Exception):
    """Lines that are no history; `problems` names each in a sentence."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def read_history(lines: Iterable[str]) -> History:
    """Return the history that is written in `lines`. Raises HistoryUnreadable."""
    found: dict[str, list[Any]] = {kind: [] for kind in _KINDS}
    problems: list[str] = []
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                kind, value = _understood(line)
            except ValueError as error:
                problems.append(f"line {number}: {error}")
            else:
                found[kind].append(value)
    cases = found["history"]
    if len(cases) != 1 and not problems:
        problems.append(
            f"there are {len(cases)} history lines, and exactly one says when the ledger "
            "was read: `knect audit --export FILE` writes it"
        )
    if len(problems) > _MOST_NAMED:
        problems[_MOST_NAMED:] = [f"and {len(problems) - _MOST_NAMED} lines more"]
    if problems:
        raise HistoryUnreadable(problems)
    (case,) = cases
    return History(
        ledger=LedgerDump(
            transactions=found["transaction"],
            versions=found["version"],
            windows=found["window"],
            sightings=found["sighting"],
            effects=found["effect"],
            exchanges=found["exchange"],
            hints=found["hint"],
            lives=found["life"],
            retired=[(one.pipeline, one.fate, one.count) for one in found["retired"]],
        ),
        source_calls=_in_order(found["source_call"]),
        destination_calls=_in_order(found["destination_call"]),
        records=found["record"],
        documents=found["document"],
        faults=found["fault"],
        now_us=round(case.now.timestamp() * 1e6),
        is_quiet=case.quiet,
        second_read=case.second_read,
        creates=case.creates,
    )


def write_history(history: History) -> Iterator[str]:
    """Yield the lines of a history, without line ends."""
    case = Case(
        format=FORMAT,
        now=datetime.fromtimestamp(history.now_us / 1e6, UTC),
        quiet=history.is_quiet,
        second_read=history.second_read,
        creates=tuple(tuple(one) for one in history.creates),  # type: ignore[misc]
    )
    yield _line("history", case)
    ledger = history.ledger
    retired = [Retired(pipeline=p, fate=f, count=n) for p, f, n in ledger.retired]
    parts: tuple[tuple[str, Iterable[Struct]], ...] = (
        ("window", ledger.windows),
        ("version", ledger.versions),
        ("sighting", ledger.sightings),
        ("transaction", ledger.transactions),
        ("effect", ledger.effects),
        ("exchange", ledger.exchanges),
        ("hint", ledger.hints),
        ("life", ledger.lives),
        ("retired", retired),
        ("source_call", history.source_calls),
        ("destination_call", history.destination_calls),
        ("record", history.records),
        ("document", history.documents),
        ("fault", history.faults),
    )
    for kind, items in parts:
        for one in items:
            yield _line(kind, one)


def _line(kind: str, value: Struct) -> str:
    return msgspec.json.encode({"line": kind, **structs.asdict(value)}).decode()


def _understood(line: str) -> tuple[str, Any]:
    """Return (kind, value) of a line. Raises ValueError with a sentence."""
    try:
        fields = json.loads(line, parse_float=str)
    except ValueError:
        raise ValueError("is no JSON; one object per line is expected") from None
    if not isinstance(fields, dict) or not isinstance(fields.get("line"), str):
        raise ValueError('has no "line"; it says what the line is')  # noqa: TRY004 - one kind of problem
    kind = fields.pop("line")
    if kind not in _KINDS:
        raise ValueError(f"lines {kind!r} are not known; known are {', '.join(_KINDS)}")
    if kind == "history" and fields.get("format") != FORMAT:
        raise ValueError(f"its format is {fields.get('format')!r}, and this Knect reads {FORMAT}")
    if kind == "transaction":
        fields["timeline"] = [_event(one) for one in fields.get("timeline") or ()]
    try:
        return kind, msgspec.convert(fields, _KINDS[kind], strict=False)
    except msgspec.ValidationError as error:
        raise ValueError(f"{kind}: {error}") from None


def _event(given: Any) -> Any:
    """Return an event; the ledger's own short form (a list) is taken as well."""
    return structs.asdict(Event.of(given)) if isinstance(given, list) else given


def _in_order(calls: list[Call]) -> list[Call]:
    """Return calls by time; of several files, each has its own order."""
    return sorted(calls, key=lambda one: one.time)

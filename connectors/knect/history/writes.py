"""I3, I4, I5, I6, I10: what reached the destination, once, right, in order, and no more.

Must not: trust the ledger for what happened; it is only asked what it claims.
"""

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal

from knect.history.evidence import ARRIVED, Call, Document, History, Violation, clock_of

__all__ = ["final_content", "made_once", "money_adds_up", "never_back", "second_read_is_silent"]

_NAMED = 3


def made_once(history: History) -> Iterator[Violation]:
    """I3: one committed create per external id, and none but for what is delivered."""
    creates: dict[str, list[Call]] = {}
    tries: dict[str, list[Call]] = {}
    for call in history.destination_calls:
        if call.key and history.is_create(call):
            tries.setdefault(call.key, []).append(call)
            if call.committed:
                creates.setdefault(call.key, []).append(call)
    documents: dict[str, list[Document]] = {}
    for document in history.documents:
        documents.setdefault(document.external_id, []).append(document)
    for external in sorted({*creates, *documents}):
        made, there = creates.get(external, []), documents.get(external, [])
        name = history.name_of(external)
        if len(made) > 1 or len(there) > 1:
            yield Violation(
                invariant="I3",
                key=name,
                excerpt=f"{name}: {_sent(made or tries.get(external, []))} -> {_named(there)}",
            )
        yield from _unordered(history, external, made, there)


def _unordered(
    history: History, external: str, made: list[Call], there: list[Document]
) -> Iterator[Violation]:
    """A document nobody ordered, or of a record whose fate says there is none; but not of what was
    skipped while its fate was open.
    """
    entities = {one.entity for one in there} or {e for e, x in history.owners if x == external}
    for entity in sorted(entities):
        owners = history.owners.get((entity, external), [])
        name = history.name_of(external)
        if not owners:
            yield Violation(
                invariant="I3",
                key=name,
                excerpt=f"{name}: {_sent(made)} -> {_named(there)}, and the ledger knows of no "
                "such effect",
            )
            continue
        own = [one for one in owners if one.entity == entity]
        open_ones = not history.is_quiet and any(
            one.fate in ("in_flight", "unknown") for one in own
        )
        known = (entity, external) not in history.perhaps_made
        if own and known and not open_ones and all(one.fate not in ARRIVED for one in own):
            last = own[-1]
            yield Violation(
                invariant="I3",
                key=name,
                excerpt=f"{name}: {_sent(made)} -> {_named(there)}, and the ledger says "
                f"{last.fate} since {clock_of(last.since_us)}",
            )


def _sent(calls: list[Call]) -> str:
    return ", ".join(call.words for call in calls) or "no create seen"


def _named(documents: list[Document]) -> str:
    count = {0: "no document", 1: "document", 2: "two documents"}.get(
        len(documents), f"{len(documents)} documents"
    )
    names = ", ".join(sorted(one.number or one.id for one in documents))
    return f"{count} {names}".rstrip()


def final_content(history: History) -> Iterator[Violation]:
    """I4: at rest, each document is what its record's last version maps to."""
    documents = {(one.entity, one.external_id): one for one in history.documents}
    for record in history.records:
        newest = history.newest.get(record.origin)
        if record.content is None or newest is None or newest.fate not in ARRIVED:
            continue
        external = history.external_of.get(record.origin, "")
        document = documents.get((record.entity, external))
        if document is None:
            yield Violation(
                invariant="I4",
                key=record.key,
                excerpt=f"{record.key}: {newest.fate} {clock_of(newest.since_us)}, and the "
                "destination has no document of it",
            )
            continue
        for name, wanted in record.content.items():
            found = document.content.get(name)
            if found != wanted:
                yield Violation(
                    invariant="I4",
                    key=record.key,
                    excerpt=f"{record.key}: {document.number or document.id} has {name} "
                    f"{_short(found)}, the source says {_short(wanted)}",
                )
                break


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 80 else f"{text[:79]}…"


def never_back(history: History) -> Iterator[Violation]:
    """I5: the versions a document took are in order."""
    for document in history.documents:
        for before, after in zip(document.applied, document.applied[1:], strict=False):
            if after < before:
                name = history.name_of(document.external_id)
                yield Violation(
                    invariant="I5",
                    key=name,
                    excerpt=f"{name}: {document.number or document.id} took version {after} "
                    f"after {before}",
                )
                break


def money_adds_up(history: History) -> Iterator[Violation]:
    """I6: money per currency and lines are the same at both ends, minus what is named stuck."""
    wanted: dict[str, Decimal] = {}
    found: dict[str, Decimal] = {}
    lines: Counter[str] = Counter()
    differing: list[str] = []
    documents = {(one.entity, one.external_id): one for one in history.documents}
    counted: set[tuple[str, str]] = set()
    for record in history.records:
        newest = history.newest.get(record.origin)
        external = history.external_of.get(record.origin, "")
        name = (record.entity, external)
        if newest is None or newest.fate not in ARRIVED:
            counted.add(name)  # named as stuck: its document, if any, is not compared
            continue
        if record.total is not None and record.currency is not None:
            wanted[record.currency] = wanted.get(record.currency, Decimal(0)) + record.total
        lines["source"] += record.lines or 0
        document = documents.get(name)
        counted.add(name)
        if document is not None:
            _add(found, document)
            lines["destination"] += document.lines or 0
        is_same = document is not None and (document.total, document.currency, document.lines) == (
            record.total, record.currency, record.lines
        )  # fmt: skip
        if not is_same:
            differing.append(f"{record.key} {record.total} {record.currency}, {_held(document)}")
    for document in history.documents:
        if (document.entity, document.external_id) not in counted:
            _add(found, document)
    for currency in sorted({*wanted, *found}):
        here, there = wanted.get(currency, Decimal(0)), found.get(currency, Decimal(0))
        if here != there:
            yield Violation(
                invariant="I6",
                key=currency,
                excerpt=f"{currency}: the source sold {here}, the destination has {there} "
                f"({there - here:+}): {'; '.join(differing[:_NAMED]) or 'documents of strangers'}",
            )
    if lines["source"] != lines["destination"]:
        yield Violation(
            invariant="I6",
            key="lines",
            excerpt=f"{lines['source']} lines sold, {lines['destination']} at the destination: "
            f"{'; '.join(differing[:_NAMED])}",
        )


def _add(sums: dict[str, Decimal], document: Document) -> None:
    if document.total is not None and document.currency is not None:
        sums[document.currency] = sums.get(document.currency, Decimal(0)) + document.total


def _held(document: Document | None) -> str:
    if document is None:
        return "no document"
    return (
        f"{document.number or document.id} has {document.total} {document.currency} "
        f"in {document.lines} lines"
    )


def second_read_is_silent(history: History) -> Iterator[Violation]:
    """I10: a second full read writes nothing."""
    if history.second_read is None:
        return
    for call in history.destination_calls:
        if call.committed and call.time >= history.second_read:
            name = history.name_of(call.key or call.path)
            yield Violation(
                invariant="I10",
                key=name,
                excerpt=f"{name}: {call.words}, though nothing had changed since "
                f"{clock_of(history.second_read)}",
            )

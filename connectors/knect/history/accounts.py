"""I1, I2, I9: every record has exactly one fate, none is lost, none hangs.

Must not: look at documents' contents.
"""

from collections import Counter
from collections.abc import Iterator

from knect.history.evidence import ARRIVED, History, Violation, clock_of

__all__ = ["balance", "nothing_hangs", "nothing_lost"]

_FATES = frozenset(
    "delivered unchanged skipped superseded echo rejected waiting unknown in_flight".split()
)


def balance(history: History) -> Iterator[Violation]:
    """I1: what windows saw is what transactions account for, per pipeline."""
    ledger = history.ledger
    seen: Counter[str] = Counter()
    for sighting in ledger.sightings:
        seen[sighting.pipeline] += sighting.seen
    accounted: Counter[str] = Counter()
    for one in ledger.transactions:
        if one.fate in _FATES:
            accounted[one.pipeline] += 1
        else:
            yield Violation(
                invariant="I1", key=one.key, excerpt=f"{one.key}: {one.fate!r} is no fate"
            )
    for pipeline, _, count in ledger.retired:
        accounted[pipeline] += count
    for pipeline in sorted({*seen, *accounted}):
        if seen[pipeline] != accounted[pipeline]:
            fates = Counter(one.fate for one in ledger.transactions if one.pipeline == pipeline)
            terms = " + ".join(f"{count} {fate}" for fate, count in sorted(fates.items())) or "0"
            yield Violation(
                invariant="I1",
                key=pipeline,
                excerpt=f"{pipeline}: {seen[pipeline]} seen, but {terms} = {accounted[pipeline]}"
                f"{_without(history, pipeline)}",
            )


def _without(history: History, pipeline: str) -> str:
    """Name the versions a window brought to the pipeline that have no transaction there."""
    ledger = history.ledger
    has = {one.version for one in ledger.transactions if one.pipeline == pipeline}
    windows = {one.window for one in ledger.sightings if one.pipeline == pipeline and one.seen}
    names = [v.source_id for v in ledger.versions if v.window in windows and v.seq not in has]
    return f"; no transaction for {', '.join(names[:3])}" if names else ""


def nothing_lost(history: History) -> Iterator[Violation]:
    """I2: what the source holds is in the ledger; what the ledger calls delivered is there."""
    known = {history.origin_of(one) for one in history.ledger.versions}
    for record in history.records:
        if record.origin not in known:
            yield Violation(
                invariant="I2",
                key=record.key,
                excerpt=f"{record.key}: the source has it ({record.id}), the ledger never saw it",
            )
    there = {(one.entity, one.id) for one in history.documents}
    entities = {one.entity for one in history.documents}
    for effect in history.ledger.effects:
        owner = history.by_seq.get(effect.transaction)
        if owner is None or owner.fate not in ARRIVED or effect.state != "done":
            continue
        name = (effect.entity, effect.destination_id or "")
        if effect.entity in entities and name not in there:
            yield Violation(
                invariant="I2",
                key=owner.key,
                excerpt=f"{owner.key}: {owner.fate} {clock_of(owner.since_us)} as "
                f"{effect.destination_id} ({effect.name}), which the destination does not have",
            )
    if history.is_quiet:
        for hint in history.ledger.hints:
            if hint.window is None:
                yield Violation(
                    invariant="I2",
                    key=hint.source_id,
                    excerpt=f"{hint.source_id}: a webhook was acknowledged and never looked at",
                )


def nothing_hangs(history: History) -> Iterator[Violation]:
    """I9: after quiet nothing is in flight without a live lease, and nothing is unknown."""
    for one in history.ledger.transactions:
        since = clock_of(one.since_us)
        if one.holder is not None and (one.lease_us or 0) < history.now_us:
            yield Violation(
                invariant="I9",
                key=one.key,
                excerpt=f"{one.key}: in the hands of {one.holder}, whose lease ended "
                f"{clock_of(one.lease_us or 0)}",
            )
        elif history.is_quiet and one.fate == "in_flight" and one.holder is None:
            yield Violation(
                invariant="I9",
                key=one.key,
                excerpt=f"{one.key}: in flight since {since} at {one.stage}, in nobody's hands",
            )
        elif history.is_quiet and one.fate == "unknown":
            yield Violation(
                invariant="I9",
                key=one.key,
                excerpt=f"{one.key}: unknown since {since}: {one.message or 'no reason given'}",
            )
    for effect in history.ledger.effects:
        owner = history.by_seq.get(effect.transaction)
        ended = owner is not None and owner.fate not in ("in_flight", "waiting", "unknown")
        if owner is not None and ended and effect.state in ("ahead", "unknown"):
            yield Violation(
                invariant="I9",
                key=owner.key,
                excerpt=f"{owner.key}: ended as {owner.fate} {clock_of(owner.since_us)} while its "
                f"effect {effect.name} ({effect.external_id}) is {effect.state}",
            )

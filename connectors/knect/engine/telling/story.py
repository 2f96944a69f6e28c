"""The story of a transaction, from the ledger's row of it.

Why: a timeline says what happened and when; a trace wants stages, effects below them and marks.
Must not: read, write, or know how a story is told.
"""

from collections.abc import Sequence

from knect.ledger.again import is_edited
from knect.ledger.questions.stories import TransactionRow
from knect.ledger.timeline import INTERRUPTED, Event, decode
from knect.telemetry import (
    AttemptStory,
    EffectStory,
    LinkStory,
    MarkKind,
    MarkStory,
    StageStory,
    TransactionStory,
)

__all__ = ["MARKS", "story_of"]

#: Events that show a stage which did not end.
MARKS = frozenset(("stalled", INTERRUPTED))
_STAGES = {"extracted": "extract", "mapped": "map", "resolved": "resolve", "delivered": "deliver"}
_NEXT = {"": "extract", "extract": "map", "map": "resolve", "resolve": "deliver"}


def story_of(row: TransactionRow) -> TransactionStory:
    """Return everything the ledger knows of a transaction, as a story."""
    marks: list[MarkStory] = []
    tries: dict[int, list[Event]] = {}
    for event in decode(row.timeline):
        if event.attempt > 0:
            tries.setdefault(event.attempt, []).append(event)
        if event.what in MARKS:
            marks.append(_mark(event))
    attempts = [_attempt(number, tries[number]) for number in sorted(tries)]
    links: list[LinkStory] = []
    if row.replay_of:
        kind = "edit-of" if is_edited(row.timeline) else "replay-of"
        links = [LinkStory(trace_id=row.replay_of, relation=kind)]
    links += [LinkStory(trace_id=i, relation="order") for i in row.related]
    return TransactionStory(
        id=row.id,
        pipeline=row.pipeline,
        entity=row.entity,
        key=row.key,
        source_id=row.source_id,
        discovered=row.created_us,
        attempts=tuple(a for a in attempts if a.stages),
        marks=tuple(marks),
        links=tuple(links),
        fate=row.fate,
        destination_id=row.destination_number or row.destination_id,
    )


def _attempt(number: int, events: Sequence[Event]) -> AttemptStory:
    stages: list[StageStory] = []
    effects: list[EffectStory] = []
    last = ""
    for event in events:
        start, end = event.at_us, event.at_us + event.duration_us
        if event.what in _STAGES:
            last = _STAGES[event.what]
            if last == "deliver" and effects:
                start = effects[0].start
            stages.append(StageStory(stage=last, start=start, end=end))
        elif event.what.startswith("effect:"):
            outcome = "ok" if event.ok else "unknown"
            effects.append(
                EffectStory(
                    name=event.what.removeprefix("effect:"),
                    start=start,
                    end=end,
                    outcome=outcome,
                    reason=None if event.ok else event.note,
                    destination_id=event.note if event.ok else None,
                )
            )
        elif event.what in _ENDS and last != "deliver":
            last = _NEXT[last]
            began = effects[0].start if effects and last == "deliver" else start
            stages.append(
                StageStory(
                    stage=last,
                    start=began,
                    end=end,
                    outcome=event.what,
                    reason=event.reason or None,
                    message=event.note,
                )
            )
    return AttemptStory(number=number, stages=tuple(stages), effects=tuple(effects))


_ENDS = frozenset(
    ("waiting", "rejected", "skipped", "superseded", "unknown", "in_flight", "unchanged", "echo")
)


def _mark(event: Event) -> MarkStory:
    return MarkStory(
        kind=MarkKind(event.what),
        stage=event.note.partition(" ")[0] or "deliver",
        attempt=event.attempt,
        since=event.at_us,
        at=event.at_us + event.duration_us,
    )

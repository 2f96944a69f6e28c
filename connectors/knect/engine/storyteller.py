"""From ledger rows to the stories telemetry tells.

Why: a trace is rendered from what is committed, so it says nothing the ledger does not.
Must not: hold work up; it runs behind the commits and reads.
"""

import asyncio
import logging
from collections.abc import Iterable, Sequence
from contextlib import suppress

from knect.ledger import Ledger, LedgerError
from knect.ledger.stories import TransactionRow, exchanges_of, mark_traced, rows_to_tell
from knect.ledger.timeline import Event, decode
from knect.telemetry import (
    AttemptStory,
    EffectStory,
    ExchangeStory,
    LinkStory,
    MarkKind,
    MarkStory,
    StageStory,
    TransactionStory,
    TransactionTraces,
)

__all__ = ["Storyteller", "story_of"]

_log = logging.getLogger("knect.traces")

_MARKS = frozenset(("stalled", "interrupted"))
_STAGES = {"extracted": "extract", "mapped": "map", "resolved": "resolve", "delivered": "deliver"}
_NEXT = {"": "extract", "extract": "map", "map": "resolve", "resolve": "deliver"}
_AT_ONCE = 500
_MANY = 2_000
_LATE_SECONDS = 5.0
#: What was just discovered is mostly delivered a moment later: then it is told in one go.
_GATHER_SECONDS = 1.0


def story_of(row: TransactionRow) -> TransactionStory:
    """Return everything the ledger knows of a transaction, as a story."""
    marks: list[MarkStory] = []
    tries: dict[int, list[Event]] = {}
    for event in decode(row.timeline):
        if event.attempt > 0:
            tries.setdefault(event.attempt, []).append(event)
        if event.what in _MARKS:
            marks.append(_mark(event))
    attempts = [_attempt(number, tries[number]) for number in sorted(tries)]
    links = [LinkStory(trace_id=row.replay_of, relation="replay-of")] if row.replay_of else []
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


class Storyteller:
    """Tells what was committed: transactions by row id, and the calls made for them."""

    def __init__(self, ledger: Ledger, traces: TransactionTraces, *, enabled: bool) -> None:
        self._ledger = ledger
        self._traces = traces
        self.enabled = enabled
        self._waiting: dict[int, None] = {}
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()

    def touched(self, transactions: Iterable[int]) -> None:
        """Remember transactions whose story grew; never blocks."""
        if not self.enabled:
            return
        self._waiting.update(dict.fromkeys(transactions))
        self._wake.set()
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="storyteller")

    async def close(self) -> None:
        """Tell what is left."""
        self._closing.set()
        self._wake.set()
        if self._task is not None:
            await self._task

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            if not self._waiting:
                if self._closing.is_set():
                    return
                self._wake.clear()
                continue
            if len(self._waiting) < _MANY:
                with suppress(TimeoutError):
                    async with asyncio.timeout(_GATHER_SECONDS):
                        await self._closing.wait()
            batch = list(self._waiting)[:_AT_ONCE]
            for seq in batch:
                del self._waiting[seq]
            try:
                await self._tell(batch)
            except LedgerError as error:
                _log.warning("traces are late", extra={"reason": str(error)})
                if self._closing.is_set():
                    return  # what was not told is told by the next worker
                self._waiting.update(dict.fromkeys(batch))
                with suppress(TimeoutError):
                    async with asyncio.timeout(_LATE_SECONDS):
                        await self._closing.wait()

    async def _tell(self, batch: Sequence[int]) -> None:
        rows, calls = await self._ledger.read(
            lambda c: (rows_to_tell(c, batch), exchanges_of(c, batch))
        )
        for row in rows:
            self._traces.again(story_of(row))
        for call in calls:
            self._traces.exchanged(
                ExchangeStory(
                    trace_id=call.trace_id,
                    span_id=call.span_id,
                    connection=call.connection,
                    method=call.method,
                    template=call.template,
                    host=call.host,
                    start=call.started_us,
                    end=call.started_us + int(call.duration_ms * 1000),
                    status=call.status,
                    error=call.error,
                    served=tuple(
                        LinkStory(trace_id=i, relation="transaction") for i in call.served
                    ),
                )
            )
        if rows:
            await self._ledger.write(lambda c: mark_traced(c, batch))

"""The courses that transactions simply take, and the trace of each.

Why: what went through in one go has nothing to tell but when, and under which numbers; nearly
everything does. The story of such a course is told once, of an example; its trace is a pattern
that each transaction is put into, in a third of the time.
Must not: guess. Whatever is not plain is told as a story of its own.
"""

from collections.abc import Sequence
from functools import lru_cache
from operator import add

from msgspec import Struct, json, structs

from knect.engine.telling.story import MARKS, story_of
from knect.ledger.questions.stories import TransactionRow
from knect.ledger.timeline import Event, encode
from knect.telemetry import Pattern, gap

__all__ = ["Plain", "plain"]

#: What an attempt that was stopped says at its end.
_STOPPED = frozenset(("waiting", "rejected", "unknown", "in_flight"))
#: Of an example: any will do, if no two instants are the same.
_ID, _BEGAN_US, _NEXT_US, _TOOK_US = f"{1:032x}", 1_000_000_000_000_000, 1_000_000, 1_000

#: What `TransactionTraces.alike` is told of a transaction: pattern, id, instants, texts.
Plain = tuple[Pattern, str, Sequence[int], Sequence[str]]


class _Step(Struct, array_like=True, gc=False):
    """An `Event` as it is read here: all of it was written."""

    attempt: int
    what: str
    at_us: int
    duration_us: int
    ok: bool
    note: str
    worker: str
    reason: str


_decode = json.Decoder(list[_Step]).decode


def plain(row: TransactionRow) -> Plain | None:
    """Return the transaction as one of many; None if its story is its own."""
    steps = _decode(row.timeline)
    if not steps or row.replay_of or row.related:
        return None
    attempts, kinds, at, took, ok, notes, _, reasons = zip(
        *map(structs.astuple, steps), strict=True
    )
    number = row.destination_number or row.destination_id
    pattern = _pattern((row.pipeline, row.entity, row.fate), number is None, attempts, kinds)
    if pattern is None or not all(ok) or any(reasons):
        return None
    if 0 in took[attempts.count(0) :] or list(at) != sorted(at):
        return None  # a span has some length all the same, or begins with another
    instants = (row.created_us, *at, *map(add, at, took))
    return pattern, row.id, instants, (row.key, row.source_id, number or "", *notes)


@lru_cache(maxsize=1024)
def _pattern(
    names: tuple[str, str, str],
    unbound: bool,  # noqa: FBT001 - keywords cost a cache more than all the rest
    attempts: tuple[int, ...],
    kinds: tuple[str, ...],
) -> Pattern | None:
    """Return the pattern of a course; None for one that is not plain."""
    if list(attempts) != sorted(attempts) or not (MARKS | _STOPPED).isdisjoint(kinds):
        return None
    pipeline, entity, fate = names
    key, source, number, *notes = texts = [gap(i) for i in range(3 + len(kinds))]
    at = [_BEGAN_US + _NEXT_US * i for i in range(1, 1 + len(kinds))]
    events = [
        Event(attempt, what, at_us, _TOOK_US, note=note)
        for attempt, what, at_us, note in zip(attempts, kinds, at, notes, strict=True)
    ]
    example = TransactionRow(
        seq=0,
        id=_ID,
        pipeline=pipeline,
        entity=entity,
        key=key,
        source_id=source,
        fate=fate,
        created_us=_BEGAN_US,
        timeline=encode(events),
        replay_of=None,
        destination_id=None if unbound else number,
        destination_number=None,
    )
    instants = [_BEGAN_US, *at, *(one + _TOOK_US for one in at)]
    return Pattern(story_of(example), instants, texts)

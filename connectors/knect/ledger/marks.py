"""Marks on a transaction's timeline that are not its own doing.

Must not: change a fate; a mark only says what was seen.
"""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, select

from knect.ledger import schema as s
from knect.ledger.store.bulk import UpdateMany
from knect.ledger.store.sets import Rows, one_of
from knect.ledger.timeline import Event, extend

__all__ = ["NEXT_STAGE", "add_marks", "mark_stalled"]

#: (transaction, attempt, stage last finished, since, now)
Stalled = tuple[int, int, str, int, int]

#: What comes after a finished stage: where something is when it hangs.
NEXT_STAGE = {
    "discovered": "extract",
    "extracted": "map",
    "mapped": "resolve",
    "resolved": "deliver",
    "delivering": "deliver",
}


def add_marks(connection: Connection, events: Mapping[int, Event]) -> dict[int, str]:
    """Append an event to the timeline of each transaction; return the timelines as they are now."""
    rows = _TIMELINES.of(connection, seqs=list(events))
    timelines = {seq: extend(text, [events[seq]]) for seq, text in rows}
    _MARKED.run(connection, list(timelines.items()))
    return timelines


_TIMELINES = Rows(
    select(s.transactions.c.seq, s.transactions.c.timeline)
    .where(one_of(s.transactions.c.seq, "seqs"))
    .order_by(s.transactions.c.seq)
    .with_for_update(),
    tuple[int, str],
)
_MARKED = UpdateMany(s.transactions, ("seq", "timeline"))


def mark_stalled(connection: Connection, stalled: Sequence[Stalled]) -> None:
    """Say that transactions have been in one stage for too long, while they still are."""
    marks = {
        seq: Event(
            attempt, "stalled", since, now - since, ok=False, note=NEXT_STAGE.get(stage, stage)
        )
        for seq, attempt, stage, since, now in stalled
    }
    _STALLED.run(connection, [(seq, True) for seq in add_marks(connection, marks)])


_STALLED = UpdateMany(s.transactions, ("seq", "stalled"))

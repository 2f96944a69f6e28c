"""Marks on a transaction's timeline that are not its own doing.

Must not: change a fate; a mark only says what was seen.
"""

from collections.abc import Sequence

from sqlalchemy import Connection, select, update

from knect.ledger import schema as s
from knect.ledger.timeline import Event, decode, encode

__all__ = ["NEXT_STAGE", "add_mark", "mark_stalled"]

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


def add_mark(connection: Connection, seq: int, event: Event) -> None:
    """Append an event to a transaction's timeline."""
    t = s.transactions
    text = connection.execute(select(t.c.timeline).where(t.c.seq == seq).with_for_update()).scalar()
    if text is not None:
        events = [*decode(text), event]
        connection.execute(update(t).where(t.c.seq == seq).values(timeline=encode(events)))


def mark_stalled(connection: Connection, stalled: Sequence[Stalled]) -> None:
    """Say that transactions have been in one stage for too long, while they still are."""
    t = s.transactions
    for seq, attempt, stage, since, now in stalled:
        name = NEXT_STAGE.get(stage, stage)
        add_mark(
            connection, seq, Event(attempt, "stalled", since, now - since, ok=False, note=name)
        )
        connection.execute(update(t).where(t.c.seq == seq).values(stalled=True))

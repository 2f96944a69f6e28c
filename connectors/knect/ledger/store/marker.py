"""Whether a commit whose answer was lost took place.

Why: a connection can die between COMMIT and its answer. To do the group again could double it, to
drop it could lose it. Each group therefore writes its number into the writer's own row, in the same
database transaction; once the server is back the row tells. Asking locks the row, so that an old
connection of ours that is still at it on the server is waited for.
Must not: be used where a commit cannot lose its answer (a file).
"""

from typing import Any

from sqlalchemy import Connection, select

from knect.ledger import schema as s
from knect.ledger.instants import to_us
from knect.ledger.store.bulk import InsertMany
from knect.ledger.store.upserts import insert_ignore
from knect.seams import Clock, new_id

__all__ = ["CommitMarker"]

_MARK = InsertMany(
    s.writers, ("name", "last", "at_us"), unique=("name",), changing=("last", "at_us")
)


class CommitMarker:
    """The numbers of one writer's groups, and the one that is under way."""

    def __init__(self, clock: Clock) -> None:
        self._name = new_id()
        self._clock = clock
        self._number = 0
        self._results: list[Any] | None = None

    @property
    def uncertain(self) -> bool:
        """True from when COMMIT is sent until `forget`."""
        return self._results is not None

    def next(self) -> None:
        """Begin a group."""
        self._number += 1
        self._results = None

    def set(self, connection: Connection) -> None:
        """Write the group's number; the last statement of its transaction."""
        row = self._row(self._number)
        _MARK.run(connection, [(row["name"], row["last"], row["at_us"])])

    def _row(self, last: int) -> dict[str, object]:
        return {"name": self._name, "last": last, "at_us": to_us(self._clock.now())}

    def committing(self, results: list[Any]) -> None:
        """Say that COMMIT is about to be sent."""
        self._results = results

    def look_up(self, connection: Connection) -> int:
        """Return the newest number that is committed, once nothing of ours is under way."""
        connection.execute(insert_ignore(connection, s.writers), self._row(0))
        w = s.writers
        last = select(w.c.last).where(w.c.name == self._name).with_for_update()
        return int(connection.execute(last).scalar_one())

    def found(self, last: int | None) -> list[Any] | None:
        """Return the group's results if `last` shows that it is committed; else None."""
        return self._results if last is not None and last >= self._number else None

    def forget(self) -> None:
        """Say that whoever waits has been answered."""
        self._results = None

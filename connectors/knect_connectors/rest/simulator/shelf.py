"""The records of the simulated in-house system: collections of objects with a time of change.

Must not: know HTTP.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from knect.seams import Clock

__all__ = ["Duplicate", "Shelf"]


class Duplicate(Exception):
    """There is a record with this reference already."""


class Shelf:
    """Collection -> id -> record. `time_offset` moves its clock, `unique` says whether two records
    may have one reference.
    """

    def __init__(self, clock: Clock, *, unique: bool = True) -> None:
        self._clock = clock
        self._unique = unique
        self._made: dict[str, datetime] = {}
        self.time_offset = timedelta(0)
        self.rows: dict[str, dict[str, dict[str, Any]]] = {}
        self._last = 0

    def now(self) -> datetime:
        """Return the system's own time."""
        return (self._clock.now() + self.time_offset).astimezone(UTC)

    def of(self, collection: str) -> dict[str, dict[str, Any]]:
        """Return a collection's records by id."""
        return self.rows.setdefault(collection, {})

    def put(
        self,
        collection: str,
        record: Mapping[str, Any],
        *,
        identifier: str | None = None,
        at: datetime | None = None,
    ) -> dict[str, Any]:
        """Store a record, changed now or `at`; raises Duplicate for a reference that is taken."""
        rows = self.of(collection)
        if identifier is None:
            reference = record.get("ref") if self._unique else None
            if reference and any(row.get("ref") == reference for row in rows.values()):
                raise Duplicate
            self._last += 1
            identifier = f"{collection[:1].upper()}{self._last:06}"
            self._made[identifier] = self.now()
        changed = (at or self.now()).isoformat(timespec="microseconds").replace("+00:00", "Z")
        rows[identifier] = {**rows.get(identifier, {}), **record, "id": identifier}
        rows[identifier]["changed"] = changed
        return rows[identifier]

    def found(self, reference: str, collection: str, settles: float) -> list[dict[str, Any]]:
        """Return what has a reference and was made so many seconds ago."""
        before = self.now() - timedelta(seconds=settles)
        return [
            row
            for name, row in self.of(collection).items()
            if row.get("ref") == reference and self._made.get(name, before) <= before
        ]

    def listed(
        self, collection: str, since: str, until: str, *, later: bool = False
    ) -> list[dict[str, Any]]:
        """Return what changed in [since, until), by (time, id); empty bounds are open.

        `later`: only what changed after `since`.
        """
        start, end = _instant(since), _instant(until)
        found = [
            (_instant(row["changed"]), row["id"], row)
            for row in self.of(collection).values()
            if (start is None or _instant(row["changed"]) >= start)
            and not (later and _instant(row["changed"]) == start)
            and (end is None or _instant(row["changed"]) < end)
        ]
        return [row for _, _, row in sorted(found, key=lambda one: one[:2])]


def _instant(text: str) -> Any:
    return datetime.fromisoformat(text) if text else None

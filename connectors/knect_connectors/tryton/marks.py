"""When something that is no row of its own last changed: by the rows its figure is made of.

Why: a stock level or a price is computed; nothing in Tryton carries its time of change. What it is
computed from does. A `Mark` names such rows and which owner (a product, a template) they belong
to, so that a window's work is bounded by what changed in it. Dates count too: what a date alone
changes, changes at that day's midnight in the company's zone.
Must not: read figures; it only says whose to read.
"""

from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct

from knect_connectors.tryton.client import TrytonClient
from knect_connectors.tryton.rows import Listing, value_at

__all__ = ["Dated", "Mark", "Owners", "changed", "later", "midnight", "midnights"]

#: Owner's id -> when it last changed.
Owners = dict[int, datetime]

_AT_ONCE = 1_000


class Mark(Struct, frozen=True, kw_only=True):
    """Rows of `model` that change their `owner` (a dotted field) when they change at `at`."""

    model: str
    owner: str
    at: str = "last_modified_at"
    domain: tuple[Any, ...] = ()

    async def within(self, client: TrytonClient, since: datetime, until: datetime) -> Owners:
        """Return the owners of what changed in the window, each with its last change."""
        found: Owners = {}
        fields = ("id", self.owner, self.at)
        listing = Listing(model=self.model, fields=fields, at=self.at, domain=self.domain)
        async for rows in listing.read(client, since, until, _AT_ONCE):
            later(found, ((value_at(row, self.owner), value_at(row, self.at)) for row in rows))
        return found

    async def last(self, client: TrytonClient, owners: Sequence[int]) -> Owners:
        """Return when each of these owners last changed, of those that have such rows."""
        found, count = await self._newest(client, owners, _AT_ONCE)
        if count == _AT_ONCE:  # there is more: some owner's newest row may not be among them
            for owner in set(owners) - set(found):
                later(found, (await self._newest(client, [owner], 1))[0].items())
        return found

    async def _newest(
        self, client: TrytonClient, owners: Sequence[int], limit: int
    ) -> tuple[Owners, int]:
        rows = await client.search_read(
            self.model,
            [[self.owner, "in", list(owners)], *self.domain],
            ["id", self.owner, self.at],
            limit=limit,
            order=[[self.at, "DESC"]],
            context={"active_test": False},
        )
        found: Owners = {}
        later(found, ((value_at(row, self.owner), value_at(row, self.at)) for row in rows))
        return found, len(rows)


class Dated(Struct, frozen=True, kw_only=True):
    """Rows that change their owner on a day without being written: `day` plus `days`."""

    model: str
    owner: str
    day: str
    days: int = 0
    domain: tuple[Any, ...] = ()

    async def within(
        self,
        client: TrytonClient,
        since: datetime,
        until: datetime,
        owners: Sequence[int] | None = None,
    ) -> AsyncIterator[tuple[int | None, datetime]]:
        """Yield (owner, midnight) for every such midnight in the window; owner None: all."""
        zone = (await client.facts()).zone
        first, last = midnights(since, until, zone)
        if first > last:
            return
        shift = timedelta(days=self.days)
        domain: list[Any] = [[self.day, ">=", first - shift], [self.day, "<=", last - shift]]
        if owners is not None:
            domain.append(["OR", [self.owner, "in", list(owners)], [self.owner, "=", None]])
        last_id = -1
        while True:
            rows = await client.search_read(
                self.model,
                [*domain, ["id", ">", last_id], *self.domain],
                ["id", self.owner, self.day],
                limit=_AT_ONCE,
                order=[["id", "ASC"]],
            )
            for row in rows:
                yield value_at(row, self.owner), midnight(value_at(row, self.day) + shift, zone)
            if len(rows) < _AT_ONCE:
                return
            last_id = rows[-1]["id"]


async def changed(
    client: TrytonClient,
    marks: Sequence[Mark],
    since: datetime,
    until: datetime,
    owners: Sequence[int] | None = None,
) -> Owners:
    """Return who changed by these marks in the window, or of `owners` when each last did."""
    found: Owners = {}
    for mark in marks:
        if owners is None:
            part = await mark.within(client, since, until)
        else:
            part = await mark.last(client, owners)
        later(found, part.items())
    return found


def later(found: Owners, more: Iterable[tuple[int | None, datetime]]) -> None:
    """Add to `found` what is later than what it has."""
    for owner, at in more:
        if owner is not None and (owner not in found or found[owner] < at):
            found[owner] = at


def midnight(day: date, zone: str) -> datetime:
    """Return the instant a day begins in a zone, UTC."""
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)


def midnights(since: datetime, until: datetime, zone: str) -> tuple[date, date]:
    """Return the first and the last day whose midnight is in [since, until); first > last: none."""
    there = ZoneInfo(zone)
    first = since.astimezone(there).date()
    if midnight(first, zone) < since:
        first += timedelta(days=1)
    last = until.astimezone(there).date()
    if midnight(last, zone) >= until:
        last -= timedelta(days=1)
    return first, last

"""When something that is no row of its own last changed: by the rows its figure is made of.

Why: a stock level or a price is computed; nothing in Tryton carries its time of change. What it is
computed from does. A `Mark` names such rows and which owner (a product, a template) they belong
to, so that a window's work is bounded by what changed in it. Dates count too: what a date alone
changes, changes at that day's midnight in the company's zone.
Must not: read figures; it only says whose to read.
"""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct

from knect_connectors.tryton.client import TrytonClient
from knect_connectors.tryton.rows import AT_ONCE, by_id, value_at
from knect_connectors.tryton.wire import to_wire

__all__ = [
    "GOODS",
    "Dated",
    "Mark",
    "Owners",
    "changed",
    "every_product",
    "later",
    "midnight",
    "midnights",
]

#: Owner's id -> when it last changed.
Owners = dict[int, datetime]


class Mark(Struct, frozen=True, kw_only=True):
    """Rows of `model` that change their `owner` (a dotted field) when they change.

    `at` are the fields that tell when; a row's latest in the window counts.
    """

    model: str
    owner: str
    at: tuple[str, ...] = ("last_modified_at",)
    domain: tuple[Any, ...] = ()

    async def within(
        self, client: TrytonClient, since: datetime, until: datetime
    ) -> AsyncIterator[tuple[int | None, datetime]]:
        """Yield (owner, time) of what changed in the window, page by page of rows."""
        first, end = to_wire(since), to_wire(until)
        spans = [[[at, ">=", first], [at, "<", end]] for at in self.at]
        async for row in by_id(
            client, self.model, [["OR", *spans], *self.domain], [self.owner, *self.at]
        ):
            for at in self.at:
                when = value_at(row, at)
                if when is not None and since <= when < until:
                    yield value_at(row, self.owner), when

    async def last(self, client: TrytonClient, owners: Sequence[int]) -> Owners:
        """Return when each of these owners last changed, of those that have such rows."""
        found: Owners = {}
        for at in self.at:
            part, count = await self._newest(client, at, owners, AT_ONCE)
            if count == AT_ONCE:  # there is more: some owner's newest row may not be among them
                for owner in set(owners) - set(part):
                    later(part, (await self._newest(client, at, [owner], 1))[0].items())
            later(found, part.items())
        return found

    async def _newest(
        self, client: TrytonClient, at: str, owners: Sequence[int], limit: int
    ) -> tuple[Owners, int]:
        rows = await client.search_read(
            self.model,
            [[self.owner, "in", list(owners)], *self.domain],
            ["id", self.owner, at],
            limit=limit,
            order=[[at, "DESC"]],
            context={"active_test": False},
        )
        found: Owners = {}
        later(found, ((value_at(row, self.owner), value_at(row, at)) for row in rows))
        return found, len(rows)


class Dated(Struct, frozen=True, kw_only=True):
    """Rows that change their owner on a day without being written: on each of `days`.

    `days` names fields, and how many days after the one written there it is.
    """

    model: str
    owner: str
    days: Mapping[str, int]
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
        shifts = {field: timedelta(days=days) for field, days in self.days.items()}
        spans = [
            [[field, ">=", first - shift], [field, "<=", last - shift]]
            for field, shift in shifts.items()
        ]
        domain: list[Any] = [["OR", *spans], *self.domain]
        if owners is not None:
            domain.append(["OR", [self.owner, "in", list(owners)], [self.owner, "=", None]])
        async for row in by_id(client, self.model, domain, [self.owner, *shifts]):
            for field, shift in shifts.items():
                day = value_at(row, field)
                if day is not None and first <= day + shift <= last:
                    yield value_at(row, self.owner), midnight(day + shift, zone)


#: A product changes with itself and with its template.
GOODS = Mark(
    model="product.product", owner="id", at=("last_modified_at", "template.last_modified_at")
)


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
            async for owner, at in mark.within(client, since, until):
                later(found, [(owner, at)])
        else:
            later(found, (await mark.last(client, owners)).items())
    return found


async def every_product(client: TrytonClient, *domain: Any) -> list[int]:
    """Return the ids of all active products, or of those a domain leaves."""
    active = ["active", "=", True]
    return [row["id"] async for row in by_id(client, "product.product", [active, *domain], ["id"])]


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

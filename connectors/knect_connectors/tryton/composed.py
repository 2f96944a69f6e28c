"""Reading records that stand in several models: changed is what one of its parts changed.

Ids of what may have changed are gathered first, then looked at: a record's time is the latest of
all its parts, and one that changed again after the window belongs to the next.
Must not: know an entity; `touched` and `load` do.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from knect.model import Record
from knect.sdk.contract import Change, Page, Window
from knect_connectors.tryton.client import TrytonClient
from knect_connectors.tryton.rows import gone, plain, token_of
from knect_connectors.tryton.wire import to_wire

__all__ = ["ComposedReader", "Loaded", "changed_ids"]

_CHUNK = 100
_LISTED = 1000


class Loaded(Struct, frozen=True, kw_only=True):
    """A record as it is now, and when any part of it last changed."""

    at: datetime
    raw: dict[str, Any]


class ComposedReader(Struct, frozen=True, kw_only=True):
    """An entity of several models. `touched` may name too much, never too little."""

    touched: Callable[[TrytonClient, Window], Awaitable[Iterable[str]]]
    load: Callable[[TrytonClient, Sequence[str]], Awaitable[Mapping[str, Loaded]]]
    record: Callable[[Any], Record]

    async def read(self, client: TrytonClient, window: Window) -> AsyncIterator[Page]:
        """Yield what changed in the window, by (time, id)."""
        times: list[tuple[datetime, str]] = []
        async for identifier, loaded in self._all(client, list(await self.touched(client, window))):
            if window.since <= loaded.at < window.until:
                times.append((loaded.at, identifier))
        times.sort()
        for start in range(0, len(times), window.page_size):
            page = {name: at for at, name in times[start : start + window.page_size]}
            changes = [
                _change(identifier, loaded, page[identifier])
                async for identifier, loaded in self._all(client, list(page))
                if loaded.at < window.until
            ]
            if changes:
                yield Page(changes=sorted(changes, key=lambda one: (one.at, one.id)))

    async def fetch(self, client: TrytonClient, ids: Sequence[str]) -> Sequence[Change]:
        """Return the current state of each id, in order."""
        known = {identifier: one async for identifier, one in self._all(client, list(ids))}
        now = await client.server_time()
        return [_change(one, known[one]) if one in known else gone(one, now) for one in ids]

    def to_record(self, raw: Any) -> Record:
        """Return the canonical record."""
        return self.record(raw)

    async def _all(
        self, client: TrytonClient, ids: Sequence[str]
    ) -> AsyncIterator[tuple[str, Loaded]]:
        for start in range(0, len(ids), _CHUNK):
            for pair in (await self.load(client, ids[start : start + _CHUNK])).items():
                yield pair


async def changed_ids(
    client: TrytonClient, model: str, window: Window, domain: Sequence[Any], field: str
) -> set[Any]:
    """Return `field` of every row of a model that changed in the window, page by page."""
    since, until = to_wire(window.since), to_wire(window.until)
    span = [["last_modified_at", ">=", since], ["last_modified_at", "<", until]]
    found: set[Any] = set()
    last = 0
    while True:
        rows = await client.search_read(
            model,
            [["id", ">", last], *span, *domain],
            [field],
            limit=_LISTED,
            order=[["id", "ASC"]],
            context={"active_test": False},
        )
        found.update(row[field] for row in rows)
        if len(rows) < _LISTED:
            return found
        last = rows[-1]["id"]


def _change(identifier: str, loaded: Loaded, at: datetime | None = None) -> Change:
    """Return a record as it is now, at the place where it was listed: others are to come."""
    token, raw = token_of(loaded.at), plain(loaded.raw)
    return Change(id=identifier, token=token, at=at or loaded.at, raw=raw)

"""Reading what Tryton computes: who changed in a window first, then the figures of those in bulk.

Why: 100,000 levels of which 500 changed must cost the 500. `changes` names owners (products) with
the time of their last change; `keys` makes record ids of an owner (`7@WH`); `load` reads the
figures of many ids at once. A record's token is the time of its owner's last change, so reading
it again tells the same version.
Must not: hold a figure longer than a page.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

from msgspec import Struct

from knect.model import Record
from knect.sdk.contract import Change, Page, Window
from knect_connectors.tryton.client import TrytonClient
from knect_connectors.tryton.marks import Owners
from knect_connectors.tryton.rows import gone, plain, token_of

__all__ = ["GatheredReader"]

_MOST = 200
_EVER = datetime(1970, 1, 1, tzinfo=UTC)


class _Changes(Protocol):
    async def __call__(
        self,
        client: TrytonClient,
        since: datetime,
        until: datetime,
        owners: Sequence[int] | None = None,
    ) -> Owners: ...


class GatheredReader(Struct, frozen=True, kw_only=True):
    """An entity whose records are computed. `load` leaves out ids that have no figure."""

    changes: _Changes
    keys: Callable[[TrytonClient], Awaitable[Sequence[str]]]
    load: Callable[[TrytonClient, Mapping[str, datetime]], Awaitable[Mapping[str, dict[str, Any]]]]
    record: Callable[[Any], Record]

    async def read(self, client: TrytonClient, window: Window) -> AsyncIterator[Page]:
        """Yield what changed in the window, by (time, id)."""
        owners = await self.changes(client, window.since, window.until)
        keys = await self.keys(client) if owners else ()
        order = sorted((at, name_of(owner, key)) for owner, at in owners.items() for key in keys)
        size = min(window.page_size, _MOST)
        for part in (order[start : start + size] for start in range(0, len(order), size)):
            raws = await self.load(client, {name: at for at, name in part})
            yield Page(changes=[_change(name, at, raws.get(name)) for at, name in part])

    async def fetch(self, client: TrytonClient, ids: Sequence[str]) -> Sequence[Change]:
        """Return the current state of each id, in order."""
        if not ids:
            return []
        now = await client.server_time()
        owners = sorted({owner for one in ids if (owner := owner_of(one)) is not None})
        last = await self.changes(client, _EVER, now, owners)
        keys = set(await self.keys(client))
        known = {
            one: last[owner_of(one) or 0]
            for one in dict.fromkeys(ids)
            if owner_of(one) in last and one.partition("@")[2] in keys
        }
        raws = await self.load(client, known) if known else {}
        return [
            _change(one, known[one], raws[one]) if one in raws else gone(one, now) for one in ids
        ]

    def to_record(self, raw: Any) -> Record:
        """Return the canonical record."""
        return self.record(raw)


def name_of(owner: int, key: str) -> str:
    """Return the id of a record: what it is of, and where or on which list."""
    return f"{owner}@{key}" if key else str(owner)


def owner_of(name: str) -> int | None:
    """Return the owner's id in a record's id, None if it is none of ours."""
    owner = name.partition("@")[0]
    return int(owner) if owner.isdecimal() else None


def _change(name: str, at: datetime, raw: dict[str, Any] | None) -> Change:
    if raw is None:
        return Change(id=name, token=token_of(at), at=at, deleted=True)
    return Change(id=name, token=token_of(at), at=at, raw=plain(raw))

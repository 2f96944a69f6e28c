"""Reading what Tryton computes: who changed in a window first, then the figures of those in bulk.

Why: 100,000 levels of which 500 changed must cost the 500. `changes` names owners (products) with
the time of their last change; `keys` makes record ids of an owner (`7@WH`); `load` reads the
figures of many ids at once. A record's token is the time of its owner's last change, so reading
it again tells the same version.
Must not: hold more figures than `at_once`, or an answer longer than one read.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar, cast

from msgspec import Struct

from knect.model import Record
from knect.sdk.contract import Change, Page, Window
from knect_connectors.tryton.client import TrytonClient
from knect_connectors.tryton.marks import Owners
from knect_connectors.tryton.rows import gone, plain, token_of

__all__ = ["GatheredReader", "Reading", "as_many_next", "name_of", "owner_of"]

_T = TypeVar("_T")
_EVER = datetime(1970, 1, 1, tzinfo=UTC)
#: So many are loaded first: a price of a long list may take a server as long as a hundred others.
_FIRST = 200
#: How long a load should take, several calls: one may take 30. Where one takes longer, for the
#: server has slowed down, the next try goes on behind what was recorded, and with `_FIRST` again.
_SECONDS = 10.0


class Reading:
    """One read of a window or of ids: what was asked once holds until it ends.

    For what a set-up consists of (warehouses, price lists): a change of it names its records in a
    window of its own, so the same answer for all pages is right for this one.
    """

    def __init__(self, client: TrytonClient) -> None:
        self.client = client
        self._answers: dict[Callable[[TrytonClient], Awaitable[Any]], Any] = {}

    async def once(self, question: Callable[[TrytonClient], Awaitable[_T]]) -> _T:
        """Return the answer, asked for at the first time only."""
        if question not in self._answers:
            self._answers[question] = await question(self.client)
        return cast("_T", self._answers[question])


class _Changes(Protocol):
    async def __call__(
        self,
        reading: Reading,
        since: datetime,
        until: datetime,
        owners: Sequence[int] | None = None,
    ) -> Owners: ...


class GatheredReader(Struct, frozen=True, kw_only=True):
    """An entity whose records are computed. `load` leaves out ids that have no figure.

    At most `at_once` records are loaded together, whatever the page, and no more than the server
    is quick enough for.
    """

    changes: _Changes
    keys: Callable[[Reading], Awaitable[Sequence[str]]]
    load: Callable[[Reading, Mapping[str, datetime]], Awaitable[Mapping[str, dict[str, Any]]]]
    record: Callable[[Any], Record]
    at_once: int

    async def read(self, client: TrytonClient, window: Window) -> AsyncIterator[Page]:
        """Yield what changed in the window, by (time, id)."""
        reading = Reading(client)
        owners = await self.changes(reading, window.since, window.until)
        keys = await self.keys(reading) if owners else ()
        order = sorted((at, name_of(owner, key)) for owner, at in owners.items() for key in keys)
        start, size = 0, min(_FIRST, self.at_once)
        while part := order[start : start + size]:
            began = client.clock.monotonic()
            raws = await self.load(reading, {name: at for at, name in part})
            took = client.clock.monotonic() - began
            changes = [_change(name, at, raws.get(name)) for at, name in part]
            for first in range(0, len(changes), window.page_size):
                yield Page(changes=changes[first : first + window.page_size])
            start += size
            size = as_many_next(size, took, self.at_once)

    async def fetch(self, client: TrytonClient, ids: Sequence[str]) -> Sequence[Change]:
        """Return the current state of each id, in order."""
        if not ids:
            return []
        reading = Reading(client)
        now = await client.server_time()
        owners = sorted({owner for one in ids if (owner := owner_of(one)) is not None})
        last = await self.changes(reading, _EVER, now, owners)
        keys = set(await self.keys(reading))
        known = {
            one: last[owner_of(one) or 0]
            for one in dict.fromkeys(ids)
            if owner_of(one) in last and one.partition("@")[2] in keys
        }
        raws = await self.load(reading, known) if known else {}
        return [
            _change(one, known[one], raws[one]) if one in raws else gone(one, now) for one in ids
        ]

    def to_record(self, raw: Any) -> Record:
        """Return the canonical record."""
        return self.record(raw)


def as_many_next(size: int, seconds: float, most: int) -> int:
    """Return how many to load next, when `size` took so many seconds."""
    return max(1, min(most, int(size * _SECONDS / max(seconds, 0.001))))


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

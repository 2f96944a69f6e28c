"""Reads what has no mark of change: all of it, each time.

What is the same as before is no new version: the content tells. Must not: know time; a record has
no instant of its own here.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct, field

from knect.sdk.contract import Change, Page, Window
from knect_connectors.woocommerce.client import PAGE, Row, WooClient
from knect_connectors.woocommerce.listing import listed
from knect_connectors.woocommerce.reader import Parts, found_by_id

__all__ = ["CUSTOMERS", "Snapshot", "SnapshotReader"]


class Snapshot(Struct, frozen=True, kw_only=True):
    """How one kind is read; see `reader.Kind`. `by_id`: the parameters when ids are known."""

    path: str
    params: Mapping[str, str] = field(default_factory=dict)
    by_id: Mapping[str, str] = field(default_factory=dict)
    load: Callable[[WooClient, Sequence[Row]], Awaitable[Sequence[Parts]]]
    row_id: Callable[[str], str] = lambda identifier: identifier
    is_there: Callable[[Mapping[str, Any]], bool] = lambda row: True  # noqa: ARG005 - all are


class SnapshotReader:
    """Reads one kind of one shop."""

    def __init__(self, client: WooClient, kind: Snapshot) -> None:
        self._client = client
        self._kind = kind

    async def read(self, window: Window) -> AsyncIterator[Page]:
        """Yield everything there is; all has the window's first instant."""
        size = max(1, window.page_size)
        params = {**self._kind.params, **{k: str(v) for k, v in window.filter.items()}}
        async for rows in listed(self._client, self._kind.path, params, size=min(size, PAGE)):
            raws = await self._raws(rows)
            changes = [
                Change(id=one, token="", at=window.since, raw=raws[one]) for one in sorted(raws)
            ]
            for start in range(0, len(changes), size):
                yield Page(changes=changes[start : start + size])

    async def fetch(self, ids: Sequence[str]) -> Sequence[Change]:
        """Return the current state of each id, in order; `deleted` for those that are gone."""
        if not ids:
            return []
        wanted = list(dict.fromkeys(map(self._kind.row_id, ids)))
        rows = await found_by_id(self._client, self._kind.path, wanted, self._kind.by_id)
        raws = await self._raws(rows)
        now = self._client.told_time()
        return [
            Change(id=one, token="", at=now, raw=raws[one])
            if one in raws
            else Change(id=one, token="", at=now, deleted=True)
            for one in ids
        ]

    async def _raws(self, rows: Sequence[Row]) -> dict[str, Row]:
        there = [row for row in rows if self._kind.is_there(row)]
        found: dict[str, Row] = {}
        for parts in await self._kind.load(self._client, there):
            found |= parts
        return found


#: What of a customer moves with the shop's own doings, or is worked out.
_NOT_THEIRS = frozenset({"_links", "avatar_url", "is_paying_customer"})


async def _customers(client: WooClient, rows: Sequence[Row]) -> Sequence[Parts]:
    del client
    return [
        {str(row["id"]): {name: one for name, one in row.items() if name not in _NOT_THEIRS}}
        for row in rows
    ]


#: A list has people of one role; whoever bought may have another, and is found by id.
CUSTOMERS = Snapshot(
    path="/customers", params={"role": "customer"}, by_id={"role": "all"}, load=_customers
)

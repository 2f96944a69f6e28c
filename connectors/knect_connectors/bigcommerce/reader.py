"""Reads one kind of record: what changed in a window, in (time, id) order, and by id.

Payments, refunds and shipments are read through the orders they belong to: the platform lists
refunds alone by time, and those only by when they were made, but each of them moves its order's
time of change. Their version is their own time: a change of their order is none of theirs.
Must not: know a kind beyond its `Kind`.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from knect.sdk.contract import Change, Page, Window
from knect.sdk.errors import UnexpectedAnswer
from knect.sdk.paging import in_order
from knect_connectors.bigcommerce.client import BigCommerceClient
from knect_connectors.bigcommerce.config import Config
from knect_connectors.bigcommerce.listing import Collection, Row, changed, mark_of
from knect_connectors.bigcommerce.payload import read_instant, token_of
from knect_connectors.bigcommerce.store import StoreInfo

__all__ = ["Kind", "Reader", "Shop"]


class Shop(Struct, frozen=True):
    """What reading a record may need besides its row."""

    client: BigCommerceClient
    config: Config
    info: StoreInfo


class Kind(Struct, frozen=True, kw_only=True):
    """How one kind is read.

    `expand` makes of rows of the list, of one page, the records there are: (id, raw) by row.
    `fetch` finds (time of the row, raw) by id; what is not there, or not yet, is left out. `own` is
    the field with a record's own time of change, where it is not the one its row is listed by.
    """

    collection: Collection
    expand: Callable[[Shop, Sequence[Row]], Awaitable[Sequence[Sequence[tuple[str, Any]]]]]
    fetch: Callable[[Shop, Sequence[str]], Awaitable[dict[str, tuple[datetime, Any]]]]
    own: str = ""


class Reader:
    """Reads one kind of one store."""

    def __init__(self, shop: Shop, kind: Kind) -> None:
        self._shop = shop
        self._kind = kind

    def read(self, window: Window) -> AsyncIterator[Page]:
        """Yield every record changed in the window."""
        return in_order(self._changes(window), max(1, window.page_size))

    async def _changes(self, window: Window) -> AsyncIterator[Sequence[Change]]:
        async for rows in changed(self._shop.client, self._kind.collection, window):
            made = await self._kind.expand(self._shop, rows)
            yield [
                self._change(identifier, raw, mark_of(row))
                for row, ones in zip(rows, made, strict=True)
                for identifier, raw in ones
            ]

    async def fetch(self, ids: Sequence[str]) -> Sequence[Change]:
        """Return the current state of each id, in order; `deleted` for those that are gone."""
        if not ids:
            return []
        found = await self._kind.fetch(self._shop, list(dict.fromkeys(ids)))
        now = self._shop.client.server_time
        if now is None:
            raise UnexpectedAnswer("the store answers without a Date header")
        return [
            self._change(one, found[one][1], found[one][0])
            if one in found
            else Change(id=one, token=token_of(now), at=now, deleted=True)
            for one in ids
        ]

    def _change(self, identifier: str, raw: Row, at: datetime) -> Change:
        own = self._kind.own
        if not own:
            return Change(id=identifier, token=token_of(at), at=at, raw=raw)
        try:
            token = token_of(read_instant(str(raw.get(own) or "")))
        except ValueError:
            raise UnexpectedAnswer(
                f"the store says {identifier} was made at {raw.get(own)!r}, which is no instant",
                path=own,
                value=raw.get(own),
            ) from None
        return Change(id=identifier, token=token, at=at, raw=raw)

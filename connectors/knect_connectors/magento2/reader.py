"""Reads one kind of record: a list by (time, id), walked by key, each record whole.

A record that changes while it is read moves to the end of the list, behind the window: it is listed
there again by the next one. Nothing moves up into its place unseen, as each request says where the
last one ended.
Must not: know a kind beyond its `Kind`.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec import Struct

from knect.sdk.contract import Change, Page, Window
from knect.sdk.errors import RetryLater, Throttled, UnexpectedAnswer
from knect.sdk.paging import in_order
from knect_connectors.magento2.broken import find_broken, is_broken, told_alone
from knect_connectors.magento2.client import MagentoClient
from knect_connectors.magento2.payload import instant_text, read_instant
from knect_connectors.magento2.search import Filter, Group, after, declared

__all__ = ["Kind", "Named", "Reader", "mark_of", "token_of", "walked"]

#: A record's id and the record.
Named = tuple[str, dict[str, Any]]

_TICK = timedelta(microseconds=1)


class Kind(Struct, frozen=True, kw_only=True):
    """How one kind is read. `column` is what filters call the id that rows call `key`.

    `complete` makes records of rows: whole, named, and possibly several, or none, of one row.
    `key_of` gives the id of the row a record is of; `find` reads rows by it, where that is more
    than a look at the list. `is_record`: a row is one record, so that one the shop cannot tell is
    told to be broken; else it is waited for.
    """

    path: str
    key: str = "entity_id"
    column: str = "entity_id"
    complete: Callable[[MagentoClient, Sequence[dict[str, Any]]], Awaitable[Iterable[Named]]]
    key_of: Callable[[str], str] = lambda identifier: identifier
    find: Callable[[MagentoClient, Sequence[str]], Awaitable[list[dict[str, Any]]]] | None = None
    is_record: bool = True


def mark_of(raw: Mapping[str, Any]) -> datetime:
    """Return when a record changed last.

    Raises UnexpectedAnswer: a record that is in no window would be lost in silence.
    """
    text = str(raw.get("updated_at") or "")
    try:
        return read_instant(text)
    except ValueError:
        raise UnexpectedAnswer(
            f"the shop says updated_at is {text!r}, which is no instant",
            path="updated_at",
            value=text,
        ) from None


def token_of(at: datetime) -> str:
    """Return an instant as text that sorts as time does."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


class Reader:
    """Reads one kind of one shop."""

    def __init__(self, client: MagentoClient, kind: Kind) -> None:
        self._client = client
        self._kind = kind

    async def read(self, window: Window) -> AsyncIterator[Page]:
        """Yield every record changed in the window."""
        async for page in in_order(self._changes(window), max(1, window.page_size)):
            yield page

    async def _changes(self, window: Window) -> AsyncIterator[Sequence[Change]]:
        kind = self._kind
        bounds = [
            [Filter(field="updated_at", value=instant_text(window.since), condition="gteq")],
            [
                Filter(
                    field="updated_at", value=instant_text(window.until - _TICK), condition="lteq"
                )
            ],
            *declared(window.filter),
        ]
        keys = ("updated_at", kind.key), ("updated_at", kind.column)
        size = min(max(1, window.page_size), self._client.config.page)

        async def broken(beyond: Sequence[Group], reached: str | None) -> dict[str, Any] | None:
            since = read_instant(reached) if reached else window.since
            groups, span = [*bounds, *beyond], (since, window.until)
            row = await find_broken(self._client, kind.path, kind.column, groups, span)
            return row and {**row, kind.key: row[kind.column]}

        passes = broken if kind.is_record else None
        async for rows in walked(self._client, kind.path, bounds, keys, size, passes):
            named = await self._named(rows)
            changes = (_change(identifier, raw) for identifier, raw in named)
            yield [one for one in changes if window.since <= one.at < window.until]

    async def fetch(self, ids: Sequence[str]) -> Sequence[Change]:
        """Return the current state of each id, in order; `deleted` for those that are gone."""
        if not ids:
            return []
        kind = self._kind
        keys = list(dict.fromkeys(kind.key_of(one) for one in ids))
        if kind.find is not None:
            rows = await kind.find(self._client, keys)
        elif kind.is_record:
            rows = await told_alone(self._client, kind.path, kind.column, keys)
        else:
            rows = await self._client.by_ids(kind.path, kind.column, keys)
        now = self._client.server_time or await self._client.now()
        for row in rows:
            if is_broken(row):  # when it changed is not known
                row |= {kind.key: row[kind.column], "updated_at": instant_text(now)}
        named = await self._named(rows)
        known = {identifier: _change(identifier, raw) for identifier, raw in named}
        return [
            known.get(one) or Change(id=one, token=token_of(now), at=now, deleted=True)
            for one in ids
        ]

    async def _named(self, rows: Sequence[dict[str, Any]]) -> list[Named]:
        whole = [row for row in rows if not is_broken(row)]
        named = list(await self._kind.complete(self._client, whole)) if whole else []
        return named + [(str(row[self._kind.key]), row) for row in rows if is_broken(row)]


def _change(identifier: str, raw: dict[str, Any]) -> Change:
    at = mark_of(raw)
    return Change(id=identifier, token=token_of(at), at=at, raw=raw)


async def walked(
    client: MagentoClient,
    path: str,
    bounds: Sequence[Sequence[Filter]],
    keys: tuple[tuple[str, str], tuple[str, str]],
    size: int,
    broken: Callable[[Sequence[Group], str | None], Awaitable[dict[str, Any] | None]] | None = None,
) -> AsyncIterator[list[dict[str, Any]]]:
    """Yield a list in pages, ordered by two fields; `keys` are their names in rows, in filters.

    A shop that cannot answer a page (memory, time, a proxy's patience) is asked for a smaller one.
    `broken` says which row it is that the shop cannot answer alone: the first one of what comes
    beyond, from the first field's value on; None: it is not one row.
    """
    (first, second), (by, and_by) = keys
    beyond: list[Group] = []
    at_first, reached = size, None
    while True:
        try:
            rows, total = await client.search(
                path, [*bounds, *beyond], sort=(by, and_by), size=size
            )
        except Throttled:
            raise
        except RetryLater:
            if size > 1:
                size = max(1, size // 4)
                continue
            row = await broken(beyond, reached) if broken is not None else None
            if row is None:
                raise
            rows, total, size = [row], 2, at_first
        if not rows and total:
            raise UnexpectedAnswer(f"{path}: {total} rows are said to be there, but none is shown")
        if rows:
            yield rows
        if total <= len(rows):
            return
        reached = str(rows[-1].get(first))
        beyond = after(by, reached, and_by, str(rows[-1].get(second)))

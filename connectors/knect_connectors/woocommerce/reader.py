"""Reads one kind of record: what changed in a window, each whole, in (time, id) order.

The instant of a record is the row's `date_modified_gmt`; payments and refunds have their order's,
for every change of one moves the order. What changed since it was listed is listed again by the
next window. Must not: know a kind beyond its `Kind`.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct, field

from knect.sdk.contract import Change, Page, Window
from knect.sdk.errors import UnexpectedAnswer
from knect_connectors.woocommerce.client import PAGE, Row, WooClient
from knect_connectors.woocommerce.listing import changed_between
from knect_connectors.woocommerce.payload import read_instant, token_of

__all__ = ["Kind", "Parts", "Reader", "found_by_id", "mark_of"]

#: Records a row has: id -> raw.
Parts = Mapping[str, Row]


class Kind(Struct, frozen=True, kw_only=True):
    """How one kind is read. `load` gets the records of rows: one row may have none, or several.

    `row_id` is the row a record's id belongs to, `is_there` whether a row is one at all: what is in
    the trash, or is a cart, is not.
    """

    path: str
    params: Mapping[str, str] = field(default_factory=dict)
    load: Callable[[WooClient, Sequence[Row]], Awaitable[Sequence[Parts]]]
    row_id: Callable[[str], str] = lambda identifier: identifier
    is_there: Callable[[Mapping[str, Any]], bool] = lambda row: True  # noqa: ARG005 - all are


def mark_of(row: Mapping[str, Any]) -> datetime:
    """Return when a row changed last; one without a mark, when it was made.

    Raises UnexpectedAnswer: a record that is in no window would be lost in silence.
    """
    for name in ("date_modified_gmt", "date_created_gmt"):
        if text := row.get(name):
            try:
                return read_instant(str(text))
            except ValueError:
                raise UnexpectedAnswer(
                    f"the shop says {name} of {row.get('id')} is {text!r}, which is no instant",
                    path=name,
                    value=str(text),
                ) from None
    raise UnexpectedAnswer(
        f"the shop says neither when {row.get('id')} was made nor when it changed",
        value=str(row.get("id")),
    )


class Reader:
    """Reads one kind of one shop."""

    def __init__(self, client: WooClient, kind: Kind) -> None:
        self._client = client
        self._kind = kind

    async def read(self, window: Window) -> AsyncIterator[Page]:
        """Yield every record changed in the window."""
        size = max(1, window.page_size)
        params = {**self._kind.params, **_filtered(window.filter)}
        async for rows in changed_between(
            self._client,
            self._kind.path,
            window.since,
            window.until,
            params,
            size=min(size, PAGE),
        ):
            changes = [
                change
                for change in await self._changes(rows)
                if window.since <= change.at < window.until
            ]
            changes.sort(key=lambda one: (one.at, one.id))
            for start in range(0, len(changes), size):
                yield Page(changes=changes[start : start + size])

    async def _changes(self, rows: Sequence[Row]) -> list[Change]:
        there = [row for row in rows if self._kind.is_there(row)]
        found = []
        for row, parts in zip(there, await self._kind.load(self._client, there), strict=True):
            at = mark_of(row)
            found += [
                Change(id=identifier, token=token_of(at), at=at, raw=raw)
                for identifier, raw in parts.items()
            ]
        return found

    async def fetch(self, ids: Sequence[str]) -> Sequence[Change]:
        """Return the current state of each id, in order; `deleted` for those that are gone."""
        if not ids:
            return []
        wanted = list(dict.fromkeys(map(self._kind.row_id, ids)))
        rows = await found_by_id(self._client, self._kind.path, wanted, self._kind.params)
        known = {change.id: change for change in await self._changes(rows)}
        now = self._client.told_time()
        return [
            known.get(one) or Change(id=one, token=token_of(now), at=now, deleted=True)
            for one in ids
        ]


async def found_by_id(
    client: WooClient, path: str, ids: Sequence[str], params: Mapping[str, str]
) -> list[Row]:
    """Return the rows with these ids: by the list, and what it leaves out one by one.

    A list has no row whose status a plugin that is gone had made; what is in no list is asked for.
    """
    rows: list[Row] = []
    numbers = [one for one in ids if one.isdigit()]
    for start in range(0, len(numbers), PAGE):
        part = numbers[start : start + PAGE]
        asked = {**params, "include": ",".join(part), "per_page": str(PAGE), "page": "1"}
        if len(part) > 1:
            rows += (await client.page(path, asked)).rows
    listed = {str(row.get("id")) for row in rows}
    for one in numbers:
        if one not in listed:
            row = await client.get(f"{path}/{one}", template=f"{path}/{{id}}", params=params)
            rows += [row] if row is not None else []
    return rows


def _filtered(wanted: Mapping[str, Any]) -> dict[str, str]:
    return {
        name: ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
        for name, value in wanted.items()
    }

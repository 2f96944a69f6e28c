"""Lists of the store read by time of change, to their end, whatever changes meanwhile.

Why not page 2, 3, …: a record that changes while pages are read moves to the end of the list, and
the first of the next page slips onto the one that was read: it would be lost. So the first page is
asked for again, from the last time that was seen; where more than a page have one second, those are
walked by id. Filters may be off by one at their ends, and an unknown one is ignored without a word:
they are asked wider than needed, and what comes is looked at.
Must not: know what is in a record beyond its id and its time of change.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct, field

from knect.sdk.contract import Window
from knect.sdk.errors import Fatal, UnexpectedAnswer
from knect_connectors.bigcommerce.client import BigCommerceClient
from knect_connectors.bigcommerce.payload import iso_text, mail_text, read_instant

__all__ = [
    "CUSTOMERS",
    "ORDERS",
    "PAGE",
    "PRODUCTS",
    "Collection",
    "Row",
    "all_of",
    "changed",
    "is_last",
    "mark_of",
    "rows_of",
]

#: The most a list gives at once.
PAGE = 250
_SECOND = timedelta(seconds=1)
#: Pages of one answer; more are an answer to another question.
_PATIENCE = 10_000

Row = dict[str, Any]


class Collection(Struct, frozen=True, kw_only=True):
    """One list. `since`, `until`: its filters by time of change, written with `text`.

    `by_time` sorts it so; `by_id` sorts it by id, and `beyond` then names the first id asked for,
    or is empty where a cursor of the answer does that. `more` is asked for with each row.
    """

    path: str
    since: str
    until: str
    text: Callable[[datetime], str]
    by_time: Mapping[str, str]
    by_id: Mapping[str, str]
    beyond: str
    more: Mapping[str, str] = field(default_factory=dict)
    filters: frozenset[str] = frozenset()


ORDERS = Collection(
    path="/v2/orders",
    since="min_date_modified",
    until="max_date_modified",
    text=mail_text,
    by_time={"sort": "date_modified:asc"},
    by_id={"sort": "id:asc"},
    beyond="min_id",
    more={"include": "consignments.line_items,fees", "consignment_structure": "object"},
    filters=frozenset({"channel_id", "status_id", "customer_id", "payment_method"}),
)
CUSTOMERS = Collection(
    path="/v3/customers",
    since="date_modified:min",
    until="date_modified:max",
    text=iso_text,
    by_time={"sort": "date_modified:asc"},
    by_id={},
    beyond="",
    more={"include": "addresses"},
    filters=frozenset({"customer_group_id:in"}),
)
PRODUCTS = Collection(
    path="/v3/catalog/products",
    since="date_modified:min",
    until="date_modified:max",
    text=iso_text,
    by_time={"sort": "date_modified", "direction": "asc"},
    by_id={"sort": "id", "direction": "asc"},
    beyond="id:min",
    more={"include": "variants"},
    filters=frozenset({"is_visible", "type", "brand_id"}),
)


def rows_of(answer: Any, what: str) -> list[Row]:
    """Return the rows of an answer of V2 (a list, or nothing) or V3 (`data`)."""
    rows = answer.get("data") if isinstance(answer, dict) else answer
    if rows is None and answer is None:
        return []
    if not isinstance(rows, list) or not all(isinstance(one, dict) for one in rows):
        raise UnexpectedAnswer(f"{what} was answered without a list of records")
    return rows


def is_last(answer: Any, rows: Sequence[Row], limit: int) -> bool:
    """Tell whether no page follows: by what V3 says of the page, as a list may give fewer rows than
    were asked for; of V2 by being short.
    """
    meta = answer.get("meta") if isinstance(answer, dict) else None
    pages = meta.get("pagination") if isinstance(meta, dict) else None
    if not isinstance(pages, dict) or not isinstance(pages.get("total_pages"), int):
        return len(rows) < limit
    return bool(pages.get("current_page", 1) >= pages["total_pages"])


def mark_of(row: Mapping[str, Any]) -> datetime:
    """Return when a record changed last. Raises UnexpectedAnswer: without, it is in no window."""
    text = row.get("date_modified") or row.get("date_created")
    try:
        return read_instant(str(text or ""))
    except ValueError:
        raise UnexpectedAnswer(
            f"the store says {row.get('id')} changed at {text!r}, which is no instant",
            path="date_modified",
            value=text,
        ) from None


async def changed(
    client: BigCommerceClient, collection: Collection, window: Window
) -> AsyncIterator[Sequence[Row]]:
    """Yield the rows changed in the window, in order of their time, each once."""
    asked = {**collection.more, **_filters(collection, window)}
    limit = min(max(1, window.page_size) + 1, PAGE)
    since = window.since.replace(microsecond=0)
    seen: set[tuple[datetime, Any]] = set()  # of the last instant
    while since < window.until:
        params = {**asked, **collection.by_time}
        answer = await _ask(client, collection, params, since, window.until, limit=limit)
        rows = rows_of(answer, collection.path)
        start = max(since, window.since)
        fitting = [row for row in rows if start <= mark_of(row) < window.until]
        if rows and not fitting and mark_of(rows[0]) < since - _SECOND:
            raise UnexpectedAnswer(
                f"{collection.path} gives what changed before the time that was asked for: it does"
                f" not understand {collection.since} any more",
                path=collection.since,
                value=rows[0].get("id"),
            )
        yield _new(fitting, seen)
        if not rows or is_last(answer, rows, limit) or mark_of(rows[-1]) >= window.until:
            return
        if mark_of(rows[-1]) > since:
            since = mark_of(rows[-1])
            continue
        async for group in _of_instant(client, collection, asked, since):
            yield _new([row for row in group if mark_of(row) >= window.since], seen)
        since += _SECOND


def _new(rows: Sequence[Row], seen: set[tuple[datetime, Any]]) -> list[Row]:
    """Return the rows that are not among those of the last instant that were given already."""
    found = [row for row in rows if (mark_of(row), row.get("id")) not in seen]
    if found:
        newest = mark_of(found[-1])
        kept = {one for one in seen if one[0] == newest}
        seen.clear()
        seen |= kept | {(newest, row.get("id")) for row in found if mark_of(row) == newest}
    return found


async def _of_instant(
    client: BigCommerceClient, collection: Collection, asked: Mapping[str, str], at: datetime
) -> AsyncIterator[Sequence[Row]]:
    """Yield all rows of one second by their ids, which do not move."""
    beyond: dict[str, str] = {}
    until = at + _SECOND
    for _ in range(_PATIENCE):
        params = {**asked, **collection.by_id, **beyond}
        answer = await _ask(client, collection, params, at, until, limit=PAGE)
        rows = rows_of(answer, collection.path)
        yield [row for row in rows if at <= mark_of(row) < until]
        if not rows or is_last(answer, rows, PAGE):
            return
        if collection.beyond:
            beyond = {collection.beyond: str(max(int(row["id"]) for row in rows) + 1)}
        else:
            cursors = (answer.get("meta") or {}).get("cursor_pagination") or {}
            if not cursors.get("end_cursor"):
                raise UnexpectedAnswer(f"{collection.path} gives no cursor to go on by")
            beyond = {"after": str(cursors["end_cursor"])}
    raise UnexpectedAnswer(f"{collection.path} does not end")


async def _ask(
    client: BigCommerceClient,
    collection: Collection,
    params: Mapping[str, str],
    since: datetime,
    until: datetime,
    *,
    limit: int,
) -> Any:
    span = {
        collection.since: collection.text(since - _SECOND),
        collection.until: collection.text(until + _SECOND),
        "limit": str(limit),
    }
    return await client.read(collection.path, params={**params, **span})


def _filters(collection: Collection, window: Window) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in window.filter.items():
        if name not in collection.filters:
            raise Fatal(
                f"source.filter.{name} is not something BigCommerce filters {collection.path} by;"
                f" known: {', '.join(sorted(collection.filters))}",
                path=f"source.filter.{name}",
            )
        found[name] = str(value).lower() if isinstance(value, bool) else str(value)
    return found


async def all_of(
    client: BigCommerceClient,
    path: str,
    *,
    template: str = "",
    params: Mapping[str, str] | None = None,
    limit: int = PAGE,
    may_miss: bool = False,
) -> list[Row] | None:
    """Return every row of a list that does not move, page after page; None where it may miss."""
    found: list[Row] = []
    for page in range(1, _PATIENCE):
        more = {**(params or {}), "page": str(page), "limit": str(limit)}
        answer = await client.read(path, template=template, params=more, may_miss=may_miss)
        if answer is None and may_miss and page == 1:
            return None
        rows = rows_of(answer, template or path)
        found += rows
        if not rows or is_last(answer, rows, limit):
            return found
    raise UnexpectedAnswer(f"{template or path} does not end")

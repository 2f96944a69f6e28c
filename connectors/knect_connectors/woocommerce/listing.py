"""Lists of the API, whole: by closed spans of time, and from their last page to their first.

Why: no list can be sorted by when its rows changed, and a row that changes while pages are read
leaves the span: all behind it move up by one. Read from the end, a row may come twice, which is
seen; read from the start, one would be passed over. A span that has too many rows is halved.
Must not: know what a row is.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from knect.sdk.errors import UnexpectedAnswer
from knect_connectors.woocommerce.client import AT_ONCE, PAGE, Listed, Row, WooClient
from knect_connectors.woocommerce.payload import instant_text

__all__ = ["changed_between", "listed", "side_by_side", "whole"]

T = TypeVar("T")
R = TypeVar("R")

#: So many rows are held to be put in order.
_MOST_HELD = 500
#: A longer span is counted before it is read.
_LONG = timedelta(hours=1)
_SECOND = timedelta(seconds=1)
_RESTARTS = 5


async def listed(
    client: WooClient,
    path: str,
    params: Mapping[str, str],
    *,
    template: str = "",
    size: int = PAGE,
    first: Listed | None = None,
) -> AsyncIterator[Sequence[Row]]:
    """Yield all rows of a list, each once, page by page, the last page first.

    A list that grows while it is read is begun again: what came is not repeated. `first` is its
    first page, where that was just read.
    """
    asked = {"orderby": "id", "order": "asc", **params, "per_page": str(size)}
    seen: set[str] = set()
    for _ in range(_RESTARTS):
        if first is None:
            first = await client.page(path, {**asked, "page": "1"}, template=template)
        total, grew = first.total, False
        for number in range(-(-total // size), 0, -1):
            answer = first
            if total > size:
                answer = await client.page(path, {**asked, "page": str(number)}, template=template)
            grew = grew or answer.total > total
            new = [row for row in answer.rows if str(row.get("id")) not in seen]
            seen |= {str(row.get("id")) for row in new}
            if new:
                yield new
        if not grew:
            return
        first = None
    raise UnexpectedAnswer(f"{template or path} grew {_RESTARTS} times while it was read")


async def whole(
    client: WooClient, path: str, params: Mapping[str, str], *, template: str = ""
) -> list[Row]:
    """Return all rows of a short list, by id."""
    pages = [page async for page in listed(client, path, params, template=template)]
    return [row for page in reversed(pages) for row in page]


async def side_by_side(items: Sequence[T], ask: Callable[[T], Awaitable[R]]) -> list[R]:
    """Return the answer to each item, in order; as many at a time as there are connections."""
    found: list[R] = []
    for start in range(0, len(items), AT_ONCE):
        found += await asyncio.gather(*map(ask, items[start : start + AT_ONCE]))
    return found


async def changed_between(
    client: WooClient,
    path: str,
    since: datetime,
    until: datetime,
    params: Mapping[str, str],
    *,
    size: int = PAGE,
) -> AsyncIterator[Sequence[Row]]:
    """Yield what changed in a window, in parts: all of one part are before all of the next.

    A second in which more changed than is held comes in several parts.
    """
    start = since.replace(microsecond=0)
    end = (until + _SECOND - timedelta(microseconds=1)).replace(microsecond=0)
    spans = [(start, end)] if start < end else []
    while spans:
        start, end = spans.pop()
        # the API leaves both ends out
        asked = {
            **params,
            "modified_after": instant_text(start - _SECOND),
            "modified_before": instant_text(end),
            "dates_are_gmt": "true",
            "orderby": "id",
            "order": "asc",
        }
        first = None
        if end - start > _LONG:
            counted = {**asked, "per_page": "1", "page": "1", "_fields": "id"}
            total = (await client.page(path, counted)).total
            if not total:
                continue
        else:
            first = await client.page(path, {**asked, "per_page": str(size), "page": "1"})
            total = first.total
        if total > _MOST_HELD and end - start > _SECOND:
            middle = start + timedelta(seconds=(end - start) // _SECOND // 2)
            spans += [(middle, end), (start, middle)]
            continue
        held: list[Row] = []
        async for page in listed(client, path, asked, size=size, first=first):
            held += page
            if len(held) > _MOST_HELD and end - start == _SECOND:
                yield held
                held = []
        if held:
            yield held

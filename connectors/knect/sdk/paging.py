"""Walking through pages without losing or repeating a record.

Why: pages are where integrations lose data: the first page taken for all, equal timestamps cut at
a page's edge, a cursor that repeats. The loops are here once; connectors give the fetching.
Must not: know a platform, or keep more than a page and a bounded group of equal timestamps.
"""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

from knect.sdk.contract import Change, Page
from knect.sdk.errors import UnexpectedAnswer

__all__ = ["by_cursor", "by_offset", "in_order", "next_link"]

T = TypeVar("T")

#: So many changes of one instant are put in order; an import may give it to a hundred thousand.
_MOST_HELD = 1_000


async def by_cursor(
    fetch: Callable[[str | None], Awaitable[tuple[Sequence[T], str | None]]],
) -> AsyncIterator[Sequence[T]]:
    """Yield pages; `fetch(cursor)` returns (items, next cursor or None). Starts with None.

    Raises:
        UnexpectedAnswer: the server gave a cursor it had given before; following it never ends.
    """
    seen: set[str] = set()
    cursor: str | None = None
    while True:
        items, cursor = await fetch(cursor)
        yield items
        if cursor is None:
            return
        if cursor in seen:
            raise UnexpectedAnswer("the server gave the same page cursor twice", value=cursor)
        seen.add(cursor)


async def by_offset(
    fetch: Callable[[int], Awaitable[Sequence[T]]], size: int
) -> AsyncIterator[Sequence[T]]:
    """Yield pages; `fetch(offset)` returns at most `size` items; a shorter page is the last."""
    offset = 0
    while True:
        items = await fetch(offset)
        if items:
            yield items
        if len(items) < size:
            return
        offset += len(items)


async def in_order(pages: AsyncIterator[Sequence[Change]], size: int) -> AsyncIterator[Page]:
    """Yield pages of `size` changes in (time, id) order from pages that are ordered by time only.

    A group of equal times may run over a page's edge; it is held until the next time appears, or
    until it is too many to hold, whose rest has an order of its own. A record that is listed twice
    in what is held (it was changed while we read) appears once, in its later state.

    Raises:
        UnexpectedAnswer: the server's pages are not ordered by time.
    """
    held: dict[str, Change] = {}  # all of one time
    latest: datetime | None = None
    ready: list[Change] = []
    async for page in pages:
        for change in page:
            at = change.at
            if latest is None or at > latest:
                ready += _by_id(held)
                held, latest = {}, at
            elif at < latest:
                raise UnexpectedAnswer(
                    "the server's pages are not in the order that was asked for",
                    value=change.id,
                )
            held[change.id] = change
            if len(held) >= _MOST_HELD:
                ready += _by_id(held)
                held = {}
        while len(ready) >= size:
            yield Page(changes=ready[:size])
            ready = ready[size:]
    ready += _by_id(held)
    for start in range(0, len(ready), size):
        yield Page(changes=ready[start : start + size])


def _by_id(changes: Mapping[str, Change]) -> Iterable[Change]:
    if len(changes) > 1:  # seldom: most records have a time of their own
        return [changes[one] for one in sorted(changes)]
    return changes.values()


_LINK = re.compile(r'<([^>]*)>((?:\s*;\s*[\w-]+\s*=\s*(?:"[^"]*"|[^",;\s]+))*)')
_PARAMETER = re.compile(r';\s*([\w-]+)\s*=\s*("[^"]*"|[^",;\s]+)')


def next_link(headers: Mapping[str, str]) -> str | None:
    """Return the URL of relation `next` in a `Link` header (RFC 8288), or None.

    The caller asks `Client.owns` before it follows: a link must not lead credentials away.
    """
    for url, parameters in _LINK.findall(headers.get("link", "")):
        for name, value in _PARAMETER.findall(parameters):
            if name.lower() == "rel" and "next" in value.strip('"').lower().split():
                return str(url)
    return None

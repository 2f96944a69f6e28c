"""How the pages of a list follow each other, in the kinds APIs have.

Why: this is where integrations lose data, so each kind is here once: what ends a list, a page that
comes again, a total that is not reached, a token that ends half-way.
Must not: know what is in a record.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct, field

from knect.sdk.errors import ConnectorError, UnexpectedAnswer
from knect.sdk.http import Response
from knect.sdk.paging import next_link
from knect_connectors.rest.config import Paging
from knect_connectors.rest.paths import MISSING, Getter, compile_path

__all__ = ["ListPages", "TokenExpiredError"]

#: Asks for a page: (URL or None for the declared one, more query, headers) -> the answer.
Ask = Callable[[str | None, Mapping[str, str], Mapping[str, str]], Awaitable[Response]]
_Items = Sequence[Any]


class TokenExpiredError(Exception):
    """A page's token is no longer good; the list is to be begun anew where it stands."""


class _Walk(Struct, kw_only=True):
    """Where a walk is: what the next request asks for, and what the pages so far were."""

    query: dict[str, str]
    step: int
    url: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    tokens: set[str] = field(default_factory=set)
    last: tuple[Any, ...] = ()  # ids of the last page
    count: int = 0
    total: int | None = None


class ListPages:
    """Walks the pages of one declared list."""

    def __init__(self, paging: Paging, *, records: str, identifier: str, host: str) -> None:
        self._paging = paging
        self._records = compile_path(records)
        self._id: Getter = compile_path(identifier)
        self._next = compile_path(paging.next) if paging.next else None
        self._total = compile_path(paging.total) if paging.total else None
        self._host = host
        self.by_number = paging.kind in ("Page", "Offset")
        self._honoured = 0  # the largest page that came as large as it was asked for
        self._followed = False  # what leads to the next page has led to one
        self._whole = 0  # the largest last page after which nothing was found to follow
        self.came_again = False  # the last list ended with a page that had been there before

    async def walk(
        self, ask: Ask, size: int, no_list: Callable[[Response], ConnectorError]
    ) -> AsyncIterator[_Items]:
        """Yield the records of each page.

        Raises:
            TokenExpiredError: see there.
            UnexpectedAnswer: no list in an answer, a page without end, fewer than the total.
        """
        paging = self._paging
        walk = _Walk(
            query={paging.size_parameter: str(size)} if paging.size_parameter else {},
            step=paging.first if paging.kind == "Page" else 0,
        )
        goes_on, self.came_again = True, False
        while goes_on:
            response = await ask(walk.url, self._question(walk), walk.headers)
            if response.status in paging.expired:
                raise TokenExpiredError
            items = [] if self._is_past_the_end(walk, response) else self._records(response.data)
            if not isinstance(items, list):
                raise no_list(response)
            if len(items) >= size:
                self._honoured = max(self._honoured, size)
            is_new = self._note(walk, items, response)
            if items and is_new:
                yield items
            goes_on = is_new and self._advance(walk, response, len(items), size)
        if walk.total is not None and walk.count < walk.total:
            raise UnexpectedAnswer(
                f"{self._host} says there are {walk.total} records and gave {walk.count}; the"
                " window is read again. If its total cannot be trusted, take paging.total out of"
                " the Connection's config",
                path=paging.total,
                value=str(walk.total),
            )

    def _is_past_the_end(self, walk: _Walk, response: Response) -> bool:
        """Tell whether there is nothing: no content, or no such page after some that were."""
        return response.status == 204 or (response.status == 404 and bool(walk.count))

    def _question(self, walk: _Walk) -> dict[str, str]:
        parameter = self._paging.parameter
        if self.by_number and parameter is not None:
            return {**walk.query, parameter: str(walk.step)}
        return walk.query

    def _note(self, walk: _Walk, items: _Items, response: Response) -> bool:
        """Remember a page; return False for one that is the last once more."""
        ids = tuple(map(self._id, items))
        if ids and ids == walk.last:
            if self.by_number:  # asked for a page past the end, some give the last one again
                self.came_again = True
                return False
            raise UnexpectedAnswer(
                f"{self._host} gives the same page again under another token", value=str(ids[0])
            )
        walk.last, walk.count = ids, walk.count + len(items)
        told = self._total(response.data) if self._total else None
        walk.total = told if isinstance(told, int) else walk.total
        return True

    def _advance(self, walk: _Walk, response: Response, count: int, size: int) -> bool:
        """Move on to the next request; return False if there is none."""
        match self._paging.kind:
            case "None":
                return False
            case "Page" | "Offset":
                if not count or self._is_last(walk, count, size):
                    return False
                walk.step += 1 if self._paging.kind == "Page" else count
                return True
            case "Cursor":
                token = self._token(response)
                if token is None:
                    return False
                if self._paging.header is not None:
                    walk.headers = {self._paging.header: token}
                if self._paging.parameter is not None:
                    walk.query = {**walk.query, self._paging.parameter: token}
            case "Link":
                token = walk.url = next_link(response.headers)
            case "Url":
                token = walk.url = self._token(response)
        if token is None:
            return False
        self._followed = True
        if token in walk.tokens:
            raise UnexpectedAnswer(
                f"{self._host} gives the same page token twice; following it never ends",
                value=token,
            )
        walk.tokens.add(token)
        return True

    def _is_last(self, walk: _Walk, count: int, size: int) -> bool:
        """A short page is the last one, where no total says otherwise."""
        if walk.total is not None:
            return walk.count >= walk.total and count < size
        return self.is_short(count, size)

    def is_short(self, count: int, size: int) -> bool:
        """Tell whether a page is smaller than it could be.

        Many an API gives at most a hundred, whatever is asked for: only where a page of that size
        has come before is a smaller one known to be short.
        """
        asked = self._paging.size_parameter is not None
        return asked and count < size <= self._honoured

    def may_be_cut(self, count: int) -> bool:
        """Tell whether a list that ended with a page of so many may go on all the same.

        Nothing that leads on is how a list ends, and how it looks where `next` leads nowhere, or
        where an API cuts a list of which nobody said that it has pages.
        """
        return not self.by_number and not self._followed and count > self._whole

    def is_whole(self, count: int) -> None:
        """Remember that nothing followed a last page of so many."""
        self._whole = max(self._whole, count)

    def _token(self, response: Response) -> str | None:
        header = self._paging.next_header
        if header is not None:
            return response.headers.get(header.lower()) or None
        found = self._next(response.data) if self._next else MISSING
        return None if found is MISSING or found in (None, "", False) else str(found)

"""Reading any JSON API, as its Connection declares it.

Must not: take an answer without the declared list for an empty one, or pass over a record whose
time cannot be read: either would be a silent loss.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from knect.model import Record
from knect.sdk.contract import Change, Page, Window
from knect.sdk.errors import ConnectorError, Fatal, UnexpectedAnswer
from knect.sdk.http import Response, error_of_status, read_http_date, redact
from knect.sdk.paging import in_order
from knect_connectors.rest.api import Api
from knect_connectors.rest.config import Config, Fetch, Read
from knect_connectors.rest.instants import Instants
from knect_connectors.rest.pages import ListPages, TokenExpiredError
from knect_connectors.rest.paths import MISSING, compile_path, fill, placeholders
from knect_connectors.rest.refusals import error_object
from knect_connectors.rest.shape import Shape

__all__ = ["RestSource"]

_MOST_RESTARTS = 3


class RestSource:
    """The reading side."""

    def __init__(self, api: Api, config: Config) -> None:
        self._api = api
        self._config = config
        self._readers = {
            name: _Reader(api, name, entity.read)
            for name, entity in config.entities.items()
            if entity.read is not None
        }

    async def server_time(self) -> datetime:
        """Return the API's own clock: what `check.time` leads to, else the Date of its answer."""
        check = self._config.check
        response = await self._api.call("GET", check.path, template=check.path)
        if check.time is not None:
            found = compile_path(check.time)(response.data)
            return Instants(_times(self._config)).read(found, check.time)
        now = read_http_date(response.headers.get("date"))
        if now is None:
            raise UnexpectedAnswer(
                f"{self._api.host} answers {check.path} without a Date header; say in check.time"
                " where its clock is"
            )
        return now

    def read(self, entity: str, window: Window) -> AsyncIterator[Page]:
        """Yield every record changed in the window, ordered by (time, id)."""
        return self._reader(entity).read(window)

    def backfill(self, entity: str, window: Window) -> AsyncIterator[Page]:
        """Like `read`."""
        return self._reader(entity).read(window)

    async def fetch(self, entity: str, ids: Sequence[str]) -> Sequence[Change]:
        """Return the current state of each id, in order; `deleted` for those that are gone."""
        reader = self._reader(entity)
        known = {one: await reader.fetch(one) for one in dict.fromkeys(ids)}
        return [known[one] for one in ids]

    def to_record(self, entity: str, raw: Any) -> Record:
        """Return the canonical record; raises BadRecord with the API's path and the value."""
        return self._reader(entity).shape.to_record(raw)

    def _reader(self, entity: str) -> "_Reader":
        reader = self._readers.get(entity)
        if reader is None:
            raise Fatal(
                f"the Connection does not say how {entity} are read; add"
                f" config.entities.{entity}.read",
                path=f"config.entities.{entity}.read",
            )
        return reader


def _times(config: Config) -> Any:
    reads = [one.read for one in config.entities.values() if one.read is not None]
    return reads[0].times if reads else Read(path="", id="").times


class _Reader:
    """Reads one entity."""

    def __init__(self, api: Api, entity: str, read: Read) -> None:
        self._api = api
        self._read = read
        self._at = f"config.entities.{entity}.read"
        self._instants = Instants(read.times, f"{self._at}.times")
        self._id = compile_path(read.id)
        self._cursor = compile_path(read.cursor) if read.cursor is not None else None
        self._deleted = compile_path(read.deleted) if read.deleted is not None else None
        self._fetched = compile_path(read.fetch.record if read.fetch else "")
        self._pages = ListPages(
            read.paging, records=read.records, identifier=read.id, host=api.host
        )
        self.shape = Shape(
            entity,
            read.record,
            identifier=read.id,
            changed=read.cursor,
            instants=self._instants,
        )

    async def read(self, window: Window) -> AsyncIterator[Page]:
        if self._cursor is None:
            async for page in self._everything(window):
                yield page
            return
        size = max(1, min(window.page_size, self._read.paging.size))
        if self._read.sorted:
            async for page in in_order(self._changed(window, size), size):
                yield page
            return
        ordered = sorted(await self._all(window, size), key=lambda one: (one.at, one.id))
        for start in range(0, len(ordered), size):
            yield Page(changes=ordered[start : start + size])

    async def _everything(self, window: Window) -> AsyncIterator[Page]:
        """Yield a list without times: it has no order, so all have the window's first instant.

        A token that ended begins the list anew; what comes again is the same content.
        """
        for restarts in range(_MOST_RESTARTS + 1):
            try:
                async for items in self._items(window, window.since):
                    yield Page(changes=[self._change(item, window.since) for item in items])
            except TokenExpiredError:
                if restarts == _MOST_RESTARTS:
                    raise self._ended(restarts + 1) from None
            else:
                return

    def _ended(self, restarts: int) -> UnexpectedAnswer:
        return UnexpectedAnswer(
            f"{self._api.host}: the page token of {self._read.path} ended {restarts} times before"
            " a page came; take smaller pages"
        )

    async def _all(self, window: Window, size: int) -> Sequence[Change]:
        """Return the window's changes of a list without an order.

        Numbered pages shift when a record leaves the list: it is read until nothing new appears.
        """
        found: dict[str, Change] = {}
        known = -1
        while len(found) > known:
            known = len(found)
            async for changes in self._changed(window, size):
                found.update((change.id, change) for change in changes)
                if len(found) > self._read.most_records:
                    raise Fatal(
                        f"more than {self._read.most_records} records changed in one window, and"
                        " the API does not sort; let it sort by the cursor (sorted: true), or raise"
                        " mostRecords",
                        path="mostRecords",
                    )
            if not self._pages.by_number:
                break
        return list(found.values())

    async def _changed(self, window: Window, size: int) -> AsyncIterator[Sequence[Change]]:
        """Yield the window's changes page by page.

        A list in order is asked for again from the last time seen: a token that ended is begun
        anew there, and numbered pages go on there instead of with the next number, because a
        record that changes meanwhile leaves the list and moves all that follow. It is asked for
        from one unit before: some list only what is later than the bound. What only seems to be
        the end of it is looked behind in the same way, and, where a whole page has one instant,
        behind that.
        """
        since, restarts, doubted = window.since, 0, 0
        latest = window.since
        moves_on = self._read.sorted and self._pages.by_number
        goes_on = True
        while goes_on:
            goes_on = False
            begun, ended = since, 0
            asked = self._instants.before(since)
            pages = self._items(window, asked)
            try:
                async for items in pages:
                    ended = len(items)
                    changes = [self._change(item, None) for item in items]
                    inside = [one for one in changes if since <= one.at < window.until]
                    moves_on = moves_on and changes[0].at >= asked  # else it ignores the bound
                    yield inside
                    last = inside[-1].at if inside and self._read.sorted else since
                    latest = max(latest, last)
                    if last > since:
                        restarts = 0
                        if moves_on and not self._pages.is_short(len(items), size):
                            since, goes_on = last, True
                            break
                        since = last if not self._pages.by_number else since
                else:
                    open_end = self._pages.may_be_cut(ended)
                    goes_on = since > begun and open_end
                    if not goes_on and ended < doubted:
                        self._pages.is_whole(doubted)
                    elif not goes_on and (open_end or self._pages.came_again):
                        await self._look_behind(window, latest, ended)
                    doubted = ended
            except TokenExpiredError:
                restarts += 1
                if restarts > _MOST_RESTARTS:
                    raise self._ended(restarts) from None
                goes_on = True
            finally:
                await pages.aclose()

    async def _look_behind(self, window: Window, instant: datetime, count: int) -> None:
        """Look whether there is anything later than a list's last instant.

        Raises UnexpectedAnswer if there is: then more records may have that instant than came.
        """
        if not self._read.sorted:
            return
        async for items in self._items(window, self._instants.after(instant)):
            if any(instant < self._change(one, None).at < window.until for one in items):
                read = self._read
                raise UnexpectedAnswer(
                    f"{self._api.host} cuts its list {read.path}: it ends with {count} records of"
                    f" {self._instants.write(instant)}, there are later ones, and perhaps more of"
                    f" that instant; say in {self._at}.paging how its pages follow each other",
                    path=f"{self._at}.paging",
                    value=str(count),
                )

    async def _items(self, window: Window, since: datetime) -> AsyncGenerator[Sequence[Any], None]:
        read = self._read
        size = max(1, min(window.page_size, read.paging.size))
        values = {
            "since": self._instants.write(since),
            "until": self._instants.write(window.until, end=True),
            "page_size": str(size),
            **{f"filter.{name}": _plain(value) for name, value in window.filter.items()},
        }
        query = {
            name: fill(text, values)
            for name, text in read.query.items()
            if placeholders(text) <= values.keys()  # a filter the pipeline does not set
        }
        path = fill(read.path, values, in_path=True)
        accept = (404,) if self._pages.by_number else read.paging.expired

        async def ask(
            url: str | None, more: Mapping[str, str], headers: Mapping[str, str]
        ) -> Response:
            if url is not None and not self._api.owns(url):
                raise UnexpectedAnswer(
                    f"{self._api.host} leads to another host for its next page", value=redact(url)
                )
            return await self._api.call(
                "GET",
                url or path,
                template=read.path,
                params=None if url else {**query, **more},
                headers=headers or None,
                accept=accept,
            )

        def no_list(response: Response) -> ConnectorError:
            if response.status >= 400:  # the list itself is not there
                name = f"GET {read.path}"
                return error_of_status(self._api.host, name, response, window.until)
            return error_object(self._api.host, f"GET {read.path}", response, read.records)

        async for items in self._pages.walk(ask, size, no_list):
            yield items

    async def fetch(self, identifier: str) -> Change:
        how = self._read.fetch
        if how is None:
            raise Fatal(
                "the Connection does not say how one record is fetched; add read.fetch",
                path="read.fetch",
            )
        response = await self._api.call(
            "GET",
            fill(how.path, {"id": identifier}, in_path=True),
            template=how.path,
            accept=(404, 410),
        )
        now = read_http_date(response.headers.get("date"))
        gone = self._api.refusals.is_gone(self._api.refusals.judge("GET", response))
        if response.status in (404, 410) or gone:
            return self._gone(identifier, now)
        raw = self._fetched(response.data)
        if not isinstance(raw, dict):
            raise error_object(self._api.host, f"GET {how.path}", response, _place(how))
        if self._cursor is None and now is None:
            raise UnexpectedAnswer(f"{self._api.host} answers without a Date header")
        return self._change(raw, now if self._cursor is None else None)

    def _gone(self, identifier: str, now: datetime | None) -> Change:
        if now is None:
            raise UnexpectedAnswer(f"{self._api.host} answers without a Date header")
        token = "" if self._cursor is None else _token(now)
        return Change(id=identifier, token=token, at=now, deleted=True)

    def _change(self, raw: Any, at: datetime | None) -> Change:
        """Return the change; `at` is given where records have no time of their own."""
        identifier = self._id(raw)
        if identifier is MISSING or identifier is None or identifier == "":
            read = self._read
            raise UnexpectedAnswer(
                f"{self._api.host}: a record of {read.path} has no {read.id}", path=read.id
            )
        if type(identifier) is not str:
            identifier = str(identifier)
        token = ""  # no order of versions: equal content is the same version
        if self._cursor is not None:
            at = self._instants.read(self._cursor(raw), self._read.cursor or "")
            token = _token(at)
        assert at is not None
        if self._deleted is not None and self._deleted(raw) not in (MISSING, None, False, "", 0):
            return Change(id=identifier, token=token, at=at, deleted=True)
        return Change(id=identifier, token=token, at=at, raw=raw)


def _token(at: datetime) -> str:
    """Return an instant in UTC as text that sorts as time does: with microseconds, always."""
    text: str = msgspec.to_builtins(at)  # a tenth of what isoformat takes
    return text if at.microsecond else f"{text[:-1]}.000000Z"


def _place(how: Fetch) -> str:
    return how.record or "record"


def _plain(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)

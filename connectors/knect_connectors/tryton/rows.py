"""Reading one Tryton model row by row, by the time each row last changed.

`last_modified_at` is Tryton's own coalesce of `write_date` and `create_date`, so rows that were
never written are not missed. Pages go by (time, id); a transaction that commits late appears
behind the cursor, which the manifest's overlap covers.
Must not: take a record that is not listed for a deleted one; `fetch` of its id tells.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Protocol

from msgspec import Struct

from knect.model import Record
from knect.sdk.contract import Change, Page, Window
from knect.sdk.errors import UnexpectedAnswer
from knect_connectors.tryton.client import TrytonClient
from knect_connectors.tryton.wire import to_wire

__all__ = [
    "AT_ONCE",
    "Listing",
    "Reader",
    "RowReader",
    "by_id",
    "gone",
    "plain",
    "token_of",
    "value_at",
]

_MOST = 200
#: Rows of a few numbers each: so many are an answer of about 1 MB, and a second or two of a slow
#: server's time, well below the 30 s a request may take.
AT_ONCE = 5_000
_Rows = list[dict[str, Any]]


class Reader(Protocol):
    """How one entity is read; `source` holds the table of them."""

    def read(self, client: TrytonClient, window: Window) -> AsyncIterator[Page]:
        """Yield what changed in the window, by (time, id)."""
        ...

    async def fetch(self, client: TrytonClient, ids: Sequence[str]) -> Sequence[Change]:
        """Return the current state of each id, in order."""
        ...

    def to_record(self, raw: Any) -> Record:
        """Return the canonical record. May raise KeyError with the field that is gone."""
        ...


class Listing(Struct, frozen=True, kw_only=True):
    """Rows of a model by the time `at` they last changed; `at` may be another model's field."""

    model: str
    fields: tuple[str, ...]
    at: str = "last_modified_at"
    domain: tuple[Any, ...] = ()

    async def read(
        self, client: TrytonClient, since: datetime, until: datetime, size: int = _MOST
    ) -> AsyncIterator[_Rows]:
        """Yield lists of rows with `since <= at < until`, by (time, id); never an empty one."""
        last_id = -1
        while True:
            start = to_wire(since)
            later = [self.at, ">", start]
            same = [[self.at, "=", start], ["id", ">", last_id]]
            rows = await client.search_read(
                self.model,
                [[self.at, "<", to_wire(until)], ["OR", later, same], *self.domain],
                self.fields,
                limit=size,
                order=[[self.at, "ASC"], ["id", "ASC"]],
                context={"active_test": False},
            )
            if rows:
                first = value_at(rows[0], self.at)
                if (first, rows[0]["id"]) <= (since, last_id):
                    raise UnexpectedAnswer(
                        f"Tryton lists {self.model} {rows[0]['id']} again, which was on an"
                        " earlier page with the same time; its times cannot be compared",
                        path=self.at,
                        value=token_of(first),
                    )
                yield rows
                since, last_id = value_at(rows[-1], self.at), rows[-1]["id"]
            if len(rows) < size:
                return


async def by_id(
    client: TrytonClient, model: str, domain: Sequence[Any], fields: Sequence[str]
) -> AsyncIterator[dict[str, Any]]:
    """Yield rows by id, so that one that changes meanwhile moves none of the others."""
    last_id = -1
    while True:
        rows = await client.search_read(
            model,
            [["id", ">", last_id], *domain],
            list(dict.fromkeys(("id", *fields))),
            limit=AT_ONCE,
            order=[["id", "ASC"]],
            context={"active_test": False},
        )
        if rows and rows[0]["id"] <= last_id:
            raise UnexpectedAnswer(
                f"Tryton lists {model} {rows[0]['id']} again, which was on an earlier page",
                path="id",
                value=str(rows[0]["id"]),
            )
        for row in rows:
            yield row
        if len(rows) < AT_ONCE:
            return
        last_id = rows[-1]["id"]


def value_at(row: Mapping[str, Any], path: str) -> Any:
    """Return what a row has under a dotted name, as Tryton answers it; None where a link is."""
    *steps, name = path.split(".")
    for step in steps:
        row = row.get(f"{step}.") or {}
    return row.get(name)


class RowReader(Struct, frozen=True, kw_only=True):
    """An entity that is one model. `complete` adds to rows what stands in other models.

    `domain` narrows what is listed; a record outside of it is told as gone when asked for.
    """

    entity: str
    model: str
    fields: tuple[str, ...]
    record: Callable[[Any], Record]
    complete: Callable[[TrytonClient, _Rows], Awaitable[None]] | None = None
    domain: tuple[Any, ...] = ()

    async def read(self, client: TrytonClient, window: Window) -> AsyncIterator[Page]:
        """Yield what changed in the window, by (time, id)."""
        fields = ("last_modified_at", *self.fields)
        query = Listing(model=self.model, fields=fields, domain=self.domain)
        async for rows in query.read(
            client, window.since, window.until, min(window.page_size, _MOST)
        ):
            await self._complete(client, rows)
            yield Page(changes=[_change(row) for row in rows])

    async def fetch(self, client: TrytonClient, ids: Sequence[str]) -> Sequence[Change]:
        """Return the current state of each id, in order."""
        rows = await client.search_read(
            self.model,
            [["id", "in", [int(one) for one in ids]], *self.domain],
            ["last_modified_at", *self.fields],
            context={"active_test": False},
        )
        await self._complete(client, rows)
        known = {str(row["id"]): _change(row) for row in rows}
        now = await client.server_time()
        return [known.get(one) or gone(one, now) for one in ids]

    def to_record(self, raw: Any) -> Record:
        """Return the canonical record."""
        return self.record(raw)

    async def _complete(self, client: TrytonClient, rows: _Rows) -> None:
        if self.complete is not None and rows:
            await self.complete(client, rows)


def token_of(at: datetime) -> str:
    """Return the ordering token of an instant."""
    return at.isoformat(timespec="microseconds")


def gone(identifier: str, now: datetime) -> Change:
    """Return the tombstone of an id Tryton does not know."""
    return Change(id=identifier, token=token_of(now), at=now, deleted=True)


def plain(value: Any) -> Any:
    """Return JSON's own types: instants as text."""
    match value:
        case dict():
            return {key: plain(item) for key, item in value.items()}
        case list():
            return [plain(item) for item in value]
        case datetime() | date():
            return value.isoformat()
        case _:
            return value


def _change(row: dict[str, Any]) -> Change:
    at: datetime = row["last_modified_at"]
    return Change(id=str(row["id"]), token=token_of(at), at=at, raw=plain(row))

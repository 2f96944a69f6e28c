"""Reads one kind of record: a list by time, each whole, in (time, id) order.

A record is emitted by the slice its mark of change lies in when it is read whole. What changed
since it was listed lies in a later slice, or in the next window, and is listed there again: so
nothing comes twice and nothing is passed over.
Must not: know a kind beyond its `Kind`.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec import Struct, structs

from knect.sdk.contract import Change, Page, Window
from knect.sdk.errors import UnexpectedAnswer
from knect_connectors.magento1.client import MagentoClient
from knect_connectors.magento1.listing import Slices
from knect_connectors.magento1.payload import read_instant
from knect_connectors.magento1.recheck import Recheck

__all__ = ["Kind", "Raws", "Reader", "mark_of", "token_of"]

#: key -> what the shop has of it; None: it is gone.
Raws = Mapping[str, dict[str, Any] | None]


class Kind(Struct, frozen=True, kw_only=True):
    """How one kind is read. `key` is what a list's rows and `load` call a record.

    `rechecks`: rows are looked at beside their marks of change, if the Connection wants it.
    `load` gets rows by key; what it finds may be several records: `split` names them all.
    `wanted`: which rows of a list are records of their own.
    """

    path: str
    key: str
    load: Callable[[MagentoClient, Sequence[str]], Awaitable[Raws]]
    key_of: Callable[[str], str] = lambda identifier: identifier
    split: Callable[[MagentoClient, str, dict[str, Any]], Iterable[tuple[str, dict[str, Any]]]]
    wanted: Callable[[Mapping[str, Any]], bool] = lambda row: True  # noqa: ARG005 - all are
    unmarked: bool = True
    rechecks: bool = False


def mark_of(raw: Mapping[str, Any]) -> datetime:
    """Return when a record changed last; one without a mark, when it was made.

    Raises UnexpectedAnswer: a record that is in no window would be lost in silence.
    """
    for name in ("updated_at", "created_at"):
        text = str(raw.get(name) or "")
        if text and not text.startswith("0000"):
            try:
                return read_instant(text)
            except ValueError:
                raise UnexpectedAnswer(
                    f"the shop says {name} is {text!r}, which is no instant", path=name, value=text
                ) from None
    number = raw.get("increment_id") or raw.get("product_id") or raw.get("customer_id")
    raise UnexpectedAnswer(
        f"the shop says neither when {number} was made nor when it changed", value=number
    )


def token_of(at: datetime) -> str:
    """Return an instant as text that sorts as time does."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


class Reader:
    """Reads one kind of one shop."""

    def __init__(self, client: MagentoClient, kind: Kind) -> None:
        self._client = client
        self._kind = kind
        self._recheck = Recheck(client, kind.path, kind.key) if kind.rechecks else None
        self._slices = Slices(client, kind.path, unmarked=kind.unmarked)

    async def read(self, window: Window) -> AsyncIterator[Page]:
        """Yield every record changed in the window."""
        size = max(1, window.page_size)
        more = {
            name: {"in": [str(one) for one in value]} if isinstance(value, list | tuple) else value
            for name, value in window.filter.items()
        }
        async for since, until, rows in self._slices.read(window.since, window.until, more):
            keys = [str(row[self._kind.key]) for row in rows if self._kind.wanted(row)]
            changes = [
                change
                for change in await self._changes(list(dict.fromkeys(keys)))
                if max(since, window.since) <= change.at < until
            ]
            changes.sort(key=lambda one: (one.at, one.id))
            for start in range(0, len(changes), size):
                yield Page(changes=changes[start : start + size])
        if self._recheck is not None:
            async for page in self._rechecked(self._recheck, window, more, size):
                yield page

    async def _rechecked(
        self, recheck: Recheck, window: Window, more: Mapping[str, Any], size: int
    ) -> AsyncIterator[Page]:
        """Yield what changed without its mark, as the last of the window."""
        last = window.until - timedelta(microseconds=1)
        async for rows in recheck.rows(window.until, more):
            wanted = [str(row[self._kind.key]) for row in rows if self._kind.wanted(row)]
            changes = [
                structs.replace(change, at=last)
                for change in await self._changes(wanted)
                if change.at < window.until
            ]
            changes.sort(key=lambda one: one.id)
            for start in range(0, len(changes), size):
                yield Page(changes=changes[start : start + size])
            recheck.remember(rows)  # now that they are recorded

    async def _changes(self, keys: Sequence[str]) -> list[Change]:
        raws = await self._kind.load(self._client, keys)
        found = []
        for key in keys:
            raw = raws.get(key)
            if raw is None:
                continue  # gone since it was listed
            at = mark_of(raw)
            found += [
                Change(id=identifier, token=token_of(at), at=at, raw=one)
                for identifier, one in self._kind.split(self._client, key, raw)
            ]
        return list({change.id: change for change in found}.values())

    async def fetch(self, ids: Sequence[str]) -> Sequence[Change]:
        """Return the current state of each id, in order; `deleted` for those that are gone."""
        if not ids:
            return []
        keys = {identifier: self._kind.key_of(identifier) for identifier in ids}
        raws = await self._kind.load(self._client, list(dict.fromkeys(keys.values())))
        now = self._client.server_time
        if now is None:
            raise UnexpectedAnswer("the shop answers without a Date header")
        known: dict[str, Change] = {}
        for key, raw in raws.items():
            for identifier, one in self._kind.split(self._client, key, raw) if raw else ():
                at = mark_of(raw or {})
                known[identifier] = Change(id=identifier, token=token_of(at), at=at, raw=one)
        return [
            known.get(one) or Change(id=one, token=token_of(now), at=now, deleted=True)
            for one in ids
        ]

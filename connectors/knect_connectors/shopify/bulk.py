"""Backfill by a bulk operation: Shopify writes everything to a file, we read the file.

Why: millions of orders by pages of points take weeks; a bulk operation costs a handful of points.
The file is spooled to disk and an index of (time, place) is sorted, because Shopify does not
promise an order and the contract does. Memory: about 50 bytes a record.
Must not: run two operations at once for one shop (older versions allow one), or lose a child line
whose parent it has not seen.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from knect.sdk.contract import Change, Page, Window
from knect.sdk.errors import Fatal, RetryLater, UnexpectedAnswer
from knect.sdk.http import JsonError, decode_json
from knect.sdk.paging import in_order
from knect.sdk.spool import Spool
from knect.seams import Clock
from knect_connectors.shopify import queries
from knect_connectors.shopify.client import ShopifyClient
from knect_connectors.shopify.config import Config
from knect_connectors.shopify.entities import Entity, Reader, search_text, token_of
from knect_connectors.shopify.payload import read_instant
from knect_connectors.shopify.queries import for_side

__all__ = ["Backfill"]

_BUSY = frozenset({"OPERATION_IN_PROGRESS", "LIMIT_REACHED"})
_RUNNING = frozenset({"CREATED", "RUNNING", "CANCELING"})
_POLL_FIRST = 0.5
_POLL_LONGEST = 30.0
#: __typename of a child -> the field of the parent it belongs to.
_FIELDS = {
    "LineItem": "lineItems",
    "ShippingLine": "shippingLines",
    "MailingAddress": "addressesV2",
}
_LINE_LIMIT = 10 * 2**20
#: An index is one number per record, microseconds above its place: nothing takes less room.
_PLACE_BITS = 48
_MICROSECOND = timedelta(microseconds=1)


class Backfill:
    """One backfill of one entity."""

    def __init__(
        self, client: ShopifyClient, config: Config, entity: Entity, reader: Reader, clock: Clock
    ) -> None:
        self._client = client
        self._config = config
        self._entity = entity
        self._reader = reader
        self._clock = clock

    async def read(self, window: Window, extra: Mapping[str, Any]) -> AsyncIterator[Page]:
        """Yield the window's changes in (time, id) order."""
        operation = await self._finished(await self._start(window))
        if operation.get("url") is None:
            return  # nothing matched
        with Spool() as spool:
            index = await self._spool(operation, spool, window)
            size = max(1, window.page_size)
            async for page in in_order(self._by_time(spool, index, size, extra), size):
                yield page

    async def _by_time(
        self, spool: Spool, index: list[int], size: int, extra: Mapping[str, Any]
    ) -> AsyncIterator[Sequence[Change]]:
        for start in range(0, len(index), size):
            changes = []
            for one in index[start : start + size]:
                record = await self._record(spool, one & (1 << _PLACE_BITS) - 1)
                at = read_instant(record["updatedAt"])
                raw = {**record, **extra}
                changes.append(Change(id=str(record["id"]), token=token_of(at), at=at, raw=raw))
            yield changes

    async def _start(self, window: Window) -> str:
        document = for_side(self._entity.bulk, self._config.money)
        escaped = search_text(window).replace("\\", "\\\\").replace('"', '\\"')
        query = document.replace("$QUERY", escaped)
        data = await self._client.write(queries.BULK_RUN, operation="BulkRun", query=query)
        payload = data.get("bulkOperationRunQuery") or {}
        for error in payload.get("userErrors") or ():
            words = f"{self._config.shop} refused the bulk operation: {error.get('message')}"
            if error.get("code") in _BUSY:
                raise RetryLater(words, retry_after=60.0, code=error["code"])
            raise Fatal(words, code=error.get("code"))
        return str((payload.get("bulkOperation") or {})["id"])

    async def _finished(self, identifier: str) -> dict[str, Any]:
        """Wait for the operation and return it; its `url` is None if nothing matched."""
        pause = _POLL_FIRST
        while True:
            data = await self._client.read(
                queries.BULK_STATUS, operation="BulkStatus", id=identifier
            )
            operation = data.get("bulkOperation") or {}
            status = operation.get("status")
            if status == "COMPLETED":
                return dict(operation)
            if status not in _RUNNING:
                code = operation.get("errorCode") or status
                raise RetryLater(
                    f"{self._config.shop} ended the bulk operation as {status} ({code})"
                    f" after {operation.get('objectCount')} objects; nothing of it is used",
                    code=str(code),
                )
            await self._clock.sleep(pause)
            pause = min(pause * 1.5, _POLL_LONGEST)

    async def _spool(self, operation: Mapping[str, Any], spool: Spool, window: Window) -> list[int]:
        """Write the file to disk; return time and place of each wanted record, sorted."""
        index: list[int] = []
        lines = 0
        url = str(operation["url"])
        async with self._client.http.stream(url, template="/bulk/{result}") as pieces:
            async for line in _lines(pieces):
                place = spool.add(line)
                lines += 1
                if b'"__parentId"' not in line:
                    at = read_instant(_decoded(line)["updatedAt"])
                    if window.since <= at < window.until:
                        index.append((at - window.since) // _MICROSECOND << _PLACE_BITS | place)
        spool.done()
        if lines != int(operation["objectCount"]):
            raise UnexpectedAnswer(
                f"the bulk file has {lines} lines, but the shop counted"
                f" {operation['objectCount']} objects; nothing of it is used"
            )
        index.sort()
        return index

    async def _record(self, spool: Spool, place: int) -> dict[str, Any]:
        """Return the record at a place with its children, which follow it in the file."""
        lines = spool.lines(place)
        record = _decoded(next(lines))
        record.pop("__typename", None)
        for name in self._entity.connections:
            record[name] = []
        for line in lines:
            child = _decoded(line)
            parent = child.pop("__parentId", None)
            if parent is None:
                break
            field = _FIELDS.get(str(child.pop("__typename", "")))
            if parent != record["id"] or field is None:
                raise UnexpectedAnswer(
                    "the bulk file is not grouped by parent, or has a child of unknown type",
                    value=parent,
                )
            record[field].append(child)
        if record.get("edited"):
            record["agreements"] = await self._reader.agreements(record["id"])
        return record


async def _lines(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    rest = b""
    async for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            if line:
                yield line
        if len(rest) > _LINE_LIMIT:
            raise UnexpectedAnswer(f"a line of the bulk file is longer than {_LINE_LIMIT} bytes")
    if rest:
        yield rest


def _decoded(line: bytes) -> dict[str, Any]:
    try:
        value = decode_json(line)
    except JsonError as error:
        raise UnexpectedAnswer(f"a line of the bulk file is broken JSON: {error}") from None
    if not isinstance(value, dict) or "id" not in value:
        raise UnexpectedAnswer("a line of the bulk file is no record", path="id")
    return value

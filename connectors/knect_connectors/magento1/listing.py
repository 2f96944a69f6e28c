"""Lists that have no pages, read slice by slice of time.

Why: Magento's lists answer everything that fits a filter at once. A slice is as long as the answers
before it allow: it grows while little comes, and is cut when the shop runs out of memory or time.
The years before there was a Magento are one slice: what is marked there came from elsewhere.
Records without a mark of change are listed by when they were made, in the same request.
Must not: pass over a slice that was not answered.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from knect.sdk.errors import ConnectorError, RetryLater, UnexpectedAnswer
from knect_connectors.magento1.client import MagentoClient
from knect_connectors.magento1.payload import instant_text
from knect_connectors.magento1.refusals import TOO_MUCH
from knect_connectors.magento1.xmlrpc import Fault

__all__ = ["Slices", "rows_of"]

_SECOND = timedelta(seconds=1)
_FIRST = timedelta(days=1)
_LONGEST, _EMPTY = timedelta(days=400), timedelta(days=1_500)
#: The first Magento anybody could have.
_BEGINNING = datetime(2007, 8, 31, tzinfo=UTC)
#: So many rows of one answer are enough, and so few that the next slice may be longer.
_MANY, _FEW = 600, 200
#: Beyond the zero that old databases write instead of a time.
_NO_TIME = "0001-01-01 00:00:00"
#: Words of the transport for what a smaller question may not meet.
_TRY_LESS = (": timed out:", ": answer too large:")


def rows_of(client: MagentoClient, path: str, value: Any) -> list[dict[str, Any]]:
    """Return a list's rows. Raises what a Fault amounts to; anything but rows is unexpected."""
    if isinstance(value, Fault):
        raise client.error(path, value)
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise UnexpectedAnswer(f"{path} was answered without a list of rows")
    return value


def _less_may_do(error: ConnectorError) -> bool:
    return error.code == TOO_MUCH or any(words in error.message for words in _TRY_LESS)


class Slices:
    """One list of the shop, by a column of times.

    `unmarked`: its records may have no mark of change, then those are listed by their birth.
    """

    def __init__(
        self,
        client: MagentoClient,
        path: str,
        *,
        unmarked: bool = True,
        column: str = "updated_at",
    ) -> None:
        self._column = column
        self._client = client
        self._path = path
        self._unmarked = unmarked
        self._span = _FIRST

    async def read(
        self, since: datetime, until: datetime, more: Mapping[str, Any]
    ) -> AsyncIterator[tuple[datetime, datetime, Sequence[dict[str, Any]]]]:
        """Yield (from, until, rows) of each slice; `more` are further conditions."""
        at = since.replace(microsecond=0)
        if at < _BEGINNING:
            self._span = max(self._span, _BEGINNING - at)
        while at < until:
            end = min(until, at + self._span)
            try:
                rows = await self._rows(at, end, more)
            except RetryLater as error:
                if self._span <= _SECOND or end - at <= _SECOND or not _less_may_do(error):
                    raise
                self._span = max(_SECOND, (end - at) // _SECOND // 4 * _SECOND)
                continue
            yield at, end, rows
            at = end
            if len(rows) > _MANY:
                self._span = max(_SECOND, self._span // _SECOND // 2 * _SECOND)
            elif len(rows) < _FEW:
                self._span *= 4
            self._span = min(self._span, _LONGEST if rows else _EMPTY)

    async def _rows(
        self, since: datetime, until: datetime, more: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        # both ends belong to a range of theirs, and times have whole seconds
        last = until - _SECOND if until.microsecond == 0 else until
        span = {"from": instant_text(since), "to": instant_text(last)}
        asks: list[tuple[str, Sequence[Any]]] = [(self._path, [{**more, self._column: span}])]
        if self._unmarked:
            asks += [
                (self._path, [{**more, "updated_at": none, "created_at": span}])
                for none in ({"null": True}, {"to": _NO_TIME})
            ]
        found: list[dict[str, Any]] = []
        for value in await self._client.read_all(asks):
            found += rows_of(self._client, self._path, value)
        return found

"""Speaks Magento's REST to one shop: addresses, credentials, retries of reads, answers in words.

Must not: send a write again, except after the shop refused the credentials and so did nothing.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from knect.sdk.contract import ConnectorContext
from knect.sdk.errors import ConnectorError, RetryLater, UnexpectedAnswer
from knect.sdk.http import Client, Limits, Response, encode_json, read_http_date
from knect_connectors.magento2.auth import credentials_of
from knect_connectors.magento2.config import ALL, AuthMode, Config
from knect_connectors.magento2.refusals import error_of_answer
from knect_connectors.magento2.search import Filter, Group, Query, criteria, encoded

__all__ = ["MagentoClient"]

_READ_ATTEMPTS = 5
_FIRST_PAUSE = 0.2
_LONGEST_PAUSE = 10.0
#: A page of orders may take a slow shop most of a minute.
_LIMITS = Limits(deadline=60.0, read=60.0, body=64 * 2**20, connections=4)
#: What is said of a request in the platform's words; the last one only of a single record.
_REFUSALS = (400, 401, 404)
_JSON = {"Content-Type": "application/json"}
#: So many ids are asked for at once; the address stays below 4,000 characters.
_IDS_AT_ONCE = 100
#: It is free for all, small, and never kept by a cache.
_FREE = "directory/currency"


class MagentoClient:
    """The API over one pool. `server_time` is the Date of the newest answer."""

    def __init__(self, context: ConnectorContext, config: Config) -> None:
        self.config = config
        self._clock = context.clock
        self._credentials = credentials_of(context, config)
        self._http: Client = context.http.open(
            config.url, limits=_LIMITS, authority=config.authority
        )
        self._host = config.url.partition("://")[2].partition("/")[0]
        self.server_time: datetime | None = None

    async def close(self) -> None:
        """Close the pools."""
        await self._credentials.close()
        await self._http.close()

    # ------------------------------------------------ reading

    async def get(
        self,
        path: str,
        query: Query = (),
        *,
        template: str | None = None,
        store: str = ALL,
        may_be_gone: bool = False,
    ) -> Any:
        """Read; troubles that may pass are tried again. `may_be_gone`: it is one record."""
        return await self._patiently(
            "GET", path, query, template=template, store=store, may_be_gone=may_be_gone
        )

    async def ask(self, path: str, body: Mapping[str, Any]) -> Any:
        """Read by a POST that changes nothing; troubles that may pass are tried again."""
        return await self._patiently("POST", path, (), body=body)

    async def search(
        self,
        path: str,
        groups: Sequence[Group],
        *,
        sort: Sequence[str] = (),
        size: int,
        store: str = ALL,
        attempts: int = _READ_ATTEMPTS,
    ) -> tuple[list[dict[str, Any]], int]:
        """Return the first `size` rows of a list, and how many there are."""
        query = criteria(groups, sort=sort, size=size)
        data = await self._patiently("GET", path, query, store=store, attempts=attempts)
        items = data.get("items") if isinstance(data, dict) else None
        total = data.get("total_count") if isinstance(data, dict) else None
        if not isinstance(total, int) or not isinstance(items, list | None):
            raise UnexpectedAnswer(f"{self._where('GET', path)} was answered without a list")
        rows = [row for row in items or () if isinstance(row, dict)]
        if len(rows) != len(items or ()):
            raise UnexpectedAnswer(f"{self._where('GET', path)}: a row is no record")
        return rows, total

    async def by_ids(
        self, path: str, field: str, ids: Sequence[str], *, store: str = ALL
    ) -> list[dict[str, Any]]:
        """Return the rows of these ids, as far as there are any."""
        rows: list[dict[str, Any]] = []
        wanted = sorted({one for one in ids if one.isdecimal()}, key=int)
        at_once = min(_IDS_AT_ONCE, self.config.page)
        for start in range(0, len(wanted), at_once):
            some = wanted[start : start + at_once]
            group = [Filter(field=field, value=",".join(some), condition="in")]
            found, _ = await self.search(path, [group], size=len(some), store=store)
            rows += found
        return rows

    async def now(self) -> datetime:
        """Return the Date of a fresh answer: the web server's clock, whole seconds."""
        await self.get(_FREE)
        if self.server_time is None:
            raise UnexpectedAnswer(f"{self._host} answers without a Date header")
        return self.server_time

    async def _patiently(
        self,
        method: str,
        path: str,
        query: Query,
        *,
        template: str | None = None,
        store: str = ALL,
        body: Mapping[str, Any] | None = None,
        may_be_gone: bool = False,
        attempts: int = _READ_ATTEMPTS,
    ) -> Any:
        accept = _REFUSALS if may_be_gone else _REFUSALS[:2]
        for attempt in range(attempts):
            try:
                return await self._called(
                    method, path, query, template=template, store=store, body=body, accept=accept
                )
            except RetryLater as error:
                pause = error.retry_after or _FIRST_PAUSE * 2**attempt
                if attempt + 1 == attempts or pause > _LONGEST_PAUSE:
                    raise
            await self._clock.sleep(pause)
        raise AssertionError

    # ------------------------------------------------ writing

    async def write(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        template: str | None = None,
        store: str = ALL,
    ) -> Any:
        """Change something, once. Raises what the shop refuses; `code` 404: it is not there."""
        return await self._called(
            method, path, (), template=template, store=store, body=body, accept=_REFUSALS
        )

    # ------------------------------------------------ requests

    async def _called(
        self,
        method: str,
        path: str,
        query: Query,
        *,
        template: str | None,
        store: str,
        body: Mapping[str, Any] | None,
        accept: Collection[int],
    ) -> Any:
        template = f"{self.config.path}/{{store}}/V1/{template or path}"
        address = f"{self.config.path}/{store}/V1/{path}"
        response, renewed = None, False
        while response is None:
            sent = await self._proof(method, address, query)
            response = await self._http.request(
                method,
                f"{address}?{encoded(query)}" if query else address,
                template=template,
                content=None if body is None else encode_json(body),
                headers={**sent, **({} if body is None else _JSON)},
                accept=accept,
            )
            self._note(response)
            if response.status == 401 and not renewed and await self._renewed(sent):
                response, renewed = None, True
        if response.status in _REFUSALS:
            signed = self.config.auth is AuthMode.OAUTH or renewed
            where = self._where(method, template)
            raise error_of_answer(where, response.status, response.data, signed=signed)
        return response.data

    async def _proof(self, method: str, address: str, query: Query) -> Mapping[str, Any]:
        try:
            return await self._credentials.headers(method, self.config.url + address, query)
        except ConnectorError as error:
            error.could_have_been_seen = False  # the call itself has not left
            raise

    async def _renewed(self, sent: Mapping[str, Any]) -> bool:
        try:
            return await self._credentials.renew(sent)
        except ConnectorError as error:
            error.could_have_been_seen = False  # the call was refused: it did nothing
            raise

    def _note(self, response: Response) -> None:
        self.server_time = read_http_date(response.headers.get("date")) or self.server_time

    def _where(self, method: str, path: str) -> str:
        return f"{self._host}: {method} {path}"

"""Speaks wc/v3 to one shop: who we are, patience with reads, answers that are none of the API's.

Why: shared hosts are slow and put pages in front of everything; what that means for a call is
decided here, so that nothing above knows HTTP.
Must not: send a write again; the engine does, once it has looked.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from knect.sdk.auth import BasicAuth
from knect.sdk.contract import ConnectorContext
from knect.sdk.errors import (
    ConnectorError,
    Fatal,
    RetryLater,
    SecretMissing,
    UnexpectedAnswer,
)
from knect.sdk.http import Client, Limits, Response, read_http_date
from knect.sdk.secret import Secret
from knect_connectors.woocommerce.config import Config
from knect_connectors.woocommerce.refusals import error_of_answer, is_gone

__all__ = ["AT_ONCE", "BATCH", "PAGE", "Listed", "Row", "WooClient"]

#: What the API tells of one object.
Row = dict[str, Any]

#: The largest page the API gives.
PAGE = 100
#: The most objects the API takes in one batch.
BATCH = 100

_READ_ATTEMPTS = 6
_FIRST_PAUSE = 0.2
_LONGEST_PAUSE = 10.0
#: So many calls are under way: on shared hosts three at once are many.
AT_ONCE = 3
#: A page of a hundred orders takes its time.
_LIMITS = Limits(deadline=60.0, read=60.0, body=64 * 2**20, connections=AT_ONCE)
_ERRORS = (400, 401, 403, 404, 409, 410, 413, 422, 500, 501)


class Listed(Struct, frozen=True, kw_only=True):
    """One page of a list, and how many rows the whole list has."""

    rows: Sequence[Row]
    total: int


class WooClient:
    """The API over one pool. `server_time` is the Date of the newest answer."""

    def __init__(self, context: ConnectorContext, config: Config) -> None:
        self.config = config
        self._clock = context.clock
        self._secrets = context.secrets
        auth = BasicAuth(self._key, self._key_secret)
        self._http: Client = context.http.open(
            config.url,
            auth=None if config.in_query else auth,
            limits=_LIMITS,
            authority=config.authority,
        )
        self._host = config.url.partition("://")[2].partition("/")[0]
        self.server_time: datetime | None = None

    async def close(self) -> None:
        """Close the pool."""
        await self._http.close()

    # ------------------------------------------------ reading

    async def page(self, path: str, params: Mapping[str, str], *, template: str = "") -> Listed:
        """Return one page of a list; of what is gone, an empty one."""
        response = await self._patiently(path, params, template or path)
        if response.status == 404 and is_gone(response.data):  # what the list is of
            return Listed(rows=(), total=0)
        rows = self._told(response, template or path)
        total = response.headers.get("x-wp-total", "")
        if not isinstance(rows, list) or not total.isdigit():
            raise UnexpectedAnswer(
                f"{self._host}: GET {template or path} was answered without a list and its"
                " X-WP-Total; a cache or a security plugin may change answers of the REST API"
            )
        return Listed(rows=[row for row in rows if isinstance(row, dict)], total=int(total))

    async def get(
        self, path: str, *, template: str, params: Mapping[str, str] | None = None
    ) -> Row | None:
        """Return one object, None if it is not there."""
        response = await self._patiently(path, params or {}, template)
        if response.status == 404 and is_gone(response.data):
            return None
        found = self._told(response, template)
        if not isinstance(found, dict):
            raise UnexpectedAnswer(f"{self._host}: GET {template} was answered without an object")
        return found

    async def unpaged(self, path: str, *, template: str) -> list[Row]:
        """Return a list the API gives whole."""
        found = self._told(await self._patiently(path, {}, template), template)
        if not isinstance(found, list):
            raise UnexpectedAnswer(f"{self._host}: GET {template} was answered without a list")
        return [row for row in found if isinstance(row, dict)]

    async def allows_writes(self, path: str) -> None:
        """Change nothing, in a way that only who may write is let. Raises what the shop refuses."""
        batch = f"{path}/batch"
        self._told(await self._sent("POST", batch, {}, batch, {"update": []}), batch, "POST")

    async def now(self) -> datetime:
        """Return the Date of a fresh answer: the web server's clock, whole seconds."""
        await self.page("/orders", {"per_page": "1", "_fields": "id"})
        return self.told_time()

    def told_time(self) -> datetime:
        """Return the Date of the newest answer."""
        if self.server_time is None:
            raise UnexpectedAnswer(f"{self._host} answers without a Date header")
        return self.server_time

    # ------------------------------------------------ writing

    async def write(
        self,
        method: str,
        path: str,
        body: Any,
        *,
        template: str,
        secrets: Collection[Secret] = (),
    ) -> Row:
        """Send one change, once; `secrets` are those its body has. Raises what is refused."""
        response = await self._sent(method, path, {}, template, body, secrets)
        found = self._told(response, template, method)
        if not isinstance(found, dict):
            raise UnexpectedAnswer(
                f"{self._host}: {method} {template} was answered without an object"
            )
        return found

    async def batch(
        self, path: str, act: str, rows: Sequence[Row], *, template: str
    ) -> list[Row | ConnectorError]:
        """Create or update at most a hundred objects in one request; an answer or error each."""
        answer = await self.write("POST", path, {act: list(rows)}, template=template)
        found = answer.get(act)
        if not isinstance(found, list) or len(found) != len(rows):
            raise UnexpectedAnswer(
                f"{self._host}: POST {template} was told {len(rows)} objects and answered another"
                " number"
            )
        return [self._judged(one, template) for one in found]

    def _judged(self, answer: Any, template: str) -> Row | ConnectorError:
        error = answer.get("error") if isinstance(answer, dict) else None
        if isinstance(error, dict):
            data = error.get("data")
            status = data.get("status") if isinstance(data, dict) else None
            where = f"{self._host}: {template}"
            return error_of_answer(where, status if isinstance(status, int) else 400, error)
        return answer if isinstance(answer, dict) else UnexpectedAnswer("no object was answered")

    # ------------------------------------------------ requests

    async def _patiently(self, path: str, params: Mapping[str, str], template: str) -> Response:
        """Read; troubles that may pass are tried again."""
        for attempt in range(_READ_ATTEMPTS):
            try:
                response = await self._sent("GET", path, params, template)
                if response.status < 500:
                    return response
                self._told(response, template)
            except RetryLater as error:
                pause = error.retry_after or _FIRST_PAUSE * 2**attempt
                if attempt + 1 == _READ_ATTEMPTS or pause > _LONGEST_PAUSE:
                    raise
                await self._clock.sleep(pause)
        raise AssertionError

    async def _sent(
        self,
        method: str,
        path: str,
        params: Mapping[str, str],
        template: str,
        body: Any = None,
        secrets: Collection[Secret] = (),
    ) -> Response:
        query = dict(params)
        if self.config.in_query:
            key, secret = self._key(), self._key_secret()
            query |= {"consumer_key": key.reveal(), "consumer_secret": secret.reveal()}
            secrets = (*secrets, key, secret)
        more: dict[str, Any] = {} if body is None else {"json": body}
        try:
            response = await self._http.request(
                method,
                self.config.path + path,
                template=template,
                params=query,
                accept=_ERRORS,
                secrets=secrets,
                headers={"Accept": "application/json"},
                **more,
            )
        except UnexpectedAnswer as error:
            if error.code != "404":
                raise
            raise Fatal(
                f"{self._host}: {method} {template} was answered with a page that says 404:"
                " config.url and config.path must lead to the site's REST API, with WooCommerce"
                " switched on and permalinks other than Plain",
                code="404",
            ) from None
        self.server_time = read_http_date(response.headers.get("date")) or self.server_time
        return response

    def _told(self, response: Response, template: str, method: str = "GET") -> Any:
        """Return what an answer tells, or raise the error it is."""
        if response.status < 400:
            return response.data
        raise error_of_answer(f"{self._host}: {method} {template}", response.status, response.data)

    def _key(self) -> Secret:
        return self._secret("consumerKey")

    def _key_secret(self) -> Secret:
        return self._secret("consumerSecret")

    def _secret(self, key: str) -> Secret:
        try:
            return self._secrets[key]
        except KeyError as error:
            if getattr(error, "code", None) == "SecretNotFound":
                raise
            raise SecretMissing(
                f"the Connection's Secret has no key {key}; WooCommerce needs consumerKey and"
                " consumerSecret",
                code="SecretKeyMissing",
            ) from None

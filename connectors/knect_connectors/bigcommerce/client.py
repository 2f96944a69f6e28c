"""Speaks REST to one store: its budget of requests, refusals in its words, retries of reads.

Why: the quota is per store and window and told with each answer; an empty list of V2 is an answer
without a body; and a 429 without the quota's headers means that the platform itself is overloaded.
Must not: send a write again, except where the store said it did nothing (429).
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from knect.sdk.auth import HeaderAuth
from knect.sdk.contract import ConnectorContext
from knect.sdk.errors import (
    RetryLater,
    SecretMissing,
    Throttled,
    UnexpectedAnswer,
    Unreachable,
)
from knect.sdk.http import Response, read_http_date
from knect.sdk.ratelimit import CostBudget
from knect.sdk.secret import Secret
from knect_connectors.bigcommerce.config import Config
from knect_connectors.bigcommerce.recently import Recently
from knect_connectors.bigcommerce.refusals import refusal_of

__all__ = ["BigCommerceClient"]

_ATTEMPTS = 6
#: Who does not answer at all is left to the engine, which asks ever more rarely.
_UNANSWERED_ATTEMPTS = 2
_FIRST_PAUSE = 0.2
_LONGEST_PAUSE = 10.0
#: Until the first answer tells: the smallest plan has 150 requests in 30 seconds.
_QUOTA, _PER_SECOND = 150.0, 5.0
_REFUSALS = frozenset({400, 409, 413, 422})
_PARTLY, _GONE, _TOO_MANY = 207, 404, 429
_TOKEN_HEADER = "X-Auth-Token"  # noqa: S105 - a header's name


class BigCommerceClient:
    """One store's API. `server_time` is the Date of the newest answer."""

    def __init__(self, context: ConnectorContext, config: Config) -> None:
        self._clock = context.clock
        self._secrets = context.secrets
        self._base = f"/stores/{config.store}"
        self._http = context.http.open(
            config.url, auth=HeaderAuth(_TOKEN_HEADER, lambda: self._secret("accessToken"))
        )
        self._budget = CostBudget(
            context.clock,
            maximum=_QUOTA,
            restore_rate=_PER_SECOND,
            share_percent=context.share_percent,
            pool=context.pool,
        )
        self.server_time: datetime | None = None
        self.recently = Recently(context.clock)

    async def close(self) -> None:
        """Close the pool."""
        await self._http.close()

    async def read(
        self,
        path: str,
        *,
        template: str = "",
        params: Mapping[str, str] | None = None,
        may_miss: bool = False,
    ) -> Any:
        """GET `path`, as `/v2/orders`; None for an empty list of V2, and, if it `may_miss`, a 404.

        Else a 404 says that the address is wrong, and never that there is nothing.

        Troubles that may pass are tried again a few times: reads harm nothing.
        """
        for attempt in range(_ATTEMPTS):
            try:
                response = await self._run(
                    "GET", path, template or path, params=params, may_miss=may_miss
                )
            except RetryLater as error:
                # one with a code has a status: something answered in the store's place, and at once
                silent = isinstance(error, Unreachable) and error.code is None
                pause = error.retry_after or _FIRST_PAUSE * 2**attempt
                last = attempt + 1 >= (_UNANSWERED_ATTEMPTS if silent else _ATTEMPTS)
                if last or pause > _LONGEST_PAUSE:
                    raise
                await self._clock.sleep(pause)
                continue
            if response.status == _GONE:
                return None
            if response.status in _REFUSALS:
                raise refusal_of(f"GET {template or path}", response)
            return response.data
        raise AssertionError

    async def write(
        self,
        method: str,
        path: str,
        *,
        template: str = "",
        json: Any = None,
        may_miss: bool = False,
        partly: bool = False,
    ) -> Response:
        """Send a change, once; only a throttled one is sent again.

        Raises Refused with the platform's words, and what else a call may end with. A 404 is one
        unless what is changed `may_miss`, and a 207, which says that something was not done,
        unless the caller looks what was done `partly`.
        """
        refusals = {*_REFUSALS, *([] if may_miss else [_GONE]), *([] if partly else [_PARTLY])}
        for attempt in range(_ATTEMPTS):
            try:
                response = await self._run(method, path, template or path, json=json)
            except Throttled as error:
                pause = error.retry_after or _FIRST_PAUSE * 2**attempt
                if attempt + 1 == _ATTEMPTS or pause > _LONGEST_PAUSE:
                    raise
                await self._clock.sleep(pause)
                continue
            if response.status in refusals:
                raise refusal_of(f"{method} {template or path}", response)
            return response
        raise AssertionError

    async def _run(
        self,
        method: str,
        path: str,
        template: str,
        *,
        params: Mapping[str, str] | None = None,
        json: Any = None,
        may_miss: bool = True,
    ) -> Response:
        taken = 1.0
        await self._budget.take(taken)
        body = {} if json is None else {"json": json}
        try:
            response = await self._http.request(
                method,
                self._base + path,
                template=template,
                params=params,
                accept={*_REFUSALS, _TOO_MANY, *([_GONE] if may_miss else [])},
                **body,
            )
        finally:
            self._budget.over(taken)
        self.server_time = read_http_date(response.headers.get("date")) or self.server_time
        self._learn(response.headers)
        if response.status == _TOO_MANY:
            raise self._throttled(f"{method} {template}", response.headers)
        if response.status >= 400 and not isinstance(response.data, list | dict):
            raise UnexpectedAnswer(
                f"{method} {template} was answered with {response.status} and nothing in it",
                code=str(response.status),
            )
        return response

    def _learn(self, headers: Mapping[str, str]) -> None:
        """Take over what is left of the window's quota; where nothing is, wait for the next."""
        quota, left, window = (
            _number(headers, f"x-rate-limit-{name}")
            for name in ("requests-quota", "requests-left", "time-window-ms")
        )
        if quota is None or left is None or not window:
            return
        self._budget.feed(maximum=quota, available=left, restore_rate=quota * 1000 / window)
        reset = _number(headers, "x-rate-limit-time-reset-ms")
        if left <= 0 and reset:
            self._budget.pause(reset / 1000)

    def _throttled(self, call: str, headers: Mapping[str, str]) -> Throttled:
        reset = _number(headers, "x-rate-limit-time-reset-ms")
        after = _number(headers, "x-retry-after") if reset is None else reset / 1000
        if after is None:
            return Throttled(
                f"{call} was answered with 429 and no quota: the platform is overloaded", code="429"
            )
        self._budget.pause(after)
        return Throttled(
            f"{call} was answered with 429: the store's quota of requests is used up",
            retry_after=after,
            code="429",
        )

    def _secret(self, key: str) -> Secret:
        try:
            return self._secrets[key]
        except KeyError as error:
            if getattr(error, "code", None) == "SecretNotFound":
                raise
            raise SecretMissing(
                f"the Connection's Secret has no key {key}: the token of an API account of the"
                " store",
                code="SecretKeyMissing",
            ) from None


def _number(headers: Mapping[str, str], name: str) -> float | None:
    try:
        value = float(headers.get(name, ""))
    except ValueError:
        return None
    return value if 0 <= value < float("inf") else None

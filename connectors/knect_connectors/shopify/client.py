"""Speaks GraphQL to one shop: throttle, error classes, retries of reads.

Why: Shopify answers errors with status 200 and counts points, not requests. Here both become the
SDK's words, so that nothing above knows them.
Must not: retry a mutation, except where the server said it did nothing (THROTTLED).
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from knect.sdk.auth import HeaderAuth, Token, TokenAuth, lifetime_of
from knect.sdk.contract import ConnectorContext
from knect.sdk.errors import (
    ConnectorError,
    CredentialsRejected,
    Fatal,
    RetryLater,
    ScopeMissing,
    SecretMissing,
    Throttled,
    UnexpectedAnswer,
    Unreachable,
)
from knect.sdk.http import Auth, Client, Response, read_http_date
from knect.sdk.ratelimit import CostBudget
from knect.sdk.secret import Secret
from knect_connectors.shopify.config import Config
from knect_connectors.shopify.queries import for_side

__all__ = ["SURE_TERMS", "CostTooHighError", "ShopifyClient"]

#: Terms of one search that every shop has read so far, and the most that are tried: as many as a
#: page has places.
SURE_TERMS, _MOST_TERMS = 40, 250

_READ_ATTEMPTS = 6
#: Who does not answer at all is left to the engine, which asks ever more rarely.
_UNANSWERED_ATTEMPTS = 2
_FIRST_PAUSE = 0.2
_LONGEST_PAUSE = 10.0
#: What a call is taken to have cost that does not tell; the next one that does corrects it.
_UNTOLD = 10.0
#: What an operation may cost, as long as it was never asked: half of what one query may.
_FIRST_GUESS = 500.0
_TOKEN_HEADER = "X-Shopify-Access-Token"  # noqa: S105 - a header's name


class CostTooHighError(Exception):
    """A query may cost more than one query is allowed to; ask for less at once."""


class _EitherAuth:
    """The access token where the Secret has one, else tokens by client credentials.

    Asked at every use: the Secret may be filled, or change its kind, while the worker lives.
    """

    def __init__(
        self, secrets: Mapping[str, Secret], secret: Callable[[str], Secret], token: TokenAuth
    ) -> None:
        self._secrets = secrets
        self._fixed = HeaderAuth(_TOKEN_HEADER, lambda: secret("accessToken"))
        self._fetched = token

    def _kind(self) -> Auth:
        return self._fixed if "accessToken" in self._secrets else self._fetched

    async def headers(self) -> Mapping[str, Secret]:
        return await self._kind().headers()

    async def renew(self, rejected: Mapping[str, Secret]) -> bool:
        return await self._kind().renew(rejected)


class ShopifyClient:
    """GraphQL over one pool. `server_time` is the Date of the newest answer."""

    def __init__(self, context: ConnectorContext, config: Config) -> None:
        self._config = config
        self._clock = context.clock
        self._secrets = context.secrets
        self._open = context.http.open(config.base_url)
        self._token = TokenAuth(
            self._fetch_token,
            header=_TOKEN_HEADER,
            clock=context.clock,
            made_of=lambda: (context.secrets.get("clientId"), context.secrets.get("clientSecret")),
        )
        self._http: Client = context.http.open(
            config.base_url, auth=_EitherAuth(self._secrets, self._secret, self._token)
        )
        share = context.share_percent
        self._budget = CostBudget(
            context.clock, maximum=1_000, restore_rate=50, share_percent=share, pool=context.pool
        )
        self._costs: dict[str, float] = {}
        self.server_time: datetime | None = None
        self.has_definitions = False  # of our metafields, as far as this process knows
        self.sku_terms = _MOST_TERMS  # of one search, until the shop shows that it reads fewer

    @property
    def http(self) -> Client:
        """The client below, for downloads."""
        return self._http

    async def close(self) -> None:
        """Close both pools."""
        await self._http.close()
        await self._open.close()

    async def pause(self, seconds: float) -> None:
        """Wait on the Connection's clock, for work the shop does later."""
        await self._clock.sleep(seconds)

    def cost_of(self, operation: str) -> float | None:
        """Return what a query of this name cost at most when it was last asked, if known."""
        return self._costs.get(operation)

    async def read(self, document: str, *, operation: str, **variables: Any) -> dict[str, Any]:
        """Run a query; troubles that may pass are tried again a few times, reads harm nothing.

        Raises:
            CostTooHighError: it may cost more than one query is allowed to.
            ConnectorError: classified.
        """
        for attempt in range(_READ_ATTEMPTS):
            try:
                return await self._run(document, operation, variables)
            except RetryLater as error:
                # one with a code has a status: something answered in the shop's place, and at once
                silent = isinstance(error, Unreachable) and error.code is None
                if attempt + 1 >= (_UNANSWERED_ATTEMPTS if silent else _READ_ATTEMPTS):
                    raise
                pause = error.retry_after or _FIRST_PAUSE * 2**attempt
                if pause > _LONGEST_PAUSE:
                    raise
                await self._clock.sleep(pause)
        raise AssertionError

    async def write(self, document: str, *, operation: str, **variables: Any) -> dict[str, Any]:
        """Run a mutation, once; only a throttled one is sent again."""
        for attempt in range(_READ_ATTEMPTS):
            try:
                return await self._run(document, operation, variables)
            except Throttled as error:
                if attempt + 1 == _READ_ATTEMPTS:
                    raise
                await self._clock.sleep(error.retry_after or _FIRST_PAUSE * 2**attempt)
        raise AssertionError

    async def _run(
        self, document: str, operation: str, variables: Mapping[str, Any]
    ) -> dict[str, Any]:
        taken = self._costs.get(operation, _FIRST_GUESS)
        await self._budget.take(taken)
        try:
            response = await self._http.request(
                "POST",
                f"/admin/api/{self._config.api_version}/graphql.json",
                template="/admin/api/{version}/graphql.json",
                json={
                    "query": for_side(document, self._config.money),
                    "variables": variables,
                    "operationName": operation,
                },
            )
        except ConnectorError as error:
            self._budget.settle(taken, min(taken, _UNTOLD))
            if isinstance(error, Throttled):
                self._budget.pause(error.retry_after or 1.0)
            raise
        finally:
            self._budget.over(taken)
        self.server_time = read_http_date(response.headers.get("date")) or self.server_time
        data = response.data
        if not isinstance(data, dict):
            self._budget.settle(taken, min(taken, _UNTOLD))
            raise UnexpectedAnswer(f"{self._config.shop} answered {operation} without an object")
        self._settle(operation, taken, data)
        if data.get("errors"):
            raise self._error(operation, data)
        if not isinstance(data.get("data"), dict):
            raise UnexpectedAnswer(f"{self._config.shop} answered {operation} without data")
        return dict(data["data"])

    def _settle(self, operation: str, taken: float, data: Mapping[str, Any]) -> None:
        """Learn from `extensions.cost` what the call cost and what is left."""
        cost = _cost(data)
        if (asked := _figure(cost, "requestedQueryCost")) is not None:
            self._costs[operation] = asked
        actual = _figure(cost, "actualQueryCost")
        self._budget.settle(taken, min(taken, _UNTOLD) if actual is None else actual)
        status = cost.get("throttleStatus")
        most, left, back = (
            _figure(status, name)
            for name in ("maximumAvailable", "currentlyAvailable", "restoreRate")
        )
        if most is not None and left is not None and back is not None:
            self._budget.feed(maximum=most, available=left, restore_rate=back)

    def _error(self, operation: str, data: Mapping[str, Any]) -> Exception:
        errors = data["errors"]
        is_listed = isinstance(errors, list) and errors and isinstance(errors[0], dict)
        first: dict[str, Any] = errors[0] if is_listed else {"message": str(errors)}
        extensions = first.get("extensions")
        extensions = extensions if isinstance(extensions, dict) else {}
        code = str(extensions.get("code") or "")
        words = str(first.get("message", ""))[:300]
        steps = first.get("path")
        path = ".".join(map(str, steps)) or None if isinstance(steps, list) else None
        sentence = f"{self._config.shop} refused {operation}: {words}"
        if code == "THROTTLED":
            return Throttled(sentence, retry_after=self._wait(data), code=code)
        if code == "MAX_COST_EXCEEDED":
            return CostTooHighError(words)
        if code == "ACCESS_DENIED":
            needed = extensions.get("requiredAccess")
            more = f"; the app needs {needed}" if needed else ""
            return ScopeMissing(f"{sentence}{more}", code=code, path=path)
        if code in ("INTERNAL_SERVER_ERROR", "TIMEOUT", ""):
            return UnexpectedAnswer(sentence, code=code or None, path=path)
        return Fatal(
            f"{sentence}; the API version {self._config.api_version} may not have what is asked",
            code=code,
            path=path,
        )

    def _wait(self, data: Mapping[str, Any]) -> float:
        """Return (requested - available) / restore rate, the vendor's own advice."""
        cost = _cost(data)
        status = cost.get("throttleStatus")
        left = _figure(status, "currentlyAvailable") or 0.0
        missing = (_figure(cost, "requestedQueryCost") or 100.0) - left
        wait = max(0.1, missing / (_figure(status, "restoreRate") or 50.0))
        self._budget.pause(wait)
        return wait

    # ------------------------------------------------ credentials

    def _secret(self, key: str) -> Secret:
        try:
            return self._secrets[key]
        except KeyError as error:
            if getattr(error, "code", None) == "SecretNotFound":
                raise
            raise SecretMissing(
                f"the Connection's Secret has no key {key}; Shopify needs accessToken,"
                " or clientId and clientSecret",
                code="SecretKeyMissing",
            ) from None

    async def _fetch_token(self) -> Token:
        """Exchange client id and secret for a token (client credentials grant)."""
        secret = self._secret("clientSecret")
        response: Response = await self._open.request(
            "POST",
            "/admin/oauth/access_token",
            template="/admin/oauth/access_token",
            json={
                "grant_type": "client_credentials",
                "client_id": self._secret("clientId").reveal(),
                "client_secret": secret.reveal(),
            },
            accept={400},
            secrets=(secret,),
        )
        data = response.data if isinstance(response.data, dict) else {}
        if response.status != 400 and not data.get("access_token") and not data.get("error"):
            raise UnexpectedAnswer(
                f"{self._config.shop} answered the question for a token without one",
                code=str(response.status),
            )
        if response.status != 200 or not data.get("access_token"):
            raise CredentialsRejected(
                f"{self._config.shop} does not accept clientId and clientSecret"
                f" ({data.get('error', response.status)}); renew them in the Connection's Secret"
            )
        return Token(
            secret=Secret(str(data["access_token"])), lifetime=lifetime_of(data.get("expires_in"))
        )


def _figure(told: Any, name: str) -> float | None:
    """Return a number of the cost that is told; None if there is none."""
    value = told.get(name) if isinstance(told, dict) else None
    if isinstance(value, bool) or not isinstance(value, int | Decimal) or value < 0:
        return None
    return float(value)


def _cost(data: Mapping[str, Any]) -> dict[str, Any]:
    extensions = data.get("extensions")
    cost = extensions.get("cost") if isinstance(extensions, dict) else None
    return cost if isinstance(cost, dict) else {}

"""Calls one API: credentials, pace, error rules.

Must not: know an entity; what is asked for and what it means is the callers'.
"""

from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import urlencode

from knect.sdk.auth import BasicAuth, HeaderAuth, Token, TokenAuth, lifetime_of
from knect.sdk.contract import ConnectorContext
from knect.sdk.errors import (
    CredentialsRejected,
    Fatal,
    SecretMissing,
    Throttled,
    UnexpectedAnswer,
)
from knect.sdk.http import Auth, Response, error_of_status, words_of
from knect.sdk.ratelimit import CostBudget
from knect.sdk.secret import Secret
from knect_connectors.rest.config import Config
from knect_connectors.rest.refusals import Refusals

__all__ = ["Api"]


class Api:
    """One API at work."""

    def __init__(self, context: ConnectorContext, config: Config) -> None:
        self._config = config
        self._clock = context.clock
        self._secrets = context.secrets
        at = config.auth.token_url or config.base_url
        own = config.certificate_authority
        self._plain = context.http.open(at, authority=own)
        self._http = context.http.open(
            config.base_url, auth=self._auth(), headers=dict(config.headers), authority=own
        )
        self.host = config.base_url.partition("://")[2].partition("/")[0]
        self.refusals = Refusals(self.host, config.errors)
        limit = config.rate_limit
        self._budget = (
            CostBudget(
                context.clock,
                maximum=limit.burst,
                restore_rate=limit.per_second,
                share_percent=context.share_percent,
                pool=context.pool,
            )
            if limit
            else None
        )

    async def close(self) -> None:
        """Let go of connections."""
        await self._http.close()
        await self._plain.close()

    def owns(self, url: str) -> bool:
        """Tell whether a URL the API named stays on its own origin."""
        return self._http.owns(url)

    async def call(
        self,
        method: str,
        url: str,
        *,
        template: str,
        params: Mapping[str, str] | None = None,
        json: Any = None,
        headers: Mapping[str, str | Secret] | None = None,
        accept: Collection[int] = (),
    ) -> Response:
        """Send one request; a status in `accept` is returned, another error raised."""
        if self._budget is not None:
            await self._budget.take(1)
        accepted = self.refusals.statuses | set(accept)
        body = {} if json is None else {"json": json}
        try:
            response = await self._http.request(
                method,
                url,
                template=template,
                params=params,
                headers=headers,
                accept=accepted,
                **body,
            )
        except Throttled as error:
            if self._budget is not None:
                self._budget.pause(error.retry_after or 1.0)
            raise
        finally:
            if self._budget is not None:
                self._budget.over(1)
        self._learn(response)
        refusal = self.refusals.judge(f"{method} {template}", response)
        if refusal is None and response.status >= 400:
            now = self._clock.now()
            refusal = error_of_status(self.host, f"{method} {template}", response, now)
        if refusal is not None and response.status not in accept:
            raise refusal
        return response

    def _learn(self, response: Response) -> None:
        limit = self._config.rate_limit
        if limit is None or self._budget is None:
            return
        left = None
        try:
            if limit.used_header:
                used, _, most = response.headers.get(limit.used_header.lower(), "").partition("/")
                left = float(most) - float(used)
            elif limit.remaining_header:
                left = float(response.headers.get(limit.remaining_header.lower(), ""))
        except ValueError:
            return
        if left is not None:
            self._budget.feed(maximum=limit.burst, available=left, restore_rate=limit.per_second)

    # ------------------------------------------------ credentials

    def _auth(self) -> Auth | None:
        auth = self._config.auth
        match auth.kind:
            case "None":
                return None
            case "Bearer":
                return HeaderAuth("Authorization", lambda: self._secret("token"), prefix="Bearer ")
            case "Header":
                return HeaderAuth(auth.header, lambda: self._secret("apiKey"), prefix=auth.prefix)
            case "Basic":
                return BasicAuth(lambda: self._secret("username"), lambda: self._secret("password"))
            case "ClientCredentials":
                return TokenAuth(
                    self._fetch_token,
                    header="Authorization",
                    prefix="Bearer ",
                    clock=self._clock,
                    made_of=lambda: (
                        self._secrets.get("clientId"),
                        self._secrets.get("clientSecret"),
                    ),
                )

    def _secret(self, key: str) -> Secret:
        try:
            return self._secrets[key]
        except KeyError as error:
            if getattr(error, "code", None) == "SecretNotFound":
                raise
            raise SecretMissing(
                f"the Connection's Secret has no key {key}, which auth.kind"
                f" {self._config.auth.kind} needs",
                code="SecretKeyMissing",
            ) from None

    async def _fetch_token(self) -> Token:
        """Get a token by client credentials (RFC 6749, 4.4)."""
        auth = self._config.auth
        form: dict[str, str] = {"grant_type": "client_credentials", **auth.token_parameters}
        if auth.scope:
            form["scope"] = auth.scope
        headers: Mapping[str, str | Secret] = {}
        if auth.credentials_in == "Header":
            headers = await BasicAuth(
                lambda: self._secret("clientId"), lambda: self._secret("clientSecret")
            ).headers()
        else:
            form["client_id"] = self._secret("clientId").reveal()
            form["client_secret"] = self._secret("clientSecret").reveal()
        place = auth.token_url or auth.token_path
        response = await self._plain.request(
            "POST",
            place,
            template=place,
            content=urlencode(form).encode(),
            headers={"Content-Type": "application/x-www-form-urlencoded", **headers},
            accept={400, 401},
        )
        data = response.data if isinstance(response.data, dict) else {}
        if response.status in (400, 401) or data.get("error"):
            said = words_of(response).replace(self._secret("clientSecret").reveal(), "***")
            raise CredentialsRejected(
                _no_token(self.host, place, auth.credentials_in, f"{response.status} {said}")
            )
        if not data.get("access_token"):  # what there is instead may be as secret
            raise UnexpectedAnswer(
                f"{self.host}: POST {place} was answered without access_token (status"
                f" {response.status})",
                code=str(response.status),
            )
        if str(data.get("token_type", "bearer")).lower() != "bearer":
            raise Fatal(f"{self.host} gives tokens of type {data['token_type']!r}, not bearer")
        return Token(
            secret=Secret(str(data["access_token"])), lifetime=lifetime_of(data.get("expires_in"))
        )


def _no_token(host: str, place: str, sent_in: str, said: str) -> str:
    """Return what a person reads who has to find out why there is no token."""
    where, other = ("a header", "Body") if sent_in == "Header" else ("the form", "Header")
    return (
        f"{host} does not accept clientId and clientSecret: POST {place} was answered with"
        f" {said.strip()}; renew them in the Connection's Secret. They went in {where}: if it wants"
        f" them otherwise, say auth.credentialsIn: {other}"
    )

"""The three ways to be let in, as one: headers for a request, and new ones after a refusal.

Why: a signature is made for one request, a token serves many; the client should not mind.
Must not: send anything but the call for an admin's token.
"""

import secrets as chance
from collections.abc import Mapping
from typing import Protocol

from knect.sdk.auth import HeaderAuth, Token, TokenAuth
from knect.sdk.contract import ConnectorContext
from knect.sdk.errors import CredentialsRejected, SecretMissing, UnexpectedAnswer
from knect.sdk.http import Client, Limits
from knect.sdk.secret import Secret
from knect_connectors.magento2.config import ALL, AuthMode, Config
from knect_connectors.magento2.oauth import Keys, authorization
from knect_connectors.magento2.refusals import said_by
from knect_connectors.magento2.search import Query

__all__ = ["Credentials", "credentials_of"]

_HEADER = "Authorization"
_TOKEN = "/V1/integration/admin/token"  # noqa: S105 - an address
_NEEDS: Mapping[AuthMode, tuple[str, ...]] = {
    AuthMode.OAUTH: ("consumerKey", "consumerSecret", "accessToken", "accessTokenSecret"),
    AuthMode.BEARER: ("accessToken",),
    AuthMode.ADMIN: ("username", "password"),
}


class Credentials(Protocol):
    """See the module."""

    async def headers(self, method: str, url: str, query: Query) -> Mapping[str, Secret]:
        """Return the headers for this request."""
        ...

    async def renew(self, rejected: Mapping[str, Secret]) -> bool:
        """Tell whether there are others after `rejected` were refused."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


def credentials_of(context: ConnectorContext, config: Config) -> Credentials:
    """Return what the Connection's config asks for."""
    if config.auth is AuthMode.OAUTH:
        return _Signed(context)
    return _Borne(context, config)


def _secret(context: ConnectorContext, mode: AuthMode, key: str) -> Secret:
    try:
        return context.secrets[key]
    except KeyError as error:
        if getattr(error, "code", None) == "SecretNotFound":
            raise
        needed = ", ".join(_NEEDS[mode])
        raise SecretMissing(
            f"the Connection's Secret has no key {key}; config.auth {mode} needs {needed}",
            code="SecretKeyMissing",
        ) from None


class _Signed:
    """OAuth 1.0a: every request has a signature of its own."""

    def __init__(self, context: ConnectorContext) -> None:
        self._context = context
        self._sent: Keys | None = None

    def _keys(self) -> Keys:
        key, secret, token, token_secret = (
            _secret(self._context, AuthMode.OAUTH, name).reveal() for name in _NEEDS[AuthMode.OAUTH]
        )
        return Keys(
            consumer_key=key, consumer_secret=secret, token=token, token_secret=token_secret
        )

    async def headers(self, method: str, url: str, query: Query) -> Mapping[str, Secret]:
        self._sent = self._keys()
        header = authorization(
            self._sent,
            method,
            url,
            query,
            timestamp=int(self._context.clock.now().timestamp()),
            nonce=chance.token_hex(16),
        )
        return {_HEADER: Secret(header)}

    async def renew(self, rejected: Mapping[str, Secret]) -> bool:
        del rejected
        return self._keys() != self._sent

    async def close(self) -> None:
        pass


class _Borne:
    """A token in the header: an integration's, or an admin's, which is fetched and ends."""

    def __init__(self, context: ConnectorContext, config: Config) -> None:
        self._context = context
        self._config = config
        self._http: Client | None = None
        self._auth: HeaderAuth | TokenAuth
        if config.auth is AuthMode.BEARER:
            self._auth = HeaderAuth(
                _HEADER,
                lambda: _secret(context, AuthMode.BEARER, "accessToken"),
                prefix="Bearer ",
            )
            return
        self._http = context.http.open(
            config.url, limits=Limits(connections=1), authority=config.authority
        )
        self._auth = TokenAuth(
            self._fetch,
            header=_HEADER,
            prefix="Bearer ",
            clock=context.clock,
            made_of=self._names,
        )

    def _names(self) -> tuple[Secret, Secret]:
        name, password = (
            _secret(self._context, AuthMode.ADMIN, key) for key in _NEEDS[AuthMode.ADMIN]
        )
        return name, password

    async def _fetch(self) -> Token:
        assert self._http is not None
        name, password = self._names()
        path = f"{self._config.path}/{ALL}{_TOKEN}"
        answer = await self._http.request(
            "POST",
            path,
            template=f"{self._config.path}/{{store}}{_TOKEN}",
            json={"username": name.reveal(), "password": password.reveal()},
            accept=(401,),
            secrets=(password,),
        )
        if answer.status == 401:
            raise CredentialsRejected(
                f"{said_by(answer.data)} (the admin's name or password is wrong, the account is"
                " locked, or it needs a second factor: use an integration then)",
                code="401",
            )
        if not isinstance(answer.data, str) or not answer.data:
            raise UnexpectedAnswer(f"{_TOKEN} was answered without a token")
        return Token(secret=Secret(answer.data))

    async def headers(self, method: str, url: str, query: Query) -> Mapping[str, Secret]:
        del method, url, query
        return await self._auth.headers()

    async def renew(self, rejected: Mapping[str, Secret]) -> bool:
        return await self._auth.renew(rejected)

    async def close(self) -> None:
        if self._http is not None:
            await self._http.close()

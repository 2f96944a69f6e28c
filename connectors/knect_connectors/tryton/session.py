"""Logging in to Tryton, and again when the session has ended; one log-in at a time.

Must not: keep the password; the secret is read from the context at each log-in, so that a rotated
one is used without a restart.
"""

import asyncio
import base64
from collections.abc import Mapping
from contextlib import suppress

from knect.sdk.errors import (
    ConnectorError,
    CredentialsRejected,
    Fatal,
    SecretMissing,
    UnexpectedAnswer,
)
from knect.sdk.http import Client, ClientFactory, JsonError, decode_json
from knect.sdk.secret import Secret

__all__ = ["TrytonSession"]

#: How long a server that does not answer may keep us from ending.
_LOG_OUT_SECONDS = 2.0


class TrytonSession:
    """Puts a session on each request; an `Auth` of knect.sdk.http."""

    def __init__(
        self,
        http: ClientFactory,
        url: str,
        database: str,
        secrets: Mapping[str, Secret],
        *,
        authority: str = "",
    ) -> None:
        self._client: Client = http.open(url, authority=authority)  # one without credentials
        self._path = f"/{database}/rpc/"
        self._database = database
        self._secrets = secrets
        self._header: Secret | None = None
        self._made_of: tuple[Secret | None, Secret | None] = (None, None)
        self.user_id = 0  # once logged in
        self._one_at_a_time = asyncio.Lock()

    async def headers(self) -> Mapping[str, Secret]:
        """Return the session's header, logging in if there is no session yet."""
        async with self._one_at_a_time:
            if self._header is None or self._made_of != self._pair():
                self._header = None  # logged in with a password that has been rotated since
                self._header = await self._log_in()
            return {"authorization": self._header}

    async def renew(self, rejected: Mapping[str, Secret]) -> bool:
        """Log in again, unless somebody else has since `rejected` was refused.

        A refused log-in is not repeated with the same password: it may lock the user.
        """
        async with self._one_at_a_time:
            if self._header is None:
                return self._made_of != self._pair()
            if self._header == rejected.get("authorization"):
                self._header = None
                self._header = await self._log_in()
            return True

    async def close(self) -> None:
        """Log out if the server lets us, and forget the session.

        Tryton keeps a session for a month, and reads all of a user's at each of its calls: those
        who only left would slow down whoever is there.
        """
        try:
            if self._header is not None:
                await self._log_out(self._header)
        finally:
            self._header = None
            await self._client.close()

    async def _log_out(self, header: Secret) -> None:
        with suppress(ConnectorError):  # it ends by itself then
            await self._client.request(
                "POST",
                self._path,
                template="/{database}/rpc/ common.db.logout",
                json={"id": 1, "method": "common.db.logout", "params": []},
                headers={"authorization": header},
                expects_json=False,
                deadline=_LOG_OUT_SECONDS,
            )

    async def _log_in(self) -> Secret:
        username, password = self._made_of = self._pair()
        if username is None or password is None:
            key = "username" if username is None else "password"
            raise SecretMissing(
                f"the Connection's Secret has no key {key!r}", code="SecretKeyMissing"
            )
        return await self._ask(username.reveal(), password)

    def _pair(self) -> tuple[Secret | None, Secret | None]:
        return self._secrets.get("username"), self._secrets.get("password")

    async def _ask(self, user: str, password: Secret) -> Secret:
        parameters = {"password": password.reveal()}
        response = await self._client.request(
            "POST",
            self._path,
            template="/{database}/rpc/",
            json={"id": 1, "method": "common.db.login", "params": [user, parameters]},
            accept=(401, 404, 503),
            expects_json=False,
            secrets=(password,),
        )
        # A database that is not there: 404, or on SQLite 503 with its words.
        gone = response.status == 503 and b"exist" in response.body
        if response.status == 404 or gone:
            raise Fatal(
                f"the server has no database {self._database!r}; correct config.database",
                code="NoDatabase",
            )
        if response.status == 503:
            raise UnexpectedAnswer("Tryton is not ready to answer (503)", code="503")
        if response.status == 401:
            raise CredentialsRejected(
                f"Tryton does not accept the password of user {user!r};"
                " correct the Connection's Secret",
                code="401",
            )
        self.user_id, token = _session_of(response.body)
        text = f"{user}:{self.user_id}:{token}".encode()
        return Secret(f"Session {base64.b64encode(text).decode()}")


def _session_of(body: bytes) -> tuple[int, str]:
    try:
        answer = decode_json(body)
    except JsonError:
        answer = None
    match answer:
        case {"result": [int() as user_id, str() as token, *_]}:
            return user_id, token
        case _:
            raise UnexpectedAnswer("Tryton's answer to the log-in holds no session")

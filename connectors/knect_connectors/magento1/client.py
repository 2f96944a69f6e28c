"""Speaks XML-RPC to one shop: the session, retries of reads, answers that are none.

Why: sessions end in the middle of everything, and whatever goes wrong comes with status 200. Here
both become the SDK's words, so that nothing above knows them.
Must not: send a write again, except where the shop said it did nothing (session expired).
"""

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from knect.sdk.contract import ConnectorContext
from knect.sdk.errors import (
    ConnectorError,
    RetryLater,
    SecretMissing,
    UnexpectedAnswer,
    Unreachable,
)
from knect.sdk.http import Client, Limits, read_http_date
from knect.sdk.secret import Secret
from knect.sdk.xml import XmlError
from knect_connectors.magento1.config import Config
from knect_connectors.magento1.refusals import (
    EXPIRED,
    TOO_MUCH,
    error_of_fault,
    error_of_page,
    login_refused,
    words_of_page,
)
from knect_connectors.magento1.xmlrpc import Fault, code_of, read_answer, write_request

__all__ = ["Ask", "MagentoClient"]

_log = logging.getLogger("knect.magento1")

#: A call of a resource: its path and its arguments.
Ask = tuple[str, Sequence[Any]]

_READ_ATTEMPTS = 6
_FIRST_PAUSE = 0.2
_LONGEST_PAUSE = 10.0
_LOG_INS = 3
#: Old shops are slow: a list of a day's orders may take most of a minute.
_LIMITS = Limits(deadline=60.0, read=60.0, body=64 * 2**20, connections=4)
#: So many different notices are logged.
_HEARD = 20
#: Larger answers are read beside the event loop.
_LARGE = 2**18


class MagentoClient:
    """The API over one pool. `server_time` is the Date of the newest answer."""

    def __init__(self, context: ConnectorContext, config: Config) -> None:
        self.config = config
        self._clock = context.clock
        self._secrets = context.secrets
        self._http: Client = context.http.open(
            config.url, limits=_LIMITS, authority=config.authority
        )
        self._host = config.url.partition("://")[2].partition("/")[0]
        self._turn = asyncio.Lock()
        self._session: Secret | None = None
        self._basis: tuple[Secret, Secret] | None = None
        self._heard: set[str] = set()
        self.server_time: datetime | None = None

    async def close(self) -> None:
        """Close the pool."""
        await self._http.close()

    async def pause(self, seconds: float) -> None:
        """Wait on the Connection's clock."""
        await self._clock.sleep(seconds)

    # ------------------------------------------------ reading

    async def read(self, path: str, *arguments: Any) -> Any:
        """Call a method that changes nothing; troubles that may pass are tried again."""
        value = await self._patiently("call", path, [path, list(arguments)])
        if isinstance(value, Fault):
            raise error_of_fault(self._where(path), value)
        return value

    async def read_all(self, asks: Sequence[Ask]) -> list[Any | Fault]:
        """Call several in as few requests as the config allows; one answer each, or its Fault."""
        found: list[Any | Fault] = []
        for start in range(0, len(asks), self.config.batch):
            found += await self._read_part(asks[start : start + self.config.batch])
        return found

    async def _read_part(self, asks: Sequence[Ask]) -> list[Any | Fault]:
        """Read a batch; if the shop cannot answer it as a whole, by halves."""
        try:
            return await self._many(asks, patient=len(asks) == 1)
        except RetryLater as error:
            if len(asks) == 1:
                raise
            if error.code != TOO_MUCH and not isinstance(error, Unreachable):
                return await self._many(asks, patient=True)
        middle = len(asks) // 2
        return [*await self._read_part(asks[:middle]), *await self._read_part(asks[middle:])]

    async def resources(self) -> list[dict[str, Any]]:
        """Return what the API user may call."""
        value = await self._patiently("resources", "resources", [])
        if isinstance(value, Fault):
            raise error_of_fault(self._where("resources"), value)
        return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []

    async def now(self) -> datetime:
        """Return the Date of a fresh answer: the web server's clock, whole seconds."""
        await self._many([("core_magento.info", [])], patient=True)  # may be denied; it is dated
        if self.server_time is None:
            raise UnexpectedAnswer(f"{self._host} answers without a Date header")
        return self.server_time

    # ------------------------------------------------ writing

    async def write(self, path: str, *arguments: Any) -> Any:
        """Call a method that changes something, once. Raises what the shop refuses."""
        value = await self._called("call", path, [path, list(arguments)])
        if isinstance(value, Fault):
            raise error_of_fault(self._where(path), value)
        return value

    async def write_all(self, asks: Sequence[Ask]) -> list[Any | ConnectorError]:
        """Call several in one request, once; one answer each, or the error it was refused with."""
        return [
            error_of_fault(self._where(ask[0]), one) if isinstance(one, Fault) else one
            for ask, one in zip(asks, await self._many(asks, patient=False), strict=True)
        ]

    def error(self, path: str, fault: Fault) -> ConnectorError:
        """Return the error a fault of `path` amounts to."""
        return error_of_fault(self._where(path), fault)

    # ------------------------------------------------ requests

    async def _many(self, asks: Sequence[Ask], *, patient: bool) -> list[Any | Fault]:
        call = self._patiently if patient else self._called
        names = {path for path, _ in asks}
        name = f"multiCall({next(iter(names))})" if len(names) == 1 else "multiCall"
        value = await call("multiCall", name, [[[path, list(args)] for path, args in asks]])
        if isinstance(value, Fault):
            raise error_of_fault(self._where(name), value)
        if not isinstance(value, list) or len(value) != len(asks):
            raise UnexpectedAnswer(
                f"{self._where(name)} answered {len(asks)} calls with another number"
            )
        return [_fault_in(one) for one in value]

    async def _patiently(self, method: str, name: str, arguments: list[Any]) -> Any:
        for attempt in range(_READ_ATTEMPTS):
            try:
                value = await self._called(method, name, arguments)
            except RetryLater as error:
                pause = error.retry_after or _FIRST_PAUSE * 2**attempt
                is_last = attempt + 1 == _READ_ATTEMPTS or pause > _LONGEST_PAUSE
                if is_last or error.code == TOO_MUCH:
                    raise
            else:
                if not isinstance(value, Fault) or value.code not in (0, 1):
                    return value
                if attempt + 1 == _READ_ATTEMPTS:
                    return value
                pause = _FIRST_PAUSE * 2**attempt
            await self._clock.sleep(pause)
        raise AssertionError

    async def _called(self, method: str, name: str, arguments: list[Any]) -> Any:
        """Call with a session that lives; a dead one did nothing, so it is called again."""
        value: Any = None
        for _ in range(_LOG_INS):
            session = await self._logged_in()
            value = await self._sent(method, name, [session.reveal(), *arguments], (session,))
            if not isinstance(value, Fault) or value.code != EXPIRED:
                return value
            async with self._turn:
                if self._session == session:
                    self._session = None
        raise error_of_fault(self._where(name), value)

    async def _logged_in(self) -> Secret:
        async with self._turn:
            basis = (self._secret("apiUser"), self._secret("apiKey"))
            if self._session is None or self._basis != basis:
                self._session = None
                try:
                    self._session = await self._login(*basis)
                except ConnectorError as error:
                    error.could_have_been_seen = False  # the call itself has not left
                    raise
                self._basis = basis
            return self._session

    async def _login(self, user: Secret, key: Secret) -> Secret:
        value = await self._sent("login", "login", [user.reveal(), key.reveal()], (key,))
        if isinstance(value, Fault):
            raise login_refused(self._where("login"), value)
        if not isinstance(value, str) or not value:
            raise UnexpectedAnswer(f"{self._where('login')} was answered without a session")
        return Secret(value)

    async def _sent(
        self, method: str, name: str, arguments: list[Any], secrets: Sequence[Secret]
    ) -> Any:
        response = await self._http.request(
            "POST",
            self.config.path,
            template=f"{self.config.path}#{name}",
            content=write_request(method, arguments),
            headers={"Content-Type": "text/xml; charset=UTF-8", "Accept": "text/xml"},
            expects_json=False,
            secrets=secrets,
        )
        self.server_time = read_http_date(response.headers.get("date")) or self.server_time
        return await self._understood(name, response.body)

    async def _understood(self, name: str, body: bytes) -> Any:
        where = self._where(name)
        start = _beginning(body)
        if start < 0:
            raise error_of_page(where, body)
        try:
            if len(body) > _LARGE:
                value = await asyncio.to_thread(read_answer, body[start:])
            else:
                value = read_answer(body[start:])
        except XmlError as error:
            php = words_of_page(body) if b"Fatal error" in body else ""
            code = TOO_MUCH if "Allowed memory size" in php else None
            more = f"; PHP says {php}" if php else ""
            raise UnexpectedAnswer(
                f"{where} was answered with XML that cannot be read: {error}{more}", code=code
            ) from None
        if body[:start].strip(b"\xef\xbb\xbf \t\r\n"):
            self._overheard(name, words_of_page(body[:start]))
        return value

    def _overheard(self, name: str, words: str) -> None:
        """Log what the shop says before its answers, each thing once."""
        if words not in self._heard and len(self._heard) < _HEARD:
            self._heard.add(words)
            _log.warning(
                "the shop says something before its answer", extra={"call": name, "words": words}
            )

    def _where(self, name: str) -> str:
        return f"{self._host}: {name}"

    def _secret(self, key: str) -> Secret:
        try:
            return self._secrets[key]
        except KeyError as error:
            if getattr(error, "code", None) == "SecretNotFound":
                raise
            raise SecretMissing(
                f"the Connection's Secret has no key {key}; Magento needs apiUser and apiKey",
                code="SecretKeyMissing",
            ) from None


def _beginning(body: bytes) -> int:
    """Return where the answer begins, -1 if it is none: PHP may put notices before it."""
    root = body.find(b"<methodResponse")
    declaration = body.rfind(b"<?xml", 0, max(0, root))
    return root if declaration < 0 else declaration


def _fault_in(value: Any) -> Any | Fault:
    """Return one result of many, or the Fault it is."""
    if not isinstance(value, dict) or "isFault" not in value or "faultCode" not in value:
        return value
    message = str(value.get("faultMessage") or "")
    return Fault(code=code_of(value["faultCode"]), message=message)

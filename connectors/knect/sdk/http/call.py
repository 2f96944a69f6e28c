"""One call: its request, what is known of it while it runs, its report, and its verdict.

Must not: decide to send again; `client` does that, once, for renewed credentials.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from typing import Protocol, cast
from urllib.parse import urlsplit

from msgspec import Struct, field

from knect.sdk.errors import ConnectorError, Fatal, UnexpectedAnswer
from knect.sdk.exchange import Exchange, current_recorder
from knect.sdk.http.answer import Response
from knect.sdk.http.classify import error_of_failure, error_of_status, error_of_text
from knect.sdk.http.exact_json import JsonError, decode_json
from knect.sdk.http.flight import Flight
from knect.sdk.http.guard import Egress
from knect.sdk.http.inflate import ACCEPT_ENCODING
from knect.sdk.http.library import library
from knect.sdk.http.redact import Quotes, redact, secrets_of
from knect.sdk.http.transport import AiohttpTransport, TransportFailureError
from knect.sdk.secret import Secret
from knect.seams import Clock

__all__ = ["Auth", "Call", "Cause", "Channel", "Limits", "Outgoing", "address_of", "origin_of"]

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_ALLOW = (
    "allow it with `worker.egressAllow` (chart) or `--allow HOST` (command line),"
    " or correct the address in the Connection's config"
)


class Limits(Struct, frozen=True, kw_only=True):
    """Bounds of every call. Seconds and bytes."""

    deadline: float = 30.0
    connect: float = 10.0
    read: float = 20.0
    body: int = 10 * 2**20
    connections: int = 8


class Auth(Protocol):
    """What puts credentials on a request; the kinds are in `knect.sdk.auth`."""

    async def headers(self) -> Mapping[str, Secret]:
        """Return the headers to send now."""
        ...

    async def renew(self, rejected: Mapping[str, Secret]) -> bool:
        """Get new credentials after `rejected` were refused; False if there is no other."""
        ...


class Cause(Exception):
    """The redacted text of an error below; the error itself may hold URLs and headers."""


class Channel(Struct, frozen=True, kw_only=True):
    """What all calls of one client share."""

    base: str
    egress: Egress
    clock: Clock
    auth: Auth | None
    headers: Mapping[str, str | Secret]
    limits: Limits
    transport: AiohttpTransport
    quotes: Quotes = field(default_factory=Quotes)


class Outgoing(Struct, frozen=True, kw_only=True):
    """A request as asked for. `secrets` are those its body has."""

    method: str
    url: str
    template: str
    params: Mapping[str, str] | None = None
    content: bytes | None = None
    headers: Mapping[str, str | Secret] = field(default_factory=dict)
    deadline: float | None = None
    secrets: Collection[Secret] = ()


def address_of(base: str, url: str) -> str:
    """Return where `url` leads: by itself if it names a scheme, else below `base`."""
    return url if _SCHEME.match(url) else base + url


def origin_of(url: str) -> tuple[str, str, str]:
    """Return (scheme, network location, host) of a URL; empty texts if it is none."""
    try:
        parts = urlsplit(url)
        return parts.scheme.lower(), parts.netloc.lower(), parts.hostname or ""
    except ValueError:
        return "", "", ""


class Call:
    """One call. `auth_headers` are the credentials it went with."""

    def __init__(self, channel: Channel, outgoing: Outgoing) -> None:
        self._channel = channel
        self._outgoing = outgoing
        self._url = address_of(channel.base, outgoing.url)
        self._scheme, self._netloc, self._host = origin_of(self._url)
        self._name = f"{outgoing.method} {outgoing.template}"
        self._secrets: set[str] = set()
        self._flights: list[Flight] = []
        self._exchange: Exchange | None = None
        self.auth_headers: Mapping[str, Secret] = {}

    async def run(self, accept: Collection[int], *, expects_json: bool) -> Response:
        """Send, read, judge; raises a ConnectorError without secrets."""
        try:
            async with self.reported():
                async with self.answered(self._channel.limits.body) as answer:
                    body = await self.read(answer)
                if self._exchange is not None:
                    self._exchange.response_bytes = len(body)
                return self.judge(answer, body, accept, expects_json=expects_json)
        except ConnectorError as error:
            error.__context__ = None  # the library's error, which holds the request
            raise

    @asynccontextmanager
    async def reported(self) -> AsyncIterator[None]:
        """Report the call to the recorder, whatever becomes of it."""
        recorder = current_recorder.get()
        started = self._channel.clock.monotonic()
        if recorder is not None:
            self._exchange = recorder.begin(
                method=self._outgoing.method, template=self._outgoing.template, host=self._host
            )
        error: BaseException | None = None
        try:
            yield
        except TransportFailureError as failure:
            error = error_of_failure(self._host, self._name, failure)
            error.__cause__ = self._redacted(failure.__cause__ or failure)
        except (ConnectorError, asyncio.CancelledError) as raised:
            error = raised
        if recorder is not None and self._exchange is not None:
            self._exchange.duration_ms = (self._channel.clock.monotonic() - started) * 1000
            self._exchange.error = type(error).__name__ if error else None
            self._exchange.could_have_been_seen = any(one.on_wire for one in self._flights)
            recorder.end(self._exchange)
        if isinstance(error, ConnectorError):
            error.message = redact(error.message, self._secrets)
            error.args = (error.message,)
        if error is not None:
            raise error

    @asynccontextmanager
    async def answered(self, limit: int) -> AsyncIterator[library.Response]:
        """Send the request; the body, at most `limit` bytes, is still to be read."""
        request = await self._build(limit)
        # By the transport itself: what the library's client does around it (redirects, cookies,
        # credentials by host) is either not wanted or done here, and is a third of a call.
        answer = await self._channel.transport.handle_async_request(request)
        if self._exchange is not None:
            self._exchange.status = answer.status_code
        try:
            yield answer
        finally:
            await answer.aclose()

    async def read(self, answer: library.Response) -> bytes:
        """Return the whole body. The transport has inflated it: the library need not look."""
        stream = cast("library.AsyncByteStream", answer.stream)
        return b"".join([piece async for piece in stream])

    async def pieces(self, answer: library.Response) -> AsyncIterator[bytes]:
        """Yield the body in pieces, counting them."""
        async for piece in answer.aiter_raw():
            if self._exchange is not None:
                self._exchange.response_bytes += len(piece)
            yield piece

    def judge(
        self, answer: library.Response, body: bytes, accept: Collection[int], *, expects_json: bool
    ) -> Response:
        """Return the answer, or raise the error it amounts to."""
        response = Response(
            status=answer.status_code,
            headers={name.lower(): value for name, value in answer.headers.items()},
            body=self._channel.quotes.without(body, self._secrets),
        )
        if not answer.is_success and answer.status_code not in accept:
            now = self._channel.clock.now()
            raise error_of_status(self._host, self._name, response, now)
        if not expects_json or not response.body:
            return response
        if error := error_of_text(self._host, self._name, response):
            raise error
        try:
            data = decode_json(response.body)
        except JsonError as error:
            raise UnexpectedAnswer(
                f"{self._host}: {self._name} was answered with broken JSON: {error}",
                code=str(response.status),
            ) from None
        return Response(
            status=response.status, headers=response.headers, body=response.body, data=data
        )

    async def _build(self, limit: int) -> library.Request:
        outgoing = self._outgoing
        headers = await self._all_headers()
        if self._exchange is not None:
            headers["traceparent"] = self._exchange.traceparent
            self._exchange.request_bytes = len(outgoing.content or b"")
        is_plain = self._scheme == "http" and self._channel.egress.is_named(self._host)
        if self._scheme != "https" and not is_plain:
            raise Fatal(
                f"{self._host or 'the address'}: {self._name}: only https:// is used with hosts"
                f" that are not allowed by name; {_ALLOW}",
                could_have_been_seen=False,
            )
        if "@" in self._netloc:  # nobody would know them for a secret
            raise Fatal(
                f"{self._host or 'the address'}: {self._name}: credentials stand in the address;"
                " put them into the Connection's Secret",
                could_have_been_seen=False,
            )
        try:
            return library.Request(
                outgoing.method,
                self._url,
                params=dict(outgoing.params) if outgoing.params else None,
                content=outgoing.content,
                headers={
                    name: value.reveal() if isinstance(value, Secret) else value
                    for name, value in headers.items()
                },
                extensions={
                    "deadline": outgoing.deadline or self._channel.limits.deadline,
                    "body_limit": limit,
                    "flights": self._flights,
                },
            )
        except (library.InvalidURL, ValueError) as error:
            raise Fatal(
                f"{self._host or 'the address'}: {self._name}: no valid address or header:"
                f" {redact(str(error), self._secrets)}; correct it in the Connection's config",
                could_have_been_seen=False,
            ) from None

    async def _all_headers(self) -> dict[str, str | Secret]:
        headers: dict[str, str | Secret] = {
            "Accept": "application/json",
            "Accept-Encoding": ACCEPT_ENCODING,
            "Connection": "keep-alive",
            "User-Agent": "knect",
        }
        if (self._scheme, self._netloc, self._host) == origin_of(self._channel.base):
            headers |= self._channel.headers
            if self._channel.auth is not None:
                headers |= await self._credentials(self._channel.auth)
        headers |= self._outgoing.headers
        self._secrets = secrets_of(headers, self._outgoing.secrets)
        return headers

    async def _credentials(self, auth: Auth) -> Mapping[str, Secret]:
        try:
            self.auth_headers = await auth.headers()
        except ConnectorError as error:
            # The call for a token may have been seen; this one has not left.
            error.could_have_been_seen = False
            raise
        return self.auth_headers

    def _redacted(self, error: BaseException) -> Cause:
        return Cause(f"{type(error).__name__}: {redact(str(error), self._secrets)}")

"""The transport below the HTTP library: aiohttp, with errors that tell the truth.

Why: whether a failed write may have happened decides between "try again" and "unknown", and the
ready-made bridges report a server that hung up after reading the request as a connect timeout.
Here every failure says whether the server could have seen the request (see `flight`), the
address is checked where the socket is made (see `guard`), and bodies are capped while they are
read (see `inflate`).
Must not: retry, follow redirects, keep cookies, read proxy settings or credentials from the
environment. There is no proxy support: behind a proxy the address guard would be blind.
"""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from enum import StrEnum
from typing import Any, cast

import aiohttp
from aiohttp import client_exceptions as failures
from yarl import URL

from knect.sdk.http.flight import Broken, Flight, OutgoingBody, flight_trace
from knect.sdk.http.guard import AddressForbiddenError, Egress
from knect.sdk.http.inflate import BodyTooLargeError, EncodingError, Inflater
from knect.sdk.http.library import library
from knect.sdk.http.names import HANGS, Names
from knect.sdk.http.pool import QuietConnector
from knect.sdk.http.tls_words import is_of_tls, words_of_tls
from knect.seams import crash_point

__all__ = ["AiohttpTransport", "Failure", "TransportFailureError"]

_CHUNK = 65_536
#: Seconds an idle connection is kept. Servers close theirs after five and more; being first means
#: that a write seldom meets a connection that is just being closed, which nobody can tell from a
#: write that was read.
_IDLE = 4.0


class Failure(StrEnum):
    """What went wrong below HTTP."""

    FORBIDDEN = "address forbidden"
    INVALID_URL = "invalid URL"
    DNS = "unknown host"
    NAMELESS = "name not resolved"
    TLS = "TLS refused"
    CONNECT = "cannot connect"
    TIMEOUT = "timed out"
    BROKEN = "connection broke"
    TRUNCATED = "answer cut short"
    MALFORMED = "not HTTP"
    ENCODING = "bad content encoding"
    TOO_LARGE = "answer too large"


class TransportFailureError(library.TransportError):
    """A request without a complete answer; `__cause__` is the error below.

    Attributes:
        failure: the kind.
        could_have_been_seen: False only if no byte of the request left this process.
    """

    def __init__(self, failure: Failure, detail: str, *, could_have_been_seen: bool) -> None:
        super().__init__(f"{failure}: {detail}")
        self.failure = failure
        self.detail = detail
        self.could_have_been_seen = could_have_been_seen


class AiohttpTransport(library.AsyncBaseTransport):
    """One pool of connections for one Connection.

    Requests may carry `extensions`: `deadline` (seconds for everything, the body included),
    `body_limit` (bytes, raw and inflated), and `flights`, a list that receives the Flight, so that
    a cancelled caller can still ask what had left.
    """

    def __init__(
        self,
        egress: Egress,
        *,
        max_connections: int,
        connect_timeout: float,
        read_timeout: float,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._egress = egress
        self._max_connections = max_connections
        self._connect_timeout = connect_timeout
        self._read_timeout = read_timeout
        self._tls = tls
        self._names = Names(connect_timeout)
        self._session: aiohttp.ClientSession | None = None
        self._closed = False

    def _open_session(self) -> aiohttp.ClientSession:
        if self._closed:
            raise aiohttp.ClientConnectionError("this client was closed")
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=QuietConnector(
                    limit=self._max_connections,
                    keepalive_timeout=_IDLE,
                    socket_factory=self._egress.socket_for,
                    resolver=self._names,
                    ssl=self._tls or True,
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trust_env=False,
                trace_configs=[flight_trace()],
                skip_auto_headers=("User-Agent", "Content-Type", "Accept", "Accept-Encoding"),
            )
        return self._session

    async def handle_async_request(self, request: library.Request) -> library.Response:
        """Send once; return the answer with its body still to be read."""
        content = await request.aread()
        flight = Flight(has_body=bool(content))
        request.extensions.get("flights", []).append(flight)
        self._egress.entering(request.url.host)
        try:
            answer = await self._open_session().request(
                request.method,
                URL(str(request.url), encoded=True),
                headers=_sent(request),
                data=OutgoingBody(content, flight) if content else None,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(
                    total=request.extensions.get("deadline"),
                    sock_connect=self._connect_timeout,
                    sock_read=self._read_timeout,
                ),
                middlewares=(flight.once,),
                trace_request_ctx=flight,
            )
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            told = _told(error, flight)
            if told.failure is Failure.TIMEOUT and self._waits_for_name(request, flight):
                told = TransportFailureError(Failure.NAMELESS, HANGS, could_have_been_seen=False)
            raise told from error
        try:
            body = _Body(answer, flight, request.extensions.get("body_limit", 10 * 2**20))
        except EncodingError as error:
            answer.close()
            raise _told(error, flight) from error
        return library.Response(
            status_code=answer.status,
            headers=[pair for pair in answer.raw_headers if pair[0].lower() not in _CONSUMED],
            stream=body,
            extensions={"reason_phrase": (answer.reason or "").encode("latin-1", "replace")},
        )

    def _waits_for_name(self, request: library.Request, flight: Flight) -> bool:
        return not flight.on_wire and self._names.hangs(request.url.host)

    async def aclose(self) -> None:
        """Close all connections; what is sent afterwards fails, and was not seen."""
        self._closed = True
        if self._session is not None:
            await self._session.close()


#: What no longer describes the body once it has been inflated here.
_CONSUMED = (b"content-encoding", b"content-length", b"transfer-encoding")


def _sent(request: library.Request) -> list[tuple[str, str]]:
    # aiohttp frames the message itself, from the body's size.
    return [
        (name.decode(), value.decode("latin-1"))
        for name, value in request.headers.raw
        if name.lower() not in _CONSUMED[1:]
    ]


class _Body(library.AsyncByteStream):
    """The answer's body, inflated and capped while it is read."""

    def __init__(self, answer: aiohttp.ClientResponse, flight: Flight, limit: int) -> None:
        self._answer = answer
        self._flight = flight
        self._inflater = Inflater(answer.headers.get("Content-Encoding", ""), limit)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._answer.content.iter_chunked(_CHUNK):
                for piece in self._inflater.feed(chunk):
                    yield piece
            for piece in self._inflater.finish():
                yield piece
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            self._answer.close()
            raise _told(error, self._flight) from error
        crash_point("answer.read")

    async def aclose(self) -> None:
        """Give the connection back, or close it if the body was not read to its end."""
        if self._answer.content.at_eof():
            await self._answer.release()
        else:
            self._answer.close()


_KINDS: tuple[tuple[type[BaseException], Failure], ...] = (
    # First match wins: subclasses stand above their bases.
    (AddressForbiddenError, Failure.FORBIDDEN),
    (BodyTooLargeError, Failure.TOO_LARGE),
    (EncodingError, Failure.ENCODING),
    (failures.InvalidURL, Failure.INVALID_URL),
    (failures.ClientConnectorDNSError, Failure.DNS),
    (failures.ClientConnectorCertificateError, Failure.TLS),
    (failures.ClientConnectorSSLError, Failure.TLS),
    (failures.ConnectionTimeoutError, Failure.TIMEOUT),
    (failures.ClientConnectorError, Failure.CONNECT),
    (TimeoutError, Failure.TIMEOUT),
    (failures.ClientPayloadError, Failure.TRUNCATED),
    (failures.ClientResponseError, Failure.MALFORMED),
    (Broken, Failure.BROKEN),
    (failures.ClientConnectionError, Failure.BROKEN),
    (OSError, Failure.BROKEN),
    (ValueError, Failure.INVALID_URL),
)


def _told(error: BaseException, flight: Flight) -> TransportFailureError:
    culprit = _guarded(error) or error
    failure = next((kind for known, kind in _KINDS if isinstance(culprit, known)), Failure.BROKEN)
    if failure is Failure.CONNECT and is_of_tls(culprit):
        failure = Failure.TLS
    if failure is Failure.DNS and _is_for_now(culprit):
        failure = Failure.NAMELESS
    return TransportFailureError(
        failure, _detail(culprit, failure), could_have_been_seen=flight.on_wire
    )


def _is_for_now(error: BaseException) -> bool:
    """Tell whether nobody said that there is no such host: the one to be asked does not answer."""
    return getattr(getattr(error, "os_error", None), "errno", None) == socket.EAI_AGAIN


def _guarded(error: BaseException) -> AddressForbiddenError | None:
    """Find our guard's refusal, which aiohttp wraps (and joins when there were more addresses)."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, AddressForbiddenError):
            return seen
        below = getattr(seen, "os_error", None) or seen.__cause__ or seen.__context__
        for nested in getattr(seen, "exceptions", ()):
            if found := _guarded(cast("BaseException", nested)):
                return found
        seen = below
    return None


def _detail(error: BaseException, failure: Failure) -> str:
    if failure is Failure.TIMEOUT:
        is_connecting = isinstance(error, failures.ConnectionTimeoutError)
        return "no connection in time" if is_connecting else "no complete answer in time"
    if failure is Failure.MALFORMED and isinstance(error, failures.ClientResponseError):
        return "the answer is no valid HTTP"
    if failure is Failure.TLS:
        return words_of_tls(error)
    below: Any = getattr(error, "os_error", None)
    if isinstance(below, OSError) and below.errno and below.strerror:
        return below.strerror
    if isinstance(error, asyncio.IncompleteReadError | failures.ClientPayloadError):
        return "the body ended before its declared length"
    return str(error) or type(error).__name__

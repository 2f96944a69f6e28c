"""What is known of one request on its way: has any byte of it been handed to the network?

Why: after a failure only this fact tells a lost write from one that never left. aiohttp's own
exception classes do not: a refused port and a server that hung up after reading the request are
both "connection errors". The fact is taken where it happens: where the bytes are written.
Must not: guess. Before the first byte is handed to the socket the answer is no; from then on yes.
"""

from types import SimpleNamespace

from aiohttp import ClientHandlerType, ClientRequest, ClientResponse, Payload, TraceConfig
from aiohttp.abc import AbstractStreamWriter
from aiohttp.client_exceptions import (
    ClientConnectionResetError,
    ClientConnectorError,
    ClientError,
    ClientOSError,
    ConnectionTimeoutError,
    ServerDisconnectedError,
)

from knect.sdk.permit import may_leave
from knect.seams import crash_point

__all__ = ["Broken", "Flight", "OutgoingBody", "flight_trace"]

_CHUNK = 65_536
_IN_AN_ANSWER = "it ended in the middle of an answer"


class Broken(ClientError):
    """A connection that broke after it was made; the cause is aiohttp's error.

    aiohttp repeats an idempotent request by itself after `ClientOSError` or
    `ServerDisconnectedError`. Attempts are the engine's to count, so those two never reach it.
    """


class Flight:
    """One request on its way."""

    __slots__ = ("has_body", "on_wire")

    def __init__(self, *, has_body: bool) -> None:
        self.has_body = has_body
        self.on_wire = False

    async def once(self, request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        """Send exactly once (an aiohttp client middleware)."""
        if not self.has_body:
            _refuse_if_too_late()
        try:
            response = await handler(request)
        except (ClientConnectorError, ConnectionTimeoutError):
            raise
        except ClientConnectionResetError as error:
            # Without a body this comes from the only write there is, which was refused: the
            # connection was closing before a byte could be handed over.
            if not self.has_body:
                self.on_wire = False
            raise Broken(str(error)) from error
        except (ClientOSError, ServerDisconnectedError) as error:
            raise Broken(_words(error)) from error
        return response


def _words(error: ClientError) -> str:
    """Return what is told of it: never what came of an answer, which may be a cookie."""
    came = getattr(error, "message", None)
    return str(error) if came is None or isinstance(came, str) else _IN_AN_ANSWER


class OutgoingBody(Payload):
    """A request body that notes when the first byte leaves and when the last one has."""

    def __init__(self, content: bytes, flight: Flight) -> None:
        super().__init__(content)
        self._content = content
        self._size = len(content)
        self._flight = flight

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """Return the body as text (aiohttp asks for it only when logging)."""
        return self._content.decode(encoding, errors)

    async def write(self, writer: AbstractStreamWriter) -> None:
        """Write headers, then the body."""
        _refuse_if_too_late()
        # The headers go first and alone: refused here, nothing has left.
        writer.send_headers()
        self._flight.on_wire = True
        crash_point("send.first_byte")
        for start in range(0, len(self._content), _CHUNK):
            await writer.write(self._content[start : start + _CHUNK])
        await writer.drain()
        crash_point("send.complete")

    async def write_with_length(
        self, writer: AbstractStreamWriter, content_length: int | None
    ) -> None:
        """Write everything; the declared length is that of the content by construction."""
        assert content_length in (None, self._size)
        await self.write(writer)


def _refuse_if_too_late() -> None:
    if not may_leave():
        raise TimeoutError("it was too late to send it; nothing has left")


async def _before_headers(_session: object, context: SimpleNamespace, _params: object) -> None:
    flight: Flight = context.trace_request_ctx
    if not flight.has_body:  # with a body, `OutgoingBody` knows better
        flight.on_wire = True


def flight_trace() -> TraceConfig:
    """Return the aiohttp trace that marks bodiless requests; its context is the Flight."""
    trace = TraceConfig()
    trace.on_request_headers_sent.append(_before_headers)
    return trace

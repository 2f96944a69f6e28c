"""A server that does exactly what a test says with the bytes of a connection."""

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

Behaviour = Callable[["Exchange"], Awaitable[None]]


@dataclass
class Exchange:
    """One request that came in, and the connection to answer on."""

    head: str
    body: bytes
    number: int  # of the request, from 1
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def header(self, name: str) -> str | None:
        for line in self.head.split("\r\n")[1:]:
            key, _, value = line.partition(":")
            if key.lower() == name.lower():
                return value.strip()
        return None

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def answer(
        self, body: bytes = b"{}", *, status: str = "200 OK", headers: str = ""
    ) -> None:
        kind = "" if "content-type" in headers.lower() else "Content-Type: application/json\r\n"
        head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{kind}{headers}\r\n"
        await self.send(head.encode() + body)

    def reset(self) -> None:
        """Close with RST instead of FIN."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    def close(self) -> None:
        self.writer.close()


@dataclass
class RawServer:
    port: int = 0
    connections: int = 0
    exchanges: list[Exchange] = field(default_factory=list)
    scheme: str = "http"
    host: str = "127.0.0.1"

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.host}:{self.port}"


@asynccontextmanager
async def raw_server(
    behaviour: Behaviour,
    *,
    tls: ssl.SSLContext | None = None,
    on_connect: Callable[[asyncio.StreamWriter], bool] | None = None,
) -> AsyncIterator[RawServer]:
    """Serve; each complete request is given to `behaviour`; `on_connect` may say no more."""
    state = RawServer(scheme="https" if tls else "http")

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        state.connections += 1
        try:
            if on_connect is not None and on_connect(writer):
                return
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                exchange = Exchange(head, b"", len(state.exchanges) + 1, reader, writer)
                length = int(exchange.header("content-length") or 0)
                exchange.body = await reader.readexactly(length)
                state.exchanges.append(exchange)
                await behaviour(exchange)
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    state.port = server.sockets[0].getsockname()[1]
    try:
        yield state
    finally:
        server.close()
        server.close_clients() if hasattr(server, "close_clients") else None

"""One connection as messages: packets put together, encrypted where both sides want it.

TDS carries the TLS handshake inside of PRELOGIN packets; from then on TLS carries the packets.
Must not: read a message.
"""

import asyncio
import contextlib
import ssl

from knect_connectors.dynamics_gp.simulator import tds

__all__ = ["Channel"]


class Channel:
    """See the module."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._tls: ssl.SSLObject | None = None
        self._in = ssl.MemoryBIO()
        self._out = ssl.MemoryBIO()
        self._plain = b""

    async def receive(self) -> tuple[int, bytes] | None:
        """Return (type, body) of the next message, None when the client closed."""
        body = b""
        while True:
            head = await self._read(8)
            if head is None:
                return None
            kind, is_last, size = tds.header(head)
            part = await self._read(size) if size else b""
            if part is None:
                return None
            body += part
            if is_last:
                return kind, body

    async def send(self, data: bytes, *, raw: bool = False) -> None:
        """Send bytes, encrypted unless `raw`."""
        if self._tls is not None and not raw:
            self._tls.write(data)
            data = self._out.read()
        self._writer.write(data)
        await self._writer.drain()

    def abort(self) -> None:
        """Reset the connection."""
        self._writer.transport.abort()

    async def gone(self, seconds: float) -> None:
        """Wait until the client leaves, or as long as that."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while await self._reader.read(4096):
                    pass

    async def encrypt(self, context: ssl.SSLContext) -> None:
        """Shake hands, inside of PRELOGIN packets."""
        shaking = context.wrap_bio(self._in, self._out, server_side=True)
        while True:
            try:
                shaking.do_handshake()
            except ssl.SSLWantReadError:
                await self._flush()
                message = await self.receive()
                if message is None:
                    raise ConnectionResetError from None
                self._in.write(message[1])
            else:
                break
        await self._flush()
        self._tls = shaking

    async def _flush(self) -> None:
        if data := self._out.read():
            await self.send(tds.packets(tds.Message.PRELOGIN, data))

    async def _read(self, size: int) -> bytes | None:
        if self._tls is None:
            try:
                return await self._reader.readexactly(size)
            except (asyncio.IncompleteReadError, ConnectionError):
                return None
        while len(self._plain) < size:
            try:
                self._plain += self._tls.read(65_536)
            except ssl.SSLWantReadError:
                data = await self._reader.read(65_536)
                if not data:
                    return None
                self._in.write(data)
            except ssl.SSLError:
                return None
        found, self._plain = self._plain[:size], self._plain[size:]
        return found

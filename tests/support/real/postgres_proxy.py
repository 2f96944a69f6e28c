"""A wire to PostgreSQL that can be cut at the worst moment: around a COMMIT.

Why: whether a commit whose answer was lost took place must be found out, and no kill of a server
hits that moment by itself. Must not: read anything but message heads and the word COMMIT.
"""

import asyncio
from typing import Self

__all__ = ["CommitProxy"]


class CommitProxy:
    """`cut` is `answer` (the server commits, nobody hears of it), `request` (it never gets it) or
    None; it happens to the next `times` commits. `lost` counts.
    """

    def __init__(self, port: int, *, host: str = "127.0.0.1", listen: int = 0) -> None:
        self._port = port
        self._host = host
        self._listen = listen
        self.cut: str | None = None
        self.times = 1
        self.lost = 0
        self._writers: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, self._host, self._listen)
        self.port = int(self._server.sockets[0].getsockname()[1])
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def stop(self) -> None:
        """Go away, with every connection."""
        self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()
        await asyncio.sleep(0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream_reader, upstream = await asyncio.open_connection("127.0.0.1", self._port)
        self._writers |= {writer, upstream}
        muted = asyncio.Event()
        down = asyncio.create_task(self._down(upstream_reader, writer, muted))
        try:
            await self._up(reader, upstream, muted)
            if muted.is_set():
                await down  # the server has answered, into the void
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            down.cancel()
            for one in (writer, upstream):
                one.transport.abort()
                self._writers.discard(one)
            await asyncio.gather(down, return_exceptions=True)

    async def _up(
        self, reader: asyncio.StreamReader, upstream: asyncio.StreamWriter, muted: asyncio.Event
    ) -> None:
        while data := await reader.read(65536):
            if self.cut is not None and self.times > 0 and b"COMMIT" in data:
                self.times -= 1
                self.lost += 1
                if self.cut == "request":
                    return
                muted.set()
                upstream.write(data)
                await upstream.drain()
                return
            upstream.write(data)
            await upstream.drain()

    async def _down(
        self, upstream: asyncio.StreamReader, writer: asyncio.StreamWriter, muted: asyncio.Event
    ) -> None:
        while data := await upstream.read(65536):
            if muted.is_set():
                return
            writer.write(data)
            await writer.drain()
        if not muted.is_set():
            writer.transport.abort()

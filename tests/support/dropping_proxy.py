"""A TCP proxy on loopback that can lose an answer: the server has done it, the client never hears.

`lose_next()` lets the next request through and hangs up when its answer begins. `hold_one_of()` keeps
a request back until `let_go()`: it comes when nobody waits for its answer any longer.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

__all__ = ["DroppingProxy", "a_dropping_proxy"]


class DroppingProxy:
    """Forwards to one port; `url` is where it listens, `lost` how many answers it swallowed."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._armed = 0
        self._skip = 0
        self._cuts = False
        self._which: Callable[[bytes], bool] | None = None
        self._left = 0
        self._holds = False
        self._go = asyncio.Event()
        self._serving: set[asyncio.Task[None]] = set()
        self.held = asyncio.Event()
        self.came_late = asyncio.Event()
        self.gone = asyncio.Event()
        self.lost = 0
        self.url = ""

    def lose_next(self, *, after: int = 0, cuts: bool = False) -> None:
        """Swallow the answer to the next request, or half of it (`cuts`), not counting the first
        `after` ones; `gone` tells.
        """
        self._armed, self._skip, self._cuts = 1, after, cuts
        self.gone.clear()

    def lose_none(self) -> None:
        """Let all answers through."""
        self._armed = 0

    def lose_one_of(self, which: Callable[[bytes], bool], *, after: int = 0) -> None:
        """Swallow the answer to the next request of a kind, not counting the first `after` ones."""
        self._which, self._left, self._holds = which, after, False

    def hold_one_of(self, which: Callable[[bytes], bool], *, after: int = 0) -> None:
        """Keep back the next request of a kind, not counting the first `after` ones; `held` tells."""
        self._which, self._left, self._holds = which, after, True

    async def let_go(self) -> None:
        """Let the server have what is kept back; returns when it has answered, to nobody."""
        self._go.set()
        await asyncio.wait_for(self.came_late.wait(), 30)

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        try:
            await self._serve(reader, writer)
        except asyncio.CancelledError:
            pass
        finally:
            self._serving.discard(task)

    async def close(self) -> None:
        """End all connections."""
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._port)
        back = asyncio.create_task(self._back(there_reader, writer, there_writer))
        try:
            with suppress(ConnectionError):
                while data := await reader.read(65536):
                    late = (meant := self._is_meant(data)) and self._holds
                    if meant and not late:
                        self.lose_next()
                    if late:
                        self.held.set()
                        await self._go.wait()
                    there_writer.write(data)
                    await there_writer.drain()
                    if late:
                        await self.came_late.wait()
            there_writer.close()
            await back
        finally:
            back.cancel()
            for one in (there_writer, writer):
                one.transport.abort()

    def _is_meant(self, data: bytes) -> bool:
        if self._which is None or not self._which(data):
            return False
        self._left -= 1
        if self._left >= 0:
            return False
        self._which = None
        return True

    async def _back(
        self,
        source: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        there: asyncio.StreamWriter,
    ) -> None:
        with suppress(ConnectionError):
            while data := await source.read(65536):
                if self._go.is_set() and not self.came_late.is_set():
                    self.came_late.set()
                    break
                if data.startswith(b"HTTP/") and self._armed:
                    if self._skip == 0:
                        self._armed = 0
                        self.lost += 1
                        self.gone.set()
                        if self._cuts:
                            writer.write(data[: len(data) // 2])
                            await writer.drain()
                        there.close()
                        break
                    self._skip -= 1
                writer.write(data)
                await writer.drain()
        writer.close()


@asynccontextmanager
async def a_dropping_proxy(port: int) -> AsyncIterator[DroppingProxy]:
    """Run a proxy in front of `port` for the time of a test."""
    proxy = DroppingProxy(port)
    server = await asyncio.start_server(proxy.handle, "127.0.0.1", 0)
    proxy.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield proxy
    finally:
        server.close()
        await server.wait_closed()
        await proxy.close()

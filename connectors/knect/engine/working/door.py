"""The door of a process: it listens, hands requests on, and lets nobody stand in it.

Why: webhooks and people's commands come from outside; whoever opens connections and says nothing,
or says it a letter at a time, must not use up what others need.
Must not: know what is served, or handle signals: the process has one way to stop.
"""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Protocol

import h11
import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.h11_impl import H11Protocol

__all__ = ["ListenError", "Served", "served"]

_BACKLOG = 2048
#: A request's line and headers are said within so many seconds.
_HEAD_SECONDS = 10.0


class ListenError(Exception):
    """The address cannot be listened on."""


class Served(Protocol):
    """What can be served."""

    def application(self) -> Starlette:
        """Return what answers."""
        ...


class _QuietServer(uvicorn.Server):
    """uvicorn without signal handlers: it answers until the process has ended its work."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class _Prompt(H11Protocol):
    """HTTP whose next request has to be said in time, from its first byte or the connection's."""

    def __init__(self, *args: Any, head_seconds: float, **named: Any) -> None:
        super().__init__(*args, **named)
        self._head_seconds = head_seconds
        self._head: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget()
        super().connection_lost(exc)

    def _watch(self) -> None:
        """Begin to count where a head is due; a letter more of it does not begin anew."""
        if self.conn.their_state is not h11.IDLE:
            self._forget()
        elif self._head is None:
            self._head = self.loop.call_later(self._head_seconds, self.transport.close)

    def _forget(self) -> None:
        if self._head is not None:
            self._head.cancel()
            self._head = None


@asynccontextmanager
async def served(
    pages: Served, listen: str, *, head_seconds: float = _HEAD_SECONDS
) -> AsyncIterator[int]:
    """Serve the pages at HOST:PORT while inside; yields the port. Raises ListenError."""
    host, _, port = listen.rpartition(":")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        door = socket.create_server((host.strip("[]"), int(port)), family=family, backlog=_BACKLOG)
    except (OSError, ValueError, OverflowError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise ListenError(f"{listen} cannot be listened on: {why}") from None
    config = uvicorn.Config(
        pages.application(),
        http=partial(_Prompt, head_seconds=head_seconds),  # type: ignore[arg-type]
        log_config=None,
        access_log=False,
        lifespan="off",
        backlog=_BACKLOG,
        timeout_graceful_shutdown=5,
        server_header=False,
    )
    server = _QuietServer(config)
    serving = asyncio.create_task(server.serve(sockets=[door]), name="pages")
    try:
        yield int(door.getsockname()[1])
    finally:
        server.should_exit = True
        await asyncio.gather(serving, return_exceptions=True)
        door.close()

"""Connections that are used again, unless something has come on them that nobody asked for.

Why: what lies in an idle connection would be read as the answer to the next request: a server's
farewell, or another request's answer, which would bind a record to somebody else's document. And a
write on one that the server has closed already cannot be told from a write that was read.
Must not: send anything, or wait.
"""

import select
from typing import Any
from weakref import WeakSet

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from aiohttp.tracing import Trace

__all__ = ["QuietConnector"]


class QuietConnector(aiohttp.TCPConnector):
    """A pool that lends a used connection only if nothing has come on it meanwhile."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._lent: WeakSet[ResponseHandler] = WeakSet()

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - as it is in what is overridden
    ) -> Connection:
        """Return a connection: one that is quiet, or a new one."""
        while True:
            connection = await super().connect(req, traces, timeout)
            protocol = connection.protocol
            assert protocol is not None
            if protocol not in self._lent or _is_quiet(protocol):
                self._lent.add(protocol)
                return connection
            connection.close()


def _is_quiet(protocol: ResponseHandler) -> bool:
    """Tell whether nothing has come: neither read already, nor waiting to be (data, or the end)."""
    if protocol.should_close or protocol.transport is None:
        return False
    waiting = select.poll()
    waiting.register(protocol.transport.get_extra_info("socket").fileno(), select.POLLIN)
    return not waiting.poll(0)

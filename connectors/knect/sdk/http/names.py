"""Addresses of host names, by the system's own resolver, each name in a thread of its own.

Why: the system's resolver blocks, for half a minute and longer where a name server is silent. In
the few threads of the loop those that wait for one name keep everybody else's names waiting, and a
process that is told to end waits for them, too.
Must not: keep an answer (the pool above does, for seconds), or ask for a name twice at a time.
"""

import asyncio
import contextlib
import socket
import threading
from typing import Any

from aiohttp.abc import AbstractResolver, ResolveResult

__all__ = ["HANGS", "Names", "ResolveResult"]

HANGS = "no name server has answered in time"

_Key = tuple[str, int, socket.AddressFamily]
_Answer = asyncio.Future[list[ResolveResult]]


class Names(AbstractResolver):
    """Looks names up; one that is being looked up is waited for, at most `patience` seconds."""

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._asked: dict[_Key, _Answer] = {}

    def hangs(self, host: str) -> bool:
        """Tell whether a name is being looked up now."""
        return any(name == host for name, _, _ in self._asked)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the addresses of a host. Raises OSError."""
        key = (host, port, family)
        answer = self._asked.get(key) or self._ask(key)
        try:
            async with asyncio.timeout(self._patience):
                return await asyncio.shield(answer)
        except TimeoutError:
            raise socket.gaierror(socket.EAI_AGAIN, HANGS) from None

    async def close(self) -> None:
        """Leave the threads to themselves: nothing ends a look-up."""

    def _ask(self, key: _Key) -> _Answer:
        answer = self._asked[key] = asyncio.get_running_loop().create_future()
        answer.add_done_callback(lambda done: self._answered(key, done))
        # A thread that dies with the process: the pools of the library are waited for at the end.
        threading.Thread(
            target=_look_up, args=(key, answer), name="knect-name", daemon=True
        ).start()
        return answer

    def _answered(self, key: _Key, answer: _Answer) -> None:
        del self._asked[key]
        if not answer.cancelled():
            answer.exception()  # whether anybody waits for it any longer or not


def _look_up(key: _Key, answer: _Answer) -> None:
    host, port, family = key
    try:
        came: Any = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, family=family, flags=socket.AI_ADDRCONFIG
        )
    except (OSError, UnicodeError) as error:
        came = error if isinstance(error, OSError) else OSError(None, str(error))
    with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
        answer.get_loop().call_soon_threadsafe(_settle, key, answer, came)


def _settle(key: _Key, answer: _Answer, came: Any) -> None:
    if answer.done():
        return
    if isinstance(came, OSError):
        answer.set_exception(came)
    else:
        answer.set_result([_result(key[0], info) for info in came])


def _result(host: str, info: Any) -> ResolveResult:
    family, _, protocol, _, address = info
    scope = f"%{address[3]}" if family == socket.AF_INET6 and address[3] else ""
    return ResolveResult(
        hostname=host,
        host=f"{address[0]}{scope}",
        port=address[1],
        family=family,
        proto=protocol,
        flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
    )

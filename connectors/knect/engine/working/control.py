"""The door of a living worker: wishes of people on the same machine, over a socket file.

Why: on SQLite only the worker writes. The socket lies in a folder of the user's own, so the file
system decides who may ask. Must not: be reachable over the network.
"""

import asyncio
import logging
import os
import stat
import tempfile
from collections.abc import Awaitable, Callable
from hashlib import blake2b
from pathlib import Path
from typing import Any

from msgspec import DecodeError, ValidationError, json

from knect.engine.working.requests import Request

__all__ = ["ControlDoor", "ask", "door_of"]

_log = logging.getLogger("knect.control")

_LINE_LIMIT = 1024 * 1024
_ANSWER_SECONDS = 30.0

Carry = Callable[[Request], Awaitable[dict[str, Any]]]


def door_of(ledger: Path) -> Path:
    """Return the socket of the worker that writes a SQLite ledger; under 108 bytes."""
    folder = Path(tempfile.gettempdir()) / f"knect-{os.getuid()}"
    name = blake2b(str(ledger.resolve()).encode(), digest_size=10).hexdigest()
    return folder / f"{name}.sock"


class ControlDoor:
    """Serves wishes while the worker lives."""

    def __init__(self, path: Path, carry: Carry) -> None:
        self._path = path
        self._carry = carry
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        """Begin to listen; where the folder is not ours alone, nobody could trust the door."""
        folder = self._path.parent
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not _is_ours(folder):
            why = f"{folder} is a link, or somebody else's: remove it and start again"
            _log.error("wishes are not taken", extra={"reason": why})
            return
        folder.chmod(0o700)
        self._path.unlink(missing_ok=True)
        self._server = await asyncio.start_unix_server(
            self._serve, path=self._path, limit=_LINE_LIMIT
        )
        self._path.chmod(0o600)

    async def close(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()
            self._path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = json.decode(await reader.readline(), type=Request)
            answer = await self._carry(request)
        except (DecodeError, ValidationError, ValueError) as error:
            answer = {"error": f"the worker did not understand the request: {error}"}
        except Exception as error:  # noqa: BLE001 - the worker must not die of a wish
            _log.error("a request failed", exc_info=error)
            answer = {"error": f"the worker could not do it: {type(error).__name__}"}
        writer.write(json.encode(answer) + b"\n")
        await writer.drain()
        writer.close()


def _is_ours(folder: Path) -> bool:
    """Tell whether a folder is this user's own: in /tmp anybody may have made it before."""
    found = folder.lstat()
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()


async def ask(path: Path, request: Request) -> dict[str, Any] | None:
    """Hand a wish to the worker behind a socket; None if there is no living worker of ours."""
    try:
        if not _is_ours(path.parent):
            return None
        reader, writer = await asyncio.open_unix_connection(path, limit=_LINE_LIMIT)
    except OSError:
        return None
    writer.write(json.encode(request) + b"\n")
    await writer.drain()
    async with asyncio.timeout(_ANSWER_SECONDS):
        line = await reader.readline()
    writer.close()
    answer: dict[str, Any] = json.decode(line)
    return answer

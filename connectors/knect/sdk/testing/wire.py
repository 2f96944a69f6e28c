"""The server side of HTTP/1.1, small enough that a fault can be put at any byte.

Why: a ready-made server cannot hang up in the middle of an answer on purpose.
Must not: know a platform or a fault; it reads requests and writes what it is told.
"""

import asyncio
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec
from msgspec import Struct, field

__all__ = ["Answer", "Request", "read_request", "render", "render_head"]

_BODY_LIMIT = 64 * 2**20


class Request(Struct, kw_only=True):
    """A request as it came in. Header names are lower case.

    `target` is path and query as they were sent, where a platform decodes or signs those itself.
    """

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    target: str = ""

    def json(self) -> Any:
        """Return the decoded body; raises msgspec.DecodeError."""
        return msgspec.json.decode(self.body)


class Answer(Struct, kw_only=True):
    """What a simulator answers.

    `key` names the business object for the request log. `committed` tells that the request
    changed the simulated system's state.
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    key: str | None = None
    committed: bool = False

    @classmethod
    def of_json(cls, value: Any, *, status: int = 200, **more: Any) -> "Answer":
        """Return an answer with a JSON body."""
        headers = {"Content-Type": "application/json; charset=utf-8", **more.pop("headers", {})}
        return cls(status=status, headers=headers, body=_encoder.encode(value), **more)


_encoder = msgspec.json.Encoder(decimal_format="number")


async def read_request(reader: asyncio.StreamReader) -> Request | None:
    """Return the next request of a connection, None when the client closed it."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    first, *lines = head.rstrip("\r\n").split("\r\n")
    method, target, _ = first.split(" ", 2)
    headers = {
        name.strip().lower(): value.strip()
        for name, _, value in (line.partition(":") for line in lines)
    }
    try:
        body = await _read_body(reader, headers)
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    parts = urlsplit(target)
    return Request(
        method=method,
        path=unquote(parts.path),
        query=dict(parse_qsl(parts.query, keep_blank_values=True)),
        headers=headers,
        body=body,
        target=target,
    )


async def _read_body(reader: asyncio.StreamReader, headers: Mapping[str, str]) -> bytes:
    if headers.get("transfer-encoding", "").lower() == "chunked":
        chunks: list[bytes] = []
        while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
            chunks.append(await reader.readexactly(size))
            await reader.readexactly(2)
        await reader.readuntil(b"\r\n")
        return b"".join(chunks)
    return await reader.readexactly(min(int(headers.get("content-length", "0")), _BODY_LIMIT))


def render_head(answer: Answer, *, length: int | None = None) -> bytes:
    """Return the head of an answer; `length` overrides the declared length."""
    try:
        phrase = HTTPStatus(answer.status).phrase
    except ValueError:
        phrase = "Unknown"
    lines = [f"HTTP/1.1 {answer.status} {phrase}"]
    lines += [f"{name}: {value}" for name, value in answer.headers.items()]
    lines.append(f"Content-Length: {len(answer.body) if length is None else length}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def render(answer: Answer) -> bytes:
    """Return a whole answer."""
    return render_head(answer) + answer.body

"""The door of a process: who asks is answered, who only stands in it is sent away."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from knect.engine.working.door import served
from knect.engine.working.pages import Pages, RunNow

pytestmark = pytest.mark.asyncio

_HEAD = b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n"
_SOON = 0.3


class Echo:
    def application(self) -> Starlette:
        async def echo(request: Request) -> Response:
            return PlainTextResponse(await request.body())

        return Starlette(routes=[Route("/echo", echo, methods=["POST"])])


@pytest.fixture
async def port() -> AsyncIterator[int]:
    async with served(Echo(), "127.0.0.1:0", head_seconds=_SOON) as port:
        yield port


async def _drip(writer: asyncio.StreamWriter, text: bytes, pause: float) -> None:
    for letter in text:
        writer.write(bytes([letter]))
        await writer.drain()
        await asyncio.sleep(pause)


async def _answer(reader: asyncio.StreamReader) -> bytes:
    async with asyncio.timeout(10):
        head = await reader.readuntil(b"\r\n\r\n")
        assert b"content-length: 4" in head
        return head.split(b" ", 2)[1] + b" " + await reader.readexactly(4)


async def test_who_says_nothing_is_sent_away(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    async with asyncio.timeout(10):
        assert await reader.read() == b""
    writer.close()


async def test_who_says_it_a_letter_at_a_time_is_sent_away(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    dripping = asyncio.create_task(_drip(writer, b"GET /" + b"a" * 500, _SOON / 10))
    async with asyncio.timeout(10):  # all of it would take 15 seconds
        with contextlib.suppress(ConnectionError):
            assert await reader.read() == b""
    assert not dripping.done() or dripping.exception()
    dripping.cancel()
    writer.close()


async def test_a_second_request_has_its_own_time(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(_HEAD + b"1234")
    assert await _answer(reader) == b"200 1234"
    await asyncio.sleep(_SOON * 2)  # idle between two requests: uvicorn's own limit, of seconds
    writer.write(_HEAD + b"5678")
    assert await _answer(reader) == b"200 5678"
    await _drip(writer, b"POST", 0)
    async with asyncio.timeout(10):
        assert await reader.read() == b""
    writer.close()


async def test_a_body_may_take_longer_than_a_head(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(_HEAD)
    await _drip(writer, b"abcd", _SOON / 2)
    assert await _answer(reader) == b"200 abcd"
    writer.close()


async def _wished(kind: str, host: str) -> tuple[bytes, list[RunNow]]:
    """Return how a wish of that content type, sent to that name, was answered, and what came."""

    async def nothing() -> bytes:
        return b""

    wishes: list[RunNow] = []

    def carry(wish: RunNow) -> tuple[int, str]:
        wishes.append(wish)
        return 202, "it begins"

    pages = Pages(alive=lambda: None, ready=lambda: None, metrics=nothing, run_now=carry)
    body = b'{"pipeline": "orders", "token": "t"}'
    named = f"Content-Type: {kind}\r\n" if kind else ""
    head = f"POST /run-now HTTP/1.1\r\nHost: {host}\r\n{named}Content-Length: {len(body)}\r\n"
    async with served(pages, "127.0.0.1:0") as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(head.encode() + b"Connection: close\r\n\r\n" + body)
        async with asyncio.timeout(10):
            answer = await reader.read()
        writer.close()
    return answer, wishes


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("application/json", 202),
        ("application/json; charset=utf-8", 202),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("", 415),
    ],
)
async def test_only_json_is_a_wish_for_a_page_elsewhere_can_send_the_rest(
    kind: str, status: int
) -> None:
    answer, wishes = await _wished(kind, "127.0.0.1")
    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
    assert len(wishes) == (status == 202)


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8080", 202),
        ("10.244.0.7", 202),
        ("[::1]:8080", 202),
        ("localhost:8080", 202),
        ("knect-orders", 202),
        ("knect-orders.shops.svc:8080", 202),
        ("knect-orders.shops.svc.cluster.local", 202),
        ("evil.example.com", 421),
        ("evil.example.com:8080", 421),
        ("svc.example.com", 421),
    ],
)
async def test_a_wish_is_not_taken_under_a_name_that_anybody_can_give_an_address(
    host: str, status: int
) -> None:
    """A page's own name may lead here from one moment to the next, and its script with it."""
    answer, wishes = await _wished("application/json", host)
    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
    assert len(wishes) == (status == 202)
    assert (b"ask by address" in answer) == (status == 421)
